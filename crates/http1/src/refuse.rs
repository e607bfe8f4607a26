//! Why a message is refused, and what the other end is told (edge 1.8, 10.3).

/// Whose message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// A request: the sender gets a 4xx or 505 and the connection is closed.
    Request,
    /// An upstream's response: the visitor gets a 502, the stream is destroyed.
    Response,
}

/// The one rule that a message broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The start line does not have the form of RFC 9112 3 or 4.
    StartLine,
    /// The method is not a token, or is longer than allowed.
    Method,
    /// The target has none of the four forms, or a byte that may not stand in
    /// one (control bytes, space, `#`, 0x80 and above).
    Target,
    /// Absolute form with user information or an authority that is no host.
    TargetAuthority,
    /// A line ends in LF without CR.
    BareLf,
    /// CR that no LF follows.
    BareCr,
    /// NUL, another control byte, or DEL.
    ControlByte,
    /// A field line begins with white space (obs-fold, RFC 9112 5.2).
    ObsFold,
    /// White space between field name and colon (RFC 9112 5.1).
    SpaceBeforeColon,
    /// The field name is empty, not a token, or has no colon.
    FieldName,
    /// `HTTP/2.0`, `HTTP/3.1`, `HTTP/0.9`: another major version.
    Version,
    /// Request target longer than allowed.
    TargetTooLong,
    /// Head longer than allowed.
    HeadTooLarge,
    /// One field line longer than allowed.
    FieldTooLarge,
    /// A field name longer than allowed.
    NameTooLong,
    /// More field lines than allowed.
    TooManyFields,
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 6.1).
    LengthAndEncoding,
    /// `Content-Length` more than once; in a response: with different values.
    LengthRepeated,
    /// `Content-Length` that is not 1 to 19 digits.
    LengthInvalid,
    /// `Transfer-Encoding` other than exactly `chunked`.
    EncodingUnknown,
    /// `Transfer-Encoding` more than once.
    EncodingRepeated,
    /// `Transfer-Encoding` in HTTP/1.0 or beside HTTP/2.
    EncodingVersion,
    /// No `Host` (RFC 9112 3.2).
    HostMissing,
    /// `Host` more than once.
    HostRepeated,
    /// `Host` that is no host with an optional port.
    HostInvalid,
    /// `Host` and the target's authority differ.
    HostMismatch,
    /// Chunk size that is not 1 to 16 hexadecimal digits.
    ChunkSize,
    /// Chunk extension against RFC 9112 7.1.1, or too long.
    ChunkExtension,
    /// Chunk-size line longer than allowed.
    ChunkLine,
    /// Chunk data is not followed by CR LF.
    ChunkEnd,
    /// A trailer line is malformed.
    Trailer,
    /// More trailer bytes or lines than allowed.
    TrailersTooLarge,
    /// The connection ended before the declared length.
    BodyShort,
    /// The connection ended within a chunked body.
    BodyCut,
    /// Response status 0.
    StatusZero,
    /// Response status that is not 100 to 599.
    StatusInvalid,
}

/// A refused message: nothing of it may be used, nothing behind it is parsed.
///
/// Never worth a retry of the same bytes: the rule will be broken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// The rule that was broken.
    pub kind: RefusalKind,
    /// Whose message it was.
    pub side: Side,
}

impl Refusal {
    /// A refusal of a request.
    #[must_use]
    pub const fn request(kind: RefusalKind) -> Self {
        Self {
            kind,
            side: Side::Request,
        }
    }

    /// A refusal of a response.
    #[must_use]
    pub const fn response(kind: RefusalKind) -> Self {
        Self {
            kind,
            side: Side::Response,
        }
    }

    /// HTTP status that the visitor is answered with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        use RefusalKind as K;
        match (self.side, self.kind) {
            (Side::Response, _) => 502,
            (Side::Request, K::Version) => 505,
            (Side::Request, K::TargetTooLong) => 414,
            (Side::Request, K::HeadTooLarge | K::FieldTooLarge | K::NameTooLong | K::TooManyFields) => 431,
            (Side::Request, _) => 400,
        }
    }

    /// Error number for `ngrok-error-code` and the event (edge 10.2, 10.3).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        use RefusalKind as K;
        match (self.side, self.kind) {
            (Side::Response, K::StatusZero) => "ERR_NGROK_3009",
            (Side::Response, K::StatusInvalid) => "ERR_NGROK_3010",
            (Side::Response, _) => "ERR_NGROK_3004",
            (Side::Request, K::Version) => "ERR_ADIT_5050",
            (Side::Request, K::TargetTooLong) => "ERR_ADIT_4140",
            (Side::Request, K::HeadTooLarge | K::FieldTooLarge | K::NameTooLong | K::TooManyFields) => "ERR_ADIT_4310",
            (
                Side::Request,
                K::LengthAndEncoding
                | K::LengthRepeated
                | K::LengthInvalid
                | K::EncodingUnknown
                | K::EncodingRepeated
                | K::EncodingVersion
                | K::BodyShort,
            ) => "ERR_ADIT_4001",
            (
                Side::Request,
                K::HostMissing | K::HostRepeated | K::HostInvalid | K::HostMismatch | K::TargetAuthority,
            ) => "ERR_ADIT_4002",
            (
                Side::Request,
                K::ChunkSize
                | K::ChunkExtension
                | K::ChunkLine
                | K::ChunkEnd
                | K::Trailer
                | K::TrailersTooLarge
                | K::BodyCut,
            ) => "ERR_ADIT_4003",
            (Side::Request, _) => "ERR_ADIT_4000",
        }
    }

    /// One plain sentence, fewer than 200 bytes, without anything of the input.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        use RefusalKind as K;
        match self.kind {
            K::StartLine => "the start line is malformed",
            K::Method => "the method is not a token",
            K::Target => "the request target is malformed",
            K::TargetAuthority => "the authority of the request target is not a host",
            K::BareLf => "a line ends in LF without CR",
            K::BareCr => "CR without LF",
            K::ControlByte => "a control byte in the head",
            K::ObsFold => "folded field lines are not accepted",
            K::SpaceBeforeColon => "white space between field name and colon",
            K::FieldName => "a field name is malformed",
            K::Version => "this HTTP version is not spoken here",
            K::TargetTooLong => "the request target is too long",
            K::HeadTooLarge => "the head is too large",
            K::FieldTooLarge => "a field is too large",
            K::NameTooLong => "a field name is too long",
            K::TooManyFields => "too many fields",
            K::LengthAndEncoding => "Content-Length and Transfer-Encoding together",
            K::LengthRepeated => "Content-Length more than once",
            K::LengthInvalid => "Content-Length is not a number",
            K::EncodingUnknown => "Transfer-Encoding is not chunked",
            K::EncodingRepeated => "Transfer-Encoding more than once",
            K::EncodingVersion => "Transfer-Encoding in a version without it",
            K::HostMissing => "Host is missing",
            K::HostRepeated => "Host more than once",
            K::HostInvalid => "Host is not a host",
            K::HostMismatch => "Host and request target name different hosts",
            K::ChunkSize => "a chunk size is malformed",
            K::ChunkExtension => "a chunk extension is malformed or too long",
            K::ChunkLine => "a chunk-size line is malformed or too long",
            K::ChunkEnd => "a chunk does not end where its size says",
            K::Trailer => "a trailer is malformed",
            K::TrailersTooLarge => "the trailers are too large",
            K::BodyShort => "the body is shorter than Content-Length",
            K::BodyCut => "the chunked body has no end",
            K::StatusZero => "the response has status 0",
            K::StatusInvalid => "the response status is not 100 to 599",
        }
    }
}
