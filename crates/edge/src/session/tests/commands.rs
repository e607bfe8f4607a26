//! Commands to agents.

use adit_cluster::{Command, CommandError};
use adit_mux::CloseReason;
use adit_protocol::typed_stream::StreamType;
use serde_json::json;
use tokio::time::Instant;

use super::{Client, Server, TOKEN, state};
use crate::session::commands::{command, stop_endpoint, stop_session};

async fn agent(server: &Server) -> (Client, String) {
    let client = server.connect();
    let answer = client.ask(StreamType::Auth, &state::auth_json(TOKEN)).await;
    (client, answer["ClientId"].as_str().unwrap().to_owned())
}

fn code(error: &CommandError) -> &'static str {
    match error {
        CommandError::Refused { code, .. } => code.as_str(),
        CommandError::NotFound => "not found",
    }
}

#[tokio::test]
async fn the_answer_of_the_agent_decides() {
    let server = Server::new();
    let (mut client, id) = agent(&server).await;
    for (answer, result) in [
        ("{}", Ok(())),
        ("{\"Error\":\"\"}", Ok(())),
        ("{\"Error\":\"cannot stop\\n\\nERR_NGROK_1\\n\"}", Err("ERR_NGROK_807")),
        ("nonsense", Err("ERR_NGROK_810")),
    ] {
        let asked = async {
            let mut stream = client.incoming.accept().await.unwrap();
            let request = stream.chunk().await.unwrap().unwrap();
            assert_eq!(request, [&StreamType::Stop.to_bytes()[..], b"{}"].concat());
            // As Go does it: the stream is not closed after the answer.
            stream.send_all(answer.as_bytes()).await.unwrap();
            stream
        };
        let (told, _stream) = tokio::join!(command(&server.agents, &id, &Command::Stop), asked);
        assert_eq!(
            told.as_ref().map_err(code),
            result.as_ref().map(|()| &()).map_err(|e| *e)
        );
        if let Err(error) = told {
            assert!(!error.to_string().contains("ERR_NGROK_1)"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_agent_that_said_it_cannot_is_not_asked() {
    let server = Server::new();
    let (_client, id) = agent(&server).await;
    let update = Command::Update {
        version: String::new(),
        permit_major_version: false,
    };
    assert_eq!(
        code(&command(&server.agents, &id, &update).await.unwrap_err()),
        "ERR_NGROK_806"
    );
    let restart = command(&server.agents, &id, &Command::Restart).await.unwrap_err();
    assert_eq!(code(&restart), "ERR_NGROK_804");
    assert!(restart.to_string().contains("too old"));
    let unknown = command(&server.agents, "ts_unknown", &Command::Stop).await;
    assert_eq!(unknown, Err(CommandError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_has_ten_seconds() {
    let server = Server::new();
    let (_client, id) = agent(&server).await;
    let began = Instant::now();
    let error = command(&server.agents, &id, &Command::Stop).await.unwrap_err();
    assert_eq!((code(&error), began.elapsed().as_secs()), ("ERR_NGROK_810", 10));
}

#[tokio::test]
async fn an_endpoint_that_is_stopped_is_gone_before_its_agent_hears_of_it() {
    let server = Server::new();
    let (mut client, id) = agent(&server).await;
    let answer = client.bind("app.adit.example.com").await;
    assert_eq!(
        stop_endpoint(&server.agents, "tn_unknown", "x"),
        Err(CommandError::NotFound)
    );
    stop_endpoint(
        &server.agents,
        answer["Extra"]["TunnelID"].as_str().unwrap(),
        "out of hours",
    )
    .unwrap();
    assert!(server.directory.is_empty());
    let mut stop = client.incoming.accept().await.unwrap();
    let mut told = stop.chunk().await.unwrap().unwrap().to_vec();
    while let Some(more) = stop.chunk().await.unwrap() {
        told.extend_from_slice(&more);
    }
    let message: serde_json::Value = serde_json::from_slice(&told[4..]).unwrap();
    assert_eq!(
        message,
        json!({"Id": answer["Id"], "Message": "out of hours", "ErrorCode": "ERR_ADIT_1210"})
    );
    client.bind("app.adit.example.com").await;
    stop_session(&server.agents, &id, "").unwrap();
    assert!(matches!(client.end().await, CloseReason::GoAway { code: 0, .. }));
    assert_eq!(server.agents.sessions(|s| s.counts()).sessions, 0);
}

#[tokio::test]
async fn more_endpoints_than_the_agent_takes_streams_at_once_are_all_told() {
    let server = Server::new();
    let (mut client, id) = agent(&server).await;
    for i in 0..120 {
        client.bind(&format!("app-{i}.adit.example.com")).await;
    }
    stop_session(&server.agents, &id, "all of them").unwrap();
    let mut told = std::collections::BTreeSet::new();
    while let Some(mut stop) = client.incoming.accept().await {
        while let Ok(Some(chunk)) = stop.chunk().await {
            told.insert(chunk);
        }
        let _ = stop.finish();
    }
    assert_eq!(told.len(), 120);
}
