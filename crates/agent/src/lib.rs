//! The agent as a library: dials out, binds endpoints, hands connections over or forwards them.
