//! What a change costs with few and with many objects, and what the start of a node costs.

use adit_model::Object;
use adit_names::id::{Id, Prefix};
use adit_snapshot::{Change, Compiler, EdgeConfig, SealKey};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::json;

const ORGANIZATIONS: u64 = 100;

fn id(prefix: Prefix, number: u64) -> Id {
    let mut random = [0; 16];
    let (first, _) = random.split_at_mut(8);
    first.copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    Id::new(prefix, 1_800_000_000, random)
}

fn change(kind: &str, id: Id, organization: Id, body: &serde_json::Value, token: Option<[u8; 32]>) -> Change {
    Change {
        id,
        kind: kind.to_owned(),
        object: Some(Object {
            id,
            kind: kind.to_owned(),
            organization,
            owner: None,
            schema: 1,
            revision: 1,
            created_at: 0,
            updated_at: 0,
            body: body.as_object().cloned().unwrap_or_default(),
        }),
        token,
        secret: None,
        imported: false,
    }
}

fn endpoint(number: u64) -> Change {
    let body = json!({
        "url": format!("https://n{number}.adit.example.com"), "bindings": ["public"],
        "pooling_enabled": false, "traffic_policy": "on_http_request: []",
    });
    let organization = id(Prefix::Account, number % ORGANIZATIONS);
    change("endpoint", id(Prefix::Endpoint, number), organization, &body, None)
}

fn credential(number: u64) -> Change {
    let body = json!({ "acl": [format!("bind:n{number}.adit.example.com")] });
    let mut hash = [7; 32];
    let (first, _) = hash.split_at_mut(8);
    first.copy_from_slice(&number.to_be_bytes());
    let organization = id(Prefix::Account, number % ORGANIZATIONS);
    change(
        "credential",
        id(Prefix::Credential, number),
        organization,
        &body,
        Some(hash),
    )
}

fn everything(count: u64) -> Vec<Change> {
    let organizations = (0..ORGANIZATIONS).map(|n| {
        let id = id(Prefix::Account, n);
        change("organization", id, id, &json!({ "name": "o" }), None)
    });
    organizations
        .chain((0..count).map(endpoint))
        .chain((0..count).map(credential))
        .collect()
}

fn benches(c: &mut Criterion) {
    let settings = EdgeConfig::new("adit.example.com", SealKey([0; 32]));
    for count in [100, 100_000] {
        let mut compiler = Compiler::default();
        let (config, wrong) = compiler.apply(&settings, everything(count));
        assert!(wrong.is_empty());
        let mut kept = config;
        for (kind, make) in [
            ("endpoint", endpoint as fn(u64) -> Change),
            ("credential", credential as fn(u64) -> Change),
        ] {
            c.bench_function(&format!("change of one {kind} among {count}"), |b| {
                b.iter_batched(
                    || make(count / 2),
                    |change| {
                        // As in a running node: the snapshot before is still read while the next one is made.
                        kept = compiler.apply(&kept, [change]).0;
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    let mut group = c.benchmark_group("start");
    group.sample_size(10);
    group.bench_function("100,000 endpoints and 100,000 credentials", |b| {
        b.iter_batched(
            || everything(100_000),
            |all| Compiler::default().apply(&settings, all),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
