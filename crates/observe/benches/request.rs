//! Cost of one finished request on its worker: counters and record.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use adit_observe::{
    AccessLog, Destination, Observer, Options, Outcome, Protocol, RequestOutcome, Side, Target, Timings, Visitor,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn outcome<'a>() -> RequestOutcome<'a> {
    RequestOutcome {
        visitor: Visitor {
            client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
            l4_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
            server: Some(SocketAddr::from(([192, 0, 2, 1], 443))),
            connected_at: SystemTime::now(),
            sni: "app.example.com",
            alpn: "http/1.1",
            tls_version: "1.3",
            cipher_suite: "TLS13_AES_256_GCM_SHA384",
            ..Visitor::default()
        },
        target: Target {
            organization_id: "ac_2xW0c9AbCdEfGhIjKlMnOpQrStU",
            endpoint_id: "ep_2xW0c9AbCdEfGhIjKlMnOpQrStU",
            endpoint_url: "https://app.example.com",
            session_id: "ts_2xW0c9AbCdEfGhIjKlMnOpQrStU",
            credential_id: "cr_2xW0c9AbCdEfGhIjKlMnOpQrStU",
            agent_version: "ngrok-rust/0.19.0",
            upstream_url: "http://localhost:8080",
        },
        request_id: "rq_2xW0c9AbCdEfGhIjKlMnOpQrStU",
        protocol: Protocol::Http11,
        method: b"GET",
        host: b"app.example.com",
        path: b"/small",
        query: b"x=1",
        user_agent: b"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        status: 200,
        outcome: Outcome::Completed,
        attempts: 1,
        reused: true,
        bytes_out: 100,
        timings: Timings {
            head_us: 4,
            stream_open_us: 2,
            upstream_first_byte_us: 310,
            response_us: 6,
            total_us: 330,
            ..Timings::default()
        },
        ..RequestOutcome::default()
    }
}

/// Requests measured at once: as many as find room in a ring, so that none is dropped.
const BATCH: u64 = 300;

fn benches(criterion: &mut Criterion) {
    let completed = outcome();
    let failed = RequestOutcome {
        status: 404,
        outcome: Outcome::ErrorEdge,
        error_code: Some("ERR_NGROK_3200"),
        error_side: Some(Side::Agent),
        ..completed
    };
    let mut group = criterion.benchmark_group("request");
    group.throughput(Throughput::Elements(BATCH));
    for (log, access_log) in [("off", AccessLog::Off), ("json", AccessLog::Json)] {
        let log_to = Destination::Writer(Box::new(std::io::sink()));
        let options = Options {
            workers: 1,
            access_log,
            log_to,
            ..Options::default()
        };
        let Ok(observer) = Observer::new(options) else {
            return;
        };
        let worker = observer.worker(0);
        for (name, outcome) in [("completed", &completed), ("failed", &failed)] {
            group.bench_function(format!("log_{log}/{name}"), |bencher| {
                bencher.iter_batched(
                    || observer.flush(Duration::from_secs(10)),
                    |_| {
                        for _ in 0..BATCH {
                            worker.request(black_box(outcome));
                        }
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(request, benches);
criterion_main!(request);
