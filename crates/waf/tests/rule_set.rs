//! The firewall with Debian's rules. Where the feature is on, library and rules have to be there.
#![cfg(feature = "libmodsecurity")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use adit_waf::{Error, Firewall, Look, MAX_BODY, Places, Request, Response};

const FIELDS: &[(&[u8], &[u8])] = &[
    (b"host", b"app.example.com"),
    (b"user-agent", b"Mozilla/5.0"),
    (b"accept", b"text/html"),
];

fn get(target: &str) -> Request<'_> {
    Request {
        client: SocketAddr::from(([203, 0, 113, 10], 51_000)),
        server: SocketAddr::from(([198, 51, 100, 1], 443)),
        method: "GET",
        target,
        version: "1.1",
        fields: FIELDS,
        body: b"",
        is_whole: true,
    }
}

const INJECTION: &str = "/products?id=1%27%20UNION%20SELECT%20password%20FROM%20users--";

#[test]
fn attacks_have_a_score_and_rules_and_ordinary_requests_have_not() {
    let firewall = Firewall::load(&Places::default()).unwrap();
    let look = Look::default();
    assert_eq!(
        firewall.request(&look, &get("/products?id=7")).unwrap(),
        Default::default()
    );
    let found = firewall.request(&look, &get(INJECTION)).unwrap();
    assert!(found.score >= 5, "{found:?}");
    let rule = found.matched.iter().find(|m| m.id / 1_000 == 942).unwrap();
    assert!(!rule.message.is_empty() && rule.severity == "CRITICAL", "{rule:?}");
    // Without the rules that matched it is nothing.
    let without = Look {
        exclude: found.matched.iter().map(|m| m.id).collect(),
        ..Look::default()
    };
    assert_eq!(firewall.request(&without, &get(INJECTION)).unwrap().score, 0);
    assert!(
        firewall.request(&look, &get(INJECTION)).unwrap().score >= 5,
        "for others it stays"
    );
    // Who looks closer finds more.
    let closer = Look {
        paranoia: 4,
        ..Look::default()
    };
    let closer = firewall.request(&closer, &get(INJECTION)).unwrap();
    assert!(
        closer.score > found.score && closer.matched.len() > found.matched.len(),
        "{closer:?}"
    );
}

#[test]
fn bodies_are_looked_at_in_their_forms_and_up_to_the_limit() {
    let firewall = Firewall::load(&Places::default()).unwrap();
    let look = Look::default();
    let post = |kind: &'static [u8], body: &[u8]| {
        let length = body.len().to_string();
        let fields = [
            FIELDS,
            &[(b"content-type", kind), (b"content-length", length.as_bytes())],
        ]
        .concat();
        let request = Request {
            method: "POST",
            fields: &fields,
            body,
            ..get("/")
        };
        firewall.request(&look, &request).unwrap().score
    };
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    const JSON: &[u8] = b"application/json";
    assert_eq!(post(FORM, b"name=a+lamp"), 0);
    assert_eq!(post(JSON, br#"{"name": "a lamp"}"#), 0);
    assert!(post(FORM, b"q=%3Cscript%3Ealert(1)%3C/script%3E") >= 5);
    assert!(post(JSON, br#"{"q": "<script>alert(1)</script>"}"#) >= 5);
    let mut late = b"a=".to_vec();
    late.resize(MAX_BODY, b'x');
    late.extend_from_slice(b"&q=<script>alert(1)</script>");
    assert_eq!(post(FORM, &late), 0, "the rest passes unseen");
}

/// What cannot be read as what it says it is hides what is in it.
#[test]
fn a_body_whose_form_is_broken_is_found_unless_it_is_only_the_begin() {
    let firewall = Firewall::load(&Places::default()).unwrap();
    let post = |look: &Look, kind: &[u8], body: &[u8], is_whole: bool| {
        let length = body.len().to_string();
        let fields: &[(&[u8], &[u8])] = &[(b"content-type", kind), (b"content-length", length.as_bytes())];
        let request = Request {
            method: "POST",
            fields: &[FIELDS, fields].concat(),
            body,
            is_whole,
            ..get("/")
        };
        firewall.request(look, &request).unwrap()
    };
    let look = Look::default();
    const JSON: &[u8] = b"application/json; charset=utf-8";
    const XML: &[u8] = b"application/xml";
    const MULTIPART: &[u8] = b"multipart/form-data; boundary=xyz";
    let parts = "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--xyz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--xyz--\r\n";
    for (kind, body) in [
        (JSON, "{\"name\": [\"a lamp\", 7]}"),
        (JSON, ""),
        (XML, "<order><name>a lamp</name></order>"),
        (MULTIPART, parts),
    ] {
        assert_eq!(post(&look, kind, body.as_bytes(), true), Default::default(), "{body}");
    }
    for (kind, body) in [
        (JSON, "x{\"q\": \"a lamp\"}"),
        (JSON, "{\"q\": \"a la"),
        (XML, "<order><name>a la"),
    ] {
        let found = post(&look, kind, body.as_bytes(), true);
        assert_eq!((found.score, found.matched.len()), (5, 1), "{body}: {found:?}");
        assert_eq!(post(&look, kind, body.as_bytes(), false), Default::default(), "{body}");
        let without = Look {
            exclude: vec![found.matched[0].id],
            ..Look::default()
        };
        assert_eq!(
            post(&without, kind, body.as_bytes(), true),
            Default::default(),
            "{body}"
        );
    }
}

#[test]
fn responses_are_held_to_what_they_show() {
    let firewall = Firewall::load(&Places::default()).unwrap();
    let of = |body: &str, request: &Request<'_>| {
        let response = Response {
            status: 200,
            fields: &[(b"content-type", b"text/plain")],
            body: body.as_bytes(),
        };
        firewall.response(&Look::default(), request, &response).unwrap()
    };
    let leak = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'SELECT * FROM users WHERE id = 'abc'' at line 1";
    let found = of(leak, &get("/"));
    assert!(
        found.score >= 4 && found.matched.iter().any(|m| m.id / 1_000 == 951),
        "{found:?}"
    );
    assert_eq!(of("ok", &get("/")), Default::default());
    // What the request was is another action's.
    assert_eq!(of("ok", &get(INJECTION)).score, 0);
}

#[test]
fn many_threads_ask_one_firewall() {
    let firewall = Arc::new(Firewall::load(&Places::default()).unwrap());
    let threads: Vec<_> = (0..4_u32)
        .map(|n| {
            let firewall = firewall.clone();
            std::thread::spawn(move || {
                for i in 0..50 {
                    let look = Look {
                        exclude: vec![900_000 + n * 100 + i],
                        ..Look::default()
                    };
                    assert!(firewall.request(&look, &get(INJECTION)).unwrap().score >= 5);
                    assert_eq!(firewall.request(&look, &get("/a")).unwrap().score, 0);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

#[test]
fn without_rules_there_is_no_firewall() {
    let folder = std::env::temp_dir().join(format!("adit-waf-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let load = |setup: &str, rules: PathBuf| {
        let setup = if setup.is_empty() {
            Places::default().setup
        } else {
            folder.join(setup)
        };
        Firewall::load(&Places { setup, rules }).map(drop)
    };
    assert!(matches!(load("", folder.join("nowhere")), Err(Error::Rules(_))));
    assert!(
        matches!(load("", folder.clone()), Err(Error::Rules(_))),
        "an empty folder"
    );
    assert!(matches!(
        load("nowhere.conf", Places::default().rules),
        Err(Error::Rules(_))
    ));
    // Rules that find nothing are no firewall, though they load.
    std::fs::write(
        folder.join("x.conf"),
        "SecRule ARGS \"@streq nothing\" \"id:1,phase:2,pass\"\n",
    )
    .unwrap();
    assert!(matches!(load("", folder.clone()), Err(Error::SelfTest(_))));
    std::fs::write(folder.join("x.conf"), "SecRule\n").unwrap();
    assert!(matches!(load("", folder.clone()), Err(Error::Rules(_))));
    std::fs::remove_dir_all(&folder).unwrap();
}
