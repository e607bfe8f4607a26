//! Who is refused, and how.

use super::{HOST, endpoint, request, seen, text};
use crate::harness::message::ok;
use crate::harness::{Of, Server, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("api")
}

#[track_caller]
fn refused(asked: &str, status: u16, code: &str) {
    let answer = Visitor::tls(server(), HOST).ask(asked);
    let (seen_status, json) = seen(&answer);
    assert_eq!((seen_status, text(&json, "/error_code")), (status, code), "{asked}");
    assert_eq!(json["status_code"], status);
    assert!(text(&json, "/details/operation_id").starts_with("op_"));
    assert_eq!(
        answer.get("ngrok-operation-id"),
        json["details"]["operation_id"].as_str()
    );
}

#[test]
fn without_the_right_key_or_version() {
    let asked = |fields: &str| format!("GET /tunnels HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n");
    let (key, authtoken) = (server().info.text("api_key"), server().info.text("authtoken"));
    let changed = format!(
        "{}{}",
        &key[..key.len() - 1],
        if key.ends_with('A') { "B" } else { "A" }
    );
    refused(&asked(""), 401, "ERR_NGROK_200");
    refused(&asked("Authorization: Bearer nonsense\r\n"), 401, "ERR_NGROK_202");
    refused(
        &asked(&format!("Authorization: Bearer {changed}\r\n")),
        401,
        "ERR_NGROK_203",
    );
    refused(
        &asked(&format!("Authorization: Bearer {authtoken}\r\n")),
        401,
        "ERR_NGROK_207",
    );
    refused(
        &asked(&format!("Authorization: Bearer {key}\r\n")),
        400,
        "ERR_NGROK_218",
    );
    refused(
        &asked(&format!("Authorization: Bearer {key}\r\nNgrok-Version: 1\r\n")),
        400,
        "ERR_NGROK_217",
    );
}

#[test]
fn what_is_not_there() {
    let s = server();
    refused(&request(s, "GET", "/nowhere", "", ""), 404, "ERR_ADIT_2003");
    refused(&request(s, "PUT", "/tunnels", "", ""), 405, "ERR_ADIT_2002");
    let nobody = "/tunnel_sessions/ts_0ujtsYcgvSTl8PAuAdqWYSMnLOv";
    refused(&request(s, "GET", nobody, "", ""), 404, "ERR_ADIT_2001");
    refused(
        &request(s, "POST", &format!("{nobody}/stop"), "", ""),
        404,
        "ERR_ADIT_2001",
    );
}

#[test]
fn an_agents_endpoint_is_not_deleted_here() {
    let site = Site::answering(server(), "api-kept", &[], |_| ok("kept"));
    let id = text(&endpoint(server(), &site.agent.url), "/id").to_owned();
    refused(
        &request(server(), "DELETE", &format!("/endpoints/{id}"), "", ""),
        400,
        "ERR_ADIT_2018",
    );
    assert_eq!(site.get("/").text(), "kept");
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_was_sent() {
    let key = server().info.text("api_key");
    let mut visitor = Visitor::tls(server(), HOST);
    visitor.send(format!(
        "POST /tunnel_sessions/ts_x/stop HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n\
         Ngrok-Version: 2\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n{{"
    ));
    let (status, json) = seen(&visitor.receive(Of::Get));
    assert_eq!((status, text(&json, "/error_code")), (413, "ERR_ADIT_2004"));
}

#[test]
fn another_host_on_its_connection_and_plain_http() {
    let s = server();
    let elsewhere = request(s, "GET", "/tunnels", "", "").replace(HOST, "elsewhere.adit.localhost");
    refused(&elsewhere, 421, "ERR_ADIT_4210");
    // A key in the clear is not led to where it works, and learns no more than at a name that nobody has.
    let [api, nobody] = [HOST, "nobody.adit.localhost"].map(|host| {
        let asked = request(s, "GET", "/tunnels", "", "").replace(HOST, host);
        let answer = Visitor::plain(s.info.http).ask(asked);
        assert_eq!((answer.status(), answer.get("location")), (404, None));
        assert_eq!(answer.code(), "ERR_NGROK_3200");
        let id = answer.get("x-request-id").unwrap().to_owned();
        let text = String::from_utf8(answer.body).unwrap();
        text.replace(host, "the host").replace(&id, "the request")
    });
    assert_eq!(api, nobody);
}

#[test]
fn a_client_that_says_nothing_costs_nobody_else_anything() {
    let s = server();
    let silent: Vec<_> = (0..20).map(|_| Visitor::tls(s, HOST)).collect();
    assert_eq!(
        super::get(s, "/tunnels")["uri"],
        format!("{}/tunnels", s.info.text("api_url"))
    );
    drop(silent);
}
