//! What a policy asks of whoever has the traffic, and how it is answered (traffic policy 7.1).
//!
//! Every [`Effect`] has a time limit where it is performed. One that fails or is cut off comes back as a failure and
//! follows the failure column of the action that asked.

use std::net::IpAddr;
use std::time::Duration;

use adit_names::code::ErrorCode;
use bytes::Bytes;

use crate::state::Waiting;
use crate::value::Value;

/// What a policy cannot do itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Choose a member of the internal endpoint `scheme://host:port` of the organisation. Answered by
    /// [`Input::Opened`].
    OpenInternal {
        /// The target.
        url: String,
    },
    /// Send a request: to an internal endpoint of the organisation if the host ends in `.internal`, else through the
    /// guarded client. Redirects are not followed: the policy asks again. Answered by [`Input::Fetched`].
    Fetch(Box<Fetch>),
    /// Fetch a key set (JWKS) with GET; at most 1 MiB. Policies keep key sets in [`crate::State`] and ask only when
    /// they need a newer one. Answered by [`Input::Keys`].
    Keys {
        /// Where it is.
        url: String,
    },
    /// Hold the whole body of a message and give it over. Answered by [`Input::Body`].
    Body {
        /// The response's, else the request's.
        response: bool,
        /// Bytes it may have.
        limit: usize,
    },
    /// Is there a valid session of this login? Answered by [`Input::Session`].
    Session(Box<Login>),
    /// Let the web application firewall look at a message. Answered by [`Input::Inspected`].
    Inspect(Box<Inspect>),
    /// Wait for one of the exchanges that are open. Answered by [`Input::Admitted`].
    Wait {
        /// A future that is ready when there is room.
        place: Waiting,
        /// Give up after this time.
        most: Duration,
    },
    /// Tell how long this phase has taken so far, effects not counted. Answered by [`Input::Tick`].
    Tick,
}

/// What a step is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The first step of a run.
    Begin,
    /// Answer to [`Effect::OpenInternal`].
    Opened(Result<(), Fault>),
    /// Answer to [`Effect::Fetch`].
    Fetched(Result<Answer, Fault>),
    /// Answer to [`Effect::Keys`]: the text of the key set.
    Keys(Result<Vec<u8>, Fault>),
    /// Answer to [`Effect::Body`]: shared with whoever holds it, so that it is there once.
    Body(Result<Bytes, BodyFault>),
    /// Answer to [`Effect::Session`].
    Session(Box<Session>),
    /// Answer to [`Effect::Inspect`].
    Inspected(Result<Inspection, Fault>),
    /// Answer to [`Effect::Wait`]: was there room in time?
    Admitted(bool),
    /// Answer to [`Effect::Tick`].
    Tick(Duration),
}

/// Why an effect did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Code of the answer: for [`Effect::OpenInternal`] the one that the target itself would have given; for
    /// [`Effect::Fetch`] `NGROK_3601` (too large), `NGROK_3602` (out of time), `NGROK_3603` (loop), `ADIT_5203` (refused
    /// by the guard) or one of a failed connection (`NGROK_3006`).
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
}

/// Why there is no body. What was read of it stays with the edge: if the exchange goes on, it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than the limit.
    TooLarge,
    /// There is no memory left for it.
    NoRoom,
    /// It could not be read to its end.
    Failed,
}

/// A request of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Fields, names in lower case; host and length are not among them.
    pub headers: Vec<(String, String)>,
    /// Body; empty: none.
    pub body: Vec<u8>,
    /// Wait so long first (between tries).
    pub delay: Duration,
    /// The answer has to be complete within this time after the wait.
    pub timeout: Duration,
    /// Bytes the decoded body of the answer may have.
    pub max_response: usize,
}

/// What came back of a [`Fetch`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body, decoded.
    pub body: Vec<u8>,
    /// Who answered.
    pub resolved_ip: Option<IpAddr>,
    /// How long it took.
    pub took: Duration,
}

/// Which login is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// `oauth`, `oidc`, `saml`
    pub action: &'static str,
    /// Its `auth_id`; empty: the default one.
    pub auth_id: String,
    /// The configuration as a mapping, templates evaluated. It holds secrets.
    pub config: Value,
}

/// What is known of a visitor's session.
#[derive(Debug, Clone, PartialEq)]
pub enum Session {
    /// It is valid.
    Valid {
        /// Results of the action by their names below it (`identity.email`).
        results: Vec<(String, Value)>,
        /// Identity headers that the upstream gets; those of these names that the visitor sent are gone already.
        headers: Vec<(String, String)>,
    },
    /// There is none: this is the answer (a redirect to the provider, or 401).
    Answer {
        /// Status.
        status: u16,
        /// Fields.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// It cannot be told (the provider's configuration is not there): refused with this code.
    Failed(Fault),
}

/// What the web application firewall is to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspect {
    /// The response, else the request.
    pub response: bool,
    /// So many bytes of the body; 0: none.
    pub body_limit: usize,
    /// Rules that are left out.
    pub exclude: Vec<u32>,
    /// Paranoia level, 1 to 4.
    pub paranoia: u8,
}

/// What it found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspection {
    /// The anomaly score.
    pub score: u32,
    /// The rules that matched.
    pub matched: Vec<Matched>,
}

/// A rule of the firewall that matched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matched {
    /// Its id.
    pub id: u32,
    /// What it says.
    pub message: String,
    /// `CRITICAL`, `WARNING`, …
    pub severity: String,
    /// What it saw.
    pub data: String,
}
