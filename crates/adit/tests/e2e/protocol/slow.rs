//! Time limits of a request's head. All of them run side by side: each takes ten seconds.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{End, Of, Server, Visitor};

const HOST: &str = "slow.adit.localhost";

fn connect() -> Visitor {
    Visitor::tls(Server::shared("http1"), HOST)
}

/// Runs `case` and checks that it took the time of the limit.
fn timed(case: impl FnOnce()) {
    let began = Instant::now();
    case();
    let took = began.elapsed();
    assert!(
        (Duration::from_millis(9_500)..Duration::from_secs(15)).contains(&took),
        "{took:?}"
    );
}

fn head_at_one_byte_a_second() {
    let mut visitor = connect();
    for byte in b"GET / HTTP/1.1\r\n" {
        // The pace is what is tested.
        if visitor.try_send([*byte]).is_err() || visitor.has_something() {
            break;
        }
        thread::sleep(Duration::from_millis(980));
    }
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (408, "ERR_ADIT_4080"));
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

fn head_that_stops() {
    let mut visitor = connect();
    visitor.send("GET / HTTP/1.1\r\nHost: slo");
    assert_eq!(visitor.receive(Of::Get).status(), 408);
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

fn no_request_at_all() {
    // Nothing of a request came, so nothing is answered.
    assert_eq!(connect().rest(), (Vec::new(), End::Clean));
}

#[test]
fn a_head_has_ten_seconds() {
    thread::scope(|scope| {
        scope.spawn(|| timed(head_at_one_byte_a_second));
        scope.spawn(|| timed(head_that_stops));
        scope.spawn(|| timed(no_request_at_all));
        scope.spawn(|| {
            timed(|| {
                let mut plain = Visitor::plain(Server::shared("http1").info.http);
                plain.send("GET");
                assert_eq!(plain.receive(Of::Get).status(), 408);
            })
        });
    });
}
