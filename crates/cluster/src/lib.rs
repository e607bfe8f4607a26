//! What is live: directory of sessions and their endpoints, claims, parking.
