//! The desk to the tables: few statements with many rows each.

use adit_names::id::Id;

use super::desk::{Desk, id_args};
use super::step::Hand;
use crate::log::organization_text;
use crate::sql::statements::{self as s, Rows};
use crate::sql::{Arg, Conn, SqlError};
use crate::work::Item;
use crate::{activity, claim, log, object, refer};

/// What is written at the end, all at once.
type Puts = Vec<(&'static Rows, Vec<Arg>)>;

/// Writes what the batch has changed. Without entries there is nothing to write.
pub(crate) async fn flush(desk: Desk, conn: &mut Conn, hand: &Hand<'_>) -> Result<(), SqlError> {
    let mut puts = Vec::new();
    objects(&desk, conn, &mut puts).await?;
    claims(&desk, conn, &mut puts).await?;
    refs(&desk, conn, &mut puts).await?;
    secrets(&desk, conn, hand, &mut puts).await?;
    spools(&desk, conn).await?;
    heads(&desk, &mut puts);
    let mut args = Vec::with_capacity(desk.entries.len() * s::PUT_ENTRIES.columns());
    for entry in desk.entries {
        log::write(entry, &mut args);
    }
    puts.push((&s::PUT_ENTRIES, args));
    conn.run_lists(puts).await
}

async fn objects(desk: &Desk, conn: &mut Conn, puts: &mut Puts) -> Result<(), SqlError> {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for (id, object) in desk.objects.changed() {
        match object {
            Some(object) => object::write(object, &mut put),
            // Made and deleted within the batch: it never was.
            None if desk.objects.stored(id).is_some_and(Option::is_some) => gone.push(*id),
            None => {}
        }
    }
    conn.run_all(&s::DELETE_OBJECTS, id_args(&gone)).await?;
    puts.push((&s::PUT_OBJECTS, put));
    Ok(())
}

async fn claims(desk: &Desk, conn: &mut Conn, puts: &mut Puts) -> Result<(), SqlError> {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for (key, held) in desk.claims.changed() {
        if desk.claims.stored(key).is_some_and(Option::is_some) {
            gone.extend([Arg::from(key.0.as_str()), Arg::from(key.1.as_str())]);
        }
        if let Some(held) = held {
            claim::write(key, held, &mut put);
        }
    }
    conn.run_all(&s::DELETE_CLAIMS, gone).await?;
    puts.push((&s::PUT_CLAIMS, put));
    Ok(())
}

async fn refs(desk: &Desk, conn: &mut Conn, puts: &mut Puts) -> Result<(), SqlError> {
    let (mut put, mut gone): (Vec<Arg>, Vec<Id>) = (Vec::new(), Vec::new());
    for (from, refs) in desk.refs.changed() {
        if desk.refs.stored(from).is_some_and(|stored| !stored.is_empty()) {
            gone.push(*from);
        }
        for (index, reference) in refs.iter().enumerate() {
            let same = |other: &refer::Ref| other.field == reference.field && other.to == reference.to;
            // A list may name one twice; a row is one.
            if !refs.iter().take(index).any(same) {
                refer::write(*from, reference, &mut put);
            }
        }
    }
    conn.run_all(&s::DELETE_REFS, id_args(&gone)).await?;
    puts.push((&s::PUT_REFS, put));
    Ok(())
}

async fn secrets(desk: &Desk, conn: &mut Conn, hand: &Hand<'_>, puts: &mut Puts) -> Result<(), SqlError> {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for (object, secrets) in desk.secrets.changed() {
        // All versions of a field are replaced at once (`step`).
        for stored in desk.secrets.stored(object).into_iter().flatten() {
            let stays = secrets
                .iter()
                .any(|secret| secret.field == stored.field && secret.version == stored.version);
            if !stays {
                gone.extend([Arg::from(object.to_string()), Arg::from(stored.field.as_str())]);
            }
        }
        for secret in secrets {
            if let Some(sealed) = &secret.fresh {
                hand.sealer.write(*object, secret, sealed, &mut put);
            }
        }
    }
    conn.run_all(&s::DELETE_SECRETS, gone).await?;
    puts.push((&s::PUT_SECRETS, put));
    Ok(())
}

async fn spools(desk: &Desk, conn: &mut Conn) -> Result<(), SqlError> {
    for (spool, taken) in desk.spools.changed() {
        let item = Item {
            position: *taken,
            ..Item::new(spool.as_str(), serde_json::Value::Null)
        };
        conn.run(&s::WORK_PUT, item.args(activity::CLASS)).await?;
    }
    Ok(())
}

fn heads(desk: &Desk, puts: &mut Puts) {
    let mut args = vec![
        Arg::from(""),
        Arg::from(""),
        Arg::from(desk.position),
        Arg::from(0_i64),
        Arg::from(Vec::new()),
    ];
    for ((organization, chain), head) in desk.heads.changed() {
        args.extend([
            Arg::from(organization_text(*organization)),
            Arg::from(chain.as_str()),
            Arg::from(0_i64),
            Arg::from(head.seq),
            Arg::from(head.hash.to_vec()),
        ]);
    }
    puts.push((&s::PUT_HEADS, args));
}
