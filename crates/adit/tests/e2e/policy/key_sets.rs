//! Key sets of `jwt-validation` that are on the internet: fetched over HTTPS, kept, and fetched again when their issuer
//! has a new key.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use adit_tls::{Identity, ServerProfile};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::tokens::{Key, ask, policy, site};
use crate::harness::visitor::runtime;
use crate::harness::{Directory, Server};
use crate::policy_cases::clock::Clock;

/// An issuer's server on this machine, whose certificate an authority of the test has signed.
struct Issuer {
    set: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
    authority: String,
}

impl Issuer {
    fn start(keys: &[Value]) -> Self {
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let authority_key = rcgen::Issuer::new(params, key);
        let own = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        let made = params.signed_by(&own, &authority_key).unwrap();
        let identity = Identity::from_pem(made.pem().as_bytes(), own.serialize_pem().as_bytes()).unwrap();
        let profile = ServerProfile::builder(Arc::new(identity)).build().unwrap();
        let set = Arc::new(Mutex::new(json!({ "keys": keys })));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (shown, seen) = (set.clone(), asked.clone());
        thread::spawn(move || {
            let runtime = runtime();
            for io in listener.incoming() {
                let Ok(io) = io else { return };
                io.set_nonblocking(true).unwrap();
                let answer = shown.lock().unwrap().to_string();
                // Who breaks off is no concern of the others.
                if let Some(target) = runtime.block_on(serve(io, &profile, &answer)) {
                    seen.lock().unwrap().push(target);
                }
            }
        });
        Self {
            set,
            asked,
            address,
            authority,
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/keys", self.address.port())
    }

    fn has(&self, keys: &[Value]) {
        *self.set.lock().unwrap() = json!({ "keys": keys });
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// One request of one connection; its target.
async fn serve(io: std::net::TcpStream, profile: &ServerProfile, answer: &str) -> Option<String> {
    let io = tokio::net::TcpStream::from_std(io).ok()?;
    let mut tls = adit_tls::accept(io, bytes::BytesMut::new(), profile).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if tls.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    );
    tls.write_all(response.as_bytes()).await.ok()?;
    tls.shutdown().await.ok()?;
    let line = String::from_utf8(head).ok()?;
    line.split(' ').nth(1).map(str::to_owned)
}

#[test]
fn sets_from_the_internet_are_kept_and_fetched_again_for_new_keys() {
    let (old, new, foreign) = (Key::ec(), Key::ec(), Key::rsa());
    let issuer = Issuer::start(&[old.public("1")]);
    let directory = Directory::new();
    let authority = directory.path().join("issuer.pem");
    std::fs::write(&authority, &issuer.authority).unwrap();
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let at = |seconds: u64| i64::try_from((began + seconds) * 1_000_000).unwrap();
    let mut clock = Clock::at(directory.path(), at(0));
    let mut command: Command = directory.dev_on_free_ports();
    clock.on(&mut command);
    command
        .env("SSL_CERT_FILE", &authority)
        .env("ADIT_SERVER__OUTBOUND__ALLOW", r#"["127.0.0.0/8", "::1/128"]"#);
    let server = Server::started(directory, &mut command);
    let claims = json!({"iss": "https://issuer.example.com/", "aud": "app", "sub": "anna", "exp": began + 100_000});
    let site = site(
        &server,
        "from-the-internet",
        &policy(&format!("'{}'", issuer.url()), ""),
    );
    let mut enters = |seconds: u64, key: &Key, kid: &str| {
        clock.set(at(seconds));
        let answer = ask(&site, &key.token(kid, &claims));
        assert!(matches!(answer.status(), 200 | 401), "{answer:?}");
        answer.status() == 200
    };
    assert!(enters(0, &old, "1"));
    assert!(!enters(1, &foreign, "1"), "another key under a known name");
    assert_eq!(issuer.asked(), 1, "a set is fetched once");
    // The issuer signs with a new key. Names that are invented do not make the set be fetched again and again.
    issuer.has(&[old.public("1"), new.public("2")]);
    assert!(!enters(200, &new, "2"));
    assert!(enters(301, &new, "2"), "after five minutes it is looked for");
    assert_eq!(issuer.asked(), 2);
    for n in 0..3 {
        assert!(!enters(302 + n, &foreign, &format!("invented-{n}")));
    }
    assert_eq!(issuer.asked(), 2);
    assert!(enters(400, &old, "1") && enters(401, &new, "2"));
    // A key that was withdrawn is none as soon as the set is old.
    issuer.has(&[new.public("2")]);
    assert!(enters(900, &old, "1"), "not known yet");
    assert!(!enters(1_300, &old, "1"), "after fifteen minutes");
    assert!(enters(1_301, &new, "2"));
    assert_eq!(issuer.asked(), 3);
}
