//! The sizes beyond which a message is refused.

use crate::refuse::Side;

/// Limits of one message: its head, its chunk framing and its trailers.
///
/// Sizes are in bytes. [`Limits::request`] and [`Limits::response`] hold the
/// defaults of edge 1.7; the fields are public because they are configurable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whose messages these are: decides status and code of a refusal.
    pub side: Side,
    /// Longest method. Default 32.
    pub method: usize,
    /// Longest request target, or longest reason phrase of a response.
    /// Default 16 KiB.
    pub target: usize,
    /// All field lines together with their line ends, without the start line
    /// and without the empty line that ends the head. Default 64 KiB for a
    /// request, 256 KiB for a response.
    pub head: usize,
    /// Number of field lines. Default 200 for a request, 400 for a response.
    pub fields: usize,
    /// One field line without its line end. Default 48 KiB for a request; a
    /// response is only bounded by `head`.
    pub field: usize,
    /// Longest field name. Default 256, at most 65,535.
    pub name: usize,
    /// Longest chunk-size line with its line end. Default 272.
    pub chunk_line: usize,
    /// Longest run of chunk extensions, from the first `;`. Default 256.
    pub chunk_extension: usize,
    /// All trailer lines together with their line ends. Default 16 KiB.
    pub trailers: usize,
    /// Number of trailer lines. Default 32.
    pub trailer_fields: usize,
}

impl Limits {
    /// Defaults for requests: visitor to edge, edge to agent.
    #[must_use]
    pub const fn request() -> Self {
        Self {
            side: Side::Request,
            method: 32,
            target: 16 << 10,
            head: 64 << 10,
            fields: 200,
            field: 48 << 10,
            name: 256,
            chunk_line: 272,
            chunk_extension: 256,
            trailers: 16 << 10,
            trailer_fields: 32,
        }
    }

    /// Defaults for responses: what an upstream may send.
    #[must_use]
    pub const fn response() -> Self {
        Self {
            side: Side::Response,
            head: 256 << 10,
            fields: 400,
            field: 256 << 10,
            ..Self::request()
        }
    }
}
