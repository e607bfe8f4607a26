//! Which pool a name finds, and which member of it is chosen.

mod live;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use adit_cluster::{By, Came, Choice, Class, Directory, Draining, Ejection, Member, Pool};

use live::{leg, member, online, pool};

fn found(directory: &Directory, host: &str) -> Option<String> {
    directory.find(Class::Sni, host).map(|p| p.url().to_string())
}

#[test]
fn exact_beats_wildcard_and_the_longest_suffix_beats_a_shorter_one() {
    let d = Directory::default();
    online(&d, "https://a.b.example.com");
    online(&d, "https://*.b.example.com");
    online(&d, "https://*.example.com");
    assert_eq!(found(&d, "a.b.example.com").as_deref(), Some("https://a.b.example.com"));
    assert_eq!(found(&d, "x.b.example.com").as_deref(), Some("https://*.b.example.com"));
    assert_eq!(
        found(&d, "y.x.b.example.com").as_deref(),
        Some("https://*.b.example.com")
    );
    assert_eq!(found(&d, "b.example.com").as_deref(), Some("https://*.example.com"));
    assert_eq!(found(&d, "example.com"), None, "a wildcard does not match its apex");
    assert_eq!(found(&d, "a.example.org"), None);
    assert!(d.find(Class::Http, "a.b.example.com").is_none(), "classes do not mix");
}

#[test]
fn the_most_specific_that_is_online_answers() {
    let d = Directory::default();
    let (exact, exact_member) = online(&d, "https://a.b.example.com");
    let (near, near_member) = online(&d, "https://*.b.example.com");
    let (far, far_member) = online(&d, "https://*.example.com");
    exact_member.disconnect();
    assert_eq!(found(&d, "a.b.example.com").as_deref(), Some("https://*.b.example.com"));
    near_member.disconnect();
    assert_eq!(found(&d, "a.b.example.com").as_deref(), Some("https://*.example.com"));
    far_member.disconnect();
    assert_eq!(
        found(&d, "a.b.example.com").as_deref(),
        Some("https://a.b.example.com"),
        "it may come back"
    );
    d.close(&exact);
    assert_eq!(found(&d, "a.b.example.com").as_deref(), Some("https://*.b.example.com"));
    d.close(&near);
    assert_eq!(found(&d, "a.b.example.com").as_deref(), Some("https://*.example.com"));
    d.close(&far);
    assert_eq!(found(&d, "a.b.example.com"), None);
    assert!(d.is_empty());
}

#[test]
fn a_wildcard_of_another_organisation_never_answers_for_an_exact_name_that_is_off_line() {
    let d = Directory::default();
    let (_, member) = online(&d, "https://a.example.com");
    let wild = pool(&d, "https://*.example.com", "ac_2");
    let other = live::member("w");
    other.set_leg(&leg(0));
    wild.put(&other, None);
    member.disconnect();
    assert_eq!(found(&d, "a.example.com").as_deref(), Some("https://a.example.com"));
    assert_eq!(found(&d, "b.example.com").as_deref(), Some("https://*.example.com"));
}

#[test]
fn ports_are_found_and_closing_takes_out_only_ones_own_entry() {
    let d = Directory::default();
    let (first, _) = online(&d, "tcp://tcp.example.com:20000");
    assert!(Arc::ptr_eq(&d.find_port(20_000).unwrap(), &first));
    d.close(&first);
    assert!(d.find_port(20_000).is_none());
    let (second, _) = online(&d, "tcp://tcp.example.com:20000");
    d.close(&first);
    assert!(Arc::ptr_eq(&d.find_port(20_000).unwrap(), &second));
    assert_eq!(d.pools().len(), 1);
}

fn chosen(pool: &Pool, random: u64) -> String {
    match pool.choose(random) {
        Choice::Member(m) => m.bind_id.clone(),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_choice_is_uniform_among_those_online() {
    let d = Directory::default();
    let pool = pool(&d, "https://a.example.com", "ac_1");
    let members: Vec<_> = (0..5).map(|i| member(&i.to_string())).collect();
    for (i, m) in members.iter().enumerate() {
        if i != 2 {
            m.set_leg(&leg(0));
        }
        pool.put(m, None);
    }
    let mut seen = HashMap::new();
    for random in 0..4_000 {
        *seen.entry(chosen(&pool, random)).or_insert(0) += 1;
    }
    assert_eq!(seen, HashMap::from(["0", "1", "3", "4"].map(|m| (m.to_owned(), 1_000))));
}

#[test]
fn a_leaving_member_is_chosen_only_if_there_is_no_other() {
    let d = Directory::default();
    let (pool, first) = online(&d, "https://a.example.com");
    let second = member("second");
    second.set_leg(&leg(0));
    pool.put(&second, None);
    first.set_draining(Draining::Avoid);
    assert!((0..10).all(|r| chosen(&pool, r) == "second"));
    second.set_draining(Draining::Closed);
    assert!((0..10).all(|r| chosen(&pool, r) == "m"));
    first.set_draining(Draining::Closed);
    assert!(matches!(pool.choose(0), Choice::Park));
}

#[test]
fn who_was_tried_is_not_chosen_again() {
    let d = Directory::default();
    let (pool, first) = online(&d, "https://a.example.com");
    let second = member("second");
    second.set_leg(&leg(0));
    pool.put(&second, None);
    for random in 0..10 {
        let Choice::Member(m) = pool.choose_other(random, &[first.key]) else {
            panic!("one is left")
        };
        assert_eq!(m.key, second.key);
    }
    assert!(matches!(
        pool.choose_other(0, &[first.key, second.key]),
        Choice::Offline
    ));
    first.disconnect();
    second.disconnect();
    assert!(matches!(pool.choose_other(0, &[first.key]), Choice::Park));
    pool.remove(first.key);
    assert!(pool.remove(second.key));
    assert!(matches!(pool.choose(0), Choice::Offline));
}

#[test]
fn a_member_is_reached_as_long_as_one_connection_is_left() {
    let m = member("m");
    assert!(m.leg().is_none() && !m.is_connected() && m.worker().is_none());
    m.set_leg(&leg(1));
    m.set_leg(&adit_cluster::Leg { worker: 3, ..leg(0) });
    assert_eq!((m.legs().len(), m.worker()), (2, Some(3)));
    assert!(m.leg().is_some());
    m.set_leg(&leg(0));
    assert_eq!(
        (m.legs().len(), m.worker()),
        (2, Some(0)),
        "the same number is replaced"
    );
    m.remove_leg(0);
    assert!(m.is_connected() && m.leg().is_some());
    m.remove_leg(1);
    assert!(!m.is_connected() && m.leg().is_none());
    assert!(m.mark_http1_only() && !m.mark_http1_only() && m.is_http1_only());
}

#[test]
fn members_are_chosen_in_turn_by_load_and_by_value() {
    let d = Directory::default();
    let p = pool(&d, "https://pool.example.com", "ac_1");
    let members: Vec<_> = ["a", "b", "c"].map(member).into_iter().collect();
    for m in &members {
        m.set_leg(&leg(0));
        p.put(m, None);
    }
    let chosen = |by: By| match p.choose_by(by, Duration::ZERO, &[]) {
        Choice::Member(m) => m.bind_id.clone(),
        other => panic!("{other:?}"),
    };
    let turns: Vec<_> = (0..6).map(|_| chosen(By::RoundRobin)).collect();
    assert_eq!(turns[..3], turns[3..]);
    assert_eq!(turns[..3].iter().collect::<std::collections::BTreeSet<_>>().len(), 3);

    // Streams that are open make a member the worse of any two. The connection is open as long as its driver is there.
    let (mux, _incoming, _driver) = adit_mux::session(adit_mux::Config::server(), std::time::Instant::now());
    members[0].set_leg(&adit_cluster::Leg { mux, ..leg(0) });
    let busy = members[0].legs()[0].mux.open(b"x").unwrap();
    for random in 0..64_u64 {
        assert_ne!(chosen(By::LeastBusy((random << 32) | (random * 7))), "a");
    }
    drop(busy);

    let before: Vec<_> = (0..300).map(|v| chosen(By::Value(v))).collect();
    let share = before.iter().filter(|m| *m == "b").count();
    assert!((50..150).contains(&share), "{share} of 300");
    members[1].disconnect();
    for (value, old) in before.iter().enumerate() {
        let now = chosen(By::Value(value as u64));
        assert!(
            now == *old || old == "b",
            "only those of the member that went have moved"
        );
    }
    assert!(matches!(
        p.choose_by(By::RoundRobin, Duration::ZERO, &[members[0].key, members[2].key]),
        Choice::Offline
    ));
}

#[test]
fn who_fails_is_out_and_who_is_new_gets_less() {
    let d = Directory::default();
    let p = pool(&d, "https://pool.example.com", "ac_1");
    let members: Vec<_> = ["a", "b", "c", "d"].map(member).into_iter().collect();
    for m in &members {
        m.set_leg(&leg(0));
        p.put(m, None);
    }
    let drawn = |slow_start| {
        let names = (0..400_u64).map(|random| match p.choose_by(By::Random(random), slow_start, &[]) {
            Choice::Member(m) => m.bind_id.clone(),
            other => panic!("{other:?}"),
        });
        let mut counts = std::collections::BTreeMap::new();
        for name in names {
            *counts.entry(name).or_insert(0) += 1;
        }
        counts
    };
    let hour = Duration::from_secs(3_600);
    assert_eq!(drawn(Duration::ZERO).into_values().collect::<Vec<_>>(), [100; 4]);
    assert_eq!(
        drawn(hour).into_values().collect::<Vec<_>>(),
        [100; 4],
        "all are as new"
    );
    let terms = Ejection {
        failures: 2,
        base: hour,
        max: hour,
        ..Ejection::default()
    };
    let fail = |m: &Member| {
        assert_eq!(p.came(m, Came::Failed, &terms), None);
        p.came(m, Came::Failed, &terms)
    };
    assert_eq!(fail(&members[0]), Some(hour));
    assert_eq!(fail(&members[1]), Some(hour));
    assert_eq!(fail(&members[2]), None, "half of them are out");
    let counts = drawn(Duration::ZERO);
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["c", "d"]);
    assert!(p.choose_this(members[0].key).is_none());
    assert!(p.choose_this(members[2].key).is_some());
    // Where nobody else is left, they serve.
    members[2].disconnect();
    members[3].disconnect();
    assert_eq!(drawn(Duration::ZERO).keys().collect::<Vec<_>>(), ["a", "b"]);
    assert!(p.is_online());
}
