//! Messages of Amazon SNS (traffic policy 4.24): signed with a certificate that the message names, hence from where it
//! may be is fixed here.

use std::sync::Arc;

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use super::{Hook, Time};

/// Longest URL of a certificate; theirs have about a hundred bytes.
const MAX_URL: usize = 256;

/// What of a message is signed, and with what. A field that is there twice makes it none: whoever reads it behind us might
/// take the other one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "Type")]
    kind: String,
    message: String,
    message_id: String,
    topic_arn: String,
    timestamp: String,
    subject: Option<String>,
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    signature: String,
    signature_version: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
}

/// A message whose signature is to be checked.
#[derive(Debug)]
pub(crate) struct Notice {
    /// Where its certificate is.
    pub(crate) certificate_url: String,
    /// The signature as it was sent.
    pub(crate) signature: String,
    is_sha256: bool,
    signed: String,
    /// Field 5 of the topic's ARN.
    account: String,
}

/// A certificate of theirs.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// The RSA key in PKCS#1.
    key: Arc<[u8]>,
    /// When it is good, seconds since the Unix epoch.
    valid: (i64, i64),
}

impl Notice {
    /// Reads a message; nothing of it is to be trusted yet.
    ///
    /// # Errors
    /// Why it can be none of theirs.
    pub(crate) fn read(hook: &Hook<'_>) -> Result<Self, &'static str> {
        let message: Message = serde_json::from_slice(hook.body).map_err(|_| "the body is no message of SNS")?;
        hook.is_fresh(&message.timestamp, Time::Rfc3339)?;
        let is_sha256 = match message.signature_version.as_str() {
            "1" => false,
            "2" => true,
            _ => return Err("the version of the signature is not known"),
        };
        if !is_theirs(&message.signing_cert_url) {
            return Err("the certificate is not at a host of SNS");
        }
        let mut arn = message.topic_arn.split(':');
        let account = match (arn.next(), arn.nth(1), arn.nth(1)) {
            (Some("arn"), Some("sns"), Some(account)) => account.to_owned(),
            _ => return Err("the topic is none of SNS"),
        };
        let signed = message.signed()?;
        Ok(Self {
            certificate_url: message.signing_cert_url,
            signature: message.signature,
            is_sha256,
            signed,
            account,
        })
    }

    /// Is the topic of this account?
    pub(crate) fn is_of(&self, account: &str) -> bool {
        self.account == account
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// Why it is not right.
    pub(crate) fn verify(&self, certificate: &Certificate, now: i64) -> Result<(), &'static str> {
        let (from, until) = certificate.valid;
        if !(from..=until).contains(&(now / 1_000_000)) {
            return Err("the certificate is not valid now");
        }
        let signature = STANDARD
            .decode(&self.signature)
            .map_err(|_| "the signature is malformed")?;
        let algorithm = if self.is_sha256 {
            &RSA_PKCS1_2048_8192_SHA256
        } else {
            &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
        };
        UnparsedPublicKey::new(algorithm, &certificate.key)
            .verify(self.signed.as_bytes(), &signature)
            .map_err(|_| "the signature is wrong")
    }
}

impl Message {
    /// The text that is signed: names and values, each on a line of its own, in the order of their names.
    fn signed(&self) -> Result<String, &'static str> {
        let (subscribe, token) = (self.subscribe_url.as_deref(), self.token.as_deref());
        let is_confirmation = match self.kind.as_str() {
            "Notification" => false,
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" if subscribe.is_some() && token.is_some() => true,
            _ => return Err("the type of the message is not known"),
        };
        let fields = [
            ("Message", Some(self.message.as_str())),
            ("MessageId", Some(self.message_id.as_str())),
            ("Subject", self.subject.as_deref().filter(|_| !is_confirmation)),
            ("SubscribeURL", subscribe.filter(|_| is_confirmation)),
            ("Timestamp", Some(self.timestamp.as_str())),
            ("Token", token.filter(|_| is_confirmation)),
            ("TopicArn", Some(self.topic_arn.as_str())),
            ("Type", Some(self.kind.as_str())),
        ];
        let mut out = String::new();
        for (name, value) in fields {
            if let Some(value) = value {
                for part in [name, "\n", value, "\n"] {
                    out.push_str(part);
                }
            }
        }
        Ok(out)
    }
}

/// `https://sns.<region>.amazonaws.com[.cn]/….pem` and nothing that only looks like it.
fn is_theirs(url: &str) -> bool {
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let region = host.strip_prefix("sns.").and_then(|rest| {
        rest.strip_suffix(".amazonaws.com")
            .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    });
    let is_word = |text: &str, more: &[u8]| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || more.contains(&b))
    };
    url.len() <= MAX_URL
        && region.is_some_and(|region| is_word(region, b""))
        && path.strip_suffix(".pem").is_some_and(|name| is_word(name, b"_/"))
}

impl Certificate {
    /// Reads a certificate in PEM.
    pub(crate) fn read(pem: &[u8]) -> Option<Self> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
        let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
        let seconds = |time: ASN1Time| time.timestamp();
        let validity = certificate.validity();
        Some(Self {
            key: certificate.public_key().subject_public_key.data.as_ref().into(),
            valid: (seconds(validity.not_before), seconds(validity.not_after)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_at_hosts_of_sns() {
        for (url, expected) in [
            (
                "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
                true,
            ),
            ("https://sns.cn-north-1.amazonaws.com.cn/a/b_c.pem", true),
            ("http://sns.eu-central-1.amazonaws.com/a.pem", false),
            ("https://sns.eu-central-1.amazonaws.com/a.crt", false),
            ("https://sns.eu-central-1.amazonaws.com/.pem", false),
            ("https://sns.eu-central-1.amazonaws.com/../x.pem", false),
            ("https://sns.eu-central-1.amazonaws.com/a?b=.pem", false),
            ("https://sns.eu-central-1.amazonaws.com:8443/a.pem", false),
            ("https://sns.eu-central-1.amazonaws.com@evil.example/a.pem", false),
            ("https://sns.evil.example/a.amazonaws.com/a.pem", false),
            ("https://sns.x.evil.amazonaws.com/a.pem", false),
            ("https://sns..amazonaws.com/a.pem", false),
            ("https://s3.amazonaws.com/bucket/a.pem", false),
            ("https://xsns.eu.amazonaws.com/a.pem", false),
            ("https://sns.eu.amazonaws.com.evil.example/a.pem", false),
            ("", false),
        ] {
            assert_eq!(is_theirs(url), expected, "{url}");
        }
    }
}
