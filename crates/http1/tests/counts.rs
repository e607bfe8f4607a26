//! What a reused head costs: no growth of any buffer, nothing held when idle.

use adit_http1::{Head, Known, Limits, set_framing, strip_hop_by_hop};

const REQUEST: &[u8] = b"POST /a/b?c=d HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\
Connection: keep-alive, x-gone\r\nX-Gone: 1\r\nCookie: a=1\r\nTE: trailers\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 3\r\n\r\n";

fn exchange(head: &mut Head, out: &mut Vec<u8>) {
    assert_eq!(head.parse_request(REQUEST, &Limits::request()), Ok(Some(REQUEST.len())));
    strip_hop_by_hop(head, false);
    head.set(b"X-Forwarded-For", b"203.0.113.7");
    head.push(b"X-Forwarded-Proto", b"https");
    head.push(b"Via", b"1.1 adit");
    head.remove(Known::Accept);
    set_framing(head, adit_http1::Framing::Length(3));
    out.clear();
    head.encode_request(out);
}

#[test]
fn a_second_message_allocates_nothing() {
    let (mut head, mut out) = (Head::new(), Vec::new());
    assert_eq!(head.memory(), 0, "an empty head holds nothing");
    exchange(&mut head, &mut out);
    let (memory, capacity, first) = (head.memory(), out.capacity(), out.clone());
    for _ in 0..100 {
        exchange(&mut head, &mut out);
        assert_eq!((head.memory(), out.capacity()), (memory, capacity));
        assert_eq!(out, first);
    }
    assert!(memory < 2048, "{memory} bytes for one small head");
    head.release();
    assert_eq!(head.memory(), 0);
}

#[test]
fn a_head_in_pieces_ends_with_the_same_capacity_too() {
    let mut head = Head::new();
    let mut memory = 0;
    for round in 0..3 {
        for n in 0..REQUEST.len() {
            assert_eq!(head.parse_request(&REQUEST[..n], &Limits::request()), Ok(None));
        }
        assert_eq!(head.parse_request(REQUEST, &Limits::request()), Ok(Some(REQUEST.len())));
        assert!(round == 0 || head.memory() == memory);
        memory = head.memory();
    }
}

#[test]
fn sizes_of_what_a_connection_keeps() {
    assert!(size_of::<Head>() <= 144, "{}", size_of::<Head>());
    assert!(
        size_of::<adit_http1::BodyDecoder>() <= 80,
        "{}",
        size_of::<adit_http1::BodyDecoder>()
    );
}

#[test]
fn a_copy_is_the_same_and_takes_the_memory_that_is_there() {
    let (mut head, mut copy) = (Head::new(), Head::new());
    let mut memory = 0;
    for round in 0..3 {
        head.parse_request(REQUEST, &Limits::request()).unwrap();
        copy.copy_from(&head);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        head.encode_request(&mut first);
        copy.encode_request(&mut second);
        assert_eq!(first, second);
        assert_eq!(copy.version(), head.version());
        assert!(round == 0 || copy.memory() == memory);
        memory = copy.memory();
        copy.clear();
    }
}
