//! Ids of resources: `<prefix>_<27 base62>`.
//!
//! The 27 characters are a KSUID: 4 bytes of seconds since 2014-05-13 (the KSUID epoch), 16 bytes
//! from the caller's random source, in base62 with the digits `0-9A-Za-z`. Ids of one kind sort by
//! time, as bytes and as text. An [`Id`] is 24 bytes and `Copy`; the text is made when shown.

use std::fmt;
use std::str::FromStr;

/// Seconds between the Unix epoch and the KSUID epoch.
const KSUID_EPOCH: u64 = 1_400_000_000;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters behind the underscore.
pub const TEXT_LEN: usize = 27;

macro_rules! prefixes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The kind an id belongs to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Prefix { $($(#[$doc])* $name,)* }

        impl Prefix {
            /// Every prefix.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The text before the underscore.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

prefixes! {
    /// Organisation (ngrok's account).
    Account = "ac",
    /// Named agent ingress.
    AgentIngress = "agin",
    /// API key.
    ApiKey = "ak",
    /// Backup.
    Backup = "bkp",
    /// Bot user: the older name of a service user, over the same characters.
    Bot = "bot",
    /// Certificate authority of visitors' certificates.
    CertificateAuthority = "ca",
    /// TLS certificate.
    Certificate = "cert",
    /// Checkpoint of the audit log.
    Checkpoint = "chk",
    /// Credential (authtoken) of agents.
    Credential = "cr",
    /// Event destination.
    EventDestination = "ed",
    /// Endpoint.
    Endpoint = "ep",
    /// Event subscription.
    EventSubscription = "esb",
    /// Event.
    Event = "ev",
    /// Guardrail.
    Guardrail = "gr",
    /// Invitation to an organisation.
    Invitation = "inv",
    /// IP policy.
    IpPolicy = "ipp",
    /// Rule of an IP policy.
    IpPolicyRule = "ipr",
    /// IP restriction.
    IpRestriction = "ipx",
    /// Kubernetes operator.
    Operator = "k8sop",
    /// Membership of a user in an organisation.
    Member = "mem",
    /// Node of the cluster.
    Node = "nod",
    /// Operation: long work that goes on after its answer.
    Operation = "op",
    /// Personal access token.
    PersonalToken = "pat",
    /// Settings of an endpoint pool.
    EndpointPool = "pool",
    /// Reserved address (TCP or UDP port).
    ReservedAddress = "ra",
    /// Reserved domain.
    ReservedDomain = "rd",
    /// Role.
    Role = "role",
    /// One request or connection of a visitor.
    Request = "rq",
    /// Secret in a vault.
    Secret = "secret",
    /// Service user.
    ServiceUser = "service",
    /// Session at the dashboard.
    DashboardSession = "ses",
    /// Public key of agents that come by SSH.
    SshCredential = "sshcr",
    /// Tunnel: an endpoint as the session that offers it knows it.
    Tunnel = "tn",
    /// Session of an agent (tunnel session).
    Session = "ts",
    /// User.
    User = "usr",
    /// Vault of secrets.
    Vault = "vault",
}

/// A typed id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    prefix: Prefix,
    bytes: [u8; 20],
}

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// No underscore, or a prefix that no kind has.
    #[error("the id does not start with a known prefix such as ep_ or ts_")]
    Prefix,
    /// Not 27 base62 characters, or more than 160 bits.
    #[error("the id does not have 27 letters and digits after its prefix")]
    Form,
}

impl Id {
    /// An id made at `unix_seconds` from 16 random bytes of the caller. Times before 2014 or after
    /// 2150 are clamped (only the order of ids suffers).
    #[must_use]
    pub fn new(prefix: Prefix, unix_seconds: u64, random: [u8; 16]) -> Self {
        let seconds = u32::try_from(unix_seconds.saturating_sub(KSUID_EPOCH)).unwrap_or(u32::MAX);
        let mut bytes = [0; 20];
        let (time, rest) = bytes.split_at_mut(4);
        time.copy_from_slice(&seconds.to_be_bytes());
        rest.copy_from_slice(&random);
        Self { prefix, bytes }
    }

    /// As [`Id::new`], but the first random byte becomes the fraction of the second in steps of 4 ms
    /// (as KSUIDs with milliseconds do), so that ids made within one second keep their order.
    #[must_use]
    pub fn at_millis(prefix: Prefix, unix_millis: u64, random: [u8; 16]) -> Self {
        let mut random = random;
        let [first, ..] = &mut random;
        *first = u8::try_from(unix_millis % 1000 / 4).unwrap_or(u8::MAX);
        Self::new(prefix, unix_millis / 1000, random)
    }

    /// An id from 20 bytes as [`Id::bytes`] gives them.
    #[must_use]
    pub const fn from_bytes(prefix: Prefix, bytes: [u8; 20]) -> Self {
        Self { prefix, bytes }
    }

    /// The kind.
    #[must_use]
    pub const fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// The 20 bytes: time, then randomness.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.bytes
    }

    /// Seconds since the Unix epoch at which the id was made.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        let [a, b, c, d, ..] = self.bytes;
        u64::from(u32::from_be_bytes([a, b, c, d])) + KSUID_EPOCH
    }

    /// Parses and checks the kind.
    ///
    /// # Errors
    /// [`IdError::Prefix`] if it is another kind's id.
    pub fn parse_as(prefix: Prefix, text: &str) -> Result<Self, IdError> {
        let id: Self = text.parse()?;
        if id.prefix == prefix {
            Ok(id)
        } else {
            Err(IdError::Prefix)
        }
    }

    /// The same 20 bytes under another kind: an endpoint and its tunnel share them (`ep_X`, `tn_X`).
    #[must_use]
    pub const fn with_prefix(self, prefix: Prefix) -> Self {
        Self {
            prefix,
            bytes: self.bytes,
        }
    }

    /// The 27 characters behind the underscore, ASCII.
    #[must_use]
    pub fn base62(&self) -> [u8; TEXT_LEN] {
        self.text()
    }

    fn text(&self) -> [u8; TEXT_LEN] {
        // Base conversion by long division: 160 bits in five words, 27 times by 62.
        let mut words = [0_u32; 5];
        for (word, chunk) in words.iter_mut().zip(self.bytes.chunks_exact(4)) {
            *word = chunk.iter().fold(0, |w, b| w << 8 | u32::from(*b));
        }
        let mut out = [b'0'; TEXT_LEN];
        for slot in out.iter_mut().rev() {
            let mut remainder = 0_u64;
            for word in &mut words {
                let value = remainder << 32 | u64::from(*word);
                *word = u32::try_from(value / 62).unwrap_or(u32::MAX);
                remainder = value % 62;
            }
            *slot = usize::try_from(remainder)
                .ok()
                .and_then(|r| DIGITS.get(r))
                .copied()
                .unwrap_or(b'0');
        }
        out
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix.as_str())?;
        f.write_str("_")?;
        let text = self.text();
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (prefix, digits) = text.split_once('_').ok_or(IdError::Prefix)?;
        let prefix = Prefix::ALL
            .iter()
            .copied()
            .find(|p| p.as_str() == prefix)
            .ok_or(IdError::Prefix)?;
        if digits.len() != TEXT_LEN {
            return Err(IdError::Form);
        }
        let mut words = [0_u32; 5];
        for digit in digits.bytes() {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'A'..=b'Z' => digit - b'A' + 10,
                b'a'..=b'z' => digit - b'a' + 36,
                _ => return Err(IdError::Form),
            };
            let mut carry = u64::from(value);
            for word in words.iter_mut().rev() {
                let sum = u64::from(*word) * 62 + carry;
                *word = u32::try_from(sum & 0xFFFF_FFFF).unwrap_or(u32::MAX);
                carry = sum >> 32;
            }
            if carry != 0 {
                return Err(IdError::Form);
            }
        }
        let mut bytes = [0; 20];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        Ok(Self { prefix, bytes })
    }
}
