//! One connection of a session: logged in, with its two tasks, and the requests that go over it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_mux::{CloseReason, Config, Growth, Heartbeat};
use adit_protocol::capability::Capability;
use adit_protocol::control::ControlMessage;
use adit_protocol::message::{Bind, BindResp, PatchTunnelState, PatchTunnelStateResp, Presence, Unbind, UnbindResp};
use adit_protocol::typed_stream::StreamType;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::control::Control;
use super::login::{self, Instance, Login, Resume};
use super::{Patch, Shared, incoming, rpc};
use crate::dial::{self, address::Address};
use crate::endpoint::{Endpoint, lock};
use crate::error::{Error, Step};

/// The server may hold a bind for 10 s while its bus or store is away (agent protocol 5.2).
const BIND: Duration = Duration::from_secs(20);
const UNBIND: Duration = Duration::from_secs(5);

/// One connection.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) mux: adit_mux::Session,
    pub(super) number: u32,
    pub(super) control: Option<Control>,
    /// What the server said before it closed.
    goodbye: Mutex<Option<String>>,
    /// Resolves when the driver has written its last byte.
    written: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Leg {
    /// Connects to `address` and logs in.
    pub(super) async fn connect(
        shared: &Arc<Shared>,
        address: &Address,
        instance: &Instance,
        resume: &Resume,
        number: u32,
    ) -> Result<(Arc<Self>, Login), Error> {
        let options = &shared.options;
        let link = dial::connect(options, &shared.secure, address).await?;
        let mut config = Config::client();
        config.heartbeat = Some(Heartbeat {
            interval: options.heartbeat_interval,
            tolerance: options.heartbeat_tolerance,
        });
        config.idle_timeout = Some(options.heartbeat_interval + options.heartbeat_tolerance);
        let (mux, streams, driver) = adit_mux::session(config, Instant::now().into_std());
        // Streams may come behind the answer to the login before this program has read it: what they may bring is
        // put up with from the beginning.
        mux.set_receive_window(login::WINDOW);
        let (io, (done, written)) = (link.io, oneshot::channel());
        shared.tasks.spawn(|entry| async move {
            let _held = (entry, done);
            driver.run(io).await;
        });
        // From here on dropping `mux` and `streams` ends the connection in order.
        let login = match login::login(
            &mux,
            options,
            &shared.handlers,
            instance,
            resume,
            number,
            link.proxy_type,
        )
        .await
        {
            Ok(login) => login,
            Err(Error::Lost { .. }) => return Err(ended(&mux.closed().await, None)),
            Err(error) => {
                mux.close(adit_mux::code::NONE, "");
                return Err(error);
            }
        };
        let window = login.grant.as_ref().filter(|grant| grant.caps.has(Capability::Window));
        let window = window.map_or(0, |grant| grant.window.min(login::WINDOW));
        mux.set_receive_window(window);
        mux.set_send_window(window);
        let control = login
            .grant
            .as_ref()
            .filter(|grant| grant.caps.has(Capability::Control))
            .and_then(|_| Control::open(&mux));
        let leg = Arc::new(Self {
            mux,
            number,
            control,
            goodbye: Mutex::new(None),
            written: Mutex::new(Some(written)),
        });
        leg.grow(login.grant.as_ref().map_or(0, |grant| grant.session_budget));
        let (serving, tasks) = ((Arc::clone(shared), Arc::clone(&leg)), shared.tasks.clone());
        tasks.spawn(|entry| async move {
            let _entry = entry;
            incoming::run(serving.0, serving.1, streams).await;
        });
        Ok((leg, login))
    }

    /// Lets receive windows grow: this agent's windows have no ceiling of their own (agent protocol 9.5).
    pub(super) fn grow(&self, budget: u64) {
        let growth = match (Growth::standard(), usize::try_from(budget)) {
            (Growth::Grow { max_stream_window, .. }, Ok(session_budget)) if budget > 0 => Growth::Grow {
                max_stream_window,
                session_budget,
            },
            (standard, _) => standard,
        };
        let config = Config::client();
        self.mux.set_limits(config.max_outbound, config.max_unaccepted, growth);
    }

    /// Says something on the control stream, if there is one.
    pub(crate) fn tell(&self, message: &ControlMessage) {
        if let Some(control) = &self.control {
            control.send(message);
        }
    }

    pub(super) fn note_goodbye(&self, code: &str, text: String) {
        *lock(&self.goodbye) = Some(if code.is_empty() {
            text
        } else {
            format!("{text} ({code})")
        });
    }

    /// Resolves when the connection has ended: with the cause.
    pub(super) async fn closed(&self) -> Error {
        let reason = self.mux.closed().await;
        let goodbye = lock(&self.goodbye).clone();
        ended(&reason, goodbye)
    }

    /// Resolves when the connection's last byte was written and it is closed, after the end.
    pub(super) async fn driver_done(&self) {
        let written = lock(&self.written).take();
        if let Some(written) = written {
            let _ = written.await;
        }
    }

    /// Asks for an endpoint; the server's refusal is the inner error.
    pub(super) async fn bind(&self, request: &Bind) -> Result<Result<BindResp, Error>, Error> {
        let answer: BindResp = match rpc::request(&self.mux, StreamType::Bind, request, BIND).await {
            Ok(answer) => answer,
            // The fault of this one request.
            Err(refusal @ Error::Protocol { .. }) => return Ok(Err(refusal)),
            Err(cause) => return Err(cause),
        };
        Ok(match answer.error.as_deref() {
            Some(text) if !text.is_empty() => Err(Error::refused(Step::Bind, text)),
            _ if answer.id.is_empty() => Err(Error::Protocol {
                what: "a bind was answered without an id".to_owned(),
            }),
            _ => Ok(answer),
        })
    }

    pub(super) async fn unbind(&self, id: String) -> Result<(), Error> {
        let answer: UnbindResp = rpc::request(
            &self.mux,
            StreamType::Unbind,
            &Unbind {
                id,
                extra: Presence::Absent,
            },
            UNBIND,
        )
        .await?;
        refusal(Step::Unbind, answer.error.as_deref())
    }

    pub(super) async fn patch(&self, endpoint: &Endpoint, patch: &Patch) -> Result<(), Error> {
        let request = PatchTunnelState {
            tunnel_id: endpoint.bound().tunnel,
            description: patch.description.clone(),
            metadata: patch.metadata.clone(),
            traffic_policy: patch.policy.clone(),
            ..PatchTunnelState::default()
        };
        let answer: PatchTunnelStateResp =
            rpc::request(&self.mux, StreamType::PatchTunnelState, &request, BIND).await?;
        refusal(Step::Patch, Some(&answer.error))
    }
}

fn refusal(step: Step, error: Option<&str>) -> Result<(), Error> {
    match error {
        Some(text) if !text.is_empty() => Err(Error::refused(step, text)),
        _ => Ok(()),
    }
}

/// The end of a connection as an error.
fn ended(reason: &CloseReason, goodbye: Option<String>) -> Error {
    match (goodbye, reason) {
        (Some(text), _) => Error::lost(format!("the server closed it: {text}")),
        (None, CloseReason::GoAway { code: 0, message }) if message.is_empty() => Error::lost("the server closed it"),
        (None, CloseReason::GoAway { code, message }) => {
            Error::lost(format!("the server closed it: {message} (code {code})"))
        }
        (None, CloseReason::Eof) => Error::lost("the server closed the connection"),
        (None, CloseReason::Io(kind)) => Error::lost(kind.to_string()),
        (None, reason) => Error::lost(reason.to_string()),
    }
}
