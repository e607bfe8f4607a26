//! TLS behind our own types: profiles, tickets, ClientHello parser, streams that take and give chunks.
