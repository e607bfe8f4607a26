//! What the options of a bind mean: options of the member, or a refusal.
//!
//! Options from before traffic policies are rules of the endpoint's policy ([`super::modules`]).

use adit_cluster::{IdentityPem, MemberOptions, Proto};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Scheme;
use adit_protocol::message::opts::{Headers, MutualTls, TlsTermination};
use adit_protocol::message::{Bind, Error, HttpOpts, PatchTunnelState, TcpOpts, TlsOpts};
use adit_protocol::typed_stream::StreamType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::refusal::Refusal;
use super::state::MAX_METADATA;

const MAX_ID: usize = 64;
const MAX_NAME: usize = 128;
const MAX_DESCRIPTION: usize = 255;
const MAX_FORWARDS_TO: usize = 2_048;
const MAX_HOST_HEADER: usize = 261;

/// A bind whose fields are in order.
#[derive(Clone, Debug)]
pub(super) struct BindRequest<'a> {
    /// Bind id; empty at the first bind.
    pub id: &'a str,
    /// Bind cookie; empty at the first bind.
    pub token: &'a str,
    /// Scheme of the URL.
    pub scheme: Scheme,
    /// What the member will be.
    pub options: MemberOptions,
}

impl<'a> BindRequest<'a> {
    /// Reads a bind.
    ///
    /// # Errors
    /// The codes of agent protocol 7.3 for fields and options.
    pub(super) fn read(bind: &'a Bind) -> Result<Self, Refusal> {
        let id = bind.id.as_str();
        let is_id = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if id.len() > MAX_ID || !is_id(id) {
            return Err(invalid("Id is not made of at most 64 letters, digits, '_' and '-'"));
        }
        let (scheme, proto) = scheme_of(&bind.proto)?;
        if !bind.extra.ip_policy_ref.is_empty() {
            return Err(Refusal::new(ErrorCode::NGROK_341, &[("id", &bind.extra.ip_policy_ref)]));
        }
        let mut options = MemberOptions::new(proto);
        options.upstream_http2 = match bind.forwards_proto.as_str() {
            "" | "http1" => false,
            "http2" => true,
            other => return Err(Refusal::new(ErrorCode::NGROK_15003, &[("protocol", other)])),
        };
        options.pooled = bind.pooling();
        set_texts(
            &mut options,
            bind.extra.name.as_deref(),
            bind.extra.description.as_deref(),
            Some(&bind.extra.metadata),
        )?;
        if bind.forwards_to.len() > MAX_FORWARDS_TO {
            return Err(invalid("ForwardsTo is longer than 2048 bytes"));
        }
        options.forwards_to = bind.forwards_to.chars().filter(|c| !c.is_control()).collect();
        let wrong = |e: Error| Refusal::new(e.code(StreamType::Bind), &[("error", &e.to_string())]);
        match proto {
            Proto::Http | Proto::Https => http(&mut options, bind.http_opts().map_err(wrong)?)?,
            Proto::Tcp => tcp(&mut options, &bind.tcp_opts().map_err(wrong)?)?,
            Proto::Tls => tls(&mut options, &bind.tls_opts().map_err(wrong)?)?,
        }
        Ok(Self {
            id,
            token: &bind.extra.token,
            scheme,
            options,
        })
    }
}

/// The options with the changes of a message; fields that are absent stay, and so does the policy, which is compiled
/// elsewhere.
///
/// # Errors
/// As for a bind.
pub(super) fn patched(options: &MemberOptions, patch: &PatchTunnelState) -> Result<MemberOptions, Refusal> {
    let mut options = options.clone();
    set_texts(
        &mut options,
        patch.name.as_deref(),
        patch.description.as_deref(),
        patch.metadata.as_deref(),
    )?;
    if let Some(pooled) = patch.pooling_enabled {
        options.pooled = pooled;
    }
    Ok(options)
}

fn set_texts(
    options: &mut MemberOptions,
    name: Option<&str>,
    description: Option<&str>,
    metadata: Option<&str>,
) -> Result<(), Refusal> {
    if let Some(name) = name {
        if name.len() > MAX_NAME {
            return Err(invalid("Name is longer than 128 bytes"));
        }
        name.clone_into(&mut options.name);
    }
    if let Some(description) = description {
        if description.len() > MAX_DESCRIPTION {
            return Err(invalid("Description is longer than 255 bytes"));
        }
        description.clone_into(&mut options.description);
    }
    if let Some(metadata) = metadata {
        if metadata.len() > MAX_METADATA {
            return Err(Refusal::new(
                ErrorCode::NGROK_100,
                &[("size", &metadata.len().to_string())],
            ));
        }
        metadata.clone_into(&mut options.metadata);
    }
    Ok(())
}

pub(super) fn scheme_of(proto: &str) -> Result<(Scheme, Proto), Refusal> {
    match Scheme::from_name(proto) {
        Some(Scheme::Http) => Ok((Scheme::Http, Proto::Http)),
        Some(Scheme::Https) => Ok((Scheme::Https, Proto::Https)),
        Some(Scheme::Tcp) => Ok((Scheme::Tcp, Proto::Tcp)),
        Some(Scheme::Tls) => Ok((Scheme::Tls, Proto::Tls)),
        Some(Scheme::Udp) => Err(Refusal::unavailable(ErrorCode::ADIT_1205, "UDP endpoints are")),
        None => Err(Refusal::new(ErrorCode::NGROK_332, &[("protocol", proto)])),
    }
}

fn http(options: &mut MemberOptions, opts: HttpOpts) -> Result<(), Refusal> {
    options.proxy_proto = proxy_proto(opts.proxy_proto)?;
    options.host_header = host_header(opts.request_headers.as_ref())?;
    if let Some(ca) = opts.mutual_tls_ca {
        if options.proto == Proto::Http {
            return Err(unusable("MutualTLSCA", "an http endpoint has no TLS"));
        }
        options.mutual_tls_ca_pem = Some(authorities("MutualTLSCA", &ca)?);
    }
    Ok(())
}

fn tcp(options: &mut MemberOptions, opts: &TcpOpts) -> Result<(), Refusal> {
    options.proxy_proto = proxy_proto(opts.proxy_proto)?;
    Ok(())
}

fn tls(options: &mut MemberOptions, opts: &TlsOpts) -> Result<(), Refusal> {
    options.proxy_proto = proxy_proto(opts.proxy_proto)?;
    options.tls_passthrough = opts.tls_termination.is_none();
    if let Some(termination) = &opts.tls_termination {
        options.tls_identity_pem = identity(termination)?;
    }
    if let Some(ca) = &opts.mutual_tls_at_edge {
        if options.tls_passthrough {
            return Err(Refusal::with_text(
                ErrorCode::NGROK_9026,
                "Mutual TLS at the edge needs termination at the edge.",
            ));
        }
        options.mutual_tls_ca_pem = Some(authorities("MutualTLSAtEdge", ca)?);
    }
    Ok(())
}

fn proxy_proto(asked: i64) -> Result<u8, Refusal> {
    match asked {
        0 => Ok(0),
        1 => Ok(1),
        2 => Ok(2),
        _ => Err(invalid("ProxyProto is not 0, 1 or 2")),
    }
}

/// The host that agents put in the place of the upstream's: `host:` among the headers that are added. The others are
/// rules of a policy.
fn host_header(headers: Option<&Headers>) -> Result<Option<String>, Refusal> {
    let added = headers.map(|headers| headers.add.as_slice()).unwrap_or_default();
    let mut host = None;
    for (name, value) in added.iter().filter_map(|entry| entry.split_once(':')) {
        if !name.trim().eq_ignore_ascii_case("host") {
            continue;
        }
        let value = value.trim();
        if value.is_empty() || value.len() > MAX_HOST_HEADER || !value.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refusal::new(
                ErrorCode::NGROK_374,
                &[("value", value), ("error", "it is not a host")],
            ));
        }
        host = Some(value.to_owned());
    }
    Ok(host)
}

/// Secrets that are sealed for ngrok's own edge cannot be opened here.
pub(super) fn no_sealed(secret: &str) -> Result<(), Refusal> {
    if secret.is_empty() {
        Ok(())
    } else {
        Err(invalid("sealed secrets are not supported"))
    }
}

fn authorities(field: &str, ca: &MutualTls) -> Result<Vec<u8>, Refusal> {
    let pem = pem(field, &ca.mutual_tls_ca)?;
    if adit_tls::ClientRoots::from_pem(&pem).is_err() {
        return Err(unusable(field, "it holds no certificate that can be read"));
    }
    Ok(pem)
}

fn identity(termination: &TlsTermination) -> Result<Option<IdentityPem>, Refusal> {
    no_sealed(&termination.sealed_key)?;
    if termination.cert.is_empty() && termination.key.is_empty() {
        return Ok(None);
    }
    let cert = pem("TLSTermination.cert", &termination.cert)?;
    let key = pem("TLSTermination.key", &termination.key)?;
    match adit_tls::Identity::from_pem(&cert, &key) {
        Ok(_) => Ok(Some((cert, key))),
        // The library's text may quote the input, which is a key.
        Err(_) => Err(unusable(
            "TLSTermination",
            "certificate and key cannot be read or do not belong together",
        )),
    }
}

fn pem(field: &str, base64: &str) -> Result<Vec<u8>, Refusal> {
    match STANDARD.decode(base64) {
        Ok(pem) if !pem.is_empty() => Ok(pem),
        Ok(_) => Err(unusable(field, "it is empty")),
        Err(_) => Err(unusable(field, "it is not base64")),
    }
}

fn unusable(field: &str, error: &str) -> Refusal {
    Refusal::new(ErrorCode::ADIT_1204, &[("field", field), ("error", error)])
}

fn invalid(error: &str) -> Refusal {
    Refusal::new(ErrorCode::NGROK_301, &[("error", error)])
}
