//! HTTP/2 connections that only cost: cut off, while others on the same endpoint are served.

use std::time::{Duration, Instant};

use crate::harness::frames::{self, Frames, block, encode};
use crate::harness::message::ok;
use crate::harness::{Server, Service, Site};

fn site(name: &str) -> Site<'static, Service> {
    Site::answering(Server::shared("http2"), name, &[], |_| ok("x"))
}

fn request(host: &str) -> Vec<u8> {
    block(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", host),
        (":path", "/never"),
    ])
}

/// The connection ended with this code, or at once, within the time.
#[track_caller]
fn cut(connection: &mut Frames, began: Instant, most: Duration) {
    let goaway = connection.find(|f| f.kind == frames::GOAWAY && f.error() != frames::NO_ERROR);
    if let Some(frame) = goaway {
        assert!(
            matches!(frame.error(), frames::ENHANCE_YOUR_CALM | frames::PROTOCOL_ERROR),
            "{frame:?}"
        );
    }
    connection.rest();
    assert!(began.elapsed() < most, "{:?}", began.elapsed());
}

#[test]
fn the_hundred_and_first_stream_is_refused() {
    let site = Site::scripted(Server::shared("http2"), "streams", &[]);
    let mut connection = Frames::connect(site.server, &site.host);
    let block = request(&site.host);
    let mut all = Vec::new();
    for i in 0..101 {
        all.extend(encode(
            frames::HEADERS,
            frames::END_HEADERS | frames::END_STREAM,
            2 * i + 1,
            &block,
        ));
    }
    connection.io.send(all);
    let refused = connection.find(|f| f.kind == frames::RST_STREAM).unwrap();
    assert_eq!((refused.stream, refused.error()), (201, frames::REFUSED_STREAM));
    for _ in 0..100 {
        drop(site.upstream.accept());
    }
}

#[test]
fn rapid_resets_end_the_connection_and_nobody_else() {
    let site = Site::scripted(Server::shared("http2"), "resets", &[]);
    let began = Instant::now();
    let mut connection = Frames::connect(site.server, &site.host);
    let block = request(&site.host);
    for i in 0..2_000 {
        let mut pair = encode(
            frames::HEADERS,
            frames::END_HEADERS | frames::END_STREAM,
            2 * i + 1,
            &block,
        );
        pair.extend(encode(frames::RST_STREAM, 0, 2 * i + 1, &8_u32.to_be_bytes()));
        if connection.io.try_send(pair).is_err() {
            break;
        }
    }
    cut(&mut connection, began, Duration::from_secs(15));
    let other = Site::answering(Server::shared("http2"), "resets-other", &[], |_| ok("served"));
    assert_eq!(other.h2().get("/").text(), "served");
}

/// Sends `frame` until the connection is cut, at most `most` times.
#[track_caller]
fn flood(name: &str, most: usize, mut frame: impl FnMut(u32) -> Vec<u8>) {
    let site = site(name);
    let mut connection = Frames::connect(site.server, &site.host);
    let mut sent = 0;
    let mut batch = Vec::new();
    let mut is_cut = false;
    while sent < most && !is_cut {
        batch.clear();
        for _ in 0..500 {
            batch.extend(frame(sent as u32));
            sent += 1;
        }
        is_cut = connection.io.try_send(&batch).is_err();
    }
    // Read after everything was sent: a flooder does not read either.
    let goaway = connection.find(|f| f.kind == frames::GOAWAY);
    assert!(is_cut || goaway.is_some(), "{sent} frames without progress were served");
    assert_eq!(site.h2().get("/").status, 200, "others are served");
}

#[test]
fn a_flood_of_settings_ends_the_connection() {
    flood("flood-settings", 20_000, |_| {
        encode(frames::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])
    });
}

#[test]
fn a_flood_of_pings_ends_the_connection() {
    flood("flood-pings", 20_000, |i| {
        encode(frames::PING, 0, 0, &u64::from(i).to_be_bytes())
    });
}

#[test]
fn a_flood_of_priorities_ends_the_connection() {
    flood("flood-priority", 20_000, |i| {
        encode(frames::PRIORITY, 0, 2 * i + 1, &[0, 0, 0, 0, 16])
    });
}

#[test]
fn a_flood_of_window_updates_ends_the_connection() {
    flood("flood-window", 20_000, |_| {
        encode(frames::WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())
    });
}

#[test]
fn a_head_in_endless_continuations_ends_the_connection() {
    let site = site("continuations");
    let began = Instant::now();
    let mut connection = Frames::connect(site.server, &site.host);
    connection.send(frames::HEADERS, frames::END_STREAM, 1, &request(&site.host));
    for i in 0..2_000 {
        let piece = block(&[("x-filler", &format!("{i:0100}"))]);
        if connection
            .io
            .try_send(encode(frames::CONTINUATION, 0, 1, &piece))
            .is_err()
        {
            break;
        }
    }
    cut(&mut connection, began, Duration::from_secs(15));
    assert_eq!(site.h2().get("/").status, 200);
    assert_eq!(site.upstream.seen().len(), 1);
}

/// A small block that means a large head: one indexed field, named again and again (RFC 7541, 7.3).
#[test]
fn a_head_that_grows_when_it_is_unpacked_is_refused() {
    let site = site("bomb");
    let mut connection = Frames::connect(site.server, &site.host);
    let mut bomb = request(&site.host);
    // Literal with incremental indexing: enters the dynamic table as number 62.
    bomb.push(0x40);
    bomb.push(3);
    bomb.extend(b"x-b");
    let value = vec![b'v'; 3_000];
    bomb.push(127);
    let mut rest = value.len() - 127;
    while rest >= 128 {
        bomb.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    bomb.push(rest as u8);
    bomb.extend(&value);
    bomb.resize(bomb.len() + 10_000, 0x80 | 62);
    connection.send(frames::HEADERS, frames::END_STREAM | frames::END_HEADERS, 1, &bomb);
    let frame = connection
        .find(|f| f.kind == frames::GOAWAY || (f.stream == 1 && matches!(f.kind, frames::HEADERS | frames::RST_STREAM)))
        .unwrap();
    assert_ne!(frame.status(), 200, "{frame:?}");
    assert_eq!(site.h2().get("/").status, 200);
    assert_eq!(site.upstream.seen().len(), 1);
}

#[test]
fn a_connection_with_eleven_malformed_streams_is_closed() {
    let site = site("malformed");
    let began = Instant::now();
    let mut connection = Frames::connect(site.server, &site.host);
    for i in 0..40_u32 {
        let fields = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", site.host.as_str()),
            (":path", "/"),
            ("host", "other.adit.localhost"),
        ];
        if connection
            .io
            .try_send(encode(
                frames::HEADERS,
                frames::END_HEADERS | frames::END_STREAM,
                2 * i + 1,
                &block(&fields),
            ))
            .is_err()
        {
            break;
        }
        // One after the other: each is answered before the next is sent.
        if connection
            .find(|f| f.stream == 2 * i + 1 && f.kind == frames::HEADERS || f.kind == frames::GOAWAY)
            .is_none_or(|f| f.kind == frames::GOAWAY)
        {
            assert!((10..=13).contains(&i), "closed after {i}");
            connection.rest();
            assert!(began.elapsed() < Duration::from_secs(15));
            return;
        }
    }
    panic!("forty malformed streams were answered");
}
