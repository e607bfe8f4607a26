//! Signatures of webhooks (traffic policy 4.24): one verifier for the rows of a table, and code for the few that sign
//! otherwise. No I/O; everything is compared in constant time.

mod own;
mod providers;
pub(crate) mod sns;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

pub(crate) use providers::{NAMES, find};

/// How well a row is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Seen in the provider's text or code, or in an independent verifier.
    Checked,
    /// From general knowledge, in part or wholly.
    Unverified,
}

/// One provider.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) known: Known,
    /// Seconds that a timestamp may be off.
    pub(crate) tolerance: u64,
    pub(crate) scheme: Scheme,
}

/// How a provider signs.
pub(crate) enum Scheme {
    Generic(Generic),
    /// By code.
    Own(fn(&Hook<'_>, &str) -> Verdict),
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Generic {
    /// Header with the signature, and how it stands in it; of several the first that is there.
    pub(crate) signature: &'static [(&'static str, Form)],
    /// Header with the time, if it is not in that of the signature.
    pub(crate) time_header: Option<&'static str>,
    pub(crate) id_header: Option<&'static str>,
    pub(crate) signed: &'static [Part],
    pub(crate) mac: Mac,
    pub(crate) encoding: Encoding,
    pub(crate) key: KeyForm,
    pub(crate) time: Time,
}

/// How a signature stands in its header.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Behind a prefix.
    Plain(&'static str),
    /// In a list, behind a prefix: separator, prefix.
    List(char, &'static str),
    /// Among `name=value` pairs: the name of the time, that of the signature.
    Pairs(&'static str, &'static str),
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Body,
    Time,
    Id,
    Text(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mac {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Hex,
    Base64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    Text,
    /// Base64.
    Base64,
    /// Base64 behind `whsec_`.
    Svix,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    None,
    Seconds,
    Millis,
    Rfc3339,
}

/// A request that may be a webhook's.
pub(crate) struct Hook<'a> {
    pub(crate) method: &'a str,
    /// The URL that the provider was given, query as received.
    pub(crate) url: &'a str,
    pub(crate) fields: &'a [(String, String)],
    pub(crate) body: &'a [u8],
    /// Microseconds since the Unix epoch.
    pub(crate) now: i64,
    /// Seconds.
    pub(crate) tolerance: u64,
}

/// What is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The signature is right: the text that it was.
    Verified(String),
    /// It is not: why.
    Failed(&'static str),
    /// A question of the provider, answered at once.
    Answered {
        status: u16,
        media_type: &'static str,
        body: String,
    },
}

impl Hook<'_> {
    /// The value of a field that must be there once.
    pub(crate) fn one(&self, name: &str) -> Result<&str, &'static str> {
        let mut values = self
            .fields
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err("a header is missing"),
            (Some(_), Some(_)) => Err("a header is there twice"),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Is a time within the tolerance?
    pub(crate) fn is_fresh(&self, text: &str, time: Time) -> Result<(), &'static str> {
        let micros = match time {
            Time::None => return Ok(()),
            Time::Seconds => text.parse::<i64>().ok().and_then(|time| time.checked_mul(1_000_000)),
            Time::Millis => text.parse::<i64>().ok().and_then(|time| time.checked_mul(1000)),
            Time::Rfc3339 => chrono::DateTime::parse_from_rfc3339(text)
                .ok()
                .map(|time| time.timestamp_micros()),
        };
        let micros = micros.ok_or("the timestamp is malformed")?;
        if self.now.abs_diff(micros) > self.tolerance.saturating_mul(1_000_000) {
            return Err("the timestamp is too old, or in the future");
        }
        Ok(())
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.url.split_once('?')?;
        crate::url::form(query)
            .into_iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

pub(crate) fn mac(algorithm: Mac, key: &[u8], message: &[u8]) -> Vec<u8> {
    let algorithm = match algorithm {
        Mac::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Mac::Sha256 => hmac::HMAC_SHA256,
        Mac::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(message: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, message).as_ref())
}

pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Is a signature as it was sent that of these bytes?
pub(crate) fn matches(sent: &str, expected: &[u8], encoding: Encoding) -> bool {
    match encoding {
        Encoding::Hex => equal(sent.to_ascii_lowercase().as_bytes(), hex(expected).as_bytes()),
        Encoding::Base64 => equal(sent.as_bytes(), STANDARD.encode(expected).as_bytes()),
    }
}

pub(crate) fn key(form: KeyForm, secret: &str) -> Option<Vec<u8>> {
    match form {
        KeyForm::Text => Some(secret.as_bytes().to_vec()),
        KeyForm::Base64 => STANDARD.decode(secret).ok(),
        KeyForm::Svix => STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok(),
    }
}

/// The values behind `prefix` in a header, in whatever form: signatures, and the time if it stands there.
pub(crate) fn candidates(value: &str, form: Form) -> (Vec<&str>, Option<&str>) {
    match form {
        Form::Plain(prefix) => (value.trim().strip_prefix(prefix).into_iter().collect(), None),
        Form::List(separator, prefix) => (
            value
                .split(separator)
                .filter_map(|item| item.trim().strip_prefix(prefix))
                .take(32)
                .collect(),
            None,
        ),
        Form::Pairs(time_name, name) => {
            let (mut found, mut time) = (Vec::new(), None);
            for (key, text) in value.split(',').take(64).filter_map(|pair| pair.trim().split_once('=')) {
                if key == time_name {
                    time.get_or_insert(text);
                } else if key == name {
                    found.push(text);
                }
            }
            (found, time)
        }
    }
}

impl Generic {
    fn verify(&self, hook: &Hook<'_>, secret: &str) -> Result<String, &'static str> {
        let (name, form) = self
            .signature
            .iter()
            .find(|(name, _)| hook.has(name))
            .or_else(|| self.signature.first())
            .ok_or("no header is named")?;
        let (signatures, mut time) = candidates(hook.one(name)?, *form);
        if let Some(name) = self.time_header {
            time = Some(hook.one(name)?);
        }
        if self.time != Time::None {
            hook.is_fresh(time.ok_or("the timestamp is missing")?, self.time)?;
        }
        let id = match self.id_header {
            Some(name) => hook.one(name)?,
            None => "",
        };
        let mut message = Vec::with_capacity(hook.body.len() + 64);
        for part in self.signed {
            match part {
                Part::Body => message.extend_from_slice(hook.body),
                Part::Time => message.extend_from_slice(time.ok_or("the timestamp is missing")?.as_bytes()),
                Part::Id => message.extend_from_slice(id.as_bytes()),
                Part::Text(text) => message.extend_from_slice(text.as_bytes()),
            }
        }
        // A list of alternatives may have the hash by its header: the older one of two is SHA-1.
        let algorithm = match (self.mac, self.signature) {
            (Mac::Sha256, [_, (second, _)]) if second == name => Mac::Sha1,
            (algorithm, _) => algorithm,
        };
        let key = key(self.key, secret).ok_or("the secret is malformed")?;
        let expected = mac(algorithm, &key, &message);
        signatures
            .into_iter()
            .find(|sent| matches(sent, &expected, self.encoding))
            .map(str::to_owned)
            .ok_or("the signature is wrong")
    }
}

impl Provider {
    pub(crate) fn verify(&self, hook: &Hook<'_>, secret: &str) -> Verdict {
        match &self.scheme {
            Scheme::Generic(generic) => match generic.verify(hook, secret) {
                Ok(signature) => Verdict::Verified(signature),
                Err(why) => Verdict::Failed(why),
            },
            Scheme::Own(verify) => verify(hook, secret),
        }
    }
}

/// For the fuzzer: headers and a body, for every provider.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '\0');
    let (value, secret, body) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let names = providers::HEADERS
        .iter()
        .map(|name| ((*name).to_owned(), value.to_owned()));
    let fields: Vec<(String, String)> = names.collect();
    let hook = Hook {
        method: "POST",
        url: value,
        fields: &fields,
        body: body.as_bytes(),
        now: 1_768_478_400_000_000,
        tolerance: 300,
    };
    let _ = sns::Notice::read(&hook);
    let _ = sns::Certificate::read(body.as_bytes());
    for name in NAMES {
        if let Some(provider) = find(name) {
            let _ = provider.verify(&hook, secret);
        }
    }
}
