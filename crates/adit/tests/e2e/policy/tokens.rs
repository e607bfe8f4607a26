//! `jwt-validation` with real keys: RSA and ECDSA, their set served by an internal endpoint of the organisation.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as Rsa, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use crate::harness::message::response;
use crate::harness::{Agent, Message, Server, Service, Site};

/// A key of an issuer.
pub(super) enum Key {
    Rsa(Rsa),
    Ec(EcdsaKeyPair),
}

impl Key {
    pub(super) fn rsa() -> Self {
        Self::Rsa(Rsa::generate(KeySize::Rsa2048).unwrap())
    }

    pub(super) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// The public half, as in a set.
    pub(super) fn public(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                json!({
                    "kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
                    "n": BASE64.encode(n.big_endian_without_leading_zero()),
                    "e": BASE64.encode(e.big_endian_without_leading_zero()),
                })
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({
                    "kty": "EC", "kid": kid, "crv": "P-256",
                    "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..65]),
                })
            }
        }
    }

    /// A token with these claims.
    pub(super) fn token(&self, kid: &str, claims: &Value) -> String {
        let alg = match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        };
        let header = json!({"alg": alg, "typ": "JWT", "kid": kid}).to_string();
        let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", BASE64.encode(signature))
    }
}

/// Claims that are good for `seconds` from now.
fn claims(seconds: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let exp = i64::try_from(now).unwrap() + seconds;
    json!({"iss": "https://issuer.example.com/", "aud": ["app", "other"], "sub": "anna", "exp": exp})
}

/// A service with a set of keys that can be changed.
struct Keys {
    set: Arc<Mutex<Value>>,
    service: Service,
    _agent: Agent,
    url: String,
}

impl Keys {
    fn serve(server: &Server, name: &str, keys: &[Value]) -> Self {
        let set = Arc::new(Mutex::new(json!({ "keys": keys })));
        let shown = set.clone();
        let service = Service::start(move |request| match request.target() {
            "/keys" => response(
                "200 OK",
                "Content-Type: application/json\r\n",
                shown.lock().unwrap().to_string().as_bytes(),
            ),
            _ => response("404 None", "", b""),
        });
        let url = format!("http://{name}.internal");
        let agent = Agent::http(server, service.address()).url(&url).start();
        Self {
            set,
            service,
            _agent: agent,
            url,
        }
    }
}

pub(super) fn policy(sources: &str, more: &str) -> String {
    format!(
        "on_http_request:\n  - actions:\n      - type: jwt-validation\n        config:\n          issuer: {{allow_list: [{{value: 'https://issuer.example.com/'}}]}}\n          audience: {{allow_list: [{{value: app}}]}}\n          http: {{tokens: [{{type: jwt, method: header, name: Authorization, prefix: 'Bearer '}}]}}\n          jws: {{allowed_algorithms: [RS256, ES256], keys: {{sources: {{additional_jkus: [{sources}]}}}}}}\n{more}      - type: add-headers\n        config: {{headers: {{x-sub: \"${{actions.ngrok.jwt_validation.tokens[0].payload.sub}}\"}}}}\n"
    )
}

pub(super) fn site<'s>(server: &'s Server, name: &str, policy: &str) -> Site<'s, Service> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    let flags = ["--traffic-policy-file", file.path().to_str().unwrap()];
    Site::answering(server, name, &flags, crate::harness::upstream::echo)
}

pub(super) fn ask(site: &Site<'_, Service>, token: &str) -> Message {
    site.visitor().ask(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
        site.host
    ))
}

#[test]
fn tokens_of_a_known_key_come_in_and_no_others() {
    let server = Server::shared("policy");
    let (rsa, ec, foreign) = (Key::rsa(), Key::ec(), Key::ec());
    let keys = Keys::serve(server, "issuer-known", &[rsa.public("r1"), ec.public("e1")]);
    let site = site(server, "tokens", &policy(&format!("'{}/keys'", keys.url), ""));
    for token in [rsa.token("r1", &claims(60)), ec.token("e1", &claims(60))] {
        let answer = ask(&site, &token);
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert_eq!(site.upstream.seen().pop().unwrap().get("x-sub"), Some("anna"));
    }
    assert_eq!(keys.service.seen().len(), 1, "a set is fetched once");
    let mut other_audience = claims(60);
    other_audience["aud"] = json!("nobody");
    let mut other_issuer = claims(60);
    other_issuer["iss"] = json!("https://issuer.example.com");
    let good = ec.token("e1", &claims(60));
    let mut changed: Vec<&str> = good.split('.').collect();
    let more = BASE64.encode(json!({"iss": "https://issuer.example.com/", "aud": "app", "sub": "root"}).to_string());
    changed[1] = &more;
    for (what, token, code) in [
        ("expired", ec.token("e1", &claims(-120)), "ERR_NGROK_3401"),
        ("another audience", ec.token("e1", &other_audience), "ERR_NGROK_3401"),
        ("another issuer", ec.token("e1", &other_issuer), "ERR_NGROK_3401"),
        ("a foreign key", foreign.token("e1", &claims(60)), "ERR_NGROK_3401"),
        ("an unknown key", foreign.token("f1", &claims(60)), "ERR_NGROK_3401"),
        ("claims that were not signed", changed.join("."), "ERR_NGROK_3401"),
        ("another kind of key", rsa.token("e1", &claims(60)), "ERR_NGROK_3401"),
        ("no token", "abc".to_owned(), "ERR_NGROK_3416"),
    ] {
        let answer = ask(&site, &token);
        assert_eq!((answer.status(), answer.code()), (401, code), "{what}: {answer:?}");
        assert_eq!(
            answer.get("www-authenticate"),
            Some("Bearer error=\"invalid_token\""),
            "{what}"
        );
    }
    assert_eq!(site.upstream.seen().len(), 2, "nobody else came in");
}

/// The issuer puts a new key beside the old one before it signs with it: a set that is not known yet has both. A key
/// that a known set does not have is looked for again, and not at every token.
#[test]
fn issuers_change_their_keys() {
    let server = Server::shared("policy");
    let (old, new) = (Key::ec(), Key::ec());
    let keys = Keys::serve(server, "issuer-turns", &[old.public("1")]);
    let site = site(server, "turning", &policy(&format!("\"{}/keys\"", keys.url), ""));
    assert_eq!(ask(&site, &old.token("1", &claims(60))).status(), 200);
    *keys.set.lock().unwrap() = json!({ "keys": [old.public("1"), new.public("2")] });
    // The set is younger than five minutes: strangers with invented names of keys do not make it be fetched.
    for n in 0..5 {
        let answer = ask(&site, &new.token(&format!("invented-{n}"), &claims(60)));
        assert_eq!(answer.status(), 401, "{answer:?}");
    }
    assert_eq!(keys.service.seen().len(), 1);
    // The same issuer under another URL has a set of its own, with both keys.
    let again = self::site(server, "turned", &policy("'http://issuer-turns.internal:80/keys'", ""));
    for token in [old.token("1", &claims(60)), new.token("2", &claims(60))] {
        assert_eq!(ask(&again, &token).status(), 200);
    }
    assert_eq!(keys.service.seen().len(), 2);
}

#[test]
fn without_keys_nobody_comes_in() {
    let server = Server::shared("policy");
    let key = Key::ec();
    let token = key.token("1", &claims(60));
    let keys = Keys::serve(server, "issuer-broken", &[key.public("1")]);
    for (name, source) in [
        ("no-issuer", "http://no-issuer.internal/keys".to_owned()),
        ("no-keys", format!("{}/missing", keys.url)),
        // Key sets may be anywhere but where only this machine comes to.
        ("own-keys", "https://127.0.0.1:8443/keys".to_owned()),
        ("meta-keys", "https://169.254.169.254/keys".to_owned()),
    ] {
        let site = site(server, name, &policy(&format!("'{source}'"), ""));
        let answer = ask(&site, &token);
        assert_eq!((answer.status(), answer.code()), (503, "ERR_NGROK_3422"), "{answer:?}");
        assert!(site.upstream.seen().is_empty());
    }
}

/// A token may stand in a body, which goes on as it came; one that is too large is refused, or goes on where the policy
/// only looks.
#[test]
fn tokens_in_bodies() {
    let server = Server::shared("policy");
    let key = Key::ec();
    let keys = Keys::serve(server, "issuer-bodies", &[key.public("1")]);
    let source = format!("'{}/keys'", keys.url);
    let in_body = |more: &str| {
        policy(&source, more).replace(
            "method: header, name: Authorization, prefix: 'Bearer '",
            "method: body, name: token",
        )
    };
    let site = site(server, "token-body", &in_body(""));
    let post = |site: &Site<'_, Service>, body: &str| {
        site.visitor().ask(format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            site.host,
            body.len()
        ))
    };
    let body = json!({"token": key.token("1", &claims(60)), "more": "x".repeat(20_000)}).to_string();
    assert_eq!(post(&site, &body).status(), 200);
    let seen = site.upstream.seen().pop().unwrap();
    assert_eq!((seen.text() == body, seen.get("x-sub")), (true, Some("anna")));
    let large = json!({"token": key.token("1", &claims(60)), "more": "x".repeat(70_000)}).to_string();
    let refused = post(&site, &large);
    assert_eq!(
        (refused.status(), refused.code()),
        (400, "ERR_NGROK_3411"),
        "{refused:?}"
    );
    let looking = self::site(server, "token-looks", &in_body("          enforce: false\n"));
    assert_eq!(post(&looking, &large).status(), 500, "what follows needs a result");
    let only = in_body("          enforce: false\n");
    let only = only.split("      - type: add-headers").next().unwrap().to_owned();
    let looking = self::site(server, "token-only-looks", &only);
    assert_eq!(post(&looking, &large).status(), 200);
    assert!(
        looking.upstream.seen().pop().unwrap().text() == large,
        "whole, and as it came"
    );
    let mut chunked = looking.visitor();
    chunked.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        looking.host
    ));
    for piece in large.as_bytes().chunks(10_000) {
        chunked.send(format!("{:x}\r\n", piece.len()));
        chunked.send(piece);
        chunked.send("\r\n");
    }
    chunked.send("0\r\n\r\n");
    assert_eq!(chunked.receive(crate::harness::Of::Get).status(), 200);
    assert!(
        looking.upstream.seen().pop().unwrap().text() == large,
        "also after some of it was read"
    );
}
