//! The command lines that ngrok documents for the resources there are (ngrok/ngrok-docs: agent/cli-api.mdx) are
//! understood as they stand. Its commands that delete endpoint configurations are left out: those are gone.

use clap::Parser as _;

use crate::Cli;

/// What all of them take.
const ALL: &[&str] = &["api-key", "config", "log", "log-format", "log-level"];
/// Flags that take no value.
const FLAGS: &[&str] = &["active", "enforced", "pooling-enabled"];

/// Resource, verb with its id, and flags.
#[rustfmt::skip]
const LINES: &[(&str, &str, &str)] = &[
    ("agent-ingresses", "create", "certificate-management-policy.authority certificate-management-policy.private-key-type description domain metadata"),
    ("agent-ingresses", "delete ID", ""),
    ("agent-ingresses", "get ID", ""),
    ("agent-ingresses", "list", "before-id filter limit"),
    ("agent-ingresses", "update ID", "certificate-management-policy.authority certificate-management-policy.private-key-type description metadata"),
    ("api-keys", "create", "description metadata owner-email owner-id"),
    ("api-keys", "delete ID", ""),
    ("api-keys", "get ID", ""),
    ("api-keys", "list", "before-id filter limit"),
    ("api-keys", "update ID", "description metadata"),
    ("bot-users", "create", "active name"),
    ("bot-users", "delete ID", ""),
    ("bot-users", "get ID", ""),
    ("bot-users", "list", "before-id limit"),
    ("bot-users", "update ID", "active name"),
    ("certificate-authorities", "create", "ca-pem description metadata"),
    ("certificate-authorities", "delete ID", ""),
    ("certificate-authorities", "get ID", ""),
    ("certificate-authorities", "list", "before-id filter limit"),
    ("certificate-authorities", "update ID", "description metadata"),
    ("credentials", "create", "acl description metadata owner-email owner-id precomputed-token scim-user-id"),
    ("credentials", "delete ID", ""),
    ("credentials", "get ID", ""),
    ("credentials", "list", "before-id filter limit"),
    ("credentials", "update ID", "acl description metadata"),
    ("endpoints", "create", "bindings description metadata pooling-enabled traffic-policy traffic-policy-file traffic-policy-url type url"),
    ("endpoints", "delete ID", ""),
    ("endpoints", "get ID", ""),
    ("endpoints", "list", "before-id filter limit"),
    ("endpoints", "update ID", "bindings description metadata pooling-enabled traffic-policy traffic-policy-file traffic-policy-url url"),
    ("ip-policies", "create", "action description metadata"),
    ("ip-policies", "delete ID", ""),
    ("ip-policies", "get ID", ""),
    ("ip-policies", "list", "before-id filter limit"),
    ("ip-policies", "update ID", "description metadata"),
    ("ip-policy-rules", "create", "action cidr description ip-policy-id metadata"),
    ("ip-policy-rules", "delete ID", ""),
    ("ip-policy-rules", "get ID", ""),
    ("ip-policy-rules", "list", "before-id filter limit"),
    ("ip-policy-rules", "update ID", "cidr description metadata"),
    ("ip-restrictions", "create", "description enforced ip-policy-ids metadata type"),
    ("ip-restrictions", "delete ID", ""),
    ("ip-restrictions", "get ID", ""),
    ("ip-restrictions", "list", "before-id filter limit"),
    ("ip-restrictions", "update ID", "description enforced ip-policy-ids metadata"),
    ("reserved-addrs", "create", "description endpoint-configuration-id metadata region"),
    ("reserved-addrs", "delete ID", ""),
    ("reserved-addrs", "get ID", ""),
    ("reserved-addrs", "list", "before-id filter limit"),
    ("reserved-addrs", "update ID", "description endpoint-configuration-id metadata"),
    ("reserved-domains", "create", "certificate-id certificate-management-policy.authority certificate-management-policy.private-key-type description domain http-endpoint-configuration-id https-endpoint-configuration-id metadata name region resolves-to"),
    ("reserved-domains", "delete ID", ""),
    ("reserved-domains", "delete-certificate ID", ""),
    ("reserved-domains", "delete-certificate-management-policy ID", ""),
    ("reserved-domains", "get ID", ""),
    ("reserved-domains", "list", "before-id filter limit"),
    ("reserved-domains", "update ID", "certificate-id certificate-management-policy.authority certificate-management-policy.private-key-type description http-endpoint-configuration-id https-endpoint-configuration-id metadata region resolves-to"),
    ("root", "get", ""),
    ("root", "self", ""),
    ("secrets", "create", "description metadata name value value-file vault-id vault-name"),
    ("secrets", "delete ID", ""),
    ("secrets", "get ID", ""),
    ("secrets", "list", "before-id filter limit"),
    ("secrets", "update ID", "description metadata name value value-file"),
    ("service-users", "create", "active name"),
    ("service-users", "delete ID", ""),
    ("service-users", "get ID", ""),
    ("service-users", "list", "before-id filter limit"),
    ("service-users", "update ID", "active name"),
    ("tls-certificates", "create", "certificate-pem description metadata private-key-pem"),
    ("tls-certificates", "delete ID", ""),
    ("tls-certificates", "get ID", ""),
    ("tls-certificates", "list", "before-id filter limit"),
    ("tls-certificates", "update ID", "description metadata"),
    ("tunnel-sessions", "get ID", ""),
    ("tunnel-sessions", "list", "before-id filter limit"),
    ("tunnel-sessions", "restart ID", ""),
    ("tunnel-sessions", "stop ID", ""),
    ("tunnel-sessions", "update ID", "version"),
    ("tunnels", "get ID", ""),
    ("tunnels", "list", "before-id limit"),
    ("vaults", "create", "description metadata name"),
    ("vaults", "delete ID", ""),
    ("vaults", "get ID", ""),
    ("vaults", "get-secrets-by-vault ID", "before-id limit"),
    ("vaults", "list", "before-id filter limit"),
    ("vaults", "update ID", "description metadata name"),
];

fn is_understood(line: &[String]) -> Result<(), String> {
    let line = ["adit", "api"]
        .into_iter()
        .map(str::to_owned)
        .chain(line.iter().cloned());
    Cli::try_parse_from(line).map(|_| ()).map_err(|error| error.to_string())
}

/// Everything at once, and each flag alone beside what has to be given.
#[test]
fn documented_lines_are_understood() {
    for (resource, verb, flags) in LINES {
        let command: Vec<String> = [resource, verb]
            .iter()
            .flat_map(|part| part.split(' '))
            .map(str::to_owned)
            .collect();
        let given = |flag: &str| match flag {
            _ if FLAGS.contains(&flag) => vec![format!("--{flag}")],
            "limit" => vec!["--limit".to_owned(), "5".to_owned()],
            "filter" => vec!["--filter".to_owned(), "obj.id != \"\"".to_owned()],
            "resolves-to" => vec!["--resolves-to".to_owned(), "value=eu".to_owned()],
            _ => vec![format!("--{flag}"), "text".to_owned()],
        };
        // A text comes from one place: from the line, from a file or from an address.
        let is_other = |flag: &&str| flag.ends_with("-file") || flag.ends_with("-url");
        let flags: Vec<&str> = flags.split_whitespace().chain(ALL.iter().copied()).collect();
        let mut whole = command.clone();
        whole.extend(flags.iter().filter(|flag| !is_other(flag)).flat_map(|flag| given(flag)));
        if let Err(error) = is_understood(&whole) {
            panic!("{whole:?}: {error}");
        }
        for other in flags.iter().filter(|flag| is_other(flag)) {
            let replaced = other.trim_end_matches("-file").trim_end_matches("-url");
            let mut line = command.clone();
            let rest = flags.iter().filter(|flag| !is_other(flag) && **flag != replaced);
            line.extend(rest.flat_map(|flag| given(flag)).chain(given(other)));
            if let Err(error) = is_understood(&line) {
                panic!("{line:?}: {error}");
            }
        }
    }
    assert_eq!(LINES.len(), 87);
}

/// A switch is also written with its value.
#[test]
fn switches_may_have_a_value() {
    for line in [
        "ip-restrictions update ID --enforced=false",
        "service-users create --name x --active=false",
    ] {
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        is_understood(&line).unwrap();
    }
}
