//! Lists of revoked certificates: what is taken can be verified by, and what cannot says what to give instead.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use std::path::Path;
use std::process::Command;

use adit_model::kind::certificate::revoked;
use common::*;
use serde_json::json;

/// Runs openssl in this folder.
#[track_caller]
fn openssl(folder: &Path, line: &str) {
    let out = Command::new("openssl")
        .args(line.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// An authority of openssl's, whose lists can be of every kind.
fn authority_of_openssl() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = "
[ca]
default_ca = here
[here]
database = index
crlnumber = number
private_key = ca.key
certificate = ca.pem
default_md = sha256
default_crl_days = 30000
[old]
database = index
private_key = ca.key
certificate = ca.pem
default_md = sha256
default_crl_days = 30000
[plain]
authorityKeyIdentifier = keyid
[delta]
authorityKeyIdentifier = keyid
2.5.29.27 = critical,ASN1:INTEGER:1
[indirect]
issuingDistributionPoint = critical,@indirect_point
[indirect_point]
fullname = URI:http://lists.example/a.crl
indirectCRL = TRUE
[reasons]
issuingDistributionPoint = critical,@reasons_point
[reasons_point]
fullname = URI:http://lists.example/a.crl
onlysomereasons = keyCompromise
[critical]
authorityKeyIdentifier = keyid
1.3.9999.7 = critical,ASN1:NULL
";
    for (name, content) in [("ca.conf", config), ("index", ""), ("number", "01\n")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let subject =
        "-subj /CN=Lists -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign";
    openssl(folder.path(), "genrsa -out ca.key 2048");
    openssl(
        folder.path(),
        &format!("req -x509 -config /dev/null -key ca.key -out ca.pem -days 30000 {subject}"),
    );
    folder
}

#[test]
fn a_list_by_which_nobody_can_verify_is_refused() {
    let folder = authority_of_openssl();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let ca_pem = read("ca.pem");
    for (options, says) in [
        ("-crlexts plain", None),
        ("-crlexts plain -md sha384", None),
        // Without any extension openssl writes the first version.
        ("-name old", Some("version 2")),
        ("-crlexts delta", Some("complete list")),
        ("-crlexts indirect", Some("this one alone")),
        ("-crlexts reasons", Some("all reasons")),
        ("-crlexts critical", Some("critical extension")),
        ("-crlexts plain -md sha1", Some("SHA-256")),
    ] {
        openssl(
            folder.path(),
            &format!("ca -config ca.conf -gencrl -out list.pem {options}"),
        );
        let list = read("list.pem");
        let body = json!({"ca_pem": ca_pem, "crl_pem": list});
        let answer = create_as("certificate_authority", true, body);
        match says {
            None => assert!(answer.is_ok(), "{options}: {:?}", answer.err()),
            Some(says) => {
                let problem = answer.unwrap_err().0.remove(0);
                let text = problem.message();
                assert!(text.contains("crl_pem") && text.contains(says), "{options}: {text}");
            }
        }
        // One that is fetched is read in the same way, also as DER.
        openssl(folder.path(), "crl -in list.pem -outform DER -out list.der");
        let der = std::fs::read(folder.path().join("list.der")).unwrap();
        assert_eq!(revoked::read(&ca_pem, &der).is_ok(), says.is_none(), "{options}");
    }
}

#[test]
fn a_list_says_when_it_was_made() {
    let folder = authority_of_openssl();
    let times = "-crl_lastupdate 20300102030405Z -crl_nextupdate 20310102030405Z";
    openssl(
        folder.path(),
        &format!("ca -config ca.conf -gencrl -crlexts plain -out list.pem {times}"),
    );
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let list = revoked::read(&String::from_utf8(read("ca.pem")).unwrap(), &read("list.pem")).unwrap();
    assert_eq!(list.this_update, 1_893_553_445);
    assert_eq!(list.next_update, 1_893_553_445 + 365 * 86_400);
}
