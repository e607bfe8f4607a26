//! What agent and edge say to each other: data only.
