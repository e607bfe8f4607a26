//! Reading in pieces and in any case, what is sent, and which code a bad message gets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::{ErrorCode, cidr};
use adit_protocol::client_family::{ClientFamily, Limits};
use adit_protocol::json::{MAX_SIZE, Reader, Scanner};
use adit_protocol::message::{
    Auth, AuthResp, Bind, BindResp, Error, Message, PatchTunnelState, StopTunnel, Unbind, error_answer,
};
use adit_protocol::{StreamType, fuzz};
use proptest::prelude::*;
use serde_json::{Value, json};

fn decode<T: Message>(text: &str) -> Result<T, Error> {
    T::decode(text.as_bytes())
}

#[test]
fn a_message_byte_by_byte_without_end() {
    let text = br#" {"Id":"a}\"{","Extra":{"x":[{"y":"\\"}]}} {"Id":"second"}"#;
    let mut reader = Reader::default();
    let mut found = None;
    for (i, byte) in text.iter().enumerate() {
        if let Some(json) = reader.push(&[*byte]).unwrap() {
            found = Some((i, json.to_vec()));
            break;
        }
    }
    let (at, json) = found.unwrap();
    assert_eq!(at, 41);
    assert_eq!(Unbind::decode(&json).unwrap().id, "a}\"{");
    // What comes later changes nothing.
    assert_eq!(reader.push(b"garbage").unwrap().map(<[u8]>::to_vec), Some(json));
}

#[test]
fn what_is_no_object_is_refused_at_its_first_byte() {
    for text in ["[", "\"", "1", "null", "}", "\u{feff}{", "x"] {
        assert!(
            matches!(Scanner::default().scan(text.as_bytes()), Err(Error::Syntax(_))),
            "{text}"
        );
    }
    assert_eq!(Scanner::default().scan(b" \r\n\t"), Ok(None));
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(Scanner::default().scan(nested(32).as_bytes()).unwrap().is_some());
    assert_eq!(Scanner::default().scan(nested(33).as_bytes()), Err(Error::TooDeep));

    let filled = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
    assert!(Scanner::default().scan(filled(MAX_SIZE).as_bytes()).unwrap().is_some());
    assert_eq!(
        Scanner::default().scan(filled(MAX_SIZE + 1).as_bytes()),
        Err(Error::TooLarge)
    );
    let mut reader = Reader::default();
    let mut outcome = Ok(None);
    for _ in 0..3 * MAX_SIZE / 4096 {
        outcome = reader.push(&[b' '; 4096]).map(|found| found.map(<[u8]>::to_vec));
        if outcome.is_err() {
            break;
        }
    }
    assert_eq!(outcome, Err(Error::TooLarge));
    assert!(reader.held_bytes() <= 2 * (MAX_SIZE + 1));
}

#[test]
fn names_in_any_case_last_wins_null_is_absent() {
    let auth: Auth = decode(
        r#"{"VERSION":["2"],"version":["3","2"],"clientid":null,"extra":{"AUTHTOKEN":"x","os":"linux","heartbeatINTERVAL":5,
            "LegNumber":null,"UpdateUnsupportedError":null,"StopUnsupportedError":"","mutualtls":null,"unknown":{"a":[1]}},"more":1}"#,
    )
    .unwrap();
    assert_eq!(auth.version, ["3", "2"]);
    assert_eq!(
        (auth.client_id.as_str(), auth.extra.token(), auth.extra.os.as_str()),
        ("", "x", "linux")
    );
    assert_eq!((auth.extra.heartbeat_interval, auth.extra.leg_number), (5, None));
    assert_eq!(
        (auth.extra.update_unsupported_error, auth.extra.stop_unsupported_error),
        (None, Some(String::new()))
    );

    let twice: Unbind = decode(r#"{"Id":"a","id":"b","ID":"c"}"#).unwrap();
    assert_eq!(twice.id, "c");
    let same: Unbind = decode(r#"{"Id":"a","Id":"b"}"#).unwrap();
    assert_eq!(same.id, "b");
    for spelling in ["AuthToken", "Authtoken", "authtoken", "AUTHTOKEN"] {
        let auth: Auth = decode(&format!(r#"{{"Extra":{{"{spelling}":"tok"}}}}"#)).unwrap();
        assert_eq!(auth.extra.token(), "tok", "{spelling}");
    }
    let patch: PatchTunnelState = decode(r#"{"TunnelId":"t","Metadata":"","Name":null}"#).unwrap();
    assert_eq!(
        (patch.metadata.as_deref(), patch.name, patch.traffic_policy),
        (Some(""), None, None)
    );
    let nothing: Bind = decode("{}").unwrap();
    assert!(nothing.http_opts().unwrap().domain.is_empty());
}

#[test]
fn bad_messages_name_the_field_and_have_a_code() {
    let error = decode::<Auth>(r#"{"Extra":{"HeartbeatInterval":"10s"}}"#).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("field Extra.HeartbeatInterval: invalid type"),
        "{error}"
    );
    assert_eq!(error.code(StreamType::Auth), ErrorCode::NGROK_109);
    let bind: Bind = decode(r#"{"Opts":{"basicauth":{"credentials":[{"username":1}]}}}"#).unwrap();
    let error = bind.http_opts().unwrap_err();
    assert!(
        error.to_string().starts_with("field BasicAuth.credentials.username: "),
        "{error}"
    );
    assert_eq!(error.code(StreamType::Bind), ErrorCode::NGROK_301);
    assert_eq!(Error::TooLarge.code(StreamType::Bind), ErrorCode::NGROK_812);
    let error = decode::<Unbind>("{\"Id\":\"\u{fffd}\"").unwrap_err();
    assert_eq!(error.code(StreamType::Unbind), ErrorCode::NGROK_801);
    assert!(Unbind::decode(b"{\"Id\":\"\xff\"}").is_err());
    let text = error.answer_text(StreamType::Unbind);
    assert!(
        text.starts_with("The Unbind message is not valid: ") && text.ends_with("\n\nERR_NGROK_801\n"),
        "{text}"
    );
    assert_eq!(
        String::from_utf8(error_answer(ErrorCode::NGROK_800, "Unknown stream type: 77")).unwrap(),
        r#"{"Error":"Unknown stream type: 77\n\nERR_NGROK_800\n"}"#
    );
}

#[test]
fn refusals_carry_the_empty_required_fields() {
    let auth: Value = serde_json::from_slice(&AuthResp::refused("no\n\nERR_NGROK_107\n".to_owned()).encode()).unwrap();
    assert_eq!(
        auth,
        json!({"Version":"","ClientId":"","Error":"no\n\nERR_NGROK_107\n","Extra":{}})
    );
    let bind: Value = serde_json::from_slice(&BindResp::refused("no".to_owned()).encode()).unwrap();
    assert_eq!(
        bind,
        json!({"Id":"","URL":"","Proto":"","Opts":{},"Error":"no","Extra":{"Token":"","TunnelID":""}})
    );
    let stop: Value = serde_json::from_slice(&StopTunnel::default().encode()).unwrap();
    assert_eq!(stop, json!({"Id":"","Message":"","ErrorCode":""}));
}

#[test]
fn options_are_echoed_whole_with_the_address_filled_in() {
    let url = |text: &str| EndpointUrl::from_canonical(text, Binding::Public).unwrap();
    let bind = |proto: &str, opts: Value| Bind {
        proto: proto.to_owned(),
        opts,
        ..Bind::default()
    };
    let go = bind(
        "https",
        json!({"URL":"https://","hostname":"","Secret":{"x":[1,null]},"TrafficPolicy":""}),
    );
    assert_eq!(
        go.opts_for_answer(&url("https://a.example.com:8443")),
        json!({"URL":"https://a.example.com:8443","hostname":"a.example.com","Secret":{"x":[1,null]},"TrafficPolicy":"",
               "Auth":"","Subdomain":"","HostHeaderRewrite":false,"ProxyProto":0})
    );
    let rust = bind("tcp", json!({"Addr":"","ProxyProto":2}));
    assert_eq!(
        rust.opts_for_answer(&url("tcp://tcp.example.com:20007")),
        json!({"Addr":"tcp.example.com:20007","ProxyProto":2})
    );
    let tls = bind("tls", Value::Null);
    assert_eq!(
        tls.opts_for_answer(&url("tls://a.example.com")),
        json!({"Hostname":"a.example.com","Subdomain":"","ProxyProto":0,"MutualTLSAtAgent":false})
    );
}

#[test]
fn secrets_do_not_reach_debug_texts() {
    let auth: Auth = decode(r#"{"Extra":{"AuthToken":"planted1","Cookie":"planted2"}}"#).unwrap();
    let bind: Bind = decode(r#"{"Opts":{"Auth":"u:planted3"},"Extra":{"Token":"planted4"}}"#).unwrap();
    let text = format!("{auth:?} {bind:?} {:?}", bind.http_opts().unwrap());
    assert!(!text.contains("planted"), "{text}");
}

#[test]
fn families_and_their_limits() {
    let family = |user_agent: &str, adit: bool| {
        let extra = if adit {
            json!({"UserAgent":user_agent,"Adit":{"v":1}})
        } else {
            json!({"UserAgent":user_agent})
        };
        ClientFamily::from_auth(&decode(&json!({"Extra":extra}).to_string()).unwrap())
    };
    assert_eq!(
        family("myapp/9.9 (a comment) ngrok-python/1.7.0 ngrok-rust/0.18.0", false),
        ClientFamily::Rust
    );
    assert_eq!(
        family("op/1 (x ngrok-rust/9 y) ngrok-go/2.1.1", false),
        ClientFamily::Go
    );
    assert_eq!(family("ngrok-go/2 ngrok-rust/1", false), ClientFamily::Rust);
    assert_eq!(family("adit-agent/0.1.0", true), ClientFamily::Adit);
    assert_eq!(family("adit-agent/0.1.0", false), ClientFamily::Unknown);
    assert_eq!(family("not-ngrok-rust/1 (ngrok-go/2)", false), ClientFamily::Unknown);
    assert_eq!(family("", false), ClientFamily::Unknown);
    assert_eq!(
        ClientFamily::Rust.limits(None),
        Limits {
            max_outbound: 448,
            max_unaccepted: 48,
            grow: false
        }
    );
    assert_eq!(
        ClientFamily::Go.limits(Some(1)),
        Limits {
            max_outbound: 4096,
            max_unaccepted: 100,
            grow: true
        }
    );
    assert_eq!(
        ClientFamily::Adit.limits(Some(99)),
        Limits {
            max_outbound: 99,
            max_unaccepted: 1024,
            grow: true
        }
    );
    assert_eq!(ClientFamily::Adit.limits(None).max_outbound, 16_384);
}

#[test]
fn stream_types() {
    assert_eq!(StreamType::read(&[0, 0, 0]), None);
    assert_eq!(StreamType::read(&[0, 0, 0, 3, 9]), Some(StreamType::Proxy));
    assert_eq!(StreamType::read(&[0xFF; 4]), Some(StreamType::Heartbeat));
    for number in (0..=20).chain([77, u32::MAX - 1, u32::MAX]) {
        let kind = StreamType::from_number(number);
        assert_eq!(StreamType::read(&kind.to_bytes()), Some(kind));
        assert!(!(matches!(kind, StreamType::Unknown(_)) && (kind.opened_by_agent() || kind.opened_by_server())));
    }
    assert_eq!(
        cidr::canonical_socket_addr("[::ffff:1.2.3.4]:5".parse().unwrap()).to_string(),
        "1.2.3.4:5"
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz::message(&bytes);
    }

    #[test]
    fn likely_bytes_do_not_panic(text in "[ ]?\\{(\"(Id|opts|Extra|URL)\":(null|1|\"[a-z\\\\\"{}]{0,5}\"|\\{\\}|\\[\\{),?){0,4}\\}{0,3}") {
        fuzz::message(text.as_bytes());
    }

    #[test]
    fn messages_encode_what_they_decode(id in "\\PC*", metadata in any::<String>(), leg in any::<Option<u32>>(), n in any::<i64>()) {
        let mut auth = Auth { client_id: id.clone(), ..Auth::default() };
        auth.extra.metadata = metadata;
        auth.extra.leg_number = leg;
        auth.extra.heartbeat_interval = n;
        auth.extra.auth_token = id;
        let bytes = auth.encode();
        let mut reader = Reader::default();
        prop_assert_eq!(reader.push(&bytes).unwrap(), Some(bytes.as_slice()));
        prop_assert_eq!(Auth::decode(&bytes).unwrap(), auth);
    }
}
