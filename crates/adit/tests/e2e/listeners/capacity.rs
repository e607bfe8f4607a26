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
        Visitor::handshake(server.info.https, &site.host, &trusting(&server))
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
        let mut visitor = Visitor::handshake(server.info.https, &site.host, &trusting(&server)).ok()?;
        visitor.try_send(site.get_text("/")).ok()?;
        visitor
            .try_receive(crate::harness::Of::Get)
            .ok()
            .map(|a| assert_eq!(a.text(), "served"))
    });
    drop(agent);
}

/// A server with keys of the operator.
fn configured(keys: &[(&str, &str)]) -> Server {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.envs(keys.iter().map(|(k, v)| (format!("ADIT_SERVER__LIMITS__{k}"), v)));
    Server::started(directory, &mut command)
}

fn trusting(server: &Server) -> adit_tls::ClientProfile {
    adit_tls::ClientProfile::builder(adit_tls::Roots::Pem(server.info.ca_pem()))
        .build()
        .unwrap()
}

#[test]
fn connections_that_come_too_fast_are_reset_and_agents_are_not() {
    // One a second and two at once: nobody waits for the second that would let another one in.
    let server = configured(&[("ACCEPTS_PER_IP", "1")]);
    let crowd: Vec<_> = (0..8)
        .map(|_| std::net::TcpStream::connect(server.info.https).unwrap())
        .collect();
    let served = (0..10)
        .filter(|_| Visitor::handshake(server.info.https, "fast.adit.localhost", &trusting(&server)).is_ok())
        .count();
    let refused = server.metric("adit_connections_refused_total", &["reason=\"accepts_per_ip\""]);
    assert!(served < 10 && refused > 0.0, "{served} served, {refused} refused");
    let service = Service::start(|_| ok("x"));
    let agents: Vec<_> = (0..4)
        .map(|i| {
            Agent::http(&server, service.address())
                .url(&format!("https://fast-{i}.adit.localhost"))
                .start()
        })
        .collect();
    drop((crowd, agents));
}

#[test]
fn handshakes_of_one_address_wait_for_each_other() {
    let server = configured(&[("HANDSHAKES_PER_IP", "1")]);
    let site = Site::answering(&server, "queue", &[], |_| ok("served"));
    // The first one stops in the middle of its handshake.
    let mut first = std::net::TcpStream::connect(server.info.https).unwrap();
    std::io::Write::write_all(
        &mut first,
        &super::hello::client_hello(&["-servername", &site.host, "-tls1_3"]),
    )
    .unwrap();
    let mut flight = [0; 1];
    std::io::Read::read_exact(&mut first, &mut flight).unwrap();
    assert!(Visitor::handshake(server.info.https, &site.host, &trusting(&server)).is_err());
    assert!(server.metric("adit_connections_refused_total", &["reason=\"handshakes_per_ip\""]) >= 1.0);
    drop(first);
    eventually("there is room again", || {
        Visitor::handshake(server.info.https, &site.host, &trusting(&server))
            .ok()
            .map(drop)
    });
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
        let mut visitor = Visitor::handshake(server.info.https, &site.host, &trusting(&server)).ok()?;
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
    let (range, taken) = std::iter::repeat_with(free_range)
        .find_map(|range| {
            let first = range.split('-').next().unwrap();
            TcpListener::bind(format!("127.0.0.1:{first}"))
                .ok()
                .map(|taken| (range, taken))
        })
        .unwrap();
    let first = range.split('-').next().unwrap();
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
