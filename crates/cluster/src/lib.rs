//! What is **live** on this server: which sessions offer which endpoints, and who waits for one to come back.
//!
//! The road of a request asks three questions here, none of which takes a lock that unrelated names share or
//! allocates: which [`Pool`] has this name ([`Directory::find`]), which [`Member`] of it serves
//! ([`Pool::choose`]), on which connection of that member's session is the stream opened ([`Member::leg`]).
//! When the answer is "one that is about to return", the request waits in the pool's queue ([`Pool::park`]).
//!
//! Whoever binds a name first wins its [`claim`](Claims) (create-if-absent), then writes it to the directory;
//! presence never changes what the edge was told. Who shows or commands what is live reads the sessions that are
//! on line ([`Directory::sessions`]) and gives [`Commands`]. Today all of it lives in this process.

mod checks;
mod claim;
mod command;
mod directory;
mod ending;
mod failure;
mod health;
mod idle;
mod member;
mod park;
mod pool;
mod presence;
mod rehearsal;
mod standing;
mod stream;
mod untaken;

pub use adit_names::endpoint_url::{Binding, Class};
pub use checks::Checks;
pub use claim::{Bid, ClaimKey, Claimed, Claims, Conflict, LocalClaims, Owner};
pub use command::{Command, CommandError, CommandQueue, Commands, Request, Target};
pub use directory::Directory;
pub use failure::{StreamFailure, StreamFailures};
pub use health::{Health, Status, UpstreamFailure};
pub use idle::{IDLE_MAX_AGE, IDLE_PER_MEMBER, IDLE_PER_SESSION, IdlePool, IdleStreams};
pub use member::{
    BoundPolicy, Draining, IdentityPem, Leg, Member, MemberKey, MemberOptions, Proto, RemoteCommands, SessionFacts,
};
pub use park::{ParkLimits, ParkRefused, Parked, Woken};
pub use pool::{By, Choice, Pool};
pub use presence::OnlineSession;
pub use rehearsal::{Rehearsals, Rehearsed};
pub use standing::{Came, Ejection};
pub use stream::AgentStream;
pub use untaken::{UNTAKEN_AFTER, Untaken};
