//! Providers that sign in a way of their own.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::{Encoding, Form, Hook, Mac, Time, Verdict, candidates, equal, hex, mac, matches, sha256};
use crate::url;

fn verdict(result: Result<String, &'static str>) -> Verdict {
    match result {
        Ok(signature) => Verdict::Verified(signature),
        Err(why) => Verdict::Failed(why),
    }
}

fn signed(sent: &str, expected: &[u8], encoding: Encoding) -> Result<String, &'static str> {
    if matches(sent, expected, encoding) {
        Ok(sent.to_owned())
    } else {
        Err("the signature is wrong")
    }
}

/// Path and query as received.
fn target<'u>(hook: &Hook<'u>) -> &'u str {
    hook.url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
        .unwrap_or("/")
}

fn without_query<'u>(hook: &Hook<'u>) -> &'u str {
    hook.url.split('?').next().unwrap_or_default()
}

fn form(hook: &Hook<'_>) -> Vec<(String, String)> {
    let mut pairs = url::form(&String::from_utf8_lossy(hook.body));
    pairs.sort();
    pairs
}

fn is_form(hook: &Hook<'_>) -> bool {
    hook.one("content-type").is_ok_and(|value| {
        value
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("application/x-www-form-urlencoded")
    })
}

/// The token itself is sent.
pub(super) fn gitlab(hook: &Hook<'_>, secret: &str) -> Verdict {
    verdict(hook.one("x-gitlab-token").and_then(|sent| {
        if equal(sent.as_bytes(), secret.as_bytes()) {
            // Nothing of it may be remembered.
            Ok(String::new())
        } else {
            Err("the token is wrong")
        }
    }))
}

/// `Authorization: Basic`; the secret is `user::password`.
pub(super) fn vmware(hook: &Hook<'_>, secret: &str) -> Verdict {
    verdict(hook.one("authorization").and_then(|sent| {
        let (user, password) = secret.split_once("::").ok_or("the secret is malformed")?;
        let expected = STANDARD.encode(format!("{user}:{password}"));
        let sent = sent.strip_prefix("Basic ").ok_or("the credentials are malformed")?;
        if equal(sent.trim().as_bytes(), expected.as_bytes()) {
            Ok(String::new())
        } else {
            Err("the credentials are wrong")
        }
    }))
}

pub(super) fn contentful(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let signature = hook.one("x-contentful-signature")?;
        let names = hook.one("x-contentful-signed-headers")?;
        hook.is_fresh(hook.one("x-contentful-timestamp")?, Time::Millis)?;
        let listed = |wanted: &str| names.split(',').any(|name| name.trim().eq_ignore_ascii_case(wanted));
        if !listed("x-contentful-timestamp") || !listed("x-contentful-signed-headers") {
            return Err("the timestamp is not signed");
        }
        let mut headers = Vec::new();
        for name in names.split(',').take(64) {
            let name = name.trim().to_ascii_lowercase();
            headers.push(format!("{name}:{}", hook.one(&name)?.trim()));
        }
        let mut message = format!("{}\n{}\n{}\n", hook.method, target(hook), headers.join(";")).into_bytes();
        message.extend_from_slice(hook.body);
        signed(signature, &mac(Mac::Sha256, secret.as_bytes(), &message), Encoding::Hex)
    };
    verdict(verify())
}

pub(super) fn graphcms(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let header = hook.one("gcms-signature")?;
        let pair = |name: &str| {
            header
                .split(',')
                .filter_map(|pair| pair.trim().split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let (signature, environment, time) = (
            pair("sign").ok_or("the signature is missing")?,
            pair("env").ok_or("the environment is missing")?,
            pair("t").ok_or("the timestamp is missing")?,
        );
        hook.is_fresh(time, Time::Millis)?;
        let body = std::str::from_utf8(hook.body).map_err(|_| "the body is not UTF-8")?;
        let message = format!(
            "{{\"Body\":{},\"EnvironmentName\":{},\"TimeStamp\":{time}}}",
            Json::from(body),
            Json::from(environment)
        );
        signed(
            signature,
            &mac(Mac::Sha256, secret.as_bytes(), message.as_bytes()),
            Encoding::Base64,
        )
    };
    verdict(verify())
}

pub(super) fn hubspot(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        if !hook.has("x-hubspot-signature-v3") {
            let signature = hook.one("x-hubspot-signature")?;
            let mut message = secret.as_bytes().to_vec();
            match hook.one("x-hubspot-signature-version")? {
                "v1" => {}
                "v2" => message.extend_from_slice(format!("{}{}", hook.method, hook.url).as_bytes()),
                _ => return Err("the version is not known"),
            }
            message.extend_from_slice(hook.body);
            return if equal(signature.to_ascii_lowercase().as_bytes(), sha256(&message).as_bytes()) {
                Ok(signature.to_owned())
            } else {
                Err("the signature is wrong")
            };
        }
        let signature = hook.one("x-hubspot-signature-v3")?;
        let time = hook.one("x-hubspot-request-timestamp")?;
        hook.is_fresh(time, Time::Millis)?;
        let mut address = hook.url.to_owned();
        for (escape, text) in [
            ("%3A", ":"),
            ("%2F", "/"),
            ("%3F", "?"),
            ("%40", "@"),
            ("%21", "!"),
            ("%24", "$"),
            ("%27", "'"),
            ("%28", "("),
            ("%29", ")"),
            ("%2A", "*"),
            ("%2C", ","),
            ("%3B", ";"),
        ] {
            address = address
                .replace(escape, text)
                .replace(&escape.to_ascii_lowercase(), text);
        }
        let mut message = format!("{}{address}", hook.method).into_bytes();
        message.extend_from_slice(hook.body);
        message.extend_from_slice(time.as_bytes());
        signed(
            signature,
            &mac(Mac::Sha256, secret.as_bytes(), &message),
            Encoding::Base64,
        )
    };
    verdict(verify())
}

pub(super) fn linear(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let signature = hook.one("linear-signature")?;
        let signature = signed(
            signature,
            &mac(Mac::Sha256, secret.as_bytes(), hook.body),
            Encoding::Hex,
        )?;
        let json: Option<Json> = serde_json::from_slice(hook.body).ok();
        if let Some(time) = json.as_ref().and_then(|json| json.get("webhookTimestamp")) {
            hook.is_fresh(&time.to_string(), Time::Millis)?;
        }
        Ok(signature)
    };
    verdict(verify())
}

pub(super) fn mailchimp(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let signature = hook.one("x-mandrill-signature")?;
        let mut message = hook.url.to_owned();
        for (key, value) in form(hook) {
            message.push_str(&key);
            message.push_str(&value);
        }
        signed(
            signature,
            &mac(Mac::Sha1, secret.as_bytes(), message.as_bytes()),
            Encoding::Base64,
        )
    };
    verdict(verify())
}

pub(super) fn mailgun(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let json: Option<Json> = serde_json::from_slice(hook.body).ok();
        let pairs = form(hook);
        let field = |name: &str| match &json {
            Some(json) => match json.get("signature")?.get(name)? {
                Json::String(text) => Some(text.clone()),
                Json::Number(number) => Some(number.to_string()),
                _ => None,
            },
            None => pairs
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone()),
        };
        let missing = "a field of the signature is missing";
        let (time, token, signature) = (
            field("timestamp").ok_or(missing)?,
            field("token").ok_or(missing)?,
            field("signature").ok_or(missing)?,
        );
        hook.is_fresh(&time, Time::Seconds)?;
        let expected = mac(Mac::Sha256, secret.as_bytes(), format!("{time}{token}").as_bytes());
        signed(&signature, &expected, Encoding::Hex)
    };
    verdict(verify())
}

pub(super) fn plivo(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        if !hook.has("x-plivo-signature-v3") {
            let signature = hook.one("x-plivo-signature-v2")?;
            let nonce = hook.one("x-plivo-signature-v2-nonce")?;
            let message = format!("{}{nonce}", without_query(hook));
            let expected = mac(Mac::Sha256, secret.as_bytes(), message.as_bytes());
            return signed(signature, &expected, Encoding::Base64);
        }
        let nonce = hook.one("x-plivo-signature-v3-nonce")?;
        let mut message = without_query(hook).to_owned();
        let mut query = hook
            .url
            .split_once('?')
            .map_or_else(Vec::new, |(_, query)| url::form(query));
        query.sort();
        let post = if hook.method == "POST" { form(hook) } else { Vec::new() };
        if !query.is_empty() || !post.is_empty() {
            message.push('?');
            let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
            message.push_str(&pairs.join("&"));
        }
        if !post.is_empty() {
            if !query.is_empty() {
                message.push('.');
            }
            for (key, value) in post {
                message.push_str(&key);
                message.push_str(&value);
            }
        }
        message.push('.');
        message.push_str(nonce);
        let expected = mac(Mac::Sha256, secret.as_bytes(), message.as_bytes());
        let (sent, _) = candidates(hook.one("x-plivo-signature-v3")?, Form::List(',', ""));
        sent.into_iter()
            .find(|sent| matches(sent, &expected, Encoding::Base64))
            .map(str::to_owned)
            .ok_or("the signature is wrong")
    };
    verdict(verify())
}

/// ECDSA; the secret is the public key.
pub(super) fn sendgrid(hook: &Hook<'_>, secret: &str) -> Verdict {
    /// SubjectPublicKeyInfo of P-256, before the point (RFC 5480).
    const PREFIX: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let verify = || {
        let signature = hook.one("x-twilio-email-event-webhook-signature")?;
        let time = hook.one("x-twilio-email-event-webhook-timestamp")?;
        hook.is_fresh(time, Time::Seconds)?;
        let key = STANDARD.decode(secret).map_err(|_| "the secret is malformed")?;
        let point = key.strip_prefix(&PREFIX).ok_or("the secret is no P-256 key")?;
        let bytes = STANDARD.decode(signature).map_err(|_| "the signature is malformed")?;
        let mut message = time.as_bytes().to_vec();
        message.extend_from_slice(hook.body);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(&message, &bytes)
            .map_err(|_| "the signature is wrong")?;
        Ok(signature.to_owned())
    };
    verdict(verify())
}

pub(super) fn square(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let mut message = hook.url.as_bytes().to_vec();
        message.extend_from_slice(hook.body);
        let (name, algorithm) = if hook.has("x-square-hmacsha256-signature") {
            ("x-square-hmacsha256-signature", Mac::Sha256)
        } else {
            ("x-square-signature", Mac::Sha1)
        };
        let expected = mac(algorithm, secret.as_bytes(), &message);
        signed(hook.one(name)?, &expected, Encoding::Base64)
    };
    verdict(verify())
}

pub(super) fn twilio(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let signature = hook.one("x-twilio-signature")?;
        let mut rest = String::new();
        if is_form(hook) {
            for (key, value) in form(hook) {
                rest.push_str(&key);
                rest.push_str(&value);
            }
        } else if let Some(digest) = hook.query("bodySHA256") {
            if !equal(digest.to_ascii_lowercase().as_bytes(), sha256(hook.body).as_bytes()) {
                return Err("the digest of the body is wrong");
            }
        } else if !hook.body.is_empty() {
            return Err("the body is not signed");
        }
        // Some of its senders write the default port, some do not.
        let parts = url::parts(hook.url);
        let port = match parts.scheme {
            Some("http") => ":80",
            _ => ":443",
        };
        let authority = parts.authority.unwrap_or_default();
        let mut addresses = vec![hook.url.to_owned()];
        match authority.strip_suffix(port) {
            Some(bare) => addresses.push(hook.url.replacen(authority, bare, 1)),
            None => addresses.push(hook.url.replacen(authority, &format!("{authority}{port}"), 1)),
        }
        for address in addresses {
            let expected = mac(Mac::Sha1, secret.as_bytes(), format!("{address}{rest}").as_bytes());
            if matches(signature, &expected, Encoding::Base64) {
                return Ok(signature.to_owned());
            }
        }
        Err("the signature is wrong")
    };
    verdict(verify())
}

fn plain(hook: &Hook<'_>, secret: &str, name: &str, prefix: &'static str, encoding: Encoding) -> Verdict {
    let verify = || {
        let (sent, _) = candidates(hook.one(name)?, Form::Plain(prefix));
        let sent = sent.first().ok_or("the signature is malformed")?;
        signed(sent, &mac(Mac::Sha256, secret.as_bytes(), hook.body), encoding)
    };
    verdict(verify())
}

/// Asks with `crc_token` whether somebody knows the secret.
pub(super) fn twitter(hook: &Hook<'_>, secret: &str) -> Verdict {
    if hook.method == "GET"
        && let Some(token) = hook.query("crc_token")
    {
        let answer = STANDARD.encode(mac(Mac::Sha256, secret.as_bytes(), token.as_bytes()));
        return Verdict::Answered {
            status: 200,
            media_type: "application/json",
            body: serde_json::json!({"response_token": format!("sha256={answer}")}).to_string(),
        };
    }
    plain(
        hook,
        secret,
        "x-twitter-webhooks-signature",
        "sha256=",
        Encoding::Base64,
    )
}

pub(super) fn worldline(hook: &Hook<'_>, secret: &str) -> Verdict {
    if hook.method == "GET"
        && let Ok(challenge) = hook.one("x-gcs-webhooks-endpoint-verification")
    {
        return Verdict::Answered {
            status: 200,
            media_type: "text/plain",
            body: challenge.to_owned(),
        };
    }
    plain(hook, secret, "x-gcs-signature", "", Encoding::Base64)
}

/// Wants 200 for a right signature of nothing, and 401 for a wrong one.
pub(super) fn xero(hook: &Hook<'_>, secret: &str) -> Verdict {
    match plain(hook, secret, "x-xero-signature", "", Encoding::Base64) {
        Verdict::Verified(signature) => {
            let json: Option<Json> = serde_json::from_slice(hook.body).ok();
            let empty = json
                .as_ref()
                .and_then(|json| json.get("events")?.as_array())
                .is_some_and(Vec::is_empty);
            if empty {
                Verdict::Answered {
                    status: 200,
                    media_type: "text/plain",
                    body: String::new(),
                }
            } else {
                Verdict::Verified(signature)
            }
        }
        Verdict::Failed(_) => Verdict::Answered {
            status: 401,
            media_type: "text/plain",
            body: String::new(),
        },
        answered @ Verdict::Answered { .. } => answered,
    }
}

pub(super) fn zoom(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let time = hook.one("x-zm-request-timestamp")?;
        hook.is_fresh(time, Time::Seconds)?;
        let signature = hook.one("x-zm-signature")?;
        let sent = signature.strip_prefix("v0=").ok_or("the signature is malformed")?;
        let mut message = format!("v0:{time}:").into_bytes();
        message.extend_from_slice(hook.body);
        signed(sent, &mac(Mac::Sha256, secret.as_bytes(), &message), Encoding::Hex)
    };
    let found = verdict(verify());
    let Verdict::Verified(_) = &found else { return found };
    let json: Option<Json> = serde_json::from_slice(hook.body).ok();
    let challenge = json
        .as_ref()
        .filter(|json| json.get("event").and_then(Json::as_str) == Some("endpoint.url_validation"))
        .and_then(|json| json.get("payload")?.get("plainToken")?.as_str());
    match challenge {
        Some(token) => Verdict::Answered {
            status: 200,
            media_type: "application/json",
            body: serde_json::json!({
                "plainToken": token,
                "encryptedToken": hex(&mac(Mac::Sha256, secret.as_bytes(), token.as_bytes())),
            })
            .to_string(),
        },
        None => found,
    }
}

/// Two keys, of which either may have signed (one is being replaced).
pub(super) fn box_com(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let time = hook.one("box-delivery-timestamp")?;
        hook.is_fresh(time, Time::Rfc3339)?;
        let mut message = hook.body.to_vec();
        message.extend_from_slice(time.as_bytes());
        let expected = mac(Mac::Sha256, secret.as_bytes(), &message);
        let mut why = "a header is missing";
        for name in ["box-signature-primary", "box-signature-secondary"] {
            if hook.has(name) {
                match signed(hook.one(name)?, &expected, Encoding::Base64) {
                    Ok(signature) => return Ok(signature),
                    Err(wrong) => why = wrong,
                }
            }
        }
        Err(why)
    };
    verdict(verify())
}

/// A header for each of the account's keys.
pub(super) fn docusign(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let expected = mac(Mac::Sha256, secret.as_bytes(), hook.body);
        let mut why = "a header is missing";
        for number in 1..=100 {
            let name = format!("x-docusign-signature-{number}");
            if !hook.has(&name) {
                break;
            }
            match signed(hook.one(&name)?, &expected, Encoding::Base64) {
                Ok(signature) => return Ok(signature),
                Err(wrong) => why = wrong,
            }
        }
        Err(why)
    };
    verdict(verify())
}

/// Standard Webhooks: the headers begin with `svix-` or `webhook-`.
pub(super) fn svix(hook: &Hook<'_>, secret: &str) -> Verdict {
    let verify = || {
        let prefix = if hook.has("svix-signature") { "svix" } else { "webhook" };
        let field = |name: &str| hook.one(&format!("{prefix}-{name}"));
        let (header, id, time) = (field("signature")?, field("id")?, field("timestamp")?);
        hook.is_fresh(time, Time::Seconds)?;
        let key = super::key(super::KeyForm::Svix, secret).ok_or("the secret is malformed")?;
        let mut message = format!("{id}.{time}.").into_bytes();
        message.extend_from_slice(hook.body);
        let expected = mac(Mac::Sha256, &key, &message);
        let (sent, _) = candidates(header, Form::List(' ', "v1,"));
        sent.into_iter()
            .find(|sent| matches(sent, &expected, Encoding::Base64))
            .map(str::to_owned)
            .ok_or("the signature is wrong")
    };
    verdict(verify())
}
