//! People and rights (control plane 6.1): who one is, what one may, and why.

pub(crate) mod explain;
pub(crate) mod me;
pub(crate) mod permissions;
pub(crate) mod version;
