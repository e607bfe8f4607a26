//! Alerts (RFC 8446 section 6): their numbers, their names, and the plaintext record that carries
//! one before there are keys.

/// The plaintext record with a fatal alert, for use before a ServerHello was sent.
///
/// Write it, then close with FIN rather than RST, so that the client gets to read it (RFC 8446
/// sections 5.1 and 6.2).
#[must_use]
pub const fn alert(code: u8) -> [u8; 7] {
    [0x15, 0x03, 0x03, 0x00, 0x02, FATAL, code]
}

/// Alert level `warning`.
pub(crate) const WARNING: u8 = 1;
/// Alert level `fatal`.
pub(crate) const FATAL: u8 = 2;

/// Alert numbers used by Adit (RFC 8446 section 6, RFC 7301 section 3.2).
pub mod code {
    /// The sender will send nothing more.
    pub const CLOSE_NOTIFY: u8 = 0;
    /// A record or message of a kind that is not allowed here.
    pub const UNEXPECTED_MESSAGE: u8 = 10;
    /// A record that could not be authenticated.
    pub const BAD_RECORD_MAC: u8 = 20;
    /// A record longer than allowed.
    pub const RECORD_OVERFLOW: u8 = 22;
    /// No acceptable set of parameters.
    pub const HANDSHAKE_FAILURE: u8 = 40;
    /// The certificate was corrupt, or not for this name.
    pub const BAD_CERTIFICATE: u8 = 42;
    /// The certificate was revoked.
    pub const CERTIFICATE_REVOKED: u8 = 44;
    /// The certificate has expired or is not valid yet.
    pub const CERTIFICATE_EXPIRED: u8 = 45;
    /// The certificate is not acceptable for another reason.
    pub const CERTIFICATE_UNKNOWN: u8 = 46;
    /// A field was out of range or contradicted another.
    pub const ILLEGAL_PARAMETER: u8 = 47;
    /// The issuer of the certificate is not trusted.
    pub const UNKNOWN_CA: u8 = 48;
    /// A certificate was valid, but access is not granted.
    pub const ACCESS_DENIED: u8 = 49;
    /// A message could not be parsed.
    pub const DECODE_ERROR: u8 = 50;
    /// The protocol version is not supported.
    pub const PROTOCOL_VERSION: u8 = 70;
    /// A failure that is not the peer's fault.
    pub const INTERNAL_ERROR: u8 = 80;
    /// The user gave up (TLS 1.3: followed by `close_notify`).
    pub const USER_CANCELED: u8 = 90;
    /// Renegotiation is refused (TLS 1.2, a warning).
    pub const NO_RENEGOTIATION: u8 = 100;
    /// A mandatory extension, such as the server name, is missing.
    pub const MISSING_EXTENSION: u8 = 109;
    /// Nothing is served under this name.
    pub const UNRECOGNIZED_NAME: u8 = 112;
    /// A client certificate is required (TLS 1.3).
    pub const CERTIFICATE_REQUIRED: u8 = 116;
    /// No application protocol in common.
    pub const NO_APPLICATION_PROTOCOL: u8 = 120;
}

/// The name of an alert as written in the RFCs, for messages and logs.
pub(crate) const fn name(code: u8) -> &'static str {
    match code {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fatal_alert_is_seven_bytes() {
        assert_eq!(alert(code::UNRECOGNIZED_NAME), [0x15, 3, 3, 0, 2, 2, 112]);
        assert_eq!(name(code::UNRECOGNIZED_NAME), "unrecognized_name");
    }
}
