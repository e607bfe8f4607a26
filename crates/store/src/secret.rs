//! Secrets at rest: hashed ones as they are, sealed ones under the master key.

use adit_model::SecretValue;
use adit_names::id::Id;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::master_key::MasterKey;
use crate::sql::{Arg, Row, SqlError};

const HASHED: &str = "hashed";
const SEALED: &str = "sealed";

/// A row of `secrets`, without its value unless it is new.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    pub(crate) field: String,
    pub(crate) version: i64,
    /// `sha256:` and 8 digits of a keyed hash, as the log shows it.
    pub(crate) mark: String,
    pub(crate) fresh: Option<Sealed>,
}

/// What is stored of a value.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    form: &'static str,
    nonce: Vec<u8>,
    value: Vec<u8>,
}

/// Seals and opens.
pub(crate) struct Sealer {
    key_id: String,
    seal: LessSafeKey,
    mark: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.key_id)
    }
}

impl Sealer {
    pub(crate) fn new(key: &MasterKey) -> Option<Self> {
        let seal = UnboundKey::new(&AES_256_GCM, key.derive("adit seal v1").as_slice()).ok()?;
        Some(Self {
            key_id: key.id(),
            seal: LessSafeKey::new(seal),
            mark: hmac::Key::new(hmac::HMAC_SHA256, key.derive("adit mark v1").as_slice()),
        })
    }

    /// A value as it is stored. `object` is the row's own key and bound to it.
    pub(crate) fn seal(&self, object: &str, field: &str, version: i64, value: &SecretValue) -> Option<Secret> {
        let (fresh, plain): (Sealed, &[u8]) = match value {
            SecretValue::Hashed(hash) => (
                Sealed {
                    form: HASHED,
                    nonce: Vec::new(),
                    value: hash.to_vec(),
                },
                hash,
            ),
            SecretValue::Sealed(secret) => {
                let mut nonce = [0; NONCE_LEN];
                rand::fill(&mut nonce).ok()?;
                let mut sealed = secret.to_vec();
                self.seal
                    .seal_in_place_append_tag(
                        Nonce::assume_unique_for_key(nonce),
                        Aad::from(row_key(object, field, version)),
                        &mut sealed,
                    )
                    .ok()?;
                let sealed = Sealed {
                    form: SEALED,
                    nonce: nonce.to_vec(),
                    value: sealed,
                };
                (sealed, secret)
            }
        };
        let mut context = hmac::Context::with_key(&self.mark);
        context.update(field.as_bytes());
        context.update(&[0]);
        context.update(plain);
        let tag = context.sign();
        Some(Secret {
            field: field.to_owned(),
            version,
            mark: format!("sha256:{}", crate::hex(tag.as_ref().get(..4).unwrap_or_default())),
            fresh: Some(fresh),
        })
    }

    /// Appends the values of a row to those of a statement.
    pub(crate) fn write(&self, object: Id, secret: &Secret, sealed: &Sealed, args: &mut Vec<Arg>) {
        self.write_row(&object.to_string(), secret, sealed, args);
    }

    fn write_row(&self, object: &str, secret: &Secret, sealed: &Sealed, args: &mut Vec<Arg>) {
        args.extend([
            Arg::from(object),
            Arg::from(secret.field.as_str()),
            Arg::from(secret.version),
            Arg::from(sealed.form),
            Arg::from(if sealed.form == SEALED {
                self.key_id.as_str()
            } else {
                ""
            }),
            Arg::from(sealed.nonce.clone()),
            Arg::from(sealed.value.clone()),
            Arg::from(secret.mark.as_str()),
        ]);
    }

    /// Reads a row of `object_id, field, version, form, key_id, nonce, value`.
    pub(crate) fn open(&self, row: &Row) -> Result<(String, String, SecretValue), StoreError> {
        let (object, field, version) = (row.text(0)?, row.text(1)?, row.int(2)?);
        let mut value = Zeroizing::new(row.blob(6)?);
        let value = match row.text(3)?.as_str() {
            HASHED => SecretValue::Hashed(
                <[u8; 32]>::try_from(value.as_slice())
                    .map_err(|_| StoreError::Damaged(format!("secret of {object}")))?,
            ),
            SEALED => {
                let nonce = Nonce::try_assume_unique_for_key(&row.blob(5)?)
                    .map_err(|_| StoreError::Damaged(format!("secret of {object}")))?;
                let length = self
                    .seal
                    .open_in_place(nonce, Aad::from(row_key(&object, &field, version)), &mut value)
                    .map_err(|_| StoreError::Sealed(object.clone()))?
                    .len();
                value.truncate(length);
                SecretValue::Sealed(value)
            }
            _ => return Err(StoreError::Damaged(format!("form of a secret of {object}"))),
        };
        Ok((object, field, value))
    }

    /// The values of the reserved row by which a node finds out whether it has the right key.
    pub(crate) fn probe(&self) -> Option<Vec<Arg>> {
        let value = SecretValue::Sealed(Zeroizing::new(PROBE.as_bytes().to_vec()));
        let secret = self.seal(PROBE, PROBE, 1, &value)?;
        let mut args = Vec::new();
        self.write_row(PROBE, &secret, secret.fresh.as_ref()?, &mut args);
        Some(args)
    }
}

/// Object, field and content of the reserved row.
pub(crate) const PROBE: &str = "probe";

fn row_key(object: &str, field: &str, version: i64) -> Vec<u8> {
    format!("{object}\0{field}\0{version}").into_bytes()
}

/// Reads a row of `object_id, field, version, mark`.
pub(crate) fn read_mark(row: &Row) -> Result<(Id, Secret), SqlError> {
    let secret = Secret {
        field: row.text(1)?,
        version: row.int(2)?,
        mark: row.text(3)?,
        fresh: None,
    };
    Ok((row.parse(0)?, secret))
}
