//! What several objects have together: URLs that are shared, users and their memberships, whole organisations.

use std::sync::Arc;

use adit_model::{Claim, OnDelete, Prepared, Scope};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::log::account::SYSTEM;
use adit_store::log::{Chain, EntriesPage};
use adit_store::{Again, Change, Store, WriteError};
use serde_json::json;

use crate::engine::Bench;
use crate::things::*;

/// An object that has a key alone, or shares it.
fn holds(organization: Id, key: &str, shares: bool) -> Prepared {
    let mut made = prepared(policy(organization, key));
    made.claims = vec![claim(&made, key, shares)];
    made
}

fn claim(made: &Prepared, key: &str, shares: bool) -> Claim {
    let scope = match shares {
        true => Scope::Shared {
            of: key.to_owned(),
            alone: ErrorCode::NGROK_18016,
        },
        false => Scope::Sole {
            shared: ErrorCode::NGROK_18017,
        },
    };
    Claim {
        class: "url",
        key: if shares {
            format!("{key} {}", made.object.id)
        } else {
            key.to_owned()
        },
        scope,
        taken: ErrorCode::NGROK_18009,
        foreign: ErrorCode::NGROK_334,
    }
}

/// The same object with another claim.
fn become_one_that(made: &adit_model::Object, key: &str, shares: bool) -> Change {
    let next = move |object: &adit_model::Object| {
        let mut next = prepared(object.clone());
        next.object.body.insert("shares".to_owned(), shares.into());
        next
    };
    let mut first = next(made);
    first.claims = vec![claim(&first, key, shares)];
    let again = first.clone();
    Change::Update {
        seen: made.revision,
        next: first,
        again: Again(Arc::new(move |_| Ok(Some(again.clone())))),
        only_seen: false,
    }
}

async fn shared_or_alone(bench: &Bench) {
    let store = bench.open().await;
    let (ours, theirs) = (organization(), organization());
    let first = create(&store, holds(ours, "a", true)).await.unwrap();
    let second = create(&store, holds(ours, "a", true)).await.unwrap();
    let code = async |made: Prepared| refused(create(&store, made).await);
    assert_eq!(code(holds(ours, "a", false)).await, ErrorCode::NGROK_18017);
    assert_eq!(code(holds(theirs, "a", false)).await, ErrorCode::NGROK_334);
    assert_eq!(code(holds(theirs, "a", true)).await, ErrorCode::NGROK_334);
    let alone = create(&store, holds(ours, "b", false)).await.unwrap();
    assert_eq!(code(holds(ours, "b", true)).await, ErrorCode::NGROK_18016);
    assert_eq!(code(holds(ours, "b", false)).await, ErrorCode::NGROK_18009);
    assert_eq!(code(holds(theirs, "b", true)).await, ErrorCode::NGROK_334);
    assert_eq!(code(holds(theirs, "b", false)).await, ErrorCode::NGROK_334);
    // Who is not alone cannot have it alone; who is may share it, and back.
    let change = async |object: &adit_model::Object, key: &str, shares: bool| {
        store
            .write(write(ours, vec![become_one_that(object, key, shares)]))
            .await
    };
    assert_eq!(refused(change(&first, "a", false).await), ErrorCode::NGROK_18017);
    let alone = change(&alone, "b", true).await.unwrap().objects.remove(0);
    let third = create(&store, holds(ours, "b", true)).await.unwrap();
    assert_eq!(refused(change(&alone, "b", false).await), ErrorCode::NGROK_18017);
    store.write(write(ours, vec![delete(third.id)])).await.unwrap();
    change(&alone, "b", false).await.unwrap();
    assert_eq!(code(holds(ours, "b", true)).await, ErrorCode::NGROK_18016);
    // Within one write each step sees those before it.
    let steps = vec![
        delete(first.id),
        delete(second.id),
        Change::Create(holds(ours, "a", false)),
        Change::Create(holds(ours, "a", true)),
    ];
    assert_eq!(refused(store.write(write(ours, steps)).await), ErrorCode::NGROK_18016);
    let steps = vec![
        delete(first.id),
        delete(second.id),
        Change::Create(holds(ours, "a", false)),
    ];
    store.write(write(ours, steps)).await.unwrap();
    assert_eq!(code(holds(ours, "a", true)).await, ErrorCode::NGROK_18016);
    store.close().await;
}

/// One wants a URL alone, others want to share it, all at once: either the one has it or the others.
async fn the_gate_decides_who_shares(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    for round in 0..100 {
        let key = format!("url-{round}");
        let wishes = [true, false, true, false, true].map(|shares| holds(org, &key, shares));
        let mut asked = tokio::task::JoinSet::new();
        for wish in wishes {
            let (store, shares) = (store.clone(), wish.claims[0].key != key);
            asked.spawn(async move { (shares, create(&store, wish).await.is_ok()) });
        }
        let (mut sharing, mut alone) = (0, 0);
        while let Some(done) = asked.join_next().await {
            match done.unwrap() {
                (true, true) => sharing += 1,
                (false, true) => alone += 1,
                (_, false) => {}
            }
        }
        assert!(
            matches!((sharing, alone), (3, 0) | (0, 1)),
            "{sharing} share it, {alone} have it alone"
        );
    }
    store.close().await;
}

fn user() -> Prepared {
    prepared(object(Prefix::User, "user", SYSTEM, json!({"email": "x@example.com"})))
}

async fn types(store: &Store, organization: Id) -> Vec<String> {
    let page = EntriesPage {
        organization: Some(organization),
        chain: Some(Chain::Config),
        limit: 100,
        ..EntriesPage::default()
    };
    let mut entries = store.entries(&page).await.unwrap();
    entries.reverse();
    let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    entries.into_iter().map(|entry| entry.event_type).collect()
}

/// A user and his membership are one write of the organisation; his changes go to the installation's chain.
async fn a_user_with_his_membership(bench: &Bench) {
    let store = bench.open().await;
    let (ours, theirs) = (organization(), organization());
    for org in [ours, theirs] {
        let (user, member) = (user(), prepared(object(Prefix::Member, "member", org, json!({}))));
        let id = user.object.id;
        let both = vec![Change::Create(user.clone()), Change::Create(member.clone())];
        store.write(write(org, both)).await.unwrap();
        // Refused for one is refused for both.
        let again = vec![Change::Create(self::user()), Change::Create(member)];
        assert!(store.write(write(org, again)).await.is_err());
        let seen = store.get(id).await.unwrap().unwrap();
        assert_eq!(seen.organization, SYSTEM);
        store
            .write(write(org, vec![set(&seen, "name", json!("X")), delete(id)]))
            .await
            .unwrap();
    }
    let of_users = ["user_created.v0", "user_updated.v0", "user_deleted.v0"];
    assert_eq!(types(&store, SYSTEM).await, [of_users, of_users].concat());
    assert_eq!(types(&store, ours).await, ["member_created.v0"]);
    // That is for users only.
    let foreign = create(&store, prepared(policy(theirs, "x"))).await.unwrap();
    let touched = store.write(write(ours, vec![delete(foreign.id)])).await;
    assert_eq!(touched.err(), Some(WriteError::NotFound));
    let made = prepared(policy(SYSTEM, "x"));
    assert!(store.write(write(ours, vec![Change::Create(made)])).await.is_err());
    store.close().await;
}

/// With an organisation goes all that is its own, in one write, whatever refers to what; and nothing else.
async fn an_organisation_goes_as_a_whole(bench: &Bench) {
    let store = bench.open().await;
    let (ours, theirs) = (organization(), organization());
    for org in [ours, theirs] {
        let mut own = prepared(object(Prefix::Account, "organization", org, json!({"name": "x"})));
        own.object.id = org;
        create(&store, own).await.unwrap();
        let policy = create(&store, prepared(policy(org, "x"))).await.unwrap();
        let restrict = OnDelete::Restrict(ErrorCode::NGROK_124);
        create(&store, rule(org, policy.id, restrict)).await.unwrap();
        create(&store, rule(org, policy.id, OnDelete::Cascade)).await.unwrap();
        let kept = Prepared {
            claims: vec![exact("addr", &format!("tcp/{org}"))],
            secrets: vec![("value", sealed("open sesame"))],
            ..prepared(self::policy(org, "y"))
        };
        create(&store, kept).await.unwrap();
    }
    let before = store.heads(None).await.unwrap();
    let tried = adit_store::Write {
        dry_run: true,
        ..write(ours, vec![delete(ours)])
    };
    store.write(tried).await.unwrap();
    assert_eq!(store.heads(None).await.unwrap(), before);
    // What the same write makes before goes along.
    let late = prepared(policy(ours, "late"));
    let (late_id, steps) = (late.object.id, vec![Change::Create(late), delete(ours)]);
    store.write(write(ours, steps)).await.unwrap();
    assert_eq!(store.get(late_id).await.unwrap(), None);
    for kind in ["organization", "ip_policy", "ip_policy_rule"] {
        assert_eq!(store.count(kind, Some(ours)).await.unwrap(), 0, "{kind}");
        assert_ne!(store.count(kind, Some(theirs)).await.unwrap(), 0, "{kind}");
    }
    assert_eq!(store.holder("addr", &format!("tcp/{ours}")).await.unwrap(), None);
    assert!(store.holder("addr", &format!("tcp/{theirs}")).await.unwrap().is_some());
    let types = types(&store, ours).await;
    assert_eq!(
        (types.len(), types.last().map(String::as_str)),
        (12, Some("organization_deleted.v0"))
    );
    let verified = store.verify(None, &[], |_| true).await;
    assert!(verified.is_ok(), "{verified:?}");
    store.close().await;
}

on_both! { shared_or_alone the_gate_decides_who_shares a_user_with_his_membership an_organisation_goes_as_a_whole }
