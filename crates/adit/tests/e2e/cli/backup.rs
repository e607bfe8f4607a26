//! `adit server backup` and `restore`: everything comes back elsewhere, and nothing is written over.

use std::path::Path;
use std::process::Command;

use crate::harness::process::Ended;
use crate::harness::server::{ADIT, Directory};
use crate::harness::{Agent, Process, Server, Service, Visitor};

fn adit(args: &[&str]) -> Ended {
    Process::start(Command::new(ADIT).args(args)).ended()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_backup_of_a_running_server_is_the_same_server_elsewhere() {
    let server = Server::start();
    let token = server.info.text("authtoken").to_owned();
    let data = server.directory().join("data");
    let file = server.directory().join("adit.backup");
    let passphrase = server.directory().join("passphrase");
    std::fs::write(&passphrase, "correct horse\n").unwrap();
    let taken = adit(&[
        "server",
        "backup",
        text(&file),
        "--data-dir",
        text(&data),
        "--passphrase-file",
        text(&passphrase),
    ]);
    assert_eq!(taken.code(), 0, "{taken:?}");
    assert!(
        taken.stdout.contains(" rows up to position ") && taken.stdout.contains("without the keys"),
        "{taken:?}"
    );
    let sealed = std::fs::read(&file).unwrap();
    assert!(sealed.starts_with(b"ADITBK1\n"));
    assert!(!sealed.windows(11).any(|part| part == b"adit_backup"));

    let directory = Directory::new();
    let place = directory.path().join("data");
    let restore = |more: &[&str]| {
        let args = [
            &["server", "restore", text(&file), "--data-dir", text(&place)][..],
            more,
        ]
        .concat();
        adit(&args)
    };
    let with_passphrase = ["--passphrase-file", text(&passphrase)];
    // Without the keys it is of no use, and says so.
    let refused = restore(&with_passphrase);
    assert!(
        refused.code() == 1 && refused.stderr.contains("master key") && refused.stderr.contains("master.key"),
        "{refused:?}"
    );
    for key in ["master.key", "audit-key", "ca.pem", "ca.key.pem", "credentials.json"] {
        std::fs::copy(data.join(key), place.join(key)).unwrap();
    }
    let refused = restore(&[]);
    assert!(
        refused.code() == 1 && refused.stderr.contains("--passphrase-file"),
        "{refused:?}"
    );
    std::fs::write(directory.path().join("wrong"), "wrong horse").unwrap();
    let refused = restore(&["--passphrase-file", text(&directory.path().join("wrong"))]);
    assert!(
        refused.code() == 1 && refused.stderr.contains("the passphrase is wrong"),
        "{refused:?}"
    );
    let restored = restore(&with_passphrase);
    assert_eq!(restored.code(), 0, "{restored:?}");
    let again = restore(&with_passphrase);
    assert!(again.code() == 1 && again.stderr.contains("not empty"), "{again:?}");
    // While a server runs there, nothing is restored.
    let running = adit(&["server", "restore", text(&file), "--data-dir", text(&data)]);
    assert!(
        running.code() == 1 && running.stderr.contains("another server is running"),
        "{running:?}"
    );
    let verified = adit(&["audit", "verify", "--data-dir", text(&place)]);
    assert_eq!(verified.code(), 0, "{verified:?}");

    // Tokens stay valid.
    let mut command = directory.dev_on_free_ports();
    let second = Server::started(directory, &mut command);
    assert_eq!(second.info.text("authtoken"), token);
    let service = Service::echo();
    let agent = Agent::http(&second, service.address())
        .url("https://restored.adit.localhost")
        .start();
    let mut visitor = Visitor::tls(&second, "restored.adit.localhost");
    let answer = visitor.ask("GET / HTTP/1.1\r\nHost: restored.adit.localhost\r\n\r\n");
    assert_eq!(answer.status(), 200);
    drop(agent);
}
