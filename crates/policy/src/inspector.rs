//! The web application firewall, which stands outside of this crate: whoever performs [`crate::Effect::Inspect`] asks it
//! through this. What it is shown is owned, so that it can look on a thread of its own.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use adit_names::code::ErrorCode;
use bytes::Bytes;

use crate::body::decode_begin;
use crate::effect::{Fault, Inspect, Inspection};
use crate::exchange::Exchange;
use crate::view::{Fields, View};

/// So much of an encoded body is read, since some codings give nothing before a whole block of 128 KiB is there.
const ENCODED: usize = 132 * 1024;

/// Names and values.
type OwnedFields = Vec<(String, Vec<u8>)>;

/// A firewall that has passed its self-test.
pub trait Inspector: fmt::Debug + Send + Sync {
    /// Looks at a message; `body` is what of its body is to be looked at, decoded, at most [`Inspect::body_limit`] bytes.
    /// Takes about half a millisecond of the thread.
    ///
    /// # Errors
    /// It could not look: the action that asked fails as it says it does.
    fn inspect(&self, shown: &Shown, body: &[u8]) -> Result<Inspection, Fault>;

    /// Does it look into bodies of responses of this media type (lower case, without parameters)?
    fn reads(&self, media_type: &str) -> bool;
}

/// A message as policies have left it so far.
pub struct Shown {
    /// What is asked.
    pub asked: Inspect,
    /// Who sent the request.
    pub client: SocketAddr,
    /// Where it was accepted.
    pub server: SocketAddr,
    /// Method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `HTTP/1.1`, `HTTP/2.0`
    pub version: &'static str,
    /// Fields of the request, `host` among them.
    pub fields: OwnedFields,
    /// Status and fields of the response, if that is asked about.
    pub response: Option<(u16, OwnedFields)>,
    /// The body, or its begin, as it was sent. `None`: nobody has read it yet.
    body: Option<Bytes>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Fields may hold credentials.
        f.debug_struct("Shown")
            .field("asked", &self.asked)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Shown {
    /// The message of an exchange that is asked about. `None`: there is no such message.
    #[must_use]
    pub fn of(asked: &Inspect, exchange: &Exchange, seen: &View<'_>) -> Option<Self> {
        let request = seen.request.as_ref()?;
        let connection = seen.connection;
        let mut fields = owned(exchange.request_fields(), request.fields);
        // It stands for itself in the view.
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        let host = exchange.host().unwrap_or(request.authority);
        fields.push(("host".to_owned(), host.as_bytes().to_vec()));
        let response = match (&seen.response, asked.response) {
            (_, false) => None,
            (Some(response), true) => Some((response.status, owned(exchange.response_fields(), response.fields))),
            (None, true) => return None,
        };
        Some(Self {
            asked: asked.clone(),
            client: SocketAddr::new(connection.client_ip, connection.client_port),
            server: SocketAddr::new(connection.server_ip, connection.server_port),
            method: request.method.to_owned(),
            target: exchange.target().unwrap_or(request.target).to_owned(),
            version: match request.version {
                "HTTP/1.0" => "HTTP/1.0",
                "HTTP/2.0" => "HTTP/2.0",
                _ => "HTTP/1.1",
            },
            fields,
            response,
            body: exchange.body(asked.response).cloned(),
        })
    }

    /// How much of the body is to be read for `firewall`, in bytes; 0: none, or it is there already.
    #[must_use]
    pub fn reads(&self, firewall: &dyn Inspector) -> usize {
        let is_read = match &self.response {
            _ if self.body.is_some() || self.asked.body_limit == 0 => false,
            None => true,
            Some((101, _)) => false,
            Some((_, fields)) => {
                let media_type = values(fields, "content-type").to_ascii_lowercase();
                firewall.reads(media_type.split(';').next().unwrap_or_default().trim())
            }
        };
        match (is_read, self.coding()) {
            (false, _) => 0,
            (true, None) => self.asked.body_limit,
            (true, Some(_)) => ENCODED.max(self.asked.body_limit),
        }
    }

    /// This was read of it: so many bytes as were asked for, or all of it.
    pub fn read(&mut self, body: Bytes) {
        self.body = Some(body);
    }

    /// What it holds in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let of = |fields: &[(String, Vec<u8>)]| {
            let size = |(name, value): &(String, Vec<u8>)| name.len() + value.len() + size_of::<(String, Vec<u8>)>();
            fields.iter().map(size).sum::<usize>()
        };
        let response = self.response.as_ref().map_or(0, |(_, fields)| of(fields));
        let body = self.body.as_ref().map_or(0, Bytes::len);
        size_of::<Self>() + self.method.len() + self.target.len() + of(&self.fields) + response + body
    }

    /// Lets it be looked at. Takes the thread for as long as that takes.
    ///
    /// # Errors
    /// The body cannot be read, or the firewall has failed.
    pub fn inspected_by(&self, firewall: &dyn Inspector) -> Result<Inspection, Fault> {
        let body = self.decoded().ok_or_else(|| Fault {
            code: ErrorCode::NGROK_3701,
            message: "the body cannot be decoded".to_owned(),
        })?;
        firewall.inspect(self, &body)
    }

    /// What of the body is looked at.
    fn decoded(&self) -> Option<Cow<'_, [u8]>> {
        let limit = self.asked.body_limit;
        let body = self.body.as_deref().unwrap_or_default();
        match self.coding() {
            Some(coding) if !body.is_empty() && limit > 0 => {
                let decoded = decode_begin(&coding, body, limit)?;
                // Something was sent that says nothing: what it hides is not known.
                (!decoded.is_empty()).then_some(Cow::Owned(decoded))
            }
            _ => Some(Cow::Borrowed(body.get(..body.len().min(limit)).unwrap_or_default())),
        }
    }

    /// How the body is encoded, if it is.
    fn coding(&self) -> Option<String> {
        let fields = self.response.as_ref().map_or(&self.fields, |(_, fields)| fields);
        let coding = values(fields, "content-encoding");
        let is_plain = |name: &str| matches!(name.trim().to_ascii_lowercase().as_str(), "" | "identity");
        (!coding.split(',').all(is_plain)).then_some(coding)
    }
}

/// As policies have left them, else as they were received.
fn owned(changed: Option<&[(String, Vec<u8>)]>, received: &dyn Fields) -> OwnedFields {
    match changed {
        Some(changed) => changed.to_vec(),
        None => {
            let mut out = Vec::new();
            received.each(&mut |name, value| out.push((name.to_owned(), value.to_vec())));
            out
        }
    }
}

/// All values of a field, separated by commas.
fn values(fields: &[(String, Vec<u8>)], name: &str) -> String {
    let values: Vec<_> = fields
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| String::from_utf8_lossy(value))
        .collect();
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{Coding, Encoder};

    fn response(fields: &[(&str, &str)], limit: usize) -> Shown {
        let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        let any = SocketAddr::from(([192, 0, 2, 1], 1));
        Shown {
            asked: Inspect {
                response: true,
                body_limit: limit,
                exclude: Vec::new(),
                paranoia: 1,
            },
            client: any,
            server: any,
            method: "GET".to_owned(),
            target: "/".to_owned(),
            version: "HTTP/1.1",
            fields: Vec::new(),
            response: Some((200, fields.collect())),
            body: None,
        }
    }

    /// Finds as many points as it is shown bytes.
    #[derive(Debug)]
    struct Counts;

    impl Inspector for Counts {
        fn inspect(&self, _: &Shown, body: &[u8]) -> Result<Inspection, Fault> {
            let score = u32::try_from(body.len()).unwrap();
            let matched = Vec::new();
            Ok(Inspection { score, matched })
        }

        fn reads(&self, media_type: &str) -> bool {
            media_type == "text/plain"
        }
    }

    #[test]
    fn so_much_of_a_body_is_read_as_the_firewall_looks_at() {
        let plain = ("content-type", "Text/Plain; charset=utf-8");
        assert_eq!(response(&[plain], 4096).reads(&Counts), 4096);
        assert_eq!(response(&[plain], 0).reads(&Counts), 0);
        assert_eq!(response(&[("content-type", "image/png")], 4096).reads(&Counts), 0);
        assert_eq!(
            response(&[plain, ("Content-Encoding", "gzip")], 4096).reads(&Counts),
            ENCODED
        );
        assert_eq!(
            response(&[plain, ("content-encoding", "identity")], 9).reads(&Counts),
            9
        );
        let mut known = response(&[plain], 3);
        known.read(Bytes::from_static(b"four"));
        assert_eq!(known.reads(&Counts), 0);
        assert_eq!(known.inspected_by(&Counts).unwrap().score, 3);
    }

    #[test]
    fn an_encoded_body_is_looked_at_decoded_and_one_that_says_nothing_is_not_passed_over() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let mut encoder = Encoder::new(coding).unwrap();
            // Counted up, which no coding makes short.
            let text: String = (0..100_000_u32)
                .map(|n| n.wrapping_mul(2_654_435_761).to_string())
                .collect();
            let mut whole = encoder.push(text.as_bytes()).unwrap();
            whole.extend(encoder.finish().unwrap());
            assert!(whole.len() > ENCODED, "{coding:?}");
            let mut shown = response(&[("content-encoding", coding.name())], 4096);
            shown.read(Bytes::copy_from_slice(&whole[..ENCODED]));
            assert_eq!(shown.inspected_by(&Counts).unwrap().score, 4096, "{coding:?}");
            shown.read(Bytes::from_static(b"none of it"));
            assert_eq!(shown.inspected_by(&Counts).unwrap_err().code, ErrorCode::NGROK_3701);
            shown.read(Bytes::new());
            assert_eq!(shown.inspected_by(&Counts).unwrap().score, 0);
        }
        let mut unknown = response(&[("content-encoding", "secret")], 4096);
        unknown.read(Bytes::from_static(b"x"));
        assert!(unknown.inspected_by(&Counts).is_err());
    }
}
