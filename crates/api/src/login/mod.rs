//! How people sign in (control plane 3.2).

pub mod password;
mod throttle;

pub(crate) use throttle::Throttle;
