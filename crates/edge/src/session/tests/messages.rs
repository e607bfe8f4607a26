//! What may be said when, in which pieces, and what is answered.

use adit_mux::CloseReason;
use adit_protocol::typed_stream::StreamType;
use serde_json::{Value, json};

use super::{Server, TOKEN, assert_code, bind, read_to_end, state};

#[tokio::test]
async fn login_bind_a_visitor_and_unbind() {
    let server = Server::new();
    let mut client = server.logged_in().await;
    let answer = client.bind("app.adit.example.com").await;
    assert_eq!(answer["URL"], "https://app.adit.example.com");
    for key in ["Hostname", "Auth", "Subdomain", "HostHeaderRewrite", "ProxyProto"] {
        assert!(answer["Opts"].get(key).is_some(), "{key} is missing: {answer}");
    }
    assert!(server.is_online("app.adit.example.com"));

    let pool = server
        .directory
        .find(adit_cluster::Class::Sni, "app.adit.example.com")
        .unwrap();
    let leg = pool.members()[0].leg().unwrap();
    let mut visitor = leg.open(b"\0\0\0\x03hello").unwrap();
    let mut at_agent = client.incoming.accept().await.unwrap();
    assert_eq!(at_agent.chunk().await.unwrap().unwrap(), &b"\0\0\0\x03hello"[..]);
    at_agent.send_all(b"world").await.unwrap();
    assert_eq!(visitor.chunk().await.unwrap().unwrap(), &b"world"[..]);

    let unbind = json!({"Id": answer["Id"]});
    assert_eq!(client.ask(StreamType::Unbind, &unbind).await, json!({}));
    assert!(server.directory.is_empty());
    assert_eq!(client.ask(StreamType::Unbind, &unbind).await, json!({}));
    assert_code(
        &client.ask(StreamType::Unbind, &json!({"Id": "ep_never"})).await,
        "ERR_NGROK_333",
    );
}

#[tokio::test]
async fn a_message_in_frames_of_one_byte_is_answered() {
    let server = Server::new();
    let client = server.connect();
    let mut stream = client.session.open(&[0]).unwrap();
    let body = state::auth_json(TOKEN).to_string();
    for byte in [0, 0, 0]
        .iter()
        .chain(body.as_bytes())
        .chain(b"\n trailing bytes mean nothing")
    {
        stream.send_all(&[*byte]).await.unwrap();
    }
    let answer = read_to_end(&mut stream).await;
    assert!(answer["ClientId"].as_str().unwrap().starts_with("ts_"));
    assert_eq!(server.agents.sessions(|s| s.counts()).sessions, 1);
}

#[tokio::test]
async fn unknown_types_are_told_so_and_the_connection_goes_on() {
    let server = Server::new();
    let client = server.logged_in().await;
    // A number nobody knows, types that only the server opens, and the control stream that was not negotiated.
    for number in [77, 3, 5, 9, 16] {
        let answer = client.ask(StreamType::from_number(number), &json!({})).await;
        assert_eq!(
            answer,
            json!({"Error": format!("Unknown stream type: {number}\n\nERR_NGROK_800\n")})
        );
    }
    client.bind("app.adit.example.com").await;
}

#[tokio::test]
async fn before_the_login_only_the_login_and_questions_about_the_server_are_taken() {
    let server = Server::new();
    let client = server.connect();
    for kind in [
        StreamType::Bind,
        StreamType::Unbind,
        StreamType::PatchTunnelState,
        StreamType::StartTunnelWithLabel,
    ] {
        assert_code(&client.ask(kind, &bind("a.adit.example.com")).await, "ERR_ADIT_1101");
    }
    assert_eq!(
        client.ask(StreamType::SrvInfo, &json!({})).await,
        json!({"Region": "local"})
    );
    let answer = client.ask(StreamType::Auth, &state::auth_json(TOKEN)).await;
    assert_eq!(answer["Error"], Value::Null);
    assert_eq!(
        client.ask(StreamType::SrvInfo, &json!({})).await,
        json!({"Region": "local"})
    );
    client.bind("a.adit.example.com").await;
}

#[tokio::test]
async fn a_second_login_on_a_connection_disturbs_nothing() {
    let server = Server::new();
    let client = server.logged_in().await;
    client.bind("app.adit.example.com").await;
    assert_code(
        &client.ask(StreamType::Auth, &state::auth_json(TOKEN)).await,
        "ERR_ADIT_1102",
    );
    assert!(server.is_online("app.adit.example.com"));
    client.bind("other.adit.example.com").await;
    assert_eq!(server.agents.sessions(|s| s.counts()).sessions, 1);
}

#[tokio::test]
async fn messages_that_are_too_large_or_no_json_are_refused_on_their_stream() {
    let server = Server::new();
    let client = server.logged_in().await;
    let mut huge = client.open(StreamType::Bind, b"{\"Proto\":\"");
    let sent = async {
        // The server may stop reading in the midst of it.
        for _ in 0..(2 << 20) / (64 << 10) {
            if huge.send_all(&[b'x'; 64 << 10]).await.is_err() {
                break;
            }
        }
        read_to_end(&mut huge).await
    };
    assert_code(&sent.await, "ERR_NGROK_812");
    for (kind, code) in [
        (StreamType::Bind, "ERR_NGROK_301"),
        (StreamType::Unbind, "ERR_NGROK_801"),
        (StreamType::PatchTunnelState, "ERR_NGROK_801"),
    ] {
        let mut stream = client.open(kind, b"not json");
        assert_code(&read_to_end(&mut stream).await, code);
        let mut stream = client.open(kind, b"{\"Id\":7,\"TunnelId\":7}");
        assert_code(&read_to_end(&mut stream).await, code);
    }
    client.bind("app.adit.example.com").await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_answered_and_then_the_connection_ends_without_goaway() {
    let server = Server::new();
    for (body, code) in [
        (state::auth_json("BAD").to_string(), "ERR_NGROK_105"),
        (state::auth_json("").to_string(), "ERR_NGROK_4018"),
        ("[]".to_owned(), "ERR_NGROK_109"),
        ("{\"Version\":3}".to_owned(), "ERR_NGROK_109"),
        (format!("{{\"x\":\"{}\"}}", "x".repeat(70_000)), "ERR_NGROK_812"),
    ] {
        let client = server.connect();
        let mut stream = client.open(StreamType::Auth, &body.as_bytes()[..body.len().min(60_000)]);
        if body.len() > 60_000 {
            stream.send_all(&body.as_bytes()[60_000..]).await.unwrap();
        }
        let answer = read_to_end(&mut stream).await;
        assert_code(&answer, code);
        assert_eq!(
            (&answer["Version"], &answer["ClientId"], &answer["Extra"]),
            (&json!(""), &json!(""), &json!({}))
        );
        drop(stream);
        let began = tokio::time::Instant::now();
        assert_eq!(client.end().await, CloseReason::Eof);
        assert!(began.elapsed().as_secs() <= 3);
    }
    assert_eq!(
        (
            server.agents.sessions(|s| s.counts()).sessions,
            server.agents.connections()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn who_comes_back_takes_the_place_of_the_old_connection() {
    let server = Server::new();
    let first = server.connect();
    let answer = first.ask(StreamType::Auth, &state::auth_json(TOKEN)).await;
    let bound = first.bind("app.adit.example.com").await;
    let mut login = state::auth_json(TOKEN);
    login["ClientId"] = answer["ClientId"].clone();
    login["Extra"]["Cookie"] = answer["Extra"]["Cookie"].clone();
    let second = server.connect();
    let again = second.ask(StreamType::Auth, &login).await;
    assert_eq!(again["ClientId"], answer["ClientId"]);
    let replaced = CloseReason::GoAway {
        code: 0,
        message: "replaced".to_owned(),
    };
    assert_eq!(first.end().await, replaced);
    let mut rebind = bind("app.adit.example.com");
    rebind["Id"] = bound["Id"].clone();
    rebind["Extra"]["Token"] = bound["Extra"]["Token"].clone();
    let back = second.ask(StreamType::Bind, &rebind).await;
    assert_eq!((&back["Id"], &back["URL"]), (&bound["Id"], &bound["URL"]));
    assert!(server.is_online("app.adit.example.com"));
    let counts = server.agents.sessions(|s| s.counts());
    assert_eq!(
        (counts.sessions, counts.legs, counts.endpoints, counts.deadlines),
        (1, 1, 1, 0)
    );
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_its_names_reserved() {
    let server = Server::new();
    let client = server.logged_in().await;
    client.bind("app.adit.example.com").await;
    client.session.abort();
    client.end().await;
    assert!(!server.is_online("app.adit.example.com"));
    let counts = server.agents.sessions(|s| s.counts());
    assert_eq!((counts.sessions, counts.legs, counts.endpoints), (1, 0, 1));
    let other = server.logged_in().await;
    let refused = other.ask(StreamType::Bind, &bind("app.adit.example.com")).await;
    assert_code(&refused, "ERR_NGROK_334");
}
