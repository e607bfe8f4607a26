//! A full disk: visitors and agents notice nothing, changes are refused and leave nothing behind.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use super::{adit, intact, make_policy};
use crate::harness::{Agent, Server, Service, Site, Visitor, eventually};

/// Of the data directory: the reserve of the spool, and room for the database at its beginning.
const DISK: u64 = 100 << 20;

/// Takes all room that is left; the file that has it.
fn fill(server: &Server) -> PathBuf {
    let data = server.directory().join("data");
    let path = PathBuf::from(format!("/proc/{}/root{}/fill", server.process.id(), data.display()));
    let mut file = File::create(&path).unwrap();
    let block = vec![1; 64 << 10];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&[1]).is_ok() {}
    path
}

#[test]
fn a_full_disk_stops_changes_and_nothing_else() {
    let server = Server::on_small_disk(DISK);
    let site = Site::answering(&server, "before-full", &[], |_| crate::harness::message::ok("hello"));
    assert_eq!(site.get("/").status(), 200);
    assert_eq!(make_policy(&server).0, 201);

    let filler = fill(&server);
    // What the database has room for inside of its files still goes.
    let mut made = 1;
    let refused = loop {
        let (status, body) = make_policy(&server);
        if status != 201 {
            break (status, body);
        }
        made += 1;
        assert!(made < 5_000, "the disk is not full");
        // It has moved its log into its file meanwhile.
        let _ = File::options()
            .append(true)
            .open(&filler)
            .unwrap()
            .write_all(&[1; 4_096]);
    };
    assert_eq!(refused.0, 503, "{refused:?}");
    assert_eq!(refused.1["error_code"], "ERR_ADIT_2012", "{refused:?}");
    // The data plane: visitors, and agents that come now; what they do is recorded in the reserve.
    assert_eq!(site.get("/").status(), 200);
    let service = Service::start(|_| crate::harness::message::ok("hello"));
    let late = Agent::http(&server, service.address())
        .url("https://late-full.adit.localhost")
        .start();
    let mut visitor = Visitor::tls(&server, "late-full.adit.localhost");
    let answer = visitor.ask("GET / HTTP/1.1\r\nHost: late-full.adit.localhost\r\n\r\n");
    assert_eq!(answer.status(), 200);
    assert_eq!(server.metric("adit_events_dropped_total", &["queue=\"spool\""]), 0.0);
    assert!(
        server.metric("adit_event_spool_bytes", &[]) > 0.0,
        "it waits in the spool"
    );

    std::fs::remove_file(filler).unwrap();
    eventually("changes are taken again", || {
        (make_policy(&server).0 == 201).then_some(())
    });
    // Nothing of what was refused is there, and what was recorded meanwhile is.
    let list = adit(&server, &["api", "ip-policies", "list", "--all", "-o", "jsonl"]);
    assert_eq!(list.stdout.lines().count(), made + 1, "{list:?}");
    eventually("what happened meanwhile is in the log", || {
        let filter = "obj.event_type == \"endpoint_online.v0\"";
        let list = adit(&server, &["audit", "list", "--filter", filter, "--all", "-o", "jsonl"]);
        list.stdout.contains("late-full").then_some(())
    });
    intact(&adit(&server, &["audit", "verify"]));
    drop(late);
}
