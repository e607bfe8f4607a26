//! The contract of the commands: what they print, how they end, what they leave behind.

mod agent;
mod backup;
mod dev;
mod drain;
mod recover;
mod restart;
mod server;
