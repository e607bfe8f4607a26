//! The sizes of edge 1.7, to the byte.

use adit_http1::{Head, Limits, Refusal, RefusalKind as K, Side};

fn parse(input: &[u8]) -> Result<Option<usize>, Refusal> {
    Head::new().parse_request(input, &Limits::request())
}

#[track_caller]
fn refused(input: impl AsRef<[u8]>, kind: K, status: u16, code: &str) {
    let input = input.as_ref();
    let shown = input[..input.len().min(120)].escape_ascii();
    let parsed = parse(input);
    let Err(refusal) = parsed else {
        return assert!(parsed.is_err(), "{shown}: {parsed:?}");
    };
    assert_eq!((refusal.kind, refusal.side), (kind, Side::Request), "{shown}");
    assert_eq!((refusal.status(), refusal.code()), (status, code), "{shown}");
    assert!(refusal.text().len() <= 200 && refusal.to_string() == refusal.text());
}

#[test]
fn sizes() {
    let limits = Limits::request();
    let head = |target: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(target - 1));
    assert_eq!(
        parse(head(limits.target).as_bytes()),
        Ok(Some(head(limits.target).len()))
    );
    refused(head(limits.target + 1), K::TargetTooLong, 414, "ERR_ADIT_4140");
    refused(
        &head(limits.target + 1)[..limits.target + 5],
        K::TargetTooLong,
        414,
        "ERR_ADIT_4140",
    );

    // Three fields of the block: `Host: a`, then two that fill it to the byte.
    let block = |bytes: usize| {
        let half = 32 << 10;
        let rest = bytes - 9 - half - 5;
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\nY: {}\r\n\r\n",
            "x".repeat(half - 5),
            "y".repeat(rest)
        )
    };
    let full = block(limits.head);
    assert_eq!(parse(full.as_bytes()), Ok(Some(full.len())));
    refused(block(limits.head + 1), K::HeadTooLarge, 431, "ERR_ADIT_4310");

    let field = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(bytes - 3));
    let full = field(limits.field);
    assert_eq!(parse(full.as_bytes()), Ok(Some(full.len())));
    refused(field(limits.field + 1), K::FieldTooLarge, 431, "ERR_ADIT_4310");

    let name = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}: y\r\n\r\n", "x".repeat(bytes));
    assert!(parse(name(limits.name).as_bytes()).is_ok());
    refused(name(limits.name + 1), K::NameTooLong, 431, "ERR_ADIT_4310");

    let fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    assert_eq!(
        parse(fields(limits.fields).as_bytes()),
        Ok(Some(fields(limits.fields).len()))
    );
    refused(fields(limits.fields + 1), K::TooManyFields, 431, "ERR_ADIT_4310");

    let method = |bytes: usize| format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(bytes));
    assert!(parse(method(limits.method).as_bytes()).is_ok());
    refused(method(limits.method + 1), K::Method, 400, "ERR_ADIT_4000");
}

#[test]
fn a_head_that_never_ends_is_refused_once_its_limit_is_full() {
    let limits = Limits::request();
    let mut head = Head::new();
    let mut input = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    let refusal = loop {
        match head.parse_request(&input, &limits) {
            Ok(None) => input.extend_from_slice(&[b'x'; 1000]),
            Ok(Some(_)) => panic!("complete without an end"),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal.kind, K::FieldTooLarge);
    assert!(input.len() < limits.field + 1100);

    let mut input = b"GET / HTTP/1.1\r\n".to_vec();
    let limits = Limits {
        fields: usize::MAX,
        ..limits
    };
    let refusal = loop {
        match head.parse_request(&input, &limits) {
            Ok(None) => input.extend_from_slice(b"X: 0123456789\r\n"),
            Ok(Some(_)) => panic!("complete without an end"),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal.kind, K::HeadTooLarge);
    assert!(input.len() < limits.head + 100);
}
