//! A server for the agent to talk to: the server's side of the session protocol over loopback TLS, with its own
//! certificate authority. What the agent says is handed to the test; what it is answered is the test's to decide.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adit_agent::{Ca, Identity, Session, SessionBuilder, SessionEvent};
use adit_mux::{Config, Incoming, Stream};
use adit_names::Scheme;
use adit_protocol::capability::{Capabilities, Capability, Grant};
use adit_protocol::control::ControlMessage;
use adit_protocol::json::Reader;
use adit_protocol::message::{
    Auth, AuthResp, AuthRespExtra, Bind, BindResp, BindRespExtra, Message, PatchTunnelState, PatchTunnelStateResp,
    Unbind, UnbindResp,
};
use adit_protocol::proxy_header::{AditHeader, EdgeType, ProxyHeader};
use adit_protocol::typed_stream::StreamType;
use bytes::BytesMut;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const NAME: &str = "connect.adit.localhost";
pub(crate) const VISITOR: &str = "203.0.113.7:43116";

/// A certificate authority and what it issues.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Test Authority");
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    /// Chain and key in PEM.
    pub(crate) fn issue(&self, names: &[&str]) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params =
            rcgen::CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn server_profile(&self, names: &[&str]) -> adit_tls::ServerProfile {
        self.profile(names, &[b"adit-agent/1"])
    }

    /// Of a service behind the agent.
    pub(crate) fn service_profile(&self, names: &[&str]) -> adit_tls::ServerProfile {
        self.profile(names, &[])
    }

    fn profile(&self, names: &[&str], alpn: &[&[u8]]) -> adit_tls::ServerProfile {
        let (chain, key) = self.issue(names);
        let identity = adit_tls::Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        adit_tls::ServerProfile::builder(Arc::new(identity))
            .alpn(alpn)
            .build()
            .unwrap()
    }

    pub(crate) fn identity(&self, names: &[&str]) -> Identity {
        let (chain, key) = self.issue(names);
        Identity::pem(chain, key).unwrap()
    }

    pub(crate) fn client_profile(&self) -> adit_tls::ClientProfile {
        adit_tls::ClientProfile::builder(adit_tls::Roots::Pem(self.pem.clone().into_bytes()))
            .build()
            .unwrap()
    }
}

/// What the agent said.
#[derive(Debug)]
pub(crate) enum Said {
    /// A login, and the connection it was made on.
    Auth(Box<Auth>, Connection),
    Bind(Box<Bind>),
    Unbind(String),
    Patch(PatchTunnelState),
    Control(ControlMessage),
    /// The connection of this number is over.
    Gone(usize),
}

/// One connection of the agent.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) number: usize,
    pub(crate) mux: adit_mux::Session,
    control: Arc<Mutex<Option<mpsc::Sender<ControlMessage>>>>,
    driver: AbortHandle,
}

impl Connection {
    /// Cuts the connection without a word.
    pub(crate) fn cut(&self) {
        self.driver.abort();
    }

    /// A visitor arrives at the endpoint `id`; `first` are his first bytes.
    pub(crate) fn visit(&self, id: &str, scheme: Scheme, passthrough_tls: bool, first: &[u8]) -> Stream {
        let adit = Some(AditHeader {
            event: Some("rq_1"),
            sni: Some("app.example.com"),
            ..AditHeader::default()
        });
        self.mux
            .open_with(|out| {
                ProxyHeader {
                    id,
                    client_addr: VISITOR.parse().unwrap(),
                    proto: scheme,
                    edge_type: EdgeType::Bind,
                    passthrough_tls,
                    adit,
                }
                .encode(out)
                .unwrap();
                out.extend_from_slice(first);
            })
            .unwrap()
    }

    /// Sends a request of the server and reads the answer.
    pub(crate) async fn ask(&self, kind: StreamType, request: &[u8]) -> Value {
        let mut stream = self
            .mux
            .open_with(|out| {
                out.extend_from_slice(&kind.to_bytes());
                out.extend_from_slice(request);
            })
            .unwrap();
        let mut reader = Reader::default();
        within(async {
            loop {
                let chunk = stream.chunk().await.unwrap().unwrap();
                if let Some(answer) = reader.push(&chunk).unwrap() {
                    return serde_json::from_slice(answer).unwrap();
                }
            }
        })
        .await
    }

    /// Says something on the control stream.
    pub(crate) async fn say(&self, message: ControlMessage) {
        let sender = within(async {
            loop {
                if let Some(sender) = self.control.lock().unwrap().clone() {
                    return sender;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        sender.send(message).await.unwrap();
    }
}

type Answer<Q, A> = Box<dyn Fn(&Q) -> A + Send + Sync>;

/// How the server answers.
pub(crate) struct Script {
    pub(crate) caps: &'static [Capability],
    pub(crate) login: Answer<Auth, AuthResp>,
    pub(crate) bind: Answer<Bind, BindResp>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            caps: &[
                Capability::Control,
                Capability::Drain,
                Capability::Probe,
                Capability::StreamError,
                Capability::Notice,
            ],
            login: Box::new(accept_login),
            bind: Box::new(accept_bind),
        }
    }
}

/// Resumes a session that presents its cookie, else makes a new one.
pub(crate) fn accept_login(auth: &Auth) -> AuthResp {
    let known = auth.extra.cookie == format!("cookie-{}", auth.client_id);
    let id = if known && !auth.client_id.is_empty() {
        auth.client_id.clone()
    } else {
        "ts_0001".to_owned()
    };
    AuthResp {
        version: "3".to_owned(),
        client_id: id.clone(),
        error: None,
        extra: AuthRespExtra {
            version: "0.1.0".to_owned(),
            region: "local".to_owned(),
            cookie: format!("cookie-{id}"),
            agent_session_id: id,
            ..AuthRespExtra::default()
        },
    }
}

/// Accepts; the id is new or the one presented, the URL is the one asked for, else one made of the name.
pub(crate) fn accept_bind(bind: &Bind) -> BindResp {
    let name = bind.extra.name.clone().unwrap_or_default();
    let id = if bind.id.is_empty() {
        format!("ep_{name}")
    } else {
        bind.id.clone()
    };
    let url = match bind.opts["URL"].as_str() {
        Some(url) if !url.is_empty() => url.to_owned(),
        _ => format!("{}://{name}.example.com", bind.proto),
    };
    let mut opts = bind.opts.clone();
    opts["Hostname"] = Value::from(url.split_once("://").unwrap().1);
    BindResp {
        id: id.clone(),
        url,
        proto: bind.proto.clone(),
        opts,
        error: None,
        extra: BindRespExtra {
            token: format!("token-{id}"),
            tunnel_id: format!("tn_{id}"),
        },
    }
}

pub(crate) fn refused<T>(code: &str, text: &str, make: impl Fn(String) -> T) -> T {
    make(format!("{text}\n\n{code}\n"))
}

/// The server.
pub(crate) struct Server {
    pub(crate) authority: Authority,
    pub(crate) address: SocketAddr,
    pub(crate) said: mpsc::Receiver<Said>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    pub(crate) async fn start_at(address: &str, script: Script) -> Self {
        let authority = Authority::new();
        let profile = authority.server_profile(&[NAME, "127.0.0.1"]);
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (saying, said) = mpsc::channel(256);
        let script = Arc::new(script);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            let mut number = 0;
            while let Ok((tcp, _)) = listener.accept().await {
                number += 1;
                connections.spawn(serve(number, tcp, profile.clone(), Arc::clone(&script), saying.clone()));
            }
        });
        Self {
            authority,
            address,
            said,
            _tasks: tasks,
        }
    }

    pub(crate) fn connect_url(&self) -> String {
        format!("{NAME}:{}", self.address.port())
    }

    /// A builder that would find this server.
    pub(crate) fn builder(&self) -> SessionBuilder {
        Session::builder()
            .environment(|_| None)
            .connect_url(self.connect_url())
            .authtoken("token")
            .ca(Ca::pem(self.authority.pem.clone()))
    }

    /// The next thing the agent says.
    pub(crate) async fn next(&mut self) -> Said {
        within(self.said.recv()).await.unwrap()
    }

    /// The next login; what comes before it is skipped.
    pub(crate) async fn login(&mut self) -> (Auth, Connection) {
        loop {
            if let Said::Auth(auth, connection) = self.next().await {
                return (*auth, connection);
            }
        }
    }

    pub(crate) async fn bind(&mut self) -> Bind {
        loop {
            if let Said::Bind(bind) = self.next().await {
                return *bind;
            }
        }
    }

    /// The next control message for which `want` is true.
    pub(crate) async fn control(&mut self, want: impl Fn(&ControlMessage) -> bool) -> ControlMessage {
        loop {
            if let Said::Control(message) = self.next().await
                && want(&message)
            {
                return message;
            }
        }
    }
}

async fn serve(
    number: usize,
    tcp: TcpStream,
    profile: adit_tls::ServerProfile,
    script: Arc<Script>,
    said: mpsc::Sender<Said>,
) {
    let Ok(io) = adit_tls::accept(tcp, BytesMut::new(), &profile).await else {
        return;
    };
    let (mux, incoming, driver) = adit_mux::session(Config::server(), Instant::now());
    let mut driving = JoinSet::new();
    let driver = driving.spawn(async move {
        driver.run(io).await;
    });
    let connection = Connection {
        number,
        mux,
        control: Arc::default(),
        driver,
    };
    let mut streams = JoinSet::new();
    tokio::select! {
        () = accept(incoming, &connection, &script, &said, &mut streams) => {}
        _ = driving.join_next() => {}
    }
    let _ = said.send(Said::Gone(number)).await;
    let _ = driving.join_next().await;
}

async fn accept(
    mut incoming: Incoming,
    connection: &Connection,
    script: &Arc<Script>,
    said: &mpsc::Sender<Said>,
    streams: &mut JoinSet<()>,
) {
    while let Some(stream) = incoming.accept().await {
        streams.spawn(answer(stream, connection.clone(), Arc::clone(script), said.clone()));
    }
}

async fn answer(mut stream: Stream, connection: Connection, script: Arc<Script>, said: mpsc::Sender<Said>) {
    let first = stream.chunk().await.unwrap().unwrap();
    let (word, rest) = first.split_at(4);
    let kind = StreamType::read(word).unwrap();
    if kind == StreamType::AditControl {
        return control(stream, rest.to_vec(), connection, said).await;
    }
    let mut reader = Reader::default();
    let mut request = reader.push(rest).unwrap().map(<[u8]>::to_vec);
    while request.is_none() {
        let chunk = stream.chunk().await.unwrap().unwrap();
        request = reader.push(&chunk).unwrap().map(<[u8]>::to_vec);
    }
    let request = request.unwrap();
    let answer = match kind {
        StreamType::Auth => {
            let auth = Auth::decode(&request).unwrap();
            let mut answer = (script.login)(&auth);
            if answer.error.is_none()
                && let Some(offer) = &auth.extra.adit
                && !script.caps.is_empty()
            {
                let caps = offer.caps.and(Capabilities::of(script.caps));
                answer.extra.adit = Some(Grant {
                    v: 1,
                    caps,
                    instance: offer.instance.clone(),
                    max_streams: 16_384,
                    session_budget: 32 << 20,
                    ..Grant::default()
                });
            }
            let limits = adit_protocol::ClientFamily::from_auth(&auth).limits(Some(16_384));
            connection
                .mux
                .set_limits(limits.max_outbound, limits.max_unaccepted, adit_mux::Growth::standard());
            let _ = said.send(Said::Auth(Box::new(auth), connection)).await;
            answer.encode()
        }
        StreamType::Bind => {
            let bind = Bind::decode(&request).unwrap();
            let answer = (script.bind)(&bind);
            let _ = said.send(Said::Bind(Box::new(bind))).await;
            answer.encode()
        }
        StreamType::Unbind => {
            let _ = said.send(Said::Unbind(Unbind::decode(&request).unwrap().id)).await;
            UnbindResp::default().encode()
        }
        StreamType::PatchTunnelState => {
            let _ = said
                .send(Said::Patch(PatchTunnelState::decode(&request).unwrap()))
                .await;
            PatchTunnelStateResp::default().encode()
        }
        other => panic!("the agent opened {other:?}"),
    };
    if stream.send_all(&answer).await.is_ok() {
        let _ = stream.finish();
        while let Ok(Some(_)) = stream.chunk().await {}
    }
}

async fn control(mut stream: Stream, mut buffer: Vec<u8>, connection: Connection, said: mpsc::Sender<Said>) {
    let (sender, mut messages) = mpsc::channel(16);
    *connection.control.lock().unwrap() = Some(sender);
    loop {
        while let Some((message, used)) = ControlMessage::decode(&buffer).unwrap() {
            buffer.drain(..used);
            if said.send(Said::Control(message)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            chunk = stream.chunk() => match chunk {
                Ok(Some(chunk)) => buffer.extend_from_slice(&chunk),
                _ => return,
            },
            Some(message) = messages.recv() => {
                let mut encoded = Vec::new();
                message.encode(&mut encoded).unwrap();
                stream.send_all(&encoded).await.unwrap();
            }
        }
    }
}

/// Reads `n` bytes of a stream.
pub(crate) async fn read(stream: &mut Stream, n: usize) -> Vec<u8> {
    let mut got = Vec::new();
    within(async {
        while got.len() < n {
            match stream.chunk().await.unwrap() {
                Some(chunk) => got.extend_from_slice(&chunk),
                None => break,
            }
        }
    })
    .await;
    got
}

/// Reads a stream to its FIN.
pub(crate) async fn read_to_end(stream: &mut Stream) -> Vec<u8> {
    read(stream, usize::MAX).await
}

/// What a future gives, if it does so in time.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// Collects a session's events.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<VecDeque<SessionEvent>>>, Arc<tokio::sync::Notify>);

impl Events {
    pub(crate) fn handler(&self) -> impl Fn(&SessionEvent) + Send + Sync + 'static {
        let this = self.clone();
        move |event| {
            this.0.lock().unwrap().push_back(event.clone());
            this.1.notify_one();
        }
    }

    /// Waits for the next event for which `want` gives something; those before it are dropped.
    pub(crate) async fn wait<T>(&self, want: impl Fn(&SessionEvent) -> Option<T>) -> T {
        within(self.wait_long(want)).await
    }

    /// The same, however long it takes: for tests with a clock of their own.
    pub(crate) async fn wait_long<T>(&self, want: impl Fn(&SessionEvent) -> Option<T>) -> T {
        loop {
            while let Some(event) = { self.0.lock().unwrap().pop_front() } {
                if let Some(found) = want(&event) {
                    return found;
                }
            }
            self.1.notified().await;
        }
    }
}
