//! Reserved addresses get the lowest free port (control plane 2.2).

use std::collections::HashSet;

use adit_model::Prepared;
use adit_model::kind::reserved_addr::{self, Protocol};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Scheme;
use adit_names::id::Id;
use adit_store::{Change, Page, Written};

use super::super::Subject;
use crate::call::Call;
use crate::error::ApiError;

/// Others may take the port meanwhile; so many times another one is tried.
const TRIES: usize = 16;
/// Rows that are read at once.
const BATCH: usize = 1_000;

/// Writes a reservation; one that asks for no address gets the lowest port that nobody has.
///
/// # Errors
/// 503 if none is free.
pub(super) async fn write(call: &Call<'_>, subject: &Subject, prepared: Prepared) -> Result<Written, ApiError> {
    let id = prepared.object.id;
    if !reserved_addr::is_open(&prepared.object) {
        return call.write(subject, id, vec![Change::Create(prepared)]).await;
    }
    let place = &call.api.told.installation;
    let none = || ApiError::new(ErrorCode::NGROK_503, &[("field", "addr")]);
    let (first, last) = match prepared.object.text("protocol") {
        "udp" => return Err(none()),
        _ => place.tcp_ports.ok_or_else(none)?,
    };
    let mut taken = taken(call).await?;
    for _ in 0..TRIES {
        let port = (first..=last).find(|port| !taken.contains(port)).ok_or_else(none)?;
        let mut next = prepared.clone();
        reserved_addr::assign(&mut next, port, &place.base_domain);
        match call.write(subject, id, vec![Change::Create(next)]).await {
            // Somebody else has it since.
            Err(error) if error.code() == ErrorCode::ADIT_2024 => taken.insert(port),
            written => return written,
        };
    }
    Err(none())
}

/// The ports that are reserved by anybody, or in use.
async fn taken(call: &Call<'_>) -> Result<HashSet<u16>, ApiError> {
    let mut taken: HashSet<u16> = HashSet::new();
    for pool in call.api.told.directory.pools() {
        if pool.url().scheme() == Scheme::Tcp {
            taken.insert(pool.url().port());
        }
    }
    let mut before: Option<Id> = None;
    loop {
        let page = Page {
            kind: "reserved_addr",
            organization: None,
            before,
            limit: BATCH,
            terms: Vec::new(),
        };
        let objects = call.api.stored()?.store.page(&page).await?;
        let addresses = objects.iter().filter_map(reserved_addr::address);
        taken.extend(addresses.filter(|a| a.protocol == Protocol::Tcp).map(|a| a.port));
        before = objects.last().map(|object| object.id);
        if objects.len() < BATCH {
            return Ok(taken);
        }
    }
}
