//! Where visitors are: databases of the operator, read anew when they change.

use std::path::Path;

use serde_json::json;

use super::{endpoint, until, url};
use crate::harness::server::Directory;
use crate::harness::{Message, Server, Visitor, mmdb};

/// Puts a file in place of another as programs do that update databases.
fn put(folder: &Path, name: &str, content: &[u8]) {
    let aside = folder.join("aside");
    std::fs::write(&aside, content).unwrap();
    std::fs::rename(aside, folder.join(name)).unwrap();
}

fn city(code: &str) -> Vec<u8> {
    let of = |code: &str| json!({"country": {"iso_code": code, "is_in_european_union": code == "DE"}, "city": {"names": {"en": "Anytown"}}});
    mmdb::write(
        "GeoLite2-City",
        &[("198.51.100.0/24", of(code)), ("2001:db8:1::/48", of("DE"))],
    )
}

const POLICY: &str = "on_http_request:\n\
    \x20 - expressions: [\"conn.geo.country_code != 'DE'\"]\n    actions: [{type: deny, config: {status_code: 451}}]\n\
    \x20 - expressions: [\"'proxy' in conn.client_ip.categories\"]\n    actions: [{type: deny, config: {status_code: 402}}]\n\
    \x20 - actions: [{type: custom-response, config: {body: \"${conn.geo.city} ${conn.client_ip.geo.location.is_eu} ${conn.client_ip.as.number} ${conn.client_ip.as.organization}\"}}]\n";

#[test]
fn a_policy_asks_where_visitors_are() {
    let directory = Directory::new();
    let folder = directory.path().to_owned();
    put(&folder, "city.mmdb", &city("DE"));
    let asn = json!({"autonomous_system_number": 64500, "autonomous_system_organization": "Any Net"});
    put(
        &folder,
        "asn.mmdb",
        &mmdb::write("GeoLite2-ASN", &[("198.51.100.0/25", asn)]),
    );
    put(&folder, "tor.txt", b"198.51.100.9\n");
    let mut command = directory.dev_on_free_ports();
    let categories = json!([{"name": "proxy.anonymous.tor", "file": folder.join("tor.txt")}]);
    command
        .env("ADIT_SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .env("ADIT_SERVER__POLICY__CITY_FILE", folder.join("city.mmdb"))
        .env("ADIT_SERVER__POLICY__ASN_FILE", folder.join("asn.mmdb"))
        .env("ADIT_SERVER__POLICY__IP_CATEGORIES", categories.to_string());
    let server = Server::started(directory, &mut command);
    let host = server.host("places");
    let _cloud = endpoint(&server, &url(&server, &host), POLICY);
    let mut visitor = Visitor::tls(&server, &host);
    let mut from = |ip: &str| -> Message {
        visitor.ask(format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {ip}\r\n\r\n"
        ))
    };
    let inside = until("in force", || from("198.51.100.7"), |m| m.status() == 200);
    assert_eq!(inside.text(), "Anytown true 64500 Any Net");
    assert_eq!(from("2001:db8:1::7").text(), "Anytown true 0 ");
    assert_eq!(from("198.51.100.9").status(), 402, "it is in a category");
    assert_eq!(from("203.0.113.7").status(), 451, "nothing is known of it");

    // The database is another one: within seconds, without anybody being asked.
    put(&folder, "city.mmdb", &city("FR"));
    until("the new one is read", || from("198.51.100.7"), |m| m.status() == 451);
    assert_eq!(from("2001:db8:1::7").status(), 200);
}

#[test]
fn a_database_that_cannot_be_used_is_said_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let check = |files: &str| {
        let config = format!("base_domain: tunnels.example.com\npolicy:\n{files}");
        std::fs::write(folder.path().join("adit-server.yml"), config).unwrap();
        let mut command = std::process::Command::new(crate::harness::server::ADIT);
        command.current_dir(folder.path()).args(["server", "check-config"]);
        crate::harness::Process::start(&mut command).ended()
    };
    put(folder.path(), "city.mmdb", &city("DE"));
    let fine = check("  city_file: city.mmdb\n");
    assert_eq!(fine.code(), 0, "{fine:?}");
    put(folder.path(), "broken.mmdb", b"no database");
    for (files, says) in [
        (
            "  city_file: nowhere.mmdb\n",
            "policy.city_file: nowhere.mmdb: No such file",
        ),
        (
            "  city_file: broken.mmdb\n",
            "policy.city_file: broken.mmdb: it is no MMDB file",
        ),
        ("  asn_file: city.mmdb\n", "name it at policy.city_file"),
        ("  ip_categories: [{name: A b, file: x}]\n", "is no name of a category"),
        (
            "  ip_categories: [{name: tor, file: nowhere.txt}]\n",
            "policy.ip_categories: nowhere.txt",
        ),
        ("  city: x\n", "unknown field `city`"),
    ] {
        let refused = check(files);
        assert_eq!(refused.code(), 2, "{files}: {refused:?}");
        assert!(refused.stderr.contains(says), "{files}: {refused:?}");
    }
}
