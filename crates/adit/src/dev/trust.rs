//! `adit dev trust` and `untrust`: the local certificate authority in the trust stores of system and browsers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failure};

/// The name under which stores keep it.
const NAME: &str = "adit-dev-local-authority";

/// What became of one store.
enum Done {
    Yes,
    /// There is no such store here.
    Absent(String),
    Failed(String),
}

/// Folders of system stores, with the command that reads them anew.
const SYSTEM: &[(&str, &[&str])] = &[
    ("/usr/local/share/ca-certificates", &["update-ca-certificates"]),
    ("/etc/pki/ca-trust/source/anchors", &["update-ca-trust", "extract"]),
    (
        "/etc/ca-certificates/trust-source/anchors",
        &["trust", "extract-compat"],
    ),
];

/// Adds the authority of the server on `dir`.
pub(super) fn trust(dir: &Path) -> Result<Exit, Failure> {
    let ca = dir.join(adit_server::state::CA_FILE);
    if !ca.is_file() {
        return Err(
            Failure::failed(format!("there is no certificate authority in {}", dir.display()))
                .fix("start the development server once: adit dev"),
        );
    }
    let exit = report(each_store(|store| store.add(&ca)));
    println!("Restart the browser for it to see the change.");
    Ok(exit)
}

/// Removes it.
pub(super) fn untrust(_: &Path) -> Result<Exit, Failure> {
    Ok(report(each_store(Store::remove)))
}

enum Store {
    System,
    MacKeychain,
    /// A database of NSS: Chromium's, or a Firefox profile.
    Nss(&'static str, PathBuf),
}

fn each_store(act: impl Fn(&Store) -> Done) -> Vec<(String, Done)> {
    let mut stores = Vec::new();
    if cfg!(target_os = "macos") {
        stores.push(Store::MacKeychain);
    } else {
        stores.push(Store::System);
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    stores.push(Store::Nss("Chromium", home.join(".pki/nssdb")));
    let mut profiles = firefox_profiles(&home);
    if profiles.is_empty() {
        profiles.push(PathBuf::new());
    }
    stores.extend(profiles.into_iter().map(|p| Store::Nss("Firefox", p)));
    stores.iter().map(|s| (s.name(), act(s))).collect()
}

fn firefox_profiles(home: &Path) -> Vec<PathBuf> {
    [
        ".mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        "Library/Application Support/Firefox/Profiles",
    ]
    .iter()
    .filter_map(|d| fs::read_dir(home.join(d)).ok())
    .flatten()
    .filter_map(Result::ok)
    .map(|e| e.path())
    .filter(|p| p.join("cert9.db").is_file())
    .collect()
}

fn report(done: Vec<(String, Done)>) -> Exit {
    let mut any = false;
    for (name, what) in done {
        match what {
            Done::Yes => {
                any = true;
                println!("ok      {name}");
            }
            Done::Absent(why) => println!("-       {name}: {why}"),
            Done::Failed(why) => println!("failed  {name}: {why}"),
        }
    }
    if any { Exit::Done } else { Exit::Failed }
}

impl Store {
    fn name(&self) -> String {
        match self {
            Self::System => "system".to_owned(),
            Self::MacKeychain => "login keychain".to_owned(),
            Self::Nss(browser, path) if path.as_os_str().is_empty() => (*browser).to_owned(),
            Self::Nss(browser, path) => format!("{browser} ({})", path.display()),
        }
    }

    fn add(&self, ca: &Path) -> Done {
        match self {
            Self::System => {
                let Some((folder, refresh)) = SYSTEM.iter().find(|(f, _)| Path::new(f).is_dir()) else {
                    return Done::Absent("no known folder of certificate authorities".to_owned());
                };
                let file = Path::new(folder).join(format!("{NAME}.crt"));
                if let Err(e) = fs::copy(ca, &file) {
                    return Done::Failed(format!("{}: {e} (run it with sudo, giving --data-dir)", file.display()));
                }
                command(refresh)
            }
            Self::MacKeychain => command(&[
                "security",
                "add-trusted-cert",
                "-r",
                "trustRoot",
                &ca.display().to_string(),
            ]),
            Self::Nss(_, db) => {
                if !db.is_dir() {
                    return Done::Absent("no profile".to_owned());
                }
                let db = format!("sql:{}", db.display());
                command(&[
                    "certutil",
                    "-d",
                    &db,
                    "-A",
                    "-t",
                    "C,,",
                    "-n",
                    NAME,
                    "-i",
                    &ca.display().to_string(),
                ])
            }
        }
    }

    fn remove(&self) -> Done {
        match self {
            Self::System => {
                for (folder, refresh) in SYSTEM {
                    let file = Path::new(folder).join(format!("{NAME}.crt"));
                    if file.is_file() {
                        return match fs::remove_file(&file) {
                            Ok(()) => command(refresh),
                            Err(e) => Done::Failed(format!("{}: {e}", file.display())),
                        };
                    }
                }
                Done::Absent("not there".to_owned())
            }
            Self::MacKeychain => command(&["security", "delete-certificate", "-c", "Adit local authority"]),
            Self::Nss(_, db) => {
                if !db.is_dir() {
                    return Done::Absent("no profile".to_owned());
                }
                let db = format!("sql:{}", db.display());
                command(&["certutil", "-d", &db, "-D", "-n", NAME])
            }
        }
    }
}

fn command(line: &[&str]) -> Done {
    let Some((program, arguments)) = line.split_first() else {
        return Done::Yes;
    };
    match Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
    {
        Ok(out) if out.status.success() => Done::Yes,
        Ok(out) => Done::Failed(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && *program == "certutil" => {
            Done::Failed("certutil not found: install libnss3-tools (or nss-tools), then run this again".to_owned())
        }
        Err(e) => Done::Failed(format!("{program}: {e}")),
    }
}
