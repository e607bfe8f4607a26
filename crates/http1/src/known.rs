//! Field names that the road knows: an id per name, found without a copy.
//!
//! Rules compare ids instead of strings. A name that is not in the table is
//! [`Known::Other`] and is compared by its bytes.

macro_rules! known {
    ($($variant:ident = $name:literal,)*) => {
        /// Id of a field name. Names are compared without case.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Known {
            /// A name outside of the table.
            #[default]
            Other,
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl Known {
            /// Every id but [`Known::Other`], in the order of the names.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in lower case; empty for [`Known::Other`].
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Other => "",
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

known! {
    Accept = "accept",
    AcceptCharset = "accept-charset",
    AcceptEncoding = "accept-encoding",
    AcceptLanguage = "accept-language",
    AcceptRanges = "accept-ranges",
    AccessControlRequestMethod = "access-control-request-method",
    Age = "age",
    Allow = "allow",
    AltSvc = "alt-svc",
    AuthenticationInfo = "authentication-info",
    Authorization = "authorization",
    CacheControl = "cache-control",
    CdnLoop = "cdn-loop",
    CfConnectingIp = "cf-connecting-ip",
    ClientCert = "client-cert",
    ClientCertChain = "client-cert-chain",
    Connection = "connection",
    ContentDisposition = "content-disposition",
    ContentEncoding = "content-encoding",
    ContentLanguage = "content-language",
    ContentLength = "content-length",
    ContentLocation = "content-location",
    ContentRange = "content-range",
    ContentSecurityPolicy = "content-security-policy",
    ContentType = "content-type",
    Cookie = "cookie",
    Date = "date",
    Etag = "etag",
    Expect = "expect",
    Expires = "expires",
    FastlyClientIp = "fastly-client-ip",
    Forwarded = "forwarded",
    From = "from",
    GrpcEncoding = "grpc-encoding",
    GrpcMessage = "grpc-message",
    GrpcStatus = "grpc-status",
    GrpcTimeout = "grpc-timeout",
    Host = "host",
    Http2Settings = "http2-settings",
    IfMatch = "if-match",
    IfModifiedSince = "if-modified-since",
    IfNoneMatch = "if-none-match",
    IfRange = "if-range",
    IfUnmodifiedSince = "if-unmodified-since",
    KeepAlive = "keep-alive",
    LastModified = "last-modified",
    Link = "link",
    Location = "location",
    MaxForwards = "max-forwards",
    NgrokErrorCode = "ngrok-error-code",
    Origin = "origin",
    Pragma = "pragma",
    Priority = "priority",
    ProxyAuthenticate = "proxy-authenticate",
    ProxyAuthenticationInfo = "proxy-authentication-info",
    ProxyAuthorization = "proxy-authorization",
    ProxyConnection = "proxy-connection",
    Range = "range",
    Referer = "referer",
    Refresh = "refresh",
    RetryAfter = "retry-after",
    SecFetchDest = "sec-fetch-dest",
    SecFetchMode = "sec-fetch-mode",
    SecFetchSite = "sec-fetch-site",
    SecFetchUser = "sec-fetch-user",
    SecWebsocketAccept = "sec-websocket-accept",
    SecWebsocketExtensions = "sec-websocket-extensions",
    SecWebsocketKey = "sec-websocket-key",
    SecWebsocketProtocol = "sec-websocket-protocol",
    SecWebsocketVersion = "sec-websocket-version",
    Server = "server",
    SetCookie = "set-cookie",
    StrictTransportSecurity = "strict-transport-security",
    Te = "te",
    Traceparent = "traceparent",
    Tracestate = "tracestate",
    Trailer = "trailer",
    TransferEncoding = "transfer-encoding",
    TrueClientIp = "true-client-ip",
    Upgrade = "upgrade",
    UpgradeInsecureRequests = "upgrade-insecure-requests",
    UserAgent = "user-agent",
    Vary = "vary",
    Via = "via",
    WwwAuthenticate = "www-authenticate",
    XClientIp = "x-client-ip",
    XForwardedFor = "x-forwarded-for",
    XForwardedHost = "x-forwarded-host",
    XForwardedPort = "x-forwarded-port",
    XForwardedProto = "x-forwarded-proto",
    XForwardedServer = "x-forwarded-server",
    XOriginalUrl = "x-original-url",
    XRealIp = "x-real-ip",
    XRequestId = "x-request-id",
    XRequestedWith = "x-requested-with",
    XRewriteUrl = "x-rewrite-url",
}

/// Slots of the hash table: five times as many as names, so that a probe for
/// an unknown name mostly meets an empty slot.
const SLOTS: usize = 512;

static TABLE: [Known; SLOTS] = table();

/// Hash of a name, without case: its length and four of its bytes.
const fn slot(len: usize, first: u8, middle: u8, fourth_last: u8, last: u8) -> usize {
    let sum = len * 111
        + (first | 0x20) as usize * 75
        + (middle | 0x20) as usize * 172
        + (last | 0x20) as usize * 78
        + (fourth_last | 0x20) as usize * 66;
    sum % SLOTS
}

/// Open addressing, filled at compile time: a name more needs nothing else.
#[allow(
    clippy::indexing_slicing,
    reason = "runs at compile time, where an error stops the build"
)]
const fn table() -> [Known; SLOTS] {
    let mut table = [Known::Other; SLOTS];
    let mut i = 0;
    while i < Known::ALL.len() {
        let name = Known::ALL[i].name().as_bytes();
        let n = name.len();
        let mut at = slot(n, name[0], name[n / 2], name[n.saturating_sub(4)], name[n - 1]);
        while !matches!(table[at], Known::Other) {
            at = (at + 1) % SLOTS;
        }
        table[at] = Known::ALL[i];
        i += 1;
    }
    table
}

impl Known {
    /// The id of `name`, compared without case.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let n = name.len();
        let (Some(&first), Some(&middle), Some(&fourth_last), Some(&last)) = (
            name.first(),
            name.get(n / 2),
            name.get(n.saturating_sub(4)),
            name.last(),
        ) else {
            return Self::Other;
        };
        let mut at = slot(n, first, middle, fourth_last, last);
        loop {
            let known = TABLE.get(at).copied().unwrap_or_default();
            if known == Self::Other || is_name(name, known.name().as_bytes()) {
                return known;
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// Whether `name` is `known` without case, eight bytes a step: the comparison
/// is made for every field of every message.
///
/// `known` consists of lower-case letters, digits and `-`, of which only the
/// letters have bit 0x40. Hence bit 0x20, which is the case, may differ exactly
/// where 0x40 is set.
#[inline]
fn is_name(name: &[u8], known: &[u8]) -> bool {
    const fn same(name: &[u8; 8], known: &[u8; 8]) -> bool {
        let (name, known) = (u64::from_le_bytes(*name), u64::from_le_bytes(*known));
        (name ^ known) & !((known & 0x4040_4040_4040_4040) >> 1) == 0
    }
    if name.len() != known.len() {
        return false;
    }
    let (Some(name_end), Some(known_end)) = (name.last_chunk::<8>(), known.last_chunk::<8>()) else {
        return name
            .iter()
            .zip(known)
            .all(|(name, known)| (name ^ known) & !((known & 0x40) >> 1) == 0);
    };
    // The last eight bytes overlap with the whole words before them.
    same(name_end, known_end)
        && name
            .as_chunks::<8>()
            .0
            .iter()
            .zip(known.as_chunks::<8>().0)
            .all(|(name, known)| same(name, known))
}

/// Names that carry an identity: only the edge may set them, whatever comes in
/// is removed first (edge 7.2). Case is ignored and `_` counts as `-`, because
/// CGI-like upstreams cannot tell the two apart.
#[must_use]
pub fn is_identity_name(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 5] = [
        b"ngrok-auth-",
        b"ngrok-mtls-",
        b"adit-auth-",
        b"adit-mtls-",
        b"adit-internal-",
    ];
    // Most names are told apart by their first letter.
    if !matches!(name.first(), Some(b'n' | b'N' | b'a' | b'A' | b'c' | b'C')) {
        return false;
    }
    PREFIXES.iter().any(|prefix| starts_with(name, prefix))
        || (starts_with(name, b"client-cert")
            && matches!(name.len(), 11 | 17)
            && (name.len() == 11 || starts_with(name, b"client-cert-chain")))
}

/// Response names that visitors may trust to come from the edge alone:
/// `ngrok-error-code` and `adit-*` (edge 7.4). Compared as in
/// [`is_identity_name`].
#[must_use]
pub fn is_adit_name(name: &[u8]) -> bool {
    starts_with(name, b"adit-") || (name.len() == 16 && starts_with(name, b"ngrok-error-code"))
}

/// Whether `name` begins with the lower-case `prefix`, `_` counted as `-`.
fn starts_with(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len()
        && name
            .iter()
            .zip(prefix)
            .all(|(&b, &want)| b.to_ascii_lowercase() == want || (b == b'_' && want == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for &known in Known::ALL {
            let name = known.name();
            assert_eq!(name, name.to_ascii_lowercase());
            assert_eq!(Known::of(name.as_bytes()), known);
            assert_eq!(Known::of(name.to_ascii_uppercase().as_bytes()), known);
            let mut longer = name.as_bytes().to_vec();
            longer.push(b'x');
            assert_eq!(Known::of(&longer), Known::Other);
        }
        assert_eq!(Known::of(b""), Known::Other);
        assert_eq!(Known::of(b"x-unknown"), Known::Other);
    }

    #[test]
    fn one_other_byte_is_another_name() {
        for &known in Known::ALL {
            for i in 0..known.name().len() {
                for b in 0..=255u8 {
                    let mut name = known.name().as_bytes().to_vec();
                    name[i] = b;
                    let same = name.eq_ignore_ascii_case(known.name().as_bytes());
                    assert_eq!(is_name(&name, known.name().as_bytes()), same, "{}", name.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn a_byte_that_differs_in_bit_five_only_is_no_match() {
        // `@` is to '`' as upper case is to lower: the hash folds them, the comparison must not.
        assert_eq!(Known::of(b"\x48ost"), Known::Host);
        assert_eq!(Known::of(b"hos\x54"), Known::Host);
        assert_eq!(Known::of(b"x\x0dreal-ip"), Known::Other);
    }

    #[test]
    fn identity_names_in_every_spelling() {
        for name in [
            "ngrok-auth-user-email",
            "NGROK_AUTH_USER_ID",
            "Adit-Internal-x",
            "adit_mtls-subject",
        ] {
            assert!(is_identity_name(name.as_bytes()), "{name}");
        }
        for name in ["client-cert", "Client_Cert", "client-cert-chain", "CLIENT_CERT_CHAIN"] {
            assert!(is_identity_name(name.as_bytes()), "{name}");
        }
        for name in [
            "client-certificate",
            "client-cert-chains",
            "client-cert-chaim",
            "ngrok-skip-browser-warning",
            "auth",
        ] {
            assert!(!is_identity_name(name.as_bytes()), "{name}");
        }
        assert!(is_adit_name(b"Ngrok-Error-Code") && is_adit_name(b"adit_position"));
        assert!(!is_adit_name(b"ngrok-error-codes") && !is_adit_name(b"aditx"));
    }
}
