//! The web application firewall: attacks in requests, and what responses should not show. With the feature `waf`.

use super::{get, refused};
use crate::harness::Server;
#[cfg(feature = "waf")]
use {
    super::{endpoint, governed, scripted, until, url},
    crate::api,
    crate::harness::message::response,
    crate::harness::server::Directory,
    crate::harness::{Agent, H2, Message, Of, Process, Visitor},
    http::Method,
    serde_json::json,
    std::io::Write as _,
};

const REQUEST: &str = "on_http_request:\n  - actions: [{type: owasp-crs-request, config: {process_body: true}}]\n";

/// Without the feature the rule is refused, and what is written there says what to do.
#[cfg(not(feature = "waf"))]
#[test]
fn a_server_without_a_firewall_takes_no_rule_that_asks_it() {
    let server = Server::shared("policy");
    let response = REQUEST.replace("request", "response");
    for (policy, name) in [(REQUEST, "owasp-crs-request"), (&response, "owasp-crs-response")] {
        let said = refused(server, policy);
        assert!(said.contains("ERR_NGROK_9026"), "{said}");
        let wanted = format!("`{name}` is not built into this server");
        assert!(said.contains(&wanted) && said.contains("feature waf"), "{said}");
    }
    // Others are not concerned.
    let site = super::governed(
        server,
        "no-firewall",
        "on_http_request: [{actions: [{type: log, config: {metadata: {a: b}}}]}]",
        |_| crate::harness::message::response("200 OK", "", b""),
    );
    assert_eq!(
        get(&mut site.visitor(), &site.host, "/?id=1%27%20OR%201=1--").status(),
        200
    );
}

#[cfg(feature = "waf")]
const INJECTION: &str = "/products?id=1%27%20UNION%20SELECT%20password%20FROM%20users--";
#[cfg(feature = "waf")]
const LEAK: &str = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'x' at line 1";

#[cfg(feature = "waf")]
fn post(host: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /form HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[cfg(feature = "waf")]
fn chunked(host: &str, kind: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = format!(
        "POST /form HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for piece in pieces {
        out.extend(format!("{:x}\r\n", piece.len()).bytes());
        out.extend_from_slice(piece);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\n\r\n");
    out
}

/// A service that gives back what it got as its body.
#[cfg(feature = "waf")]
fn mirror(request: &Message) -> Vec<u8> {
    response("200 OK", "Content-Type: text/plain\r\n", &request.body)
}

#[cfg(feature = "waf")]
const FORM: &str = "application/x-www-form-urlencoded";

#[cfg(feature = "waf")]
#[test]
fn attacks_are_refused_and_ordinary_requests_pass() {
    let server = Server::shared("policy");
    let site = governed(server, "firewall", REQUEST, mirror);
    let (mut visitor, mut h2) = (site.visitor(), site.h2());
    assert_eq!(
        get(&mut visitor, &site.host, "/products?id=7&name=a+lamp").status(),
        200
    );
    assert_eq!(h2.get("/products?id=7").status, 200);
    let before = site.upstream.seen().len();
    let refused = get(&mut visitor, &site.host, INJECTION);
    assert_eq!(
        (refused.status(), refused.code()),
        (403, "ERR_NGROK_3700"),
        "{refused:?}"
    );
    assert!(!refused.text().contains("UNION"), "{refused:?}");
    let refused = h2.get(INJECTION);
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "ERR_NGROK_3700"));
    let agent = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: sqlmap/1.7\r\n\r\n",
        site.host
    );
    assert_eq!(
        site.visitor().ask(agent).code(),
        "ERR_NGROK_3700",
        "a head is looked at whole"
    );
    for body in [
        post(&site.host, FORM, b"name=anna&q=%3Cscript%3Ealert(1)%3C/script%3E"),
        post(
            &site.host,
            "application/json",
            br#"{"q": "1' UNION SELECT password FROM users--"}"#,
        ),
        chunked(
            &site.host,
            FORM,
            &[b"name=anna&q=1%27%20UNION%20SEL", b"ECT%20password%20FROM%20users--"],
        ),
    ] {
        let refused = site.visitor().ask(&body);
        assert_eq!(
            (refused.status(), refused.code()),
            (403, "ERR_NGROK_3700"),
            "{refused:?}"
        );
    }
    let request = h2
        .to(Method::POST, "/form")
        .header("content-type", FORM)
        .body(())
        .unwrap();
    assert_eq!(h2.ask(request, b"q=<script>alert(1)</script>").code(), "ERR_NGROK_3700");
    assert_eq!(site.upstream.seen().len(), before, "nobody else was asked");
    // Both connections live on.
    assert_eq!(get(&mut visitor, &site.host, "/still").status(), 200);
    assert_eq!(h2.get("/still").status, 200);
}

/// Of a body the begin is looked at, and all of it goes on.
#[cfg(feature = "waf")]
#[test]
fn bodies_go_on_whole_whatever_was_read_of_them() {
    let server = Server::shared("policy");
    let site = governed(server, "firewall-bodies", REQUEST, mirror);
    let mut visitor = site.visitor();
    let long: Vec<u8> = b"a=".iter().chain(b"word+".repeat(40_000).iter()).copied().collect();
    let mut late = long.clone();
    late.extend(b"&q=<script>alert(1)</script>");
    for body in [&b""[..], b"name=anna", &long[..4096], &long[..4097], &long, &late] {
        let answer = visitor.ask(post(&site.host, FORM, body));
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert!(answer.body == body, "{} of {}", answer.body.len(), body.len());
        let pieces: Vec<_> = body.chunks(1000).collect();
        let answer = visitor.ask(chunked(&site.host, FORM, &pieces));
        assert!(
            answer.status() == 200 && answer.body == body,
            "in chunks: {}",
            body.len()
        );
    }
    let mut h2 = site.h2();
    let request = h2
        .to(Method::POST, "/form")
        .header("content-type", FORM)
        .body(())
        .unwrap();
    assert!(h2.ask(request, &long).body == long);
    // Without `process_body` only the head is looked at, and no body is waited for.
    let site = scripted(server, "firewall-heads", &REQUEST.replace("true", "false"));
    let mut visitor = site.visitor();
    let request = chunked(&site.host, FORM, &[b"q=<script>alert(1)</script>"]);
    let end = request.len() - b"1b\r\nq=<script>alert(1)</script>\r\n0\r\n\r\n".len();
    visitor.send(&request[..end]);
    let mut upstream = site.upstream.accept();
    upstream.head();
    visitor.send(&request[end..]);
    upstream.send(response("200 OK", "", b"seen"));
    assert_eq!(visitor.receive(Of::Get).text(), "seen");
    assert_eq!(site.get(INJECTION).code(), "ERR_NGROK_3700");
}

/// A visitor that waits for `100 Continue` is told so before its body is read, and the service is not asked to.
#[cfg(feature = "waf")]
#[test]
fn who_waits_to_be_told_to_go_on_is_told() {
    let server = Server::shared("policy");
    let site = governed(server, "firewall-continue", REQUEST, mirror);
    let mut visitor = site.visitor();
    let request = post(&site.host, FORM, b"name=anna");
    let request = String::from_utf8(request).unwrap();
    let request = request.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    visitor.send(format!("{head}\r\n\r\n"));
    assert_eq!(visitor.receive_head().status(), 100);
    visitor.send(body);
    assert_eq!(visitor.receive(Of::Get).text(), "name=anna");
    assert_eq!(site.upstream.seen()[0].get("expect"), None);
}

#[cfg(feature = "waf")]
#[test]
fn a_policy_says_how_closely_it_is_looked_and_what_becomes_of_it() {
    let server = Server::shared("policy");
    let with = |name: &str, config: &str| {
        let policy = format!(
            "on_http_request:\n  - actions:\n      - {{type: owasp-crs-request, config: {config}}}\n      - type: add-headers\n        config: {{headers: {{x-waf: \"${{actions.ngrok.owasp_crs_request.decision}} ${{actions.ngrok.owasp_crs_request.anomaly_score}} ${{actions.ngrok.owasp_crs_request.anomaly_score_threshold}} ${{actions.ngrok.owasp_crs_request.matched_rules.map(r, string(r.id)).join(',')}}|${{actions.ngrok.owasp_crs_request.error.code}}\"}}}}\n"
        );
        governed(server, name, &policy, mirror)
    };
    // In test mode everything passes, and what was found can be written down.
    let site = with("firewall-tested", "{on_error: continue}");
    let told = |target: &str| {
        let answer = site.get(target);
        assert_eq!(answer.status(), 200, "{answer:?}");
        site.upstream.seen().pop().unwrap().get("x-waf").unwrap().to_owned()
    };
    assert_eq!(told("/products?id=7"), "allow 0 5 |");
    let found = told(INJECTION);
    let (numbers, code) = found.split_once('|').unwrap();
    assert_eq!(code, "ERR_NGROK_3700", "{found}");
    let parts: Vec<_> = numbers.split(' ').collect();
    let score: u32 = parts[1].parse().unwrap();
    assert!(parts[0] == "deny" && score >= 5 && parts[2] == "5", "{found}");
    let rules: Vec<u32> = parts[3].split(',').map(|id| id.parse().unwrap()).collect();
    assert!(rules.iter().any(|id| id / 1_000 == 942), "{found}");
    // Rules can be left out, and the limit set above what is found.
    let excluded = with("firewall-excluded", &format!("{{exclude_rule_ids: {rules:?}}}"));
    assert_eq!(excluded.get(INJECTION).status(), 200);
    assert_eq!(
        excluded.get("/?q=%3Cscript%3Ealert(1)%3C/script%3E").code(),
        "ERR_NGROK_3700"
    );
    let lenient = with("firewall-lenient", &format!("{{score_threshold: {}}}", score + 1));
    assert_eq!(lenient.get(INJECTION).status(), 200);
    let strict = with("firewall-strict", "{score_threshold: 5}");
    assert_eq!(strict.get(INJECTION).status(), 403);
    // Who looks more closely finds more.
    let close = with("firewall-close", "{on_error: continue, paranoia_level: 4}");
    assert_eq!(close.get(INJECTION).status(), 200);
    let seen = close.upstream.seen().pop().unwrap();
    let closer: u32 = seen.get("x-waf").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    assert!(closer > score, "{closer} is not more than {score}");
    // What policies have taken away before is not looked at.
    let taken = governed(
        server,
        "firewall-taken",
        "on_http_request:\n  - actions:\n      - {type: remove-headers, config: {headers: [x-odd]}}\n      - {type: owasp-crs-request}\n",
        mirror,
    );
    let odd = |name: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: {}\r\n{name}: () {{ :; }}; /bin/cat /etc/passwd\r\n\r\n",
            taken.host
        )
    };
    assert_eq!(taken.visitor().ask(odd("X-Odd")).status(), 200);
    assert_eq!(taken.visitor().ask(odd("User-Agent")).status(), 403);
}

#[cfg(feature = "waf")]
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "waf")]
const RESPONSE: &str = "on_http_response:\n  - actions: [{type: owasp-crs-response, config: {process_body: true}}]\n";

#[cfg(feature = "waf")]
fn shows(request: &Message) -> Vec<u8> {
    let long = [LEAK.as_bytes(), &b" and so on".repeat(20_000)].concat();
    match request.target() {
        "/leak" => response("500 Broken", "Content-Type: text/html\r\n", LEAK.as_bytes()),
        "/leak-long" => response("200 OK", "Content-Type: text/plain; charset=utf-8\r\n", &long),
        "/leak-gzip" => response(
            "200 OK",
            "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n",
            &gzip(&long),
        ),
        "/leak-chunked" => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
            let (one, two) = LEAK.split_at(20);
            format!(
                "{head}{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
                one.len(),
                two.len()
            )
            .into_bytes()
        }
        "/leak-late" => response(
            "200 OK",
            "Content-Type: text/plain\r\n",
            &[&b"so it goes. ".repeat(400), LEAK.as_bytes()].concat(),
        ),
        "/image" => response("200 OK", "Content-Type: image/png\r\n", LEAK.as_bytes()),
        "/none" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/long" => response(
            "200 OK",
            "Content-Type: text/plain\r\n",
            &b"so it goes. ".repeat(20_000),
        ),
        "/long-gzip" => response(
            "200 OK",
            "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n",
            &gzip(&b"so it goes. ".repeat(20_000)),
        ),
        "/unknown" => response(
            "200 OK",
            "Content-Type: text/plain\r\nContent-Encoding: secret\r\n",
            b"x",
        ),
        _ if request.method() == "HEAD" => {
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n".to_vec()
        }
        _ => response("200 OK", "Content-Type: text/plain\r\n", b"fine"),
    }
}

#[cfg(feature = "waf")]
#[test]
fn what_responses_should_not_show_is_held_back() {
    let server = Server::shared("policy");
    let site = governed(server, "firewall-response", RESPONSE, shows);
    let (mut visitor, mut h2) = (site.visitor(), site.h2());
    assert_eq!(get(&mut visitor, &site.host, "/").text(), "fine");
    for target in ["/leak", "/leak-long", "/leak-gzip", "/leak-chunked"] {
        let held = get(&mut visitor, &site.host, target);
        assert_eq!(
            (held.status(), held.code()),
            (403, "ERR_NGROK_3702"),
            "{target}: {held:?}"
        );
        assert!(!held.text().contains("SQL"), "{target}: {held:?}");
        let held = h2.get(target);
        assert_eq!((held.status.as_u16(), held.code()), (403, "ERR_NGROK_3702"), "{target}");
    }
    // What the request was is not this rule's matter.
    assert_eq!(get(&mut visitor, &site.host, INJECTION).text(), "fine");
    let text = "so it goes. ".repeat(20_000);
    assert!(get(&mut visitor, &site.host, "/long").text() == text);
    assert!(get(&mut visitor, &site.host, "/long-gzip").body == gzip(text.as_bytes()));
    assert!(
        get(&mut visitor, &site.host, "/leak-late").text().ends_with(LEAK),
        "the rest passes unseen"
    );
    assert_eq!(get(&mut visitor, &site.host, "/image").text(), LEAK, "no text");
    assert_eq!(get(&mut visitor, &site.host, "/none").status(), 204);
    let head = visitor.ask_of(format!("HEAD / HTTP/1.1\r\nHost: {}\r\n\r\n", site.host), Of::Head);
    assert_eq!((head.status(), head.get("content-length")), (200, Some("4")));
    let unread = get(&mut visitor, &site.host, "/unknown");
    assert_eq!((unread.status(), unread.code()), (500, "ERR_NGROK_3701"), "{unread:?}");
    // Its own connection ended with each answer that was held back; the visitor's did not.
    assert_eq!(get(&mut visitor, &site.host, "/").text(), "fine");
    // Heads alone: nothing is read.
    let heads = governed(
        server,
        "firewall-response-heads",
        &RESPONSE.replace("true", "false"),
        shows,
    );
    assert_eq!(heads.get("/leak").text(), LEAK);
}

#[cfg(feature = "waf")]
#[test]
fn events_pass_at_once_and_a_response_that_breaks_off_is_none() {
    let server = Server::shared("policy");
    let site = scripted(server, "firewall-events", RESPONSE);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/events"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    assert_eq!(visitor.receive_head().status(), 200);
    // In chunks, since its end is not known.
    assert!(String::from_utf8(visitor.bytes(12)).unwrap().contains("data: 1"));
    upstream.finish();
    drop(upstream);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/broken"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf");
    drop(upstream);
    let broken = visitor.receive(Of::Get);
    assert_eq!((broken.status(), broken.code()), (500, "ERR_NGROK_3701"), "{broken:?}");
}

/// What a policy answers itself is looked at too, and so is what came through another endpoint.
#[cfg(feature = "waf")]
#[test]
fn answers_of_policies_and_of_internal_endpoints_are_looked_at() {
    let server = Server::start();
    let host = server.host("firewall-cloud");
    let body = LEAK.replace('\'', "''");
    let policy = format!(
        "on_http_request:\n  - expressions: [\"req.url.path == '/own'\"]\n    actions: [{{type: custom-response, config: {{body: '{body}', headers: {{content-type: text/plain}}}}}}]\n  - actions:\n      - {{type: owasp-crs-request}}\n      - {{type: forward-internal, config: {{url: 'https://shows.internal'}}}}\n{RESPONSE}"
    );
    let service = crate::harness::Service::start(shows);
    let _agent = Agent::http(&server, service.address())
        .url("https://shows.internal")
        .start();
    endpoint(&server, &url(&server, &host), &policy);
    let mut visitor = Visitor::tls(&server, &host);
    let fine = until("in force", || get(&mut visitor, &host, "/"), |m| m.status() == 200);
    assert_eq!(fine.text(), "fine");
    for target in ["/own", "/leak"] {
        let held = get(&mut visitor, &host, target);
        assert_eq!(
            (held.status(), held.code()),
            (403, "ERR_NGROK_3702"),
            "{target}: {held:?}"
        );
    }
    assert_eq!(get(&mut visitor, &host, INJECTION).code(), "ERR_NGROK_3700");
    assert_eq!(H2::connect(&server, &host).get("/leak").code(), "ERR_NGROK_3702");
}

/// A firewall that cannot be loaded takes no new rules, and those that are there close the door.
#[cfg(feature = "waf")]
#[test]
fn without_its_rules_nothing_that_asks_it_passes() {
    let server = Server::start();
    let (host, tested) = (server.host("firewall-stored"), server.host("firewall-stored-tested"));
    let policy = |config: &str| {
        format!(
            "on_http_request:\n  - expressions: [\"req.url.path != '/open'\"]\n    actions: [{{type: owasp-crs-request, config: {config}}}]\n  - actions: [{{type: custom-response, config: {{body: passed}}}}]\n"
        )
    };
    let stored = endpoint(&server, &url(&server, &host), &policy("{}"));
    endpoint(&server, &url(&server, &tested), &policy("{on_error: continue}"));
    let mut visitor = Visitor::tls(&server, &host);
    let fine = until("in force", || get(&mut visitor, &host, "/"), |m| m.status() == 200);
    assert_eq!(fine.text(), "passed");
    drop(visitor);
    let [https, http, admin] = [server.info.https, server.info.http, server.info.admin].map(|a| a.to_string());
    let (mut process, directory) = server.parts();
    process.kill();
    let mut command = directory.dev();
    command
        .args(["--no-agent", "--https", &https, "--http", &http, "--admin", &admin])
        .env("ADIT_SERVER__POLICY__WAF__RULES", "/nowhere/rules");
    let server = Server::started(directory, &mut command);
    let said = server.process.stderr();
    assert!(said.contains("policy.waf") && said.contains("/nowhere/rules"), "{said}");
    let mut visitor = Visitor::tls(&server, &host);
    let closed = get(&mut visitor, &host, "/");
    assert_eq!((closed.status(), closed.code()), (500, "ERR_NGROK_3701"), "{closed:?}");
    assert_eq!(
        get(&mut visitor, &host, "/open").text(),
        "passed",
        "the rest of the policy is in force"
    );
    // In test mode the rule refuses nobody, also now.
    assert_eq!(
        get(&mut Visitor::tls(&server, &tested), &tested, INJECTION).text(),
        "passed"
    );
    let said = refused(&server, REQUEST);
    assert!(
        said.contains("has not loaded its web application firewall") && said.contains("policy.waf.rules"),
        "{said}"
    );
    let changed = json!({"traffic_policy": policy("{paranoia_level: 2}")}).to_string();
    let (status, answer) = api::change(&server, "PATCH", &stored.path, &changed);
    assert_eq!(
        (status, answer["error_code"].as_str()),
        (400, Some("ERR_ADIT_2210")),
        "{answer}"
    );
    let check = json!({"traffic_policy": REQUEST}).to_string();
    let (_, report) = api::post(&server, "/adit/policy/check", &check);
    assert!(report.to_string().contains("ERR_ADIT_2210"), "{report}");
}

/// What a server would say is known before it is started.
#[cfg(feature = "waf")]
#[test]
fn the_configuration_is_checked_with_its_firewall() {
    let directory = Directory::new();
    let path = directory.path().join("adit-server.yml");
    let check = |rules: &str| {
        std::fs::write(&path, format!("base_domain: tunnels.adit.test\n{rules}")).unwrap();
        let mut command = std::process::Command::new(crate::harness::server::ADIT);
        command.args(["server", "check-config", "--config"]).arg(&path);
        Process::start(&mut command).ended()
    };
    let ready = check("");
    assert!(
        ready.code() == 0 && ready.stdout.contains("web application firewall: ready"),
        "{ready:?}"
    );
    let wrong = check("policy: {waf: {rules: /nowhere/rules}}\n");
    assert!(
        wrong.code() == 2 && wrong.stderr.contains("/nowhere/rules"),
        "{wrong:?}"
    );
    let named = check("policy: {waf: {rules: /usr/share/modsecurity-crs/rules}}\n");
    assert_eq!(named.code(), 0, "{named:?}");
}
