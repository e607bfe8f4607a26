//! What only Adit's own agent and server say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use adit_protocol::capability::{Capabilities, Capability, LegAddress, Offer, ServerOffer};
use adit_protocol::control::{
    ControlMessage, Health, MAX_LEN, StreamErrorClass, Upstream, UpstreamHealth, UpstreamState,
};
use adit_protocol::fuzz;
use adit_protocol::message::{Auth, AuthResp, Error, Message};
use proptest::prelude::*;
use serde_json::{Value, json};

fn server() -> ServerOffer {
    ServerOffer {
        caps: Capabilities::of(&[Capability::Control, Capability::Drain, Capability::Window]),
        transports: vec!["tls".to_owned(), "quic".to_owned()],
        max_legs: 4,
        addresses: vec![LegAddress {
            transport: "quic".to_owned(),
            addr: "connect.example.com:443".to_owned(),
            node: "n2".to_owned(),
        }],
        window: 1 << 20,
        max_streams: 16_384,
        max_frame: 65_536,
        node: "n1".to_owned(),
        session_budget: 32 << 20,
        resume_window_ms: 30_000,
    }
}

#[test]
fn the_grant_is_the_intersection() {
    let auth = json!({"Extra":{"Adit":{"v":1,"caps":["control","udp","window","from_the_future"],"instance":"00ff","legs":2,
        "transports":["tls","websocket"],"window":4194304,"max_streams":100,"max_frame":0,"unknown":1}}});
    let auth = Auth::decode(auth.to_string().as_bytes()).unwrap();
    let grant = auth.extra.adit.unwrap().negotiate(&server());
    assert!(grant.caps.has(Capability::Control) && grant.caps.has(Capability::Window));
    assert!(!grant.caps.has(Capability::Udp) && !grant.caps.has(Capability::Drain));
    let mut answer = AuthResp::default();
    answer.extra.adit = Some(grant);
    let value: Value = serde_json::from_slice(&answer.encode()).unwrap();
    assert_eq!(
        value["Extra"]["Adit"],
        json!({"v":1,"caps":["control","window"],"instance":"00ff",
               "legs":{"max":2,"addresses":[{"transport":"quic","addr":"connect.example.com:443","node":"n2"}]},
               "transports":["tls"],"window":1_048_576,"max_streams":100,"max_frame":65_536,"node":"n1",
               "session_budget":33_554_432,"resume_window_ms":30_000})
    );
    assert_eq!(AuthResp::decode(&answer.encode()).unwrap(), answer);
}

#[test]
fn a_newer_agent_gets_our_version_and_never_less_than_muxado_needs() {
    let grant = Offer {
        v: 9,
        window: 1,
        max_frame: 1,
        ..Offer::default()
    }
    .negotiate(&server());
    assert_eq!(
        (grant.v, grant.window, grant.max_frame, grant.max_streams),
        (1, 0x4_0000, 4096, 16_384)
    );
    assert_eq!(grant.caps, Capabilities::NONE);
}

#[test]
fn who_does_not_ask_gets_nothing() {
    let text = String::from_utf8(
        AuthResp {
            version: "3".to_owned(),
            ..AuthResp::default()
        }
        .encode(),
    )
    .unwrap();
    assert!(!text.contains("Adit"));
    assert_eq!(
        Auth::decode(br#"{"Extra":{"UserAgent":"adit-agent/1","Adit":null}}"#)
            .unwrap()
            .extra
            .adit,
        None
    );
}

fn every_message() -> Vec<(ControlMessage, Value)> {
    let addresses = || {
        vec![LegAddress {
            transport: "tls".to_owned(),
            addr: "a:1".to_owned(),
            node: "n".to_owned(),
        }]
    };
    let s = |text: &str| text.to_owned();
    let place = json!([{"transport":"tls","addr":"a:1","node":"n"}]);
    vec![
        (ControlMessage::Probe { n: 7 }, json!({"t":"probe","n":7})),
        (
            ControlMessage::ProbeOk {
                n: 7,
                ep: vec![UpstreamState {
                    id: s("e"),
                    up: Upstream::Refused,
                    at: 5,
                    err: s("no"),
                }],
            },
            json!({"t":"probe_ok","n":7,"ep":[{"id":"e","up":"refused","at":5,"err":"no"}]}),
        ),
        (
            ControlMessage::Health {
                ep: vec![UpstreamHealth {
                    id: s("e"),
                    state: Health::Down,
                    reason: s("r"),
                    since: 9,
                }],
            },
            json!({"t":"health","ep":[{"id":"e","state":"down","reason":"r","since":9}]}),
        ),
        (
            ControlMessage::BindState {
                id: s("e"),
                status: s("online"),
                reason: s("ok"),
                detail: s(""),
            },
            json!({"t":"bind_state","id":"e","status":"online","reason":"ok","detail":""}),
        ),
        (
            ControlMessage::Drain {
                deadline_ms: 1,
                addresses: addresses(),
                reason: s("r"),
            },
            json!({"t":"drain","deadline_ms":1,"addresses":place,"reason":"r"}),
        ),
        (ControlMessage::Drained, json!({"t":"drained"})),
        (
            ControlMessage::Leave { deadline_ms: 2 },
            json!({"t":"leave","deadline_ms":2}),
        ),
        (
            ControlMessage::Legs {
                addresses: addresses(),
                want: 3,
            },
            json!({"t":"legs","addresses":place,"want":3}),
        ),
        (
            ControlMessage::StreamError {
                sid: 8,
                class: StreamErrorClass::RefusedByAgent,
                addr: s("a"),
                err: s("b"),
            },
            json!({"t":"stream_error","sid":8,"class":"refused_by_agent","addr":"a","err":"b"}),
        ),
        (
            ControlMessage::Notice {
                level: s("info"),
                code: s("ERR_ADIT_1202"),
                text: s("x"),
                url: s(""),
            },
            json!({"t":"notice","level":"info","code":"ERR_ADIT_1202","text":"x","url":""}),
        ),
        (
            ControlMessage::Limits {
                window: Some(1),
                max_streams: None,
                max_frame: None,
                session_budget: None,
                resume_window_ms: None,
            },
            json!({"t":"limits","window":1}),
        ),
        (
            ControlMessage::Goodbye {
                code: s("c"),
                text: s("t"),
            },
            json!({"t":"goodbye","code":"c","text":"t"}),
        ),
    ]
}

#[test]
fn control_messages_have_their_documented_form() {
    let mut stream = Vec::new();
    for (message, json) in every_message() {
        let mut out = Vec::new();
        message.encode(&mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out[4..]).unwrap(), json);
        assert_eq!(out[..4], u32::try_from(out.len() - 4).unwrap().to_be_bytes());
        for cut in 0..out.len() {
            assert_eq!(ControlMessage::decode(&out[..cut]), Ok(None));
        }
        stream.extend_from_slice(&out);
    }
    let mut rest = stream.as_slice();
    for (message, _) in every_message() {
        let (read, consumed) = ControlMessage::decode(rest).unwrap().unwrap();
        assert_eq!(read, message);
        rest = &rest[consumed..];
    }
    assert!(rest.is_empty());
}

#[test]
fn unknown_is_ignored_wrong_is_refused() {
    let decode = |text: &str| {
        let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        ControlMessage::decode(&bytes).map(|found| found.map(|(message, _)| message))
    };
    assert_eq!(
        decode(r#"{"t":"newer","x":{"y":[1]}}"#),
        Ok(Some(ControlMessage::Unknown))
    );
    assert_eq!(
        decode(r#"{"t":"probe","n":1,"more":true}"#),
        Ok(Some(ControlMessage::Probe { n: 1 }))
    );
    let state = decode(r#"{"t":"probe_ok","n":1,"ep":[{"id":"e","up":"melting"}]}"#)
        .unwrap()
        .unwrap();
    assert!(matches!(state, ControlMessage::ProbeOk { ep, .. } if ep[0].up == Upstream::Unknown));
    for text in [r#"{"n":1}"#, r#"{"t":"probe"}"#, r#"{"t":1}"#, "[]", "x", ""] {
        assert!(decode(text).is_err(), "{text}");
    }
    assert_eq!(
        ControlMessage::decode(&(MAX_LEN as u32 + 1).to_be_bytes()),
        Err(Error::TooLarge)
    );
    let mut out = b"x".to_vec();
    let long = ControlMessage::Goodbye {
        code: String::new(),
        text: "y".repeat(MAX_LEN),
    };
    assert_eq!(long.encode(&mut out), Err(Error::TooLarge));
    assert_eq!(out, b"x");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), length in 0_u32..70) {
        fuzz::control(&bytes);
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(&bytes);
        fuzz::control(&framed);
    }
}
