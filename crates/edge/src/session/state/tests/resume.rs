//! Coming back: with a cookie, while the old connection still seems to live, after a restart of the server,
//! by several legs; windows and their end.

use std::time::Duration;

use adit_cluster::{Choice, Class};
use adit_names::code::ErrorCode;
use adit_protocol::message::Unbind;

use super::{NARROW_TOKEN, OTHER_TOKEN, TOKEN, World, again, assert_refused, events, https, leg, pooled, rebind, tcp};
use crate::session::state::Loss;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_session_comes_back_with_the_same_ids_and_urls() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let (named, random, port) = (https("app.adit.example.com"), https(""), tcp(""));
    let answers: Vec<_> = [&named, &random, &port]
        .map(|b| w.bind(&first.connection, b).unwrap())
        .into_iter()
        .collect();
    assert_eq!(answers[0].url, "https://app.adit.example.com");
    assert!(
        answers[1].url.ends_with(".adit.example.com") && answers[2].url.starts_with("tcp://tcp.adit.example.com:200")
    );
    assert_eq!(answers[0].opts["Hostname"], "app.adit.example.com");
    w.lose(&first.connection);
    assert!(!w.is_online("app.adit.example.com"));
    assert!(matches!(
        w.directory.find(Class::Sni, "app.adit.example.com").unwrap().choose(0),
        Choice::Park
    ));
    w.check();
    w.advance(29 * SECOND);
    let second = w.login(&again(TOKEN, &first)).unwrap();
    assert_eq!(second.response.client_id, first.response.client_id);
    assert_eq!(second.facts.epoch, first.facts.epoch + 1);
    assert!(second.replaced.is_none());
    // The endpoints wait for their binds a whole window from the login on.
    w.advance(29 * SECOND);
    for (bind, answer) in [&named, &random, &port].into_iter().zip(&answers) {
        let back = w.bind(&second.connection, &rebind(bind, answer)).unwrap();
        assert_eq!(
            (&back.id, &back.url, &back.extra.tunnel_id),
            (&answer.id, &answer.url, &answer.extra.tunnel_id)
        );
    }
    assert!(w.is_online("app.adit.example.com"));
    w.check();
    assert_eq!(
        events(&mut w.sessions),
        [
            "started",
            "online ok",
            "online ok",
            "online ok",
            "offline agent_lost",
            "offline agent_lost",
            "offline agent_lost",
            "leg_lost 0",
            "resumed 1",
            "online ok",
            "online ok",
            "online ok",
        ]
    );
}

#[test]
fn after_the_window_everything_is_free_and_the_cookie_still_gives_the_same_names() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let bind = https("");
    let answer = w.bind(&first.connection, &bind).unwrap();
    w.lose(&first.connection);
    let deadline = w.sessions.next_deadline().unwrap();
    assert_eq!(deadline.duration_since(w.now.at), Duration::from_secs(30));
    w.advance(Duration::from_secs(30));
    w.check_empty();
    let second = w.login(&again(TOKEN, &first)).unwrap();
    assert_eq!(second.response.client_id, first.response.client_id);
    let back = w.bind(&second.connection, &rebind(&bind, &answer)).unwrap();
    assert_eq!(
        (back.url, back.id, back.extra.tunnel_id),
        (answer.url, answer.id, answer.extra.tunnel_id)
    );
    w.check();
}

#[test]
fn a_server_that_was_killed_gives_back_the_same_session_and_names() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let binds = [https(""), https("app.adit.example.com"), tcp("")];
    let answers = binds.each_ref().map(|b| w.bind(&first.connection, b).unwrap());
    w.advance(3_600 * SECOND);
    let mut w = w.restarted();
    let second = w.login(&again(TOKEN, &first)).unwrap();
    assert_eq!(second.response.client_id, first.response.client_id);
    assert_eq!(second.facts.epoch, 1);
    for (bind, answer) in binds.iter().zip(&answers) {
        // The agent of the Rust family forgets the options it began with and sends what it was answered.
        let back = w.bind(&second.connection, &rebind(bind, answer)).unwrap();
        assert_eq!(
            (&back.url, &back.id, &back.extra.tunnel_id),
            (&answer.url, &answer.id, &answer.extra.tunnel_id)
        );
    }
    w.check();
}

#[test]
fn a_cookie_is_believed_only_with_its_credential_its_client_id_and_within_a_day() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let mut stolen = again(OTHER_TOKEN, &first);
    assert_ne!(w.login(&stolen).unwrap().response.client_id, first.response.client_id);
    // Not even another credential of the same organisation.
    stolen = again(NARROW_TOKEN, &first);
    assert_ne!(w.login(&stolen).unwrap().response.client_id, first.response.client_id);
    stolen = again(TOKEN, &first);
    stolen.client_id = "ts_other".to_owned();
    assert_ne!(w.login(&stolen).unwrap().response.client_id, first.response.client_id);
    let mut garbage = again(TOKEN, &first);
    garbage.extra.cookie.push('A');
    assert_ne!(w.login(&garbage).unwrap().response.client_id, first.response.client_id);
    w.lose(&first.connection);
    w.advance(86_401 * SECOND);
    assert_ne!(
        w.login(&again(TOKEN, &first)).unwrap().response.client_id,
        first.response.client_id
    );
}

#[test]
fn take_over_while_the_old_connection_seems_alive_a_thousand_times_leaves_the_tables_flat() {
    let mut w = World::new();
    let (bind, port) = (https(""), tcp(""));
    let mut last = w.enter(TOKEN);
    let answer = w.bind(&last.connection, &bind).unwrap();
    let port_answer = w.bind(&last.connection, &port).unwrap();
    let counts = w.sessions.counts();
    for round in 0..1_000 {
        let next = w.login(&again(TOKEN, &last)).unwrap();
        assert!(next.replaced.is_some());
        assert_eq!(next.response.client_id, last.response.client_id);
        for (b, a) in [(&bind, &answer), (&port, &port_answer)] {
            let back = w.bind(&next.connection, &rebind(b, a)).unwrap();
            assert_eq!((&back.url, &back.id), (&a.url, &a.id));
        }
        // The end of the old connection is noticed late, and changes nothing.
        w.lose(&last.connection);
        assert_eq!(w.sessions.counts(), counts);
        assert_refused(
            w.bind(&last.connection, &https("x.adit.example.com")),
            ErrorCode::NGROK_803,
        );
        if round % 100 == 0 {
            w.check();
            w.advance(SECOND);
        }
        last = next;
    }
    assert_eq!(w.sessions.counts(), counts);
    assert_eq!(last.facts.epoch, 1_000);
    w.lose(&last.connection);
    w.advance(31 * SECOND);
    w.check_empty();
}

#[test]
fn two_legs_and_the_loss_of_one_and_of_both() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let bind = pooled(https("app.adit.example.com"));
    let answer = w.bind(&first.connection, &bind).unwrap();
    let second = w.login(&leg(TOKEN, &first, 1)).unwrap();
    assert_eq!(
        second.facts.epoch, first.facts.epoch,
        "a leg that joins resumes nothing"
    );
    let pool = w.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    let member = pool.members()[0].clone();
    let on_second = w.bind(&second.connection, &rebind(&bind, &answer)).unwrap();
    assert_eq!((on_second.id, on_second.url), (answer.id.clone(), answer.url.clone()));
    assert_eq!(pool.members().len(), 1);
    assert_eq!(pool.members()[0].key, member.key, "the same member, by one more way");
    assert_eq!(member.legs().len(), 2);
    w.check();

    w.lose(&first.connection);
    assert!(w.is_online("app.adit.example.com"));
    assert_eq!(member.legs().iter().map(|l| l.number).collect::<Vec<_>>(), [1]);
    w.advance(60 * SECOND);
    assert!(w.is_online("app.adit.example.com"));
    // Leg 0 comes back alone and binds again.
    let back = w.login(&again(TOKEN, &second)).unwrap();
    assert!(back.replaced.is_none());
    assert_eq!(back.facts.epoch, first.facts.epoch);
    w.bind(&back.connection, &rebind(&bind, &answer)).unwrap();
    assert_eq!(member.legs().len(), 2);

    w.lose(&back.connection);
    w.lose(&second.connection);
    assert!(!w.is_online("app.adit.example.com"));
    w.check();
    w.advance(30 * SECOND);
    w.check_empty();
}

#[test]
fn unbind_ends_an_endpoint_on_all_legs_and_may_come_twice() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let bind = https("app.adit.example.com");
    let answer = w.bind(&first.connection, &bind).unwrap();
    let second = w.login(&leg(TOKEN, &first, 1)).unwrap();
    w.bind(&second.connection, &rebind(&bind, &answer)).unwrap();
    let unbind = Unbind {
        id: answer.id,
        ..Default::default()
    };
    w.sessions.unbind(&first.connection, &unbind).unwrap();
    assert!(w.directory.is_empty());
    w.sessions.unbind(&first.connection, &unbind).unwrap();
    w.sessions.unbind(&second.connection, &unbind).unwrap();
    let never = Unbind {
        id: "ep_never".to_owned(),
        ..Default::default()
    };
    assert_refused(w.sessions.unbind(&first.connection, &never), ErrorCode::NGROK_333);
    w.check();
    // The name is free at once.
    let other = w.enter(OTHER_TOKEN);
    w.bind(&other.connection, &bind).unwrap();
    w.check();
}

#[test]
fn an_old_id_that_the_session_no_longer_has_is_bound_anew_under_that_id() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let mut bind = https("app.adit.example.com");
    bind.id = "tn_of-long_ago".to_owned();
    let answer = w.bind(&first.connection, &bind).unwrap();
    assert_eq!(answer.id, "tn_of-long_ago");
    // The same id with another name: the old name is given up, after the new one was won.
    let mut moved = https("new.adit.example.com");
    moved.id.clone_from(&bind.id);
    w.bind(&first.connection, &moved).unwrap();
    w.check();
    assert!(w.is_online("new.adit.example.com") && !w.is_online("app.adit.example.com"));
    let other = w.enter(OTHER_TOKEN);
    w.bind(&other.connection, &https("taken.adit.example.com")).unwrap();
    let mut lost = https("taken.adit.example.com");
    lost.id.clone_from(&bind.id);
    assert_refused(w.bind(&first.connection, &lost), ErrorCode::NGROK_334);
    assert!(w.is_online("new.adit.example.com"), "a refused bind changes nothing");
    w.check();
}

#[test]
fn in_a_drain_lost_sessions_are_kept_longer_and_members_step_back() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let mate = w.enter(TOKEN);
    let bind = pooled(https("app.adit.example.com"));
    w.bind(&first.connection, &bind).unwrap();
    w.bind(&mate.connection, &bind).unwrap();
    let leaving = w.sessions.drain();
    assert_eq!(leaving.iter().map(|l| l.legs.len()).sum::<usize>(), 2);
    assert!(
        w.is_online("app.adit.example.com"),
        "still served by who is the only way"
    );
    w.sessions.leg_lost(&w.config, &first.connection, Loss::ByServer, w.now);
    assert_eq!(w.sessions.next_deadline().unwrap() - w.now.at, Duration::from_secs(300));
    w.sessions.refuse_new();
    assert!(matches!(
        w.directory.find(Class::Sni, "app.adit.example.com").unwrap().choose(0),
        Choice::Park
    ));
    w.check();
}

#[test]
fn an_agent_that_moved_gets_no_new_streams_on_its_old_connection() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let bind = https("app.adit.example.com");
    let answer = w.bind(&first.connection, &bind).unwrap();
    w.sessions.drained(&first.connection);
    assert!(w.is_online("app.adit.example.com"), "there is no other");
    let second = w.login(&leg(TOKEN, &first, 1)).unwrap();
    w.bind(&second.connection, &rebind(&bind, &answer)).unwrap();
    w.sessions.drained(&first.connection);
    let pool = w.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    assert_eq!(
        pool.members()[0].legs().iter().map(|l| l.number).collect::<Vec<_>>(),
        [1]
    );
    w.lose(&first.connection);
    assert!(w.is_online("app.adit.example.com"));
    w.check();
}
