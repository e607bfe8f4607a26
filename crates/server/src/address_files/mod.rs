//! The operator's databases of addresses (traffic policy 3.1): where they are, whose networks they are in, and to which
//! categories they belong. None is shipped, since each has a licence of its own.
//!
//! A database is read into memory as a whole and swapped as a whole: one that is written in place or cut short can
//! make nobody read what is no longer there, as a mapped file could.

mod category;
mod database;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use adit_policy::{Intelligence, IpSet};
use adit_snapshot::AddressFacts;
use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::config::Policy;
use database::Database;

/// How often it is looked whether a file is another one.
const LOOK: Duration = Duration::from_secs(2);
/// Largest file. What is known today is a tenth of it.
const MAX: u64 = 1 << 30;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressFileError {
    /// It cannot be read.
    #[error("{key}: {path}: {source}")]
    File {
        /// The key that names it.
        key: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{key}: {path}: {reason}")]
    Wrong {
        /// The key that names it.
        key: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// When a file was written, and how long it is.
type Stamp = (Option<SystemTime>, u64);

/// A file that was read, and as what.
#[derive(Debug)]
struct File<T> {
    path: PathBuf,
    /// As it was when it was read, or tried last.
    stamp: Stamp,
    content: Arc<T>,
}

impl<T> File<T> {
    fn read(
        key: &'static str,
        path: &Path,
        parse: impl FnOnce(Vec<u8>) -> Result<T, String>,
    ) -> Result<Self, AddressFileError> {
        let (stamp, bytes) = read(path).map_err(|source| AddressFileError::File {
            key,
            path: path.to_owned(),
            source,
        })?;
        match parse(bytes) {
            Ok(content) => Ok(Self {
                path: path.to_owned(),
                stamp,
                content: Arc::new(content),
            }),
            Err(reason) => Err(AddressFileError::Wrong {
                key,
                path: path.to_owned(),
                reason,
            }),
        }
    }

    /// Reads it again if it is another one since; with what is wrong with that.
    fn again(
        &self,
        key: &'static str,
        parse: impl FnOnce(Vec<u8>) -> Result<T, String>,
    ) -> (Self, Option<AddressFileError>) {
        let kept = |stamp| Self {
            path: self.path.clone(),
            stamp,
            content: self.content.clone(),
        };
        // A file that is away for a moment is about to be another one.
        let Ok(stamp) = std::fs::metadata(&self.path).map(|m| stamp(&m)) else {
            return (kept(self.stamp), None);
        };
        if stamp == self.stamp {
            return (kept(stamp), None);
        }
        match Self::read(key, &self.path, parse) {
            Ok(new) => (new, None),
            Err(error) => (kept(stamp), Some(error)),
        }
    }
}

fn stamp(metadata: &std::fs::Metadata) -> Stamp {
    (metadata.modified().ok(), metadata.len())
}

fn read(path: &Path) -> std::io::Result<(Stamp, Vec<u8>)> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    if metadata.len() > MAX {
        return Err(std::io::Error::other(format!(
            "{} bytes are too many: at most {MAX}",
            metadata.len()
        )));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.by_ref().take(MAX).read_to_end(&mut bytes)?;
    Ok((stamp(&metadata), bytes))
}

/// What was read.
#[derive(Debug, Default)]
struct Files {
    city: Option<File<Database>>,
    asn: Option<File<Database>>,
    categories: Vec<(String, File<IpSet>)>,
}

const CITY: &str = "policy.city_file";
const ASN: &str = "policy.asn_file";
const CATEGORIES: &str = "policy.ip_categories";

impl Files {
    fn read(settings: &Policy) -> Result<Self, AddressFileError> {
        let city = settings.city_file.as_deref();
        let asn = settings.asn_file.as_deref();
        let categories = settings.ip_categories.iter();
        Ok(Self {
            city: city.map(|path| File::read(CITY, path, Database::places)).transpose()?,
            asn: asn.map(|path| File::read(ASN, path, Database::networks)).transpose()?,
            categories: categories
                .map(|c| Ok((c.name.clone(), File::read(CATEGORIES, &c.file, category::parse)?)))
                .collect::<Result<_, AddressFileError>>()?,
        })
    }

    /// With those files read again that are other ones; says what is wrong with them.
    fn again(&self) -> Self {
        let said = |(file, error): (_, Option<AddressFileError>)| {
            if let Some(error) = error {
                tracing::warn!(%error, "a database of addresses is not taken over: the old one stays");
            }
            file
        };
        let said_of_category = |(file, error): (_, Option<AddressFileError>)| {
            if let Some(error) = error {
                tracing::warn!(%error, "a category of addresses is not taken over: the old one stays");
            }
            file
        };
        Self {
            city: self.city.as_ref().map(|f| said(f.again(CITY, Database::places))),
            asn: self.asn.as_ref().map(|f| said(f.again(ASN, Database::networks))),
            categories: self
                .categories
                .iter()
                .map(|(name, f)| (name.clone(), said_of_category(f.again(CATEGORIES, category::parse))))
                .collect(),
        }
    }

    fn is_changed(&self) -> bool {
        let differs = |path: &Path, known: Stamp| std::fs::metadata(path).is_ok_and(|m| stamp(&m) != known);
        let databases = self.city.iter().chain(&self.asn);
        databases.into_iter().any(|f| differs(&f.path, f.stamp))
            || self.categories.iter().any(|(_, f)| differs(&f.path, f.stamp))
    }
}

/// The databases in use.
#[derive(Debug)]
pub struct AddressFiles {
    files: ArcSwap<Files>,
    /// Held while they are replaced.
    replacing: Mutex<()>,
}

impl AddressFiles {
    /// Reads the files that the operator named.
    ///
    /// # Errors
    /// One of them is not there or is not what it should be.
    pub fn read(settings: &Policy) -> Result<Self, AddressFileError> {
        Ok(Self {
            files: ArcSwap::from_pointee(Files::read(settings)?),
            replacing: Mutex::new(()),
        })
    }

    /// Looks at every record. Takes seconds for the largest ones.
    ///
    /// # Errors
    /// A database is damaged.
    pub fn verify(&self) -> Result<(), AddressFileError> {
        let files = self.files.load();
        for (key, file) in [(CITY, &files.city), (ASN, &files.asn)] {
            let Some(file) = file else { continue };
            file.content.verify().map_err(|reason| AddressFileError::Wrong {
                key,
                path: file.path.clone(),
                reason,
            })?;
        }
        Ok(())
    }

    /// Reads all files that are named now; what was there stays if one of them cannot be used.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn reload(&self, settings: &Policy) -> Result<(), AddressFileError> {
        let _one = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        self.files.store(Arc::new(Files::read(settings)?));
        Ok(())
    }

    /// Reads those again that have changed. One that cannot be used leaves the old one in its place.
    fn refresh(&self) {
        let _one = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.files.load_full();
        if files.is_changed() {
            self.files.store(Arc::new(files.again()));
        }
    }

    /// Reads files again when they change, until it is told to stop.
    pub(crate) async fn follow(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|s| *s) => return,
                _ = look.tick() => {}
            }
            let files = self.clone();
            let reading = tokio::task::spawn_blocking(move || files.refresh());
            tokio::select! {
                _ = stopped.wait_for(|s| *s) => return,
                done = reading => if done.is_err() {
                    tracing::error!("reading a database of addresses was lost to a panic");
                }
            }
        }
    }
}

impl AddressFacts for AddressFiles {
    fn look_up(&self, ip: IpAddr) -> Option<Arc<Intelligence>> {
        let files = self.files.load();
        let ip = ip.to_canonical();
        let mut out = Intelligence::default();
        if let Some(file) = &files.city {
            file.content.place(ip, &mut out);
        }
        if let Some(file) = &files.asn {
            file.content.network(ip, &mut out);
        }
        let hits = files.categories.iter().filter(|(_, file)| file.content.contains(ip));
        out.categories = hits.map(|(name, _)| name.clone()).collect();
        let is_something = !out.location.is_empty()
            || !out.registered.is_empty()
            || out.as_number != 0
            || !out.as_organization.is_empty()
            || !out.categories.is_empty();
        is_something.then(|| Arc::new(out))
    }
}

#[cfg(test)]
#[path = "../../../adit/tests/e2e/harness/mmdb.rs"]
mod mmdb;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::IpCategory;

    fn settings(folder: &Path) -> Policy {
        Policy {
            city_file: Some(folder.join("city.mmdb")),
            asn_file: Some(folder.join("asn.mmdb")),
            ip_categories: vec![IpCategory {
                name: "proxy.anonymous.tor".to_owned(),
                file: folder.join("tor.txt"),
            }],
            ..Policy::default()
        }
    }

    fn city(name: &str) -> Vec<u8> {
        mmdb::write(
            "GeoLite2-City",
            &[
                (
                    "192.0.2.0/24",
                    json!({"country": {"iso_code": "US", "names": {"en": "United States"}}}),
                ),
                (
                    "192.0.2.128/25",
                    json!({
                        "city": {"names": {"en": name, "de": "x"}},
                        "continent": {"names": {"en": "Europe"}},
                        "country": {"iso_code": "DE", "names": {"en": "Germany"}, "is_in_european_union": true},
                        "location": {"accuracy_radius": 20, "latitude": 52.5, "longitude": -13.25, "metro_code": 501, "time_zone": "Europe/Berlin"},
                        "postal": {"code": "10115"},
                        "registered_country": {"iso_code": "CH", "names": {"en": "Switzerland"}},
                        "subdivisions": [{"iso_code": "BE", "names": {"en": "Land Berlin"}}],
                    }),
                ),
                ("2001:db8::/32", json!({"country": {"iso_code": "FR"}})),
            ],
        )
    }

    fn write(folder: &Path, name: &str) {
        std::fs::write(folder.join("city.mmdb"), city(name)).unwrap();
        let asn = json!({"autonomous_system_number": 64496, "autonomous_system_organization": "Example"});
        let asn = mmdb::write("GeoLite2-ASN", &[("192.0.2.0/24", asn)]);
        std::fs::write(folder.join("asn.mmdb"), asn).unwrap();
        std::fs::write(
            folder.join("tor.txt"),
            "# exits\n192.0.2.200 # one\n\n198.51.100.0/24\n",
        )
        .unwrap();
    }

    fn field<'a>(of: &'a [(String, String)], name: &str) -> &'a str {
        of.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn what_the_files_say_of_addresses() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "Berlin");
        let files = AddressFiles::read(&settings(folder.path())).unwrap();
        files.verify().unwrap();
        let of = |ip: &str| files.look_up(ip.parse().unwrap());
        let all = of("::ffff:192.0.2.200").unwrap();
        let location: Vec<_> = all.location.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        for pair in [
            ("city", "Berlin"),
            ("continent", "Europe"),
            ("country", "Germany"),
            ("country_code", "DE"),
            ("is_eu", "true"),
            ("latitude", "52.5"),
            ("longitude", "-13.25"),
            ("metro_code", "501"),
            ("postal_code", "10115"),
            ("radius", "20"),
            ("subdivision", "Land Berlin"),
            ("timezone", "Europe/Berlin"),
        ] {
            assert!(location.contains(&pair), "{pair:?} is not in {location:?}");
        }
        assert_eq!(field(&all.registered, "country_code"), "CH");
        assert_eq!(field(&all.registered, "is_eu"), "false");
        assert_eq!((all.as_number, all.as_organization.as_str()), (64496, "Example"));
        assert_eq!(all.categories, ["proxy.anonymous.tor"]);
        assert_eq!(field(&of("192.0.2.1").unwrap().location, "country_code"), "US");
        assert_eq!(field(&of("2001:db8::1").unwrap().location, "country_code"), "FR");
        assert_eq!(of("198.51.100.7").unwrap().categories.len(), 1);
        assert!(of("203.0.113.1").is_none() && of("2001:db9::1").is_none());
    }

    #[test]
    fn a_changed_file_is_taken_over_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "Berlin");
        let files = AddressFiles::read(&settings(folder.path())).unwrap();
        let city = || {
            let facts = files.look_up("192.0.2.200".parse().unwrap()).unwrap();
            field(&facts.location, "city").to_owned()
        };
        let path = folder.path().join("city.mmdb");
        std::fs::write(&path, self::city("Potsdam")).unwrap();
        files.refresh();
        assert_eq!(city(), "Potsdam");
        let whole = self::city("Zossen");
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        files.refresh();
        assert_eq!(city(), "Potsdam", "half a file is none");
        std::fs::remove_file(&path).unwrap();
        files.refresh();
        assert_eq!(city(), "Potsdam");
        assert!(files.reload(&settings(folder.path())).is_err());
        assert_eq!(city(), "Potsdam");
        std::fs::write(&path, whole).unwrap();
        files.refresh();
        assert_eq!(city(), "Zossen");
        std::fs::write(folder.path().join("tor.txt"), "192.0.2.0/33\n").unwrap();
        files.refresh();
        assert_eq!(
            files.look_up("192.0.2.200".parse().unwrap()).unwrap().categories.len(),
            1
        );
        files.reload(&Policy::default()).unwrap();
        assert!(files.look_up("192.0.2.200".parse().unwrap()).is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_key_and_file() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |settings: &Policy| AddressFiles::read(settings).unwrap_err().to_string();
        let missing = refused(&settings(folder.path()));
        assert!(
            missing.starts_with("policy.city_file: ") && missing.contains("city.mmdb: No such"),
            "{missing}"
        );
        write(folder.path(), "Berlin");
        let swapped = Policy {
            city_file: Some(folder.path().join("asn.mmdb")),
            ..Policy::default()
        };
        assert!(refused(&swapped).contains("policy.asn_file"), "{}", refused(&swapped));
        std::fs::write(folder.path().join("asn.mmdb"), b"GIF89a").unwrap();
        let no_database = refused(&settings(folder.path()));
        assert!(no_database.starts_with("policy.asn_file: "), "{no_database}");
        write(folder.path(), "Berlin");
        std::fs::write(folder.path().join("tor.txt"), "192.0.2.1\nhello\n").unwrap();
        let line = refused(&settings(folder.path()));
        assert!(line.contains("line 2") && line.contains("hello"), "{line}");
    }
}
