//! How a program says what it wants to offer: `session.http()…`, `.tcp()…`, `.tls()…`.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Endpoint, Sink, Wish, options};
use crate::config::{Ca, Identity, read_file};
use crate::error::Error;
use crate::forward::dial::{Dialer, UpstreamTrust};
use crate::forward::tls::Termination;
use crate::forward::upstream::{self, Upstream};
use crate::forward::{Forward, Forwarder};
use crate::listen::{self, Listener};
use crate::session::Shared;

/// A kind of endpoint: [`Http`], [`Tcp`] or [`Tls`].
pub trait Kind: private::Sealed {}

mod private {
    use serde_json::{Map, Value};

    pub trait Sealed {
        const SCHEME: &'static str;
        fn options() -> Map<String, Value>;
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $scheme:literal $options:path;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $kind {}
        impl Kind for $kind {}
        impl private::Sealed for $kind {
            const SCHEME: &'static str = $scheme;
            fn options() -> Map<String, Value> {
                $options()
            }
        }
    )*};
}

kinds! {
    /// HTTP and HTTPS endpoints.
    Http "https" options::http;
    /// TCP endpoints: a port of their own.
    Tcp "tcp" options::tcp;
    /// TLS endpoints: visitors' TLS reaches the agent, told apart by the server name they ask for.
    Tls "tls" options::tls;
}

/// Version of the PROXY protocol that is written in front of a connection's bytes
/// (the `proxy-protocol.txt` of HAProxy), so that the upstream learns the visitor's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// The text form.
    V1,
    /// The binary form.
    V2,
}

/// What the edge speaks on a visitor's stream, and so what the upstream has to understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge (RFC 9113, section 3.3), for gRPC.
    Http2,
}

/// Which `Host` the upstream sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HostHeader {
    /// The visitor's.
    #[default]
    Preserve,
    /// The upstream's own host and port.
    Rewrite,
    /// This one.
    Text(String),
}

/// What an endpoint is to be, until `listen` or `listen_and_forward` asks the server for it.
#[must_use = "nothing is offered before `listen` or `listen_and_forward`"]
pub struct EndpointBuilder<K> {
    shared: Arc<Shared>,
    pub(crate) draft: Draft,
    kind: PhantomData<K>,
}

/// What was said so far.
#[derive(Debug)]
pub(crate) struct Draft {
    url: String,
    name: Option<String>,
    description: Option<String>,
    metadata: String,
    bindings: Vec<String>,
    pooling: bool,
    version: HttpVersion,
    trust: UpstreamTrust,
    host: HostHeader,
    termination: Option<(Identity, Option<Vec<u8>>)>,
    proxy_protocol: Option<ProxyProtocol>,
    pub(crate) opts: Map<String, Value>,
}

impl<K: Kind> EndpointBuilder<K> {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let draft = Draft {
            url: String::new(),
            name: None,
            description: None,
            metadata: String::new(),
            bindings: Vec::new(),
            pooling: false,
            version: HttpVersion::Http1,
            trust: UpstreamTrust::default(),
            host: HostHeader::Preserve,
            termination: None,
            proxy_protocol: None,
            opts: K::options(),
        };
        Self {
            shared,
            draft,
            kind: PhantomData,
        }
    }

    /// The public URL, such as `https://app.example.com`, `http://…`, `tcp://host:20007`, `tls://…`, or a host
    /// alone. Without it the server chooses a random name or a free port.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.draft.url = url.into();
        self
    }

    /// Its name, at most 128 bytes, shown in events and at the server. By default made from the upstream.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.draft.name = Some(name.into());
        self
    }

    /// A description, at most 255 bytes.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.draft.description = Some(text.into());
        self
    }

    /// Metadata, at most 4,096 bytes, shown in the server's API.
    pub fn metadata(mut self, text: impl Into<String>) -> Self {
        self.draft.metadata = text.into();
        self
    }

    /// Lets endpoints of other sessions share the URL, if they say so, too.
    pub fn pooling(mut self, enabled: bool) -> Self {
        self.draft.pooling = enabled;
        self
    }

    /// Who can reach it: `public` (the default), `internal` or `kubernetes`.
    pub fn binding(mut self, binding: impl Into<String>) -> Self {
        self.draft.bindings.push(binding.into());
        self
    }

    /// A traffic policy, YAML or JSON, at most 512 KiB. The server checks it.
    pub fn traffic_policy(mut self, policy: impl Into<String>) -> Self {
        self.draft
            .opts
            .insert(options::TRAFFIC_POLICY.to_owned(), Value::String(policy.into()));
        self
    }

    /// A traffic policy from a file, which is read now.
    ///
    /// # Errors
    /// [`Error::Configuration`] if it cannot be read or is no text.
    pub fn policy_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = String::from_utf8(read_file(path, "the traffic policy")?).map_err(|_| {
            Error::configuration(
                format!("the traffic policy {} is not UTF-8", path.display()),
                "save it as UTF-8",
            )
        })?;
        Ok(self.traffic_policy(text))
    }

    /// Writes a PROXY header in front of each visitor's bytes.
    pub fn proxy_protocol(mut self, version: ProxyProtocol) -> Self {
        self.draft.proxy_protocol = Some(version);
        self.draft.opts.insert(
            "ProxyProto".to_owned(),
            json!(match version {
                ProxyProtocol::V1 => 1,
                ProxyProtocol::V2 => 2,
            }),
        );
        self
    }

    /// Whether the certificate of a TLS upstream is verified. By default it is for names, and is not for this
    /// machine and private addresses.
    pub fn verify_upstream_tls(mut self, verify: bool) -> Self {
        self.draft.trust.verify = Some(verify);
        self
    }

    /// Whom to trust as the upstream's certificate authority.
    pub fn upstream_ca(mut self, ca: Ca) -> Self {
        self.draft.trust.ca = Some(ca);
        self
    }

    /// Offers the endpoint and hands its connections to this program. Resolves when it is online.
    ///
    /// # Errors
    /// [`Error::Refused`] if the server refuses it, [`Error::Configuration`] if something in it is unusable here,
    /// [`Error::Closed`] if the session has ended.
    pub async fn listen(self) -> Result<Listener, Error> {
        let termination = self.draft.termination()?;
        let to = listen::application();
        let name = self
            .draft
            .name
            .clone()
            .unwrap_or_else(|| format!("{}-listener", self.scheme()));
        let (queue, connections) = listen::queue(termination, self.draft.proxy_protocol.is_some());
        let wish = self.wish(name, to, "localhost");
        let endpoint = Endpoint::new(wish, Sink::Listen(queue));
        self.shared.offer(Arc::clone(&endpoint)).await?;
        Ok(Listener::new(self.shared, endpoint, connections))
    }

    /// Offers the endpoint and forwards its connections to `upstream` (the forms of [`Upstream::http`] or
    /// [`Upstream::tcp`]). Resolves when it is online; the upstream is dialled when a visitor comes.
    ///
    /// # Errors
    /// As [`EndpointBuilder::listen`].
    pub async fn listen_and_forward(self, upstream: impl AsRef<str>) -> Result<Forwarder, Error> {
        let default = if K::SCHEME == "https" {
            upstream::Default::Http
        } else {
            upstream::Default::Tcp
        };
        self.forward(Upstream::parse(upstream.as_ref(), default)?).await
    }

    /// The same, with an upstream that is parsed already.
    ///
    /// # Errors
    /// As [`EndpointBuilder::listen`].
    pub async fn forward(mut self, upstream: Upstream) -> Result<Forwarder, Error> {
        if upstream.http2 {
            self.draft.version = HttpVersion::Http2;
        }
        let termination = self.draft.termination()?;
        let name = self
            .draft
            .name
            .clone()
            .unwrap_or_else(|| default_name(self.scheme(), &upstream));
        let wish = self.wish(name, upstream.to_string(), &upstream.authority());
        let alpn: &[&[u8]] = match (K::SCHEME, self.draft.version) {
            ("https", HttpVersion::Http1) => &[b"http/1.1"],
            // An upstream that has no HTTP/2 is found out by the edge, which then speaks HTTP/1.1.
            ("https", HttpVersion::Http2) => &[b"h2", b"http/1.1"],
            _ => &[],
        };
        let dialer = Dialer::new(upstream, &self.draft.trust, alpn)?;
        let forward = Forward::new(
            dialer,
            K::SCHEME == "https",
            self.draft.proxy_protocol.is_some(),
            termination,
        );
        let endpoint = Endpoint::new(wish, Sink::Forward(forward));
        self.shared.offer(Arc::clone(&endpoint)).await?;
        Ok(Forwarder::new(self.shared, endpoint))
    }

    /// The scheme that was asked for, else the kind's.
    fn scheme(&self) -> &'static str {
        let asked = self.draft.url.split_once("://").map(|(scheme, _)| scheme);
        if K::SCHEME == "https" && asked.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")) {
            "http"
        } else {
            K::SCHEME
        }
    }

    fn wish(&self, name: String, forwards_to: String, authority: &str) -> Wish {
        let draft = &self.draft;
        let mut opts = draft.opts.clone();
        opts.insert(
            "URL".to_owned(),
            match draft.url.as_str() {
                "" => Value::String(String::new()),
                url if url.contains("://") => Value::String(url.to_owned()),
                host => Value::String(format!("{}://{host}", self.scheme())),
            },
        );
        let host = match &draft.host {
            HostHeader::Preserve => None,
            HostHeader::Rewrite => Some(authority),
            HostHeader::Text(text) => Some(text.as_str()),
        };
        if let Some(host) = host {
            options::nested(&mut opts, "RequestHeaders", |headers| {
                options::push(headers, "add", format!("host:{host}"))
            });
        }
        Wish {
            proto: self.scheme(),
            name,
            description: draft.description.clone(),
            metadata: draft.metadata.clone(),
            bindings: draft.bindings.clone(),
            pooling: draft.pooling,
            forwards_to,
            forwards_proto: match draft.version {
                HttpVersion::Http1 => "",
                HttpVersion::Http2 => "http2",
            },
            opts,
        }
    }
}

impl EndpointBuilder<Http> {
    /// What the edge speaks to the upstream.
    pub fn upstream_protocol(mut self, version: HttpVersion) -> Self {
        self.draft.version = version;
        self
    }

    /// Which `Host` the upstream sees.
    pub fn host_header(mut self, host: HostHeader) -> Self {
        self.draft.host = host;
        self
    }
}

impl EndpointBuilder<Tls> {
    /// Ends visitors' TLS here with this certificate, so that the server never sees the plaintext.
    pub fn terminate(mut self, identity: Identity) -> Self {
        let roots = self.draft.termination.take().and_then(|(_, roots)| roots);
        self.draft.termination = Some((identity, roots));
        self
    }

    /// Ends visitors' TLS here, and only lets in visitors with a certificate from one of these authorities (PEM).
    pub fn terminate_mutual(mut self, identity: Identity, authorities: impl Into<Vec<u8>>) -> Self {
        self.draft.termination = Some((identity, Some(authorities.into())));
        self.draft.opts.insert("MutualTLSAtAgent".to_owned(), Value::Bool(true));
        self
    }
}

impl Draft {
    fn termination(&self) -> Result<Option<Termination>, Error> {
        self.termination
            .clone()
            .map(|(identity, roots)| Termination::new(&identity, roots.as_deref()))
            .transpose()
    }
}

/// `http-8080`, `tcp-db-5432`, `http-app.sock`: what a person would call it.
fn default_name(scheme: &str, upstream: &Upstream) -> String {
    let kind = if scheme == "https" { "http" } else { scheme };
    format!("{kind}-{}", upstream.short_name())
}

impl<K> fmt::Debug for EndpointBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointBuilder")
            .field("url", &self.draft.url)
            .field("name", &self.draft.name)
            .finish_non_exhaustive()
    }
}
