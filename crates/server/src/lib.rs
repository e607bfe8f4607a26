//! Wires configuration, authority, edge and observation into one running server.
