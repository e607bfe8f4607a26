//! `verify-webhook` (traffic policy 4.23).

use std::time::Duration;

use adit_names::code::ErrorCode;
use bytes::Bytes;

use super::config::{Config, Item};
use super::read::Reader;
use super::schema::{Ends, Field, HOUR, Kind, Own, Protocols, Q, SECOND, Spec, list, optional, own, required, secret};
use super::{Act, Cx, Flow, MAX_RENDERED};
use crate::document::{Node, Path, Phase};
use crate::effect::{BodyFault, Effect, Input};
use crate::expr::Template;
use crate::expr::scope::decode;
use crate::step::Decision;
use crate::value::Value;
use crate::webhook::sns::{Certificate, Notice};
use crate::webhook::{self, Encoding, Hook, Known, Mac, Provider, Time, Verdict};

/// How an unlisted sender signs.
const GENERIC: &[Field] = &[
    required("header", Kind::Text(1, 256)),
    optional("prefix", Kind::Text(0, 256)),
    optional("signed", Kind::Text(1, 1024)),
    optional("mac", Kind::OneOf(&["sha256", "sha1", "sha512"])),
    optional("encoding", Kind::OneOf(&["hex", "base64"])),
    optional("timestamp_header", Kind::Text(1, 256)),
    own(optional("tolerance", Kind::Duration(SECOND, 24 * HOUR, 0))),
];

pub(super) static SPEC: Spec = Spec {
    name: "verify-webhook",
    own: Own::values(&[("provider", "generic")]),
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        required("provider", Kind::OneOf(webhook::NAMES)),
        secret(optional("secret", Kind::Template(1, 1024))),
        optional("enforce", Kind::Bool),
        own(optional("tolerance", Kind::Duration(SECOND, 24 * HOUR, 0))),
        secret(own(optional(
            "secrets",
            Kind::List(&list(Kind::Template(1, 1024), 1, 5)),
        ))),
        own(optional("public_url", Kind::Template(1, 8192))),
        optional("once", Kind::Bool),
        own(optional("generic", Kind::Record(GENERIC))),
    ],
    check,
};

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    if config.get("secret").is_none() && config.get("secrets").is_none() {
        let message = "the field `secret` is missing";
        reader.wrong(ErrorCode::NGROK_2234, &path.key("secret"), node, message, "add it");
    }
    let at = node.get("provider").unwrap_or(node);
    match config.literal("provider") {
        Some("generic") if config.get("generic").is_none() => {
            let message = "the provider `generic` needs to know how it signs";
            reader.wrong(ErrorCode::NGROK_2234, &path.key("generic"), node, message, "add it");
        }
        Some(name)
            if name == "sns" || webhook::find(name).is_some_and(|provider| provider.known == Known::Unverified) =>
        {
            let message = format!("how `{name}` signs was not checked against its own documentation");
            reader
                .findings
                .warn("unverified_behaviour", &path.key("provider"), at.at, message);
        }
        _ => {}
    }
}

/// How long a certificate of SNS is kept, in microseconds.
const CERTIFICATE_KEPT: i64 = 24 * 3_600 * 1_000_000;
/// How long one that could not be had is not asked for again.
const CERTIFICATE_MISSED: i64 = 10 * 1_000_000;

/// Bytes of a body.
const MAX_BODY: usize = 5 << 20;

#[derive(Debug, Clone)]
struct Generic {
    header: String,
    prefix: String,
    signed: String,
    mac: Mac,
    encoding: Encoding,
    timestamp_header: Option<String>,
}

enum How {
    Row(&'static Provider),
    Generic(Generic),
    Sns,
}

impl std::fmt::Debug for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Row(row) => f.write_str(row.name),
            Self::Generic(_) => f.write_str("generic"),
            Self::Sns => f.write_str("sns"),
        }
    }
}

#[derive(Debug)]
struct VerifyWebhook {
    how: Option<How>,
    secrets: Vec<Template>,
    enforce: bool,
    tolerance: Duration,
    public_url: Option<Template>,
    once: bool,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let provider = config.literal("provider").unwrap_or_default();
    let row = webhook::find(provider);
    let generic = config.get("generic");
    let text = |name: &str| Some(generic?.field(name)?.text()?.as_literal()?.to_owned());
    let how = match (row, text("header")) {
        (Some(row), _) => Some(How::Row(row)),
        (None, Some(header)) => Some(How::Generic(Generic {
            header,
            prefix: text("prefix").unwrap_or_default(),
            signed: text("signed").unwrap_or_else(|| "{body}".to_owned()),
            mac: match text("mac").as_deref() {
                Some("sha1") => Mac::Sha1,
                Some("sha512") => Mac::Sha512,
                _ => Mac::Sha256,
            },
            encoding: match text("encoding").as_deref() {
                Some("base64") => Encoding::Base64,
                _ => Encoding::Hex,
            },
            timestamp_header: text("timestamp_header"),
        })),
        (None, None) => (provider == "sns").then_some(How::Sns),
    };
    let own = match generic
        .and_then(|generic| generic.field("tolerance"))
        .map(Item::duration)
    {
        Some(Some(tolerance)) => tolerance,
        _ if matches!(how, Some(How::Sns)) => Duration::from_secs(3_600),
        _ => Duration::from_secs(row.map_or(300, |row| row.tolerance)),
    };
    let mut secrets = config.templates("secrets");
    secrets.extend(config.template("secret").cloned());
    Box::new(VerifyWebhook {
        how,
        secrets,
        enforce: config.bool("enforce", true),
        tolerance: config.duration("tolerance", own),
        public_url: config.template("public_url").cloned(),
        once: config.bool("once", false),
    })
}

impl Generic {
    fn verify(&self, hook: &Hook<'_>, secret: &str) -> Result<String, &'static str> {
        let header = hook.one(&self.header)?;
        let sent = header
            .strip_prefix(&self.prefix)
            .ok_or("the prefix is not there")?
            .trim();
        let time = match &self.timestamp_header {
            Some(name) => hook.one(name)?,
            None => "",
        };
        if self.timestamp_header.is_some() {
            let kind = match time.len() {
                _ if !time.bytes().all(|b| b.is_ascii_digit()) => Time::Rfc3339,
                13.. => Time::Millis,
                _ => Time::Seconds,
            };
            hook.is_fresh(time, kind)?;
        }
        let mut message = Vec::with_capacity(hook.body.len() + self.signed.len());
        let mut rest = self.signed.as_str();
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            message.extend_from_slice(before.as_bytes());
            let known: [(&str, &[u8]); 4] = [
                ("{body}", hook.body),
                ("{timestamp}", time.as_bytes()),
                ("{url}", hook.url.as_bytes()),
                ("{method}", hook.method.as_bytes()),
            ];
            rest = match known.iter().find(|(name, _)| after.starts_with(name)) {
                Some((name, bytes)) => {
                    message.extend_from_slice(bytes);
                    after.get(name.len()..).unwrap_or_default()
                }
                None => {
                    message.push(b'{');
                    after.get(1..).unwrap_or_default()
                }
            };
        }
        message.extend_from_slice(rest.as_bytes());
        let expected = webhook::mac(self.mac, secret.as_bytes(), &message);
        if webhook::matches(sent, &expected, self.encoding) {
            Ok(sent.to_owned())
        } else {
            Err("the signature is wrong")
        }
    }
}

impl VerifyWebhook {
    fn verify(&self, hook: &Hook<'_>, secrets: &[String]) -> Verdict {
        let mut last = Verdict::Failed("the provider is not known");
        for secret in secrets {
            let verdict = match &self.how {
                Some(How::Row(provider)) => provider.verify(hook, secret),
                Some(How::Generic(generic)) => match generic.verify(hook, secret) {
                    Ok(signature) => Verdict::Verified(signature),
                    Err(why) => Verdict::Failed(why),
                },
                Some(How::Sns) | None => Verdict::Failed("the provider is not known"),
            };
            let final_word = match &verdict {
                Verdict::Verified(_) => true,
                // A refusal in the provider's form may still be another key's.
                Verdict::Answered { status, .. } => *status == 200,
                Verdict::Failed(_) => false,
            };
            if final_word {
                return verdict;
            }
            last = verdict;
        }
        last
    }

    fn work(&self, cx: &mut Cx<'_>) -> Flow {
        let mut secrets = Vec::with_capacity(self.secrets.len());
        for (at, secret) in self.secrets.iter().enumerate() {
            let field = if self.secrets.len() == 1 {
                "secret".to_owned()
            } else {
                format!("secrets[{at}]")
            };
            match cx.render(secret, &field, MAX_RENDERED) {
                // An empty key would make everybody the sender.
                Ok(secret) if secret.is_empty() => {}
                Ok(secret) => secrets.push(secret),
                Err(flow) => return flow,
            }
        }
        let view = cx.view;
        let Some(request) = &view.request else {
            return Flow::Next;
        };
        let url = match &self.public_url {
            Some(url) => match cx.render(url, "public_url", MAX_RENDERED) {
                Ok(url) => url,
                Err(flow) => return flow,
            },
            None => {
                let authority = crate::url::without_default_port(request.scheme, request.authority);
                crate::url::absolute_raw(request.scheme, authority, request.target)
            }
        };
        // As it arrived: what earlier actions made of it was never signed.
        let mut fields: Vec<(String, String)> = Vec::new();
        request
            .fields
            .each(&mut |name, value| fields.push((name.to_owned(), decode(value))));
        let body = cx.exchange.bodies.request.take().unwrap_or_default();
        let hook = Hook {
            method: request.method,
            url: &url,
            fields: &fields,
            body: &body,
            now: view.now,
            tolerance: self.tolerance.as_secs(),
        };
        let verified = match &self.how {
            Some(How::Sns) => verify_sns(cx, &hook, &secrets),
            _ => Ok(self.verify(&hook, &secrets)),
        };
        let mut verdict = match verified {
            Ok(verdict) => verdict,
            Err(url) => {
                cx.exchange.bodies.request = Some(body);
                cx.keep(url.clone());
                return Flow::Need(Effect::Keys { url });
            }
        };
        if let Verdict::Verified(signature) = &verdict
            && self.once
            && !signature.is_empty()
        {
            let until = view
                .now
                .saturating_add(i64::try_from(2 * self.tolerance.as_micros()).unwrap_or(i64::MAX));
            let key = (view.endpoint.url.as_str(), signature.as_str());
            if !view.state.seen.put(cx.key, key, (), until, view.now) {
                verdict = Verdict::Failed("replayed");
            }
        }
        cx.exchange.bodies.request = Some(body);
        self.end(cx, verdict)
    }

    fn end(&self, cx: &mut Cx<'_>, verdict: Verdict) -> Flow {
        let failed = match &verdict {
            Verdict::Failed(why) => Some(*why),
            Verdict::Answered { status: 401, .. } => Some("the signature is wrong"),
            _ => None,
        };
        let code = failed.map_or("", |_| ErrorCode::NGROK_3204.as_str());
        cx.exchange.set_results(
            "ngrok.verify_webhook",
            [
                ("ngrok.verify_webhook.verified", Value::Bool(failed.is_none())),
                ("ngrok.verify_webhook.error.code", Value::from(code)),
                (
                    "ngrok.verify_webhook.error.message",
                    Value::from(failed.unwrap_or_default()),
                ),
            ],
        );
        match verdict {
            Verdict::Verified(_) => Flow::Next,
            Verdict::Answered { status: 401, .. } | Verdict::Failed(_) if !self.enforce => Flow::Next,
            Verdict::Failed(_) => cx.refuse(ErrorCode::NGROK_3204),
            Verdict::Answered {
                status,
                media_type,
                body,
            } => Flow::End(Decision::Respond {
                status,
                headers: vec![("content-type".to_owned(), media_type.to_owned())],
                body: body.into_bytes(),
                continues: false,
            }),
        }
    }
}

/// Checks a message of SNS.
///
/// # Errors
/// The URL of its certificate, which has to be fetched first.
fn verify_sns(cx: &Cx<'_>, hook: &Hook<'_>, accounts: &[String]) -> Result<Verdict, String> {
    let notice = match Notice::read(hook) {
        Ok(notice) => notice,
        Err(why) => return Ok(Verdict::Failed(why)),
    };
    if !accounts.iter().any(|account| notice.is_of(account)) {
        return Ok(Verdict::Failed("the topic is of another account"));
    }
    let known = cx
        .view
        .state
        .certificates
        .get(cx.key, &notice.certificate_url, cx.view.now);
    Ok(match known {
        None => return Err(notice.certificate_url),
        Some(None) => Verdict::Failed("the certificate cannot be had"),
        Some(Some(certificate)) => match notice.verify(&certificate, cx.view.now) {
            Ok(()) => Verdict::Verified(notice.signature),
            Err(why) => Verdict::Failed(why),
        },
    })
}

impl Act for VerifyWebhook {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        match cx.exchange.bodies.request.as_ref().map(Bytes::len) {
            None => {
                cx.keep(());
                Flow::Need(Effect::Body {
                    response: false,
                    limit: MAX_BODY,
                })
            }
            Some(length) if length > MAX_BODY => cx.refuse(ErrorCode::ADIT_4130),
            Some(_) => self.work(cx),
        }
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        if let Input::Keys(fetched) = input {
            let Some(url) = cx.kept::<String>() else {
                return self.run(cx);
            };
            let certificate = fetched.ok().and_then(|pem| Certificate::read(&pem));
            let kept = if certificate.is_some() {
                CERTIFICATE_KEPT
            } else {
                CERTIFICATE_MISSED
            };
            let now = cx.view.now;
            cx.view
                .state
                .certificates
                .put(cx.key, &url, certificate, now.saturating_add(kept), now);
            return self.work(cx);
        }
        if cx.kept::<()>().is_none() {
            return self.run(cx);
        }
        match input {
            Input::Body(Err(BodyFault::TooLarge)) => cx.refuse(ErrorCode::ADIT_4130),
            Input::Body(Err(BodyFault::NoRoom)) => cx.refuse(ErrorCode::NGROK_743),
            Input::Body(Err(BodyFault::Failed)) => self.end(cx, Verdict::Failed("the body could not be read")),
            _ => self.work(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use crate::case::{self, Options, Outcome};

    const URL: &str = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem";

    /// A certificate, and messages that are signed with its key.
    fn material() -> Json {
        serde_json::from_str(include_str!("../../tests/sns.json")).unwrap()
    }

    /// What becomes of these bodies, one after the other, with the calls that the policy may make.
    fn statuses(bodies: &[&str], outbound: &Json, secret: &str) -> Vec<u64> {
        let policy = json!({"on_http_request": [{"actions": [
            {"type": "verify-webhook", "config": {"provider": "sns", "secret": secret}},
        ]}]});
        let run = |wanted: &[u64]| {
            let steps = bodies.iter().zip(wanted).map(|(body, status)| {
                json!({"at": 0, "request": {"method": "POST", "body": body}, "expect": {"response": {"status": status}}})
            });
            let file = json!({"version": 1, "cases": [{
                "id": "sns", "now": "2027-01-15T12:00:00Z", "policy": policy.to_string(),
                "outbound": outbound, "steps": steps.collect::<Vec<_>>(),
            }]});
            let ran = case::run(&file.to_string(), Options::default(), |_| true, |_| Err(String::new())).unwrap();
            ran[0].outcome.clone()
        };
        // Told apart by what is expected: each is passed on (200) or refused (403).
        let mut found = Vec::new();
        for _ in bodies {
            let with = |status| [found.as_slice(), &[status]].concat();
            let passes = run(&with(200));
            found.push(if passes == Outcome::Passed { 200 } else { 403 });
            assert_eq!(run(&found), Outcome::Passed, "{found:?}");
        }
        found
    }

    #[test]
    fn messages_of_sns_are_verified_with_their_certificate() {
        let material = material();
        let text = |name: &str| material[name].as_str().unwrap();
        // Fetched once: a second call would have no answer.
        let outbound =
            json!([{"url": URL, "sequence": [{"status": 200, "body": text("certificate")}, {"error": "refused"}]}]);
        let (notification, old, confirmation) = (text("notification"), text("notification_sha1"), text("confirmation"));
        let right = [notification, old, confirmation];
        assert_eq!(statuses(&right, &outbound, "123456789012"), [200, 200, 200]);
        assert_eq!(
            statuses(&right, &outbound, "999999999999"),
            [403, 403, 403],
            "another account"
        );
        for (from, to) in [
            ("line one", "line two"),
            ("m-1", "m-2"),
            (":orders", ":others"),
            ("\"Subject\": \"S\", ", ""),
            ("11:30:00", "11:30:01"),
            ("11:30:00", "10:30:00"),
            ("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"1\""),
            ("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"3\""),
            ("\"Type\": \"Notification\"", "\"Type\": \"Other\""),
            ("{", "{\"Message\": \"x\", "),
            ("{", "["),
        ] {
            let changed = notification.replacen(from, to, 1);
            assert_ne!(changed, notification, "{from} is not there");
            assert_eq!(
                statuses(&[&changed], &outbound, "123456789012"),
                [403],
                "{from} -> {to}"
            );
        }
        // Nobody else's certificate is asked for, and without one nobody is let in.
        let elsewhere = notification.replace("sns.eu-central-1.amazonaws.com", "evil.example");
        let other = json!([{"url": "https://evil.example/SimpleNotificationService-0a1b.pem", "status": 200, "body": text("certificate")}]);
        assert_eq!(statuses(&[&elsewhere], &other, "123456789012"), [403]);
        for nothing in [
            json!([]),
            json!([{"url": URL, "status": 200, "body": "no certificate"}]),
            json!([{"url": URL, "status": 404, "body": ""}]),
        ] {
            assert_eq!(statuses(&[notification], &nothing, "123456789012"), [403], "{nothing}");
        }
    }
}
