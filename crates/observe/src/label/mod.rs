//! The values a metric's label or an event's enumerated field may have: small enums, so that a counter is an
//! array cell and no visitor can make a new series.

mod agent;
mod connection;
mod exchange;

pub use agent::{AgentClient, EndpointScheme, EndpointStatus, EndpointType, StopCode};
pub use connection::{
    AttackKind, BufferAction, BufferHolder, ConnectionProtocol, HandshakeResult, Listener, RefusalKind, RefusalReason,
    TlsVersion,
};
pub use exchange::{
    CodeClass, GlitchKind, Method, Outcome, ParkResult, Protocol, RetryReason, Reuse, Side, StreamFailure,
};

/// A label with a fixed set of values.
pub(crate) trait Label: Copy + Sized + 'static {
    /// How many values there are.
    const COUNT: usize;
    /// Position of the value, below [`Self::COUNT`].
    fn index(self) -> usize;
    /// Text of the value at a position; empty beyond the last.
    fn text(index: usize) -> &'static str;
}

impl Label for bool {
    const COUNT: usize = 2;
    fn index(self) -> usize {
        usize::from(self)
    }
    fn text(index: usize) -> &'static str {
        if index == 0 { "false" } else { "true" }
    }
}

/// Enums whose values have a position and a text.
macro_rules! labels {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* #[doc = concat!("`", $text, "`")] $variant,)+ }

        impl $name {
            /// Every value, in the order of their positions.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value as metrics and events write it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl Label for $name {
            const COUNT: usize = Self::ALL.len();
            fn index(self) -> usize {
                self as usize
            }
            fn text(index: usize) -> &'static str {
                Self::ALL.get(index).map_or("", |value| value.as_str())
            }
        }
    )+};
}

use labels;
