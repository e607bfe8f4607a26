//! `terminate-tls` (traffic policy 4.22): chosen right after the ClientHello, by an entry of its own.

use adit_names::code::ErrorCode;

use super::config::{Config, Setting};
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Spec, T, list, optional, secret};
use super::{Act, Cx, Flow};
use crate::authority::Revoked;
use crate::document::{Node, Path, Phase};
use crate::expr::{Failure, Scope, Template};
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "terminate-tls",
    own: Own::NOTHING,
    phases: T,
    protocols: Protocols::Tls,
    ends: Ends::Never,
    fields: &[
        optional("min_version", Kind::Own(version)),
        optional("max_version", Kind::Own(version)),
        optional("server_certificate", Kind::Own(pem)),
        secret(optional("server_private_key", Kind::Own(pem))),
        optional(
            "mutual_tls_certificate_authorities",
            Kind::List(&list(Kind::Own(authority), 1, 100)),
        ),
        optional(
            "mutual_tls_verification_strategy",
            Kind::OneOf(&["require-and-verify", "require-any", "request"]),
        ),
        optional("tls_headers", Kind::OneOf(&["basic", "full"])),
    ],
    check,
};

fn version(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    match node.scalar_text() {
        Some(text @ ("1.2" | "1.3")) => Some(Setting::Text(Template::literal(text))),
        _ => {
            let message = "the version is 1.2 or 1.3";
            reader.wrong(ErrorCode::NGROK_2222, path, node, message, "use one of them");
            None
        }
    }
}

/// Does the text have the form of PEM: a block with Base64 between its marks?
fn is_pem(text: &str) -> bool {
    use base64::Engine as _;
    let mut rest = text.trim();
    let mut blocks = 0;
    while let Some(after) = rest.strip_prefix("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else {
            return false;
        };
        let Some((body, after)) = after.split_once(&format!("-----END {label}-----")) else {
            return false;
        };
        let body: String = body.split_whitespace().collect();
        match base64::engine::general_purpose::STANDARD.decode(body) {
            // What it holds is looked at where it is used; a DER sequence at least.
            Ok(der) if der.first() == Some(&0x30) => blocks += 1,
            _ => return false,
        }
        rest = after.trim_start();
    }
    blocks > 0 && rest.is_empty()
}

fn pem(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    reader.length(path, node, text, 1, 256 * 1024)?;
    let template = reader.template(path, node, text)?;
    if template.as_literal().is_some_and(|text| !is_pem(text)) {
        reader.wrong(
            ErrorCode::NGROK_2228,
            path,
            node,
            "this is not PEM",
            "paste the whole PEM block",
        );
        return None;
    }
    Some(Setting::Text(template))
}

fn authority(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    match node.text() {
        Some(id) if is_id(id) => Some(Setting::Text(Template::literal(id))),
        _ => pem(reader, path, node),
    }
}

/// Authorities that are stored have to be there.
fn check_references(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let Some(references) = reader.subject.references else {
        return;
    };
    let authorities = "mutual_tls_certificate_authorities";
    for (at, template) in config.templates(authorities).iter().enumerate() {
        let Some(id) = template.as_literal().filter(|text| is_id(text)) else {
            continue;
        };
        if !references.has_authority(id) {
            let nodes = node.get(authorities).and_then(Node::list).unwrap_or_default();
            let here = nodes.get(at).unwrap_or(node);
            let path = path.key(authorities);
            let message = format!("there is no certificate authority `{id}`");
            let fix = "create it, or paste the authority's certificate as PEM";
            reader.wrong(ErrorCode::NGROK_2228, &path.index(at), here, message, fix);
        }
    }
}

/// Is it the id of an authority, and not its certificate?
fn is_id(text: &str) -> bool {
    text.starts_with("ca_")
}

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    check_references(reader, config, path, node);
    if let (Some("1.3"), Some("1.2")) = (config.literal("min_version"), config.literal("max_version")) {
        let at = node.get("min_version").unwrap_or(node);
        let message = "min_version is above max_version";
        reader.wrong(ErrorCode::NGROK_2222, &path.key("min_version"), at, message, "lower it");
    }
    super::pair(reader, config, path, node, "server_certificate", "server_private_key");
    let needs_authorities = config.literal("mutual_tls_verification_strategy") == Some("require-and-verify");
    if needs_authorities && config.get("mutual_tls_certificate_authorities").is_none() {
        reader.wrong(
            ErrorCode::NGROK_2240,
            &path.key("mutual_tls_certificate_authorities"),
            node,
            "certificates are verified against authorities, and none is given",
            "give them, or use require-any or request",
        );
    }
}

/// How a connection's TLS is terminated.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsProfile {
    /// `1.2` or `1.3`
    pub min_version: &'static str,
    /// `1.2` or `1.3`
    pub max_version: &'static str,
    /// Certificate chain as PEM; `None`: the name's own.
    pub certificate: Option<String>,
    /// Its key as PEM.
    pub private_key: Option<String>,
    /// Authorities of visitors' certificates.
    pub authorities: Vec<TlsAuthority>,
    /// What is asked of visitors; `None`: no certificate.
    pub verification: Option<Verification>,
    /// Services are told all of a verified certificate, not only its names and serial number.
    pub full_headers: bool,
}

/// Who may have issued a visitor's certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsAuthority {
    /// One or more certificates as PEM.
    pub pem: String,
    /// Those that it has taken back.
    pub revoked: Revoked,
}

impl std::fmt::Debug for TlsAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsAuthority")
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TlsProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsProfile")
            .field("min_version", &self.min_version)
            .field("max_version", &self.max_version)
            .field("verification", &self.verification)
            .finish_non_exhaustive()
    }
}

/// What is asked of a visitor's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// There must be one that an authority has signed.
    RequireAndVerify,
    /// There must be one.
    RequireAny,
    /// There may be one.
    Request,
}

/// A profile with its templates.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    min: &'static str,
    max: &'static str,
    certificate: Option<Template>,
    key: Option<Template>,
    authorities: Vec<Template>,
    verification: Option<Verification>,
    full_headers: bool,
}

/// Longest PEM text.
const MAX_PEM: usize = 256 * 1024;

impl Profile {
    fn build(config: &Config) -> Self {
        let version = |name: &str, default| match config.literal(name) {
            Some("1.2") => "1.2",
            Some("1.3") => "1.3",
            _ => default,
        };
        let authorities = config.templates("mutual_tls_certificate_authorities");
        let verification = match config.literal("mutual_tls_verification_strategy") {
            Some("require-any") => Some(Verification::RequireAny),
            Some("request") => Some(Verification::Request),
            Some(_) => Some(Verification::RequireAndVerify),
            None if authorities.is_empty() => None,
            None => Some(Verification::RequireAndVerify),
        };
        Self {
            min: version("min_version", "1.2"),
            max: version("max_version", "1.3"),
            certificate: config.template("server_certificate").cloned(),
            key: config.template("server_private_key").cloned(),
            authorities,
            verification,
            full_headers: config.literal("tls_headers") == Some("full"),
        }
    }

    pub(crate) const fn min_version(&self) -> &'static str {
        self.min
    }

    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<TlsProfile, Failure> {
        let render = |template: &Template| template.render(scope, MAX_PEM);
        // One that is gone lets nobody in.
        let authority_of = |template: &Template| {
            let text = render(template)?;
            if !is_id(&text) {
                return Ok(TlsAuthority {
                    pem: text,
                    revoked: Revoked::None,
                });
            }
            let stored = scope.view.tables.authority(&text);
            let missing = || Failure::Error(format!("there is no certificate authority {text}"));
            let stored = stored.map(|stored| TlsAuthority {
                pem: stored.pem.to_owned(),
                revoked: stored.revoked,
            });
            stored.ok_or_else(missing)
        };
        Ok(TlsProfile {
            min_version: self.min,
            max_version: self.max,
            certificate: self.certificate.as_ref().map(render).transpose()?,
            private_key: self.key.as_ref().map(render).transpose()?,
            authorities: self.authorities.iter().map(authority_of).collect::<Result<_, _>>()?,
            verification: self.verification,
            full_headers: self.full_headers,
        })
    }
}

#[derive(Debug)]
struct TerminateTls {
    profile: Profile,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(TerminateTls {
        profile: Profile::build(config),
    })
}

impl Act for TerminateTls {
    /// The handshake has happened, or will where bytes are passed: what is known of it becomes the results.
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let view = cx.view;
        let Some(tls) = view.connection.tls.as_deref().filter(|tls| !tls.version.is_empty()) else {
            return Flow::Next;
        };
        let mut results = vec![
            (
                "ngrok.terminate_tls.cipher_suite",
                Value::from(tls.cipher_suite.as_str()),
            ),
            ("ngrok.terminate_tls.version", Value::from(tls.version.as_str())),
            ("ngrok.terminate_tls.sni", Value::from(tls.sni.as_str())),
            ("ngrok.terminate_tls.warnings", Value::List(Vec::new())),
            ("ngrok.terminate_tls.error.code", Value::from("")),
            ("ngrok.terminate_tls.error.message", Value::from("")),
        ];
        for (side, fields) in [("client", &tls.client), ("server", &tls.server)] {
            for (field, value) in fields.iter() {
                if let Some(name) = crate::expr::results::certificate_result(side, field) {
                    results.push((name, value.clone()));
                }
            }
        }
        cx.exchange.set_results("ngrok.terminate_tls", results);
        Flow::Next
    }

    fn tls(&self) -> Option<&Profile> {
        Some(&self.profile)
    }
}

#[cfg(test)]
mod tests {
    use super::is_pem;

    #[test]
    fn pem_has_marks_and_base64_between_them() {
        assert!(is_pem("-----BEGIN X-----\nMAA=\n-----END X-----\n"));
        assert!(!is_pem("-----BEGIN X-----\nnope\n-----END X-----\n"));
        assert!(!is_pem("-----BEGIN X-----\nMAA=\n-----END Y-----\n"));
        assert!(!is_pem("MAA="));
        assert!(!is_pem(""));
    }
}
