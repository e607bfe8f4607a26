//! How many connections there may be, and that the server is well again after there were too many.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;

use crate::harness::message::ok;
use crate::harness::server::{ADIT, Directory, FREE, free_range};
use crate::harness::{Agent, End, Server, Service, Site, Visitor, eventually};

/// A server whose number of descriptors is limited.
fn limited(descriptors: u32) -> Server {
    let directory = Directory::new();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("ulimit -n {descriptors}; exec \"$@\""),
            "sh",
            ADIT,
            "dev",
            "--no-agent",
            "--data-dir",
        ])
        .arg(directory.path().join("data"))
        .args(FREE)
        .args(["--tcp-ports", &free_range()])
        .env("HOME", directory.path());
    Server::started(directory, &mut command)
}

#[test]
fn one_address_has_a_limit_that_agents_are_not_held_to() {
    let server = Server::start();
    let site = Site::answering(&server, "crowd", &[], |_| ok("served"));
    // Connections that have said nothing yet; 1,024 is the limit of an address.
    let mut silent: Vec<_> = (0..1_100)
        .map(|_| std::net::TcpStream::connect(server.info.https).unwrap())
        .collect();
    eventually("all are counted", || {
        let profile = adit_tls::ClientProfile::builder(adit_tls::Roots::Pem(server.info.ca_pem()))
            .build()
            .unwrap();
        Visitor::handshake(server.info.https, &site.host, &profile)
            .is_err()
            .then_some(())
    });
    // An agent of the same address is served all the same.
    let service = Service::start(|_| ok("x"));
    let agent = Agent::http(&server, service.address())
        .url("https://late.adit.localhost")
        .start();
    // So is a visitor, when there is room again.
    silent.truncate(900);
    eventually("there is room again", || {
        let profile = adit_tls::ClientProfile::builder(adit_tls::Roots::Pem(server.info.ca_pem()))
            .build()
            .unwrap();
        let mut visitor = Visitor::handshake(server.info.https, &site.host, &profile).ok()?;
        visitor.try_send(site.get_text("/")).ok()?;
        visitor
            .try_receive(crate::harness::Of::Get)
            .ok()
            .map(|a| assert_eq!(a.text(), "served"))
    });
    drop(agent);
}

#[test]
fn after_running_out_of_descriptors_everything_works() {
    let server = limited(128);
    let site = Site::answering(&server, "crowd", &[], |_| ok("served"));
    let crowd: Vec<_> = (0..300)
        .filter_map(|_| std::net::TcpStream::connect(server.info.https).ok())
        .collect();
    drop(crowd);
    eventually("it serves again", || {
        let profile = adit_tls::ClientProfile::builder(adit_tls::Roots::Pem(server.info.ca_pem()))
            .build()
            .unwrap();
        let mut visitor = Visitor::handshake(server.info.https, &site.host, &profile).ok()?;
        visitor.try_send(site.get_text("/")).ok()?;
        visitor
            .try_receive(crate::harness::Of::Get)
            .ok()
            .map(|a| assert_eq!(a.text(), "served"))
    });
    assert_eq!(server.admin("/healthz").status(), 200);
}

#[test]
fn each_address_has_one_listening_socket() {
    let server = Server::shared("listeners");
    let service = Service::start(|_| ok("x"));
    let agent = Agent::tcp(server, service.address()).start();
    let mut listening: BTreeMap<u16, usize> = BTreeMap::new();
    for line in std::fs::read_to_string("/proc/net/tcp").unwrap().lines().skip(1) {
        let mut words = line.split_whitespace();
        let (Some(local), Some(state)) = (words.nth(1), words.nth(1)) else {
            continue;
        };
        if state == "0A" {
            let port = u16::from_str_radix(local.rsplit_once(':').unwrap().1, 16).unwrap();
            *listening.entry(port).or_default() += 1;
        }
    }
    for port in [
        server.info.https.port(),
        server.info.http.port(),
        server.info.admin.port(),
        agent.port(),
    ] {
        assert_eq!(listening.get(&port), Some(&1), "{port}");
    }
}

#[test]
fn a_tcp_port_that_somebody_else_has_costs_only_its_own_endpoint() {
    let range = free_range();
    let first = range.split('-').next().unwrap();
    let taken = TcpListener::bind(format!("127.0.0.1:{first}")).unwrap();
    let directory = Directory::new();
    let mut command = directory.dev();
    command.arg("--no-agent").args(FREE).args(["--tcp-ports", &range]);
    let server = Server::started(directory, &mut command);
    let service = Service::start(|_| ok("x"));
    let ended = Agent::tcp(&server, service.address())
        .url(&format!("tcp://tcp.adit.localhost:{first}"))
        .launch()
        .ended();
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(
        ended.stderr.contains("ERR_") && ended.stderr.contains(first),
        "{ended:?}"
    );
    // Where no port is asked for, another one is given.
    let agents: Vec<_> = (0..3)
        .map(|i| {
            Agent::tcp(&server, service.address())
                .args(["--name", &format!("t{i}")])
                .start()
        })
        .collect();
    for agent in &agents {
        assert_ne!(agent.port().to_string(), first);
        let mut visitor = Visitor::plain(format!("127.0.0.1:{}", agent.port()).parse().unwrap());
        assert_eq!(
            visitor
                .ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .text(),
            "x"
        );
        visitor.finish();
        assert_eq!(visitor.rest().1, End::Clean);
    }
    drop(taken);
}
