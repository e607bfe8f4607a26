//! One MMDB file.

use std::net::IpAddr;

use adit_policy::Intelligence;
use maxminddb::Reader;
use serde::de::{Deserialize, Deserializer, Visitor};

/// A database in memory.
pub(super) struct Database(Reader<Vec<u8>>);

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let metadata = self.0.metadata();
        f.debug_struct("Database")
            .field("type", &metadata.database_type)
            .field("built", &metadata.build_epoch)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// One that says where addresses are.
    ///
    /// # Errors
    /// It is no MMDB file, or plainly one about something else.
    pub(super) fn places(bytes: Vec<u8>) -> Result<Self, String> {
        let database = Self::read(bytes)?;
        let kind = &database.0.metadata().database_type;
        if kind.contains("ASN") || kind.contains("ISP") {
            return Err(format!(
                "it is a database of networks ({kind}): name it at policy.asn_file"
            ));
        }
        Ok(database)
    }

    /// One that says in whose network they are.
    ///
    /// # Errors
    /// Likewise.
    pub(super) fn networks(bytes: Vec<u8>) -> Result<Self, String> {
        let database = Self::read(bytes)?;
        let kind = &database.0.metadata().database_type;
        if kind.contains("City") || kind.contains("Country") {
            return Err(format!(
                "it is a database of places ({kind}): name it at policy.city_file"
            ));
        }
        Ok(database)
    }

    fn read(bytes: Vec<u8>) -> Result<Self, String> {
        Reader::from_source(bytes)
            .map(Self)
            .map_err(|e| format!("it is no MMDB file that can be read: {e}"))
    }

    pub(super) fn verify(&self) -> Result<(), String> {
        self.0.verify().map_err(|e| format!("it is damaged: {e}"))
    }

    /// Where an address is. A record that cannot be read says nothing.
    pub(super) fn place(&self, ip: IpAddr, out: &mut Intelligence) {
        let Some(place) = self.record::<Place<'_>>(ip) else {
            return;
        };
        let location = &place.location;
        let first = place.subdivisions.first();
        put(
            &mut out.location,
            [
                ("city", place.city.names.en),
                ("continent", place.continent.names.en),
                ("latitude", location.latitude.text()),
                ("longitude", location.longitude.text()),
                ("metro_code", location.metro_code.text()),
                ("radius", location.accuracy_radius.text()),
                ("timezone", location.time_zone),
                ("postal_code", place.postal.code.text()),
                ("subdivision", first.and_then(|s| s.names.en.or(s.iso_code))),
            ],
        );
        country(&place.country, &mut out.location);
        country(&place.registered_country, &mut out.registered);
    }

    /// In whose network it is.
    pub(super) fn network(&self, ip: IpAddr, out: &mut Intelligence) {
        let Some(network) = self.record::<Network<'_>>(ip) else {
            return;
        };
        let number = network.autonomous_system_number.text();
        out.as_number = number.and_then(|n| n.parse().ok()).unwrap_or(0);
        if let Some(name) = network.autonomous_system_organization {
            name.clone_into(&mut out.as_organization);
        }
    }

    fn record<'d, T: Deserialize<'d>>(&'d self, ip: IpAddr) -> Option<T> {
        // An IPv6 address in a database of IPv4 is an error there, and no place here.
        self.0.lookup(ip).ok()?.decode().ok()?
    }
}

/// A record of a database of places, of which what policies may ask is read.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Place<'a> {
    #[serde(borrow)]
    city: Named<'a>,
    #[serde(borrow)]
    continent: Named<'a>,
    #[serde(borrow)]
    country: Named<'a>,
    #[serde(borrow)]
    location: Location<'a>,
    postal: Postal,
    #[serde(borrow)]
    registered_country: Named<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Named<'a>>,
}

/// What has names: a city, a country.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    names: Names<'a>,
    iso_code: Option<&'a str>,
    is_in_european_union: Option<bool>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Location<'a> {
    accuracy_radius: Number,
    latitude: Number,
    longitude: Number,
    metro_code: Number,
    time_zone: Option<&'a str>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Postal {
    code: Number,
}

/// A record of a database of networks.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Network<'a> {
    autonomous_system_number: Number,
    autonomous_system_organization: Option<&'a str>,
}

/// A number as policies see it: as text. Its type is each maker's own.
#[derive(Default)]
struct Number(String);

impl Number {
    fn text(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;

        impl Visitor<'_> for AsText {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.to_owned()))
            }
        }

        deserializer.deserialize_any(AsText)
    }
}

fn put<'v>(to: &mut Vec<(String, String)>, fields: impl IntoIterator<Item = (&'static str, Option<&'v str>)>) {
    for (name, value) in fields {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            to.push((name.to_owned(), value.to_owned()));
        }
    }
}

fn country(country: &Named<'_>, to: &mut Vec<(String, String)>) {
    put(to, [("country", country.names.en), ("country_code", country.iso_code)]);
    // Databases say it only of members.
    if country.iso_code.is_some() {
        let is_eu = country.is_in_european_union.unwrap_or(false);
        to.push(("is_eu".to_owned(), is_eu.to_string()));
    }
}
