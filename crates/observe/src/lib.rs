//! Every occurrence is one struct: outcome of an exchange, activity, metrics, access log.
