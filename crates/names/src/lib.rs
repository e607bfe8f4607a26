//! Canonical host names, endpoint URLs, typed ids and the table of error codes.
