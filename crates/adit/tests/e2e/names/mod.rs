//! Names: who may have one, what a Host means, and what happens while the agent behind a name is away.

mod hosts;
mod misdirected;
mod parking;
mod sharing;
mod upstream_down;
