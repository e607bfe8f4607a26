//! Reserved addresses: ports of `tcp://` and `udp://` endpoints (control plane 2.2).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

use super::reserved_domain::REGIONS;
use super::{Kind, Surface, refer_to_nothing, show_as_stored};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::draft::Prepared;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;

/// Reserved addresses.
pub static KIND: Kind = Kind {
    name: "reserved_addr",
    noun: "reserved address",
    operations: "ReservedAddrs",
    prefix: Prefix::ReservedAddress,
    path: "reserved_addrs",
    list_key: "reserved_addrs",
    schema: 1,
    permission: "reserved_addrs",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Host and port that only your tcp endpoints may have.",
    fields: &[
        Field::description(Some(ErrorCode::NGROK_504)),
        Field::metadata(Some(ErrorCode::NGROK_505)),
        Field::shown("addr", Form::Text(300), "The address: host and port."),
        Field::once(
            "addr",
            Form::Text(300),
            "The address; the lowest free port if nothing is given.",
        )
        .addition()
        .hidden(),
        Field::once("region", Form::Choice(REGIONS), "Kept for old clients; has no effect.")
            .default("\"global\"")
            .error(ErrorCode::NGROK_500),
        Field::once("protocol", Form::Choice(&["tcp", "udp"]), "What is spoken there.")
            .default("\"tcp\"")
            .addition(),
    ],
    empty_update: Some(ErrorCode::NGROK_506),
    complete,
    claims,
    references: refer_to_nothing,
    show: show_as_stored,
};

/// An address that was not asked for stays open: see [`assign`].
fn complete(object: &mut Object, old: Option<&Object>, ctx: &Context) -> Vec<Problem> {
    if object.text("region").is_empty() {
        object.body.insert("region".to_owned(), "global".into());
    }
    let asked = object.text("addr").to_ascii_lowercase();
    if old.is_some() || asked.is_empty() {
        return Vec::new();
    }
    let protocol = protocol_of(object);
    let host = format!("{}.{}", protocol.as_str(), ctx.base_domain);
    let port = asked
        .rsplit_once(':')
        .filter(|(name, _)| name.is_empty() || *name == host)
        .and_then(|(_, port)| port.parse::<u16>().ok());
    let range = match protocol {
        Protocol::Tcp => ctx.tcp_ports,
        Protocol::Udp => Some((1, u16::MAX)),
    };
    match (port, range) {
        (Some(port), Some((first, last))) if (first..=last).contains(&port) => {
            set_port(object, port, &ctx.base_domain);
            Vec::new()
        }
        (_, Some((first, last))) => {
            let allowed = format!("it must be {host}:PORT with a port from {first} to {last}");
            vec![Problem::wrong("addr", allowed)]
        }
        (_, None) => vec![Problem::new(ErrorCode::NGROK_503, "addr")],
    }
}

fn set_port(object: &mut Object, port: u16, base_domain: &str) {
    let protocol = protocol_of(object).as_str();
    let addr = format!("{protocol}.{base_domain}:{port}");
    object.body.insert("addr".to_owned(), addr.into());
}

/// Gives a new reservation that asked for no address this port.
pub fn assign(prepared: &mut Prepared, port: u16, base_domain: &str) {
    set_port(&mut prepared.object, port, base_domain);
    prepared.renew(&KIND);
}

/// Is the address still open, so that [`assign`] must follow?
#[must_use]
pub fn is_open(object: &Object) -> bool {
    object.text("addr").is_empty()
}

/// Key of the claim (class `addr`) of a port.
#[must_use]
pub fn claim_key(protocol: Protocol, port: u16) -> String {
    format!("{}:{port}", protocol.as_str())
}

fn claims(object: &Object) -> Vec<Claim> {
    let claim = |address: Address| Claim {
        class: "addr",
        key: claim_key(address.protocol, address.port),
        scope: Scope::Exact,
        taken: ErrorCode::ADIT_2024,
        foreign: ErrorCode::ADIT_2024,
    };
    address(object).map(claim).into_iter().collect()
}

/// What is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A reserved address as it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// What is spoken there.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

fn protocol_of(object: &Object) -> Protocol {
    match object.text("protocol") {
        "udp" => Protocol::Udp,
        _ => Protocol::Tcp,
    }
}

/// A reserved address as it is applied; `None` if it has none yet.
#[must_use]
pub fn address(object: &Object) -> Option<Address> {
    let (_, port) = object.text("addr").rsplit_once(':')?;
    Some(Address {
        protocol: protocol_of(object),
        port: port.parse().ok()?,
    })
}
