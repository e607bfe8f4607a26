//! Commands to Adit's own agent.

use serde_json::json;

use super::{endpoint, get, post, text};
use crate::harness::message::ok;
use crate::harness::{Agent, Server, Site, eventually};

#[test]
fn an_agent_that_is_stopped_ends_in_order() {
    let server = Server::shared("api");
    let site = Site::answering(server, "api-stop", &[], |_| ok("x"));
    let session = text(&endpoint(server, &site.agent.url), "/tunnel_session/id").to_owned();
    let path = format!("/tunnel_sessions/{session}/stop");
    assert_eq!(
        post(server, &path, &json!({"id": session}).to_string()),
        (204, json!(null))
    );
    let Agent { process, .. } = site.agent;
    let ended = process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    eventually("the session is gone", || {
        let (status, error) = post(server, &path, "{}");
        (status == 404).then(|| assert_eq!(error["error_code"], "ERR_ADIT_2001"))
    });
}

#[test]
fn an_agent_that_is_restarted_comes_back_with_its_url() {
    let server = Server::shared("api");
    let site = Site::answering(server, "api-restart", &[], |_| ok("again"));
    let session = text(&endpoint(server, &site.agent.url), "/tunnel_session/id").to_owned();
    let (status, json) = post(server, &format!("/tunnel_sessions/{session}/restart"), "");
    assert_eq!((status, json), (204, json!(null)));
    let started = || {
        let url = format!(" url={} ", site.agent.url);
        let said = site.agent.process.stdout();
        let lines = said.lines().filter(|l| l.starts_with("started endpoint "));
        lines.filter(|l| l.contains(&url)).count()
    };
    eventually("the endpoint was started anew", || (started() == 2).then_some(()));
    assert_eq!(site.get("/").text(), "again");
    let back = endpoint(server, &site.agent.url);
    assert_ne!(text(&back, "/tunnel_session/id"), session, "it is the old program");
    assert_eq!(site.agent.stop().code(), 0);
}

#[test]
fn an_agent_that_cannot_is_not_asked() {
    let server = Server::shared("api");
    let site = Site::answering(server, "api-update", &[], |_| ok("x"));
    let session = text(&endpoint(server, &site.agent.url), "/tunnel_session/id").to_owned();
    let (status, error) = post(
        server,
        &format!("/tunnel_sessions/{session}/update"),
        "{\"version\":\"9.9\"}",
    );
    assert_eq!(
        (status, &error["error_code"]),
        (400, &"ERR_NGROK_806".into()),
        "{error}"
    );
    let known = get(server, &format!("/adit/tunnel_sessions/{session}"));
    let reason = text(&known, "/commands/update/reason");
    assert!(
        !reason.is_empty() && text(&error, "/msg").contains(reason),
        "{error} {known}"
    );
    assert!(!site.agent.process.stdout().contains("remote command"));
}

#[test]
fn an_endpoint_that_is_disabled_is_gone_and_its_agent_knows() {
    let server = Server::shared("api");
    let site = Site::answering(server, "api-disable", &[], |_| ok("x"));
    let id = text(&endpoint(server, &site.agent.url), "/id").to_owned();
    let path = format!("/adit/endpoints/{id}/disable");
    assert_eq!(post(server, &path, "{\"message\":\"out of hours\"}").0, 204);
    let (status, error) = post(server, &path, "{}");
    assert_eq!((status, &error["error_code"]), (404, &"ERR_ADIT_2001".into()));
    let ended = site.agent.process.ended();
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(
        ended.stderr.contains("out of hours") && ended.stderr.contains("ERR_ADIT_1210"),
        "{ended:?}"
    );
}
