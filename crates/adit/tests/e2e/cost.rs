//! What a small request costs in system calls, counted by `strace`: times differ from machine to machine, counts do not.

use std::process::{Command, Stdio};

use crate::harness::message::ok;
use crate::harness::{Server, Site, eventually};

/// Counts the system calls of a process while `work` runs.
fn calls_during(pid: u32, work: impl FnOnce()) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-c", "-o"])
        .arg(&summary)
        .args(["-p", &pid.to_string()]);
    let mut strace = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let traced = || {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        tasks.into_iter().all(|task| {
            // A thread that ended meanwhile needs no tracing.
            std::fs::read_to_string(task.unwrap().path().join("status"))
                .map_or(true, |status| !status.contains("TracerPid:\t0\n"))
        })
    };
    eventually("strace follows every thread", || traced().then_some(()));
    work();
    let interrupted = Command::new("kill")
        .args(["-INT", &strace.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    strace.wait().unwrap();
    let text = std::fs::read_to_string(&summary).unwrap();
    let total = text
        .lines()
        .find(|line| line.ends_with(" total"))
        .unwrap_or_else(|| panic!("{text}"));
    // % time, seconds, usecs/call, calls, (errors,) total
    let calls = total.split_whitespace().nth(3).unwrap();
    calls.parse().unwrap_or_else(|e| panic!("{total}: {e}"))
}

const REQUESTS: u64 = 300;

/// One visitor, one request at a time: nothing can be shared, so this is what a request costs at most. Six are needed
/// on either side (sleep, read and write, each toward both neighbours).
#[test]
fn a_request_alone_costs_few_system_calls() {
    let server = Server::start();
    let site = Site::answering(&server, "cost", &[], |_| ok("served"));
    let mut visitor = site.visitor();
    let mut ask = || {
        for _ in 0..REQUESTS {
            assert_eq!(visitor.ask(site.get_text("/")).text(), "served");
        }
    };
    ask();
    for (who, pid, most) in [
        ("server", server.process.id(), 8),
        ("agent", site.agent.process.id(), 8),
    ] {
        let calls = calls_during(pid, &mut ask);
        println!("{who}: {calls} calls for {REQUESTS} requests");
        assert!(calls < most * REQUESTS, "{who}: {calls} calls for {REQUESTS} requests");
        assert!(
            calls > 2 * REQUESTS,
            "{who}: {calls} calls for {REQUESTS} requests cannot be all"
        );
    }
}

/// Visitors at once share the agent's connection: its reads and writes carry several requests. The goal of a release is 7
/// for both sides together (docs/performance.md); tracing slows the program down, which gathers more.
#[test]
fn requests_at_once_share_system_calls() {
    const VISITORS: u64 = 32;
    let server = Server::start();
    let site = Site::answering(&server, "shared-cost", &[], |_| ok("served"));
    let mut visitors: Vec<_> = (0..VISITORS).map(|_| site.visitor()).collect();
    let mut load = || {
        std::thread::scope(|scope| {
            for visitor in &mut visitors {
                scope.spawn(|| {
                    for _ in 0..REQUESTS / 10 {
                        assert_eq!(visitor.ask(site.get_text("/")).text(), "served");
                    }
                });
            }
        });
    };
    load();
    let requests = VISITORS * (REQUESTS / 10);
    let calls = calls_during(server.process.id(), &mut load) + calls_during(site.agent.process.id(), &mut load);
    println!("{calls} calls for {requests} requests");
    assert!(calls <= 7 * requests, "{calls} calls for {requests} requests");
}
