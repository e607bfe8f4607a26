//! What happens last is in the log: endpoints that go off line because the server stops.

use super::{intact, offline, texts};
use crate::harness::{Agent, Server, Service};

#[test]
fn endpoints_that_go_off_line_because_the_server_stops_are_recorded() {
    let server = Server::start();
    let service = Service::echo();
    let agent = Agent::http(&server, service.address()).start();
    let data = server.directory().join("data");
    server.process.signal("TERM");
    // The folder lives as long as what is left of the server.
    let Server { process, .. } = server;
    let ended = process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    drop(agent);
    intact(&offline(&["audit", "verify", "--data-dir", data.to_str().unwrap()]));
    let order = "ORDER BY position";
    let told = texts(
        &data.join("adit.db"),
        &format!("SELECT event_type FROM log WHERE chain = 'live' {order}"),
    );
    // An endpoint that went on line a moment ago is held back for five seconds while the server runs, not when it stops.
    // Its session is not over: the agent may resume it with the next process.
    for wanted in ["agent_session_start.v0", "endpoint_online.v0", "endpoint_offline.v0"] {
        assert!(told.iter().any(|event| event == wanted), "no {wanted} in {told:?}");
    }
    // And signed: no chain has entries behind its last signed head.
    let unsigned = texts(
        &data.join("adit.db"),
        "SELECT organization_id || '/' || chain FROM log_head WHERE chain <> '' AND seq > COALESCE((SELECT MAX(position) \
         FROM work WHERE class = 'checkpoint_cursor' AND key = log_head.organization_id || '/' || log_head.chain), 0)",
    );
    assert_eq!(unsigned, Vec::<String>::new());
}
