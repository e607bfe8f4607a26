//! Generated HTTP/1 messages through the whole road to upstreams that parse them again with other people's code: Node's
//! HTTP server, alone and behind nginx. What they understood is what was decided here, byte for byte; what was refused
//! here they never see.
//!
//! `ADIT_DIFFERENTIAL=100000` sets how many; `ADIT_DIFFERENTIAL_SEED` repeats a run.

mod generate;
mod upstream;

use adit_http1::{BodyDecoder, FieldList, Framing, Head, Known, Limits, Refusal, Version};

use crate::harness::{Agent, Of, Server, Visitor};
use generate::{Generator, Sent};
use upstream::{Heard, Node, nginx_before};

/// What a message is by the codec that the server decides with.
#[derive(Debug, PartialEq, Eq)]
struct Decided {
    method: String,
    target: String,
    /// As they go upstream, without those that the server adds.
    fields: Vec<(String, String)>,
    body: String,
    trailers: Vec<(String, String)>,
}

/// Names that the server adds behind the visitor's.
const ADDED: [&str; 7] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "Forwarded",
    "Via",
    "X-Request-Id",
];

/// Names that a visitor may not say, and those that end at each hop or say how long the body is.
fn is_the_visitors(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !adit_http1::is_hop_by_hop(Known::of(lower.as_bytes()))
        && !adit_http1::is_identity_name(lower.as_bytes())
        && !ADDED.iter().any(|a| lower == a.to_ascii_lowercase() && lower != "via")
        && !matches!(
            lower.as_str(),
            "x-real-ip"
                | "true-client-ip"
                | "cf-connecting-ip"
                | "fastly-client-ip"
                | "x-client-ip"
                | "x-forwarded-server"
                | "x-original-url"
                | "x-rewrite-url"
        )
}

fn text(bytes: &[u8]) -> String {
    crate::harness::message::text(bytes)
}

fn pairs(list: &FieldList) -> Vec<(String, String)> {
    list.fields().map(|(n, v)| (text(n.as_bytes()), text(v))).collect()
}

/// Decides on a whole message, as the server does.
fn decide(message: &[u8]) -> Result<Decided, Refusal> {
    let limits = Limits::request();
    let mut head = Head::new();
    let at = head
        .parse_request(message, &limits)?
        .expect("the generator makes whole heads");
    let framing = adit_http1::request_framing(&head)?;
    let mut decoder = BodyDecoder::new(framing, &limits);
    let mut body = Vec::new();
    let mut rest = &message[at..];
    if !matches!(framing, Framing::None | Framing::Length(0)) {
        loop {
            let step = decoder.decode(rest)?;
            body.extend_from_slice(&rest[step.data.clone()]);
            rest = &rest[step.consumed..];
            if step.end {
                break;
            }
            assert!(
                step.consumed > 0,
                "the generator makes whole bodies: {}",
                message.escape_ascii()
            );
        }
    }
    let mut trailers = decoder.trailers().clone();
    let method = text(head.method());
    adit_http1::strip_hop_by_hop(&mut head, false);
    adit_http1::filter_trailers(&mut trailers, &head);
    head.to_origin_form();
    let mut fields: Vec<_> = head.fields().map(|(n, v)| (text(n.as_bytes()), text(v))).collect();
    fields.retain(|(n, _)| is_the_visitors(n));
    if head.version() == Version::Http10 && !fields.iter().any(|(n, _)| n.eq_ignore_ascii_case("host")) {
        fields.insert(0, ("Host".to_owned(), String::new()));
    }
    Ok(Decided {
        method,
        target: text(head.target()),
        fields,
        body: text(&body),
        trailers: pairs(&trailers),
    })
}

/// Compares what an upstream heard with what was decided. `nginx`: it stood between, and frames bodies anew.
#[track_caller]
fn same(decided: &Decided, heard: &Heard, nginx: bool, message: &[u8]) {
    let shown = message[..message.len().min(2_000)].escape_ascii();
    assert_eq!(
        (&heard.method, &heard.target, &heard.body),
        (&decided.method, &decided.target, &decided.body),
        "{shown}"
    );
    let framing = ["content-length", "transfer-encoding", "connection", "te"];
    let visitors = |fields: &[(String, String)]| -> Vec<(String, String)> {
        fields
            .iter()
            .filter(|(n, _)| !framing.contains(&n.to_ascii_lowercase().as_str()) && is_the_visitors(n))
            .cloned()
            .collect()
    };
    let (mut wanted, mut got) = (visitors(&decided.fields), visitors(&heard.fields));
    // Our own Via stands behind all of the visitor's.
    let own = got.iter().rposition(|(n, v)| n == "Via" && v.ends_with(" adit"));
    assert!(own.is_some(), "{shown}");
    got.remove(own.unwrap());
    if wanted.first().is_some_and(|(n, v)| n == "Host" && v.is_empty()) {
        wanted.remove(0);
        got.retain(|(n, _)| n != "Host");
    }
    if nginx {
        // It moves Host to the front.
        let host_first = |fields: &mut Vec<(String, String)>| {
            if let Some(at) = fields.iter().position(|(n, _)| n.eq_ignore_ascii_case("host")) {
                let (_, value) = fields.remove(at);
                fields.insert(0, ("Host".to_owned(), value));
            }
        };
        host_first(&mut wanted);
        host_first(&mut got);
    } else {
        assert_eq!(heard.trailers, decided.trailers, "{shown}");
    }
    assert_eq!(got, wanted, "{shown}");
    for name in ADDED {
        let count = heard
            .fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .count();
        assert!(count == 1 || (name == "Via" && count >= 1), "{name}: {shown}");
    }
}

/// One connection: sends messages one after the other and compares; a new one after each refusal.
struct Road<'a> {
    server: &'a Server,
    host: &'a str,
    nginx: bool,
    tls: bool,
    visitor: Option<Visitor>,
    accepted: usize,
    refused: usize,
}

impl Road<'_> {
    fn go(&mut self, sent: &Sent) {
        let (server, host, tls) = (self.server, self.host, self.tls);
        let visitor = self.visitor.get_or_insert_with(|| {
            if tls {
                Visitor::tls(server, host)
            } else {
                Visitor::plain(server.info.http)
            }
        });
        let shown = sent.bytes[..sent.bytes.len().min(2_000)].escape_ascii();
        // It may be closed while it is written.
        let _ = visitor.try_send(&sent.bytes);
        let of = if sent.bytes.starts_with(b"HEAD ") {
            Of::Head
        } else {
            Of::Get
        };
        let answer = visitor
            .try_receive(of)
            .unwrap_or_else(|end| panic!("{end:?} instead of an answer: {shown}"));
        let closes = answer.get("connection") == Some("close");
        match decide(&sent.bytes) {
            Err(refusal) => {
                assert_eq!(
                    (answer.status(), answer.code()),
                    (refusal.status(), refusal.code()),
                    "{shown}: {answer:?}"
                );
                assert!(closes, "{shown}");
                self.refused += 1;
            }
            Ok(decided) if !answer.code().is_empty() => {
                // Refused for what it means and not for how it is written.
                let expected = matches!(
                    (answer.status(), answer.code()),
                    (400, "ERR_ADIT_4002")
                        | (404, "ERR_NGROK_3200")
                        | (405, "ERR_ADIT_4050")
                        | (417, "ERR_ADIT_4170")
                        | (421, "ERR_ADIT_4210")
                );
                assert!(expected && !sent.is_good, "{shown}: {answer:?} for {decided:?}");
                self.refused += 1;
            }
            Ok(decided) => {
                assert_eq!(answer.status(), 200, "{shown}: {answer:?}");
                self.accepted += 1;
                if of == Of::Get {
                    same(&decided, &Heard::read(&answer.body), self.nginx, &sent.bytes);
                }
            }
        }
        if closes {
            self.visitor = None;
        }
    }
}

fn count() -> usize {
    std::env::var("ADIT_DIFFERENTIAL")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2_000)
}

fn seed() -> u64 {
    std::env::var("ADIT_DIFFERENTIAL_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0x5eed_ad17)
}

fn run(name: &str, nginx: bool) {
    let server = Server::start();
    let node = Node::start();
    let between = nginx.then(|| nginx_before(node.address));
    let address = between.as_ref().map_or(node.address, |n| n.address);
    let host = server.host(name);
    let agents = [
        Agent::http(&server, address).url(&format!("https://{host}")).start(),
        Agent::http(&server, address).url(&format!("http://{host}")).start(),
    ];
    let per_road = count() / 2 / 4;
    let (accepted, refused) = std::thread::scope(|scope| {
        let roads: Vec<_> = (0..4_u64)
            .map(|i| {
                let (server, host) = (&server, host.as_str());
                scope.spawn(move || {
                    let mut road = Road {
                        server,
                        host,
                        nginx,
                        tls: i % 2 == 0,
                        visitor: None,
                        accepted: 0,
                        refused: 0,
                    };
                    let mut generator = Generator::new(seed() ^ (i + 1).wrapping_mul(0x9e37_79b9), host, nginx);
                    for _ in 0..per_road {
                        road.go(&generator.next());
                    }
                    (road.accepted, road.refused)
                })
            })
            .collect();
        let sums = roads
            .into_iter()
            .map(|r| r.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        sums.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    });
    drop(agents);
    let (requests, errors) = node.stats();
    assert_eq!(errors, Vec::<String>::new(), "sent upstream and no HTTP there");
    assert_eq!(
        requests, accepted,
        "{refused} were refused, and must not have been seen"
    );
    assert!(
        accepted > per_road && refused > per_road / 4,
        "{accepted} accepted, {refused} refused: the generator is one-sided"
    );
}

#[test]
fn node_understands_what_was_decided() {
    run("differential-node", false);
}

#[test]
fn nginx_and_node_understand_what_was_decided() {
    if std::process::Command::new("nginx").arg("-v").output().is_err() {
        eprintln!("nginx is not installed: nothing compared");
        return;
    }
    run("differential-nginx", true);
}
