//! A request from visitor to agent (20 fields: parse, edit, encode) and a
//! chunked body of 1 MiB (decode, frame anew), against the budgets of the
//! performance plan: 1.5 µs and 60 µs.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use adit_http1::{
    BodyDecoder, ChunkHead, Framing, Head, Known, Limits, is_identity_name, request_framing, set_framing,
    strip_hop_by_hop,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const REQUEST: &str = "GET /static/js/app.3f2a9c.js?v=20240611 HTTP/1.1\r\n\
Host: shop.app.example.com\r\n\
Connection: keep-alive\r\n\
Cache-Control: max-age=0\r\n\
sec-ch-ua: \"Chromium\";v=\"126\", \"Not.A/Brand\";v=\"24\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Linux\"\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-User: ?1\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: https://shop.app.example.com/checkout\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
Cookie: session=4f1c2e7ab3d94c6fa1; theme=dark; basket=b_2xW0c9; consent=1\r\n\
If-None-Match: \"5f-1a2b3c\"\r\n\
X-Requested-With: fetch\r\n\
X-Forwarded-For: 1.2.3.4\r\n\
\r\n";

fn edit(head: &mut Head) {
    strip_hop_by_hop(head, false);
    head.retain(|known, name, _| {
        !matches!(known, Known::Forwarded | Known::XRealIp | Known::XForwardedFor) && !is_identity_name(name)
    });
    head.push(b"X-Forwarded-For", b"203.0.113.7");
    head.push(b"X-Forwarded-Proto", b"https");
    head.push(b"X-Forwarded-Host", b"shop.app.example.com");
    head.push(b"Via", b"1.1 adit");
    head.push(b"X-Request-Id", b"rq_2xW0c9K3mZ1q8Lw7Yt5Rb4Nd6Fg");
}

fn heads(c: &mut Criterion) {
    let limits = Limits::request();
    let (mut head, mut out) = (Head::new(), Vec::new());
    let mut group = c.benchmark_group("head of 20 fields");
    group.bench_function("parse", |b| {
        b.iter(|| head.parse_request(black_box(REQUEST.as_bytes()), &limits).is_ok());
    });
    group.bench_function("parse, edit, encode", |b| {
        b.iter(|| {
            let parsed = head.parse_request(black_box(REQUEST.as_bytes()), &limits).is_ok();
            let framing = request_framing(&head);
            edit(&mut head);
            if let Ok(framing) = framing {
                set_framing(&mut head, framing);
            }
            out.clear();
            head.encode_request(&mut out);
            (parsed, black_box(&out).len())
        });
    });
    group.bench_function("httparse, for comparison", |b| {
        b.iter(|| {
            let mut slots = [httparse::EMPTY_HEADER; 64];
            httparse::Request::new(&mut slots)
                .parse(black_box(REQUEST.as_bytes()))
                .is_ok()
        });
    });
    group.finish();
}

fn bodies(c: &mut Criterion) {
    const CHUNK: usize = 16 << 10;
    let mut wire = Vec::new();
    for _ in 0..64 {
        wire.extend_from_slice(ChunkHead::new(CHUNK).as_bytes());
        wire.resize(wire.len() + CHUNK, b'x');
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    let mut group = c.benchmark_group("chunked");
    group.throughput(Throughput::Bytes(1 << 20));
    group.bench_function("1 MiB in 16 KiB", |b| {
        b.iter(|| {
            let mut body = BodyDecoder::new(Framing::Chunked, &Limits::request());
            let (mut at, mut framing) = (0, 0);
            while let Some(rest) = black_box(&wire).get(at..).filter(|_| !body.is_done()) {
                let Ok(step) = body.decode(rest) else { break };
                framing += ChunkHead::new(step.data.len()).as_bytes().len();
                at += step.consumed;
            }
            (at, framing)
        });
    });
    group.finish();
}

criterion_group!(benches, heads, bodies);
criterion_main!(benches);
