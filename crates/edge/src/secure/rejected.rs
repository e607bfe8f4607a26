//! Visitors whose certificates were not accepted (edge 4.10): no HTTP answer can tell them, so the event does.

use std::net::IpAddr;

use adit_observe::{Refusal, RefusalKind, RefusalReason, RefusedCertificate};
use adit_tls::{CertificateProblem, Error};

use crate::accept::Kind;
use crate::node::Node;
use crate::route::Routed;

/// Counts a handshake that failed for the visitor's certificate, and tells whose it was; nothing for other failures.
pub(super) fn tell(node: &Node, kind: Kind, ip: IpAddr, routed: Option<&Routed>, error: &Error) {
    let Error::Certificate {
        problem,
        subject,
        serial,
        ..
    } = error
    else {
        return;
    };
    let reason = RefusalReason::ClientCertificate;
    node.observe().refusal(&Refusal {
        organization: routed.map_or("", Routed::organization),
        endpoint: routed.map_or("", Routed::url),
        certificate: Some(RefusedCertificate {
            subject: subject.as_deref().unwrap_or_default(),
            serial: serial.as_deref().unwrap_or_default(),
            reason: reason_of(problem),
        }),
        ..Refusal::new(RefusalKind::Handshake, reason, kind.listener(), ip)
    });
}

fn reason_of(problem: &CertificateProblem) -> &'static str {
    match problem {
        CertificateProblem::Missing => "missing",
        CertificateProblem::Expired => "expired",
        CertificateProblem::NotYetValid => "not_yet_valid",
        CertificateProblem::Revoked => "revoked",
        CertificateProblem::RevocationUnknown => "revocation_unknown",
        CertificateProblem::UnknownIssuer => "unknown_issuer",
        CertificateProblem::WrongPurpose => "wrong_purpose",
        CertificateProblem::BadSignature => "bad_signature",
        _ => "invalid",
    }
}
