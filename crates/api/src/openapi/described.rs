//! What the lines of the table of operations mean, beyond path and method.

use super::operation::live_schema;
use super::schema::{self, Schemas};

/// What an operation is.
#[derive(Debug)]
pub(super) struct Described {
    /// The resource that it belongs to, as commands spell it.
    pub(super) tag: String,
    pub(super) summary: String,
    /// Name of the schema of its body.
    pub(super) body: Option<String>,
    pub(super) needs_body: bool,
    pub(super) answer: Answer,
}

/// What an operation answers, with the name of its schema.
#[derive(Debug)]
pub(super) enum Answer {
    Made(String),
    Shown(String),
    Done,
    /// An object without a schema.
    Free,
    /// Lines of JSON.
    Lines,
    /// Lines of JSON, or a table.
    LinesOrTable,
}

/// Operation, tag, summary, body, answer: the schema of a single one, `+schema` of one that was made, `[key]schema` of
/// a list, nothing for 204, `{}` for an object without a schema, `lines`.
#[rustfmt::skip]
static OPERATIONS: &[(&str, &str, &str, &str, &str)] = &[
    ("Root",                  "root",            "Say where everything is.",             "", "Root"),
    ("AditOpenapiGet",        "root",            "Show the description of this API.",    "", "{}"),
    ("ReservedDomainsDeleteCertificate", "reserved-domains", "Show an uploaded certificate no longer.", "", ""),
    ("ReservedDomainsDeleteCertificateManagementPolicy", "reserved-domains", "Obtain no more certificates.", "", ""),
    ("VaultsGetSecretsByVault", "vaults",        "List the secrets of a vault.",         "", "[secrets]Secret"),
    ("TunnelSessionsList",    "tunnel-sessions", "List the sessions of agents.",         "", "[tunnel_sessions]TunnelSession"),
    ("TunnelSessionsGet",     "tunnel-sessions", "Show a session of an agent.",          "", "TunnelSession"),
    ("TunnelSessionsRestart", "tunnel-sessions", "Have an agent restart.",               "Item", ""),
    ("TunnelSessionsStop",    "tunnel-sessions", "Have an agent stop.",                  "Item", ""),
    ("TunnelSessionsUpdate",  "tunnel-sessions", "Have an agent update itself.",         "TunnelSessionsUpdate", ""),
    ("TunnelsList",           "tunnels",         "List what agents offer.",              "", "[tunnels]Tunnel"),
    ("TunnelsGet",            "tunnels",         "Show something that an agent offers.", "", "Tunnel"),
    ("SelfGet",               "me",              "Show the key in use, its owner and organisation.", "", "{}"),
    ("AditMeGet",             "me",              "Show who you are and what you may.",   "", "{}"),
    ("AditMeUpdate",          "me",              "Change your name or language.",        "AditMeUpdate", "{}"),
    ("AditMeAuthtokenGet",    "me",              "Show your default authtoken, without the token.", "", "{}"),
    ("AditMeAuthtokenReset",  "me",              "Make a new default authtoken in place of the old one.", "", "+AditCredential"),
    ("AditSessionsCreate",    "sessions",        "Sign in at the dashboard.",            "AditSessionsCreate", "{}"),
    ("AditSetup",             "sessions",        "Choose the first administrator's password.", "AditSetup", "{}"),
    ("AditPasswordReset",     "sessions",        "Choose a new password by a link.",     "AditPasswordReset", ""),
    ("AditInvitationsAccept", "invitations",     "Become a member by the link of an invitation.", "AditInvitationsAccept", "{}"),
    ("AditSessionsList",      "sessions",        "List sessions of the dashboard, yours or another member's.", "", "[sessions]AditSession"),
    ("AditSessionsDeleteCurrent", "sessions",    "Sign out.",                            "", ""),
    ("AditSessionsDelete",    "sessions",        "End a session of the dashboard.",      "", ""),
    ("AditMePasswordUpdate",  "me",              "Choose another password.",             "AditMePasswordUpdate", "{}"),
    ("AditMeVerify",          "me",              "Show your password or a code again, for what is dangerous.", "AditMeVerify", "{}"),
    ("AditMeTotpCreate",      "me",              "Set up an authenticator, in two steps.", "AditMeTotpCreate", "{}"),
    ("AditMeTotpDelete",      "me",              "Have no authenticator any more.",      "", ""),
    ("AditMeRecoveryCodesCreate", "me",          "Make new recovery codes in place of the old ones.", "", "+AditRecoveryCodes"),
    ("AditMeRecoveryCodesDelete", "me",          "Have no recovery codes any more.",     "", ""),
    ("AditUsersResetPassword", "users",          "Make a link by which a user chooses a new password.", "", "+AditPasswordLink"),
    ("AditPermissionsList",   "permissions",     "List permissions and what they open.", "", "{}"),
    ("AditAuthorize",         "me",              "Say whether an operation is allowed, and why.", "AditAuthorize", "{}"),
    ("AditVersionGet",        "root",            "Show the version of the server.",      "", "{}"),
    ("AditPolicySchemaGet",   "policy",          "Show the JSON Schema of traffic policies.", "", "{}"),
    ("AditPolicyCheck",       "policy",          "Say what is wrong with a traffic policy.", "AditPolicyCheck", "AditPolicyReport"),
    ("AditPolicyTest",        "policy",          "Run cases against traffic policies.",  "AditPolicyTest", "AditPolicyTested"),
    ("AditPolicyExplain",     "policy",          "Tell what a traffic policy does with a request, rule by rule.", "AditPolicyExplain", "AditPolicyExplanation"),
    ("AditPolicyConvert",     "policy",          "Write an old traffic policy in the form of today.", "AditPolicyConvert", "AditPolicyConverted"),
    ("AditGuardrailsAffected", "guardrails",     "List the endpoints that a guardrail is about, and what it would have refused.", "", "AditGuardrailAffected"),
    ("AditGuardrailsPreview", "guardrails",      "List the endpoints that a guardrail would be about, before it is made.", "AditGuardrailPreview", "AditGuardrailAffected"),
    ("AditAuditList",         "audit",           "List entries of the audit log.",       "", "[entries]AuditEntry"),
    ("AditAuditGet",          "audit",           "Show an entry of the audit log.",      "", "AuditEntry"),
    ("AditAuditExport",       "audit",           "Export the audit log, signed.",        "", "lines or csv"),
    ("AditAuditHeads",        "audit",           "List signed heads of the audit log.",  "", "lines"),
    ("AditAuditKeys",         "audit",           "Show the keys that sign heads and exports.", "", "{}"),
    ("AditTunnelSessionsGet", "tunnel-sessions", "Show all about a session.",            "", "AditTunnelSession"),
    ("AditEndpointsDisable",  "endpoints",       "End an agent's endpoint.",             "AditEndpointsDisable", ""),
];

/// What this operation is.
pub(super) fn of(operation: &str, schemas: &mut Schemas) -> Described {
    let row = OPERATIONS.iter().find(|(name, ..)| *name == operation);
    let Some((_, tag, summary, body, answer)) = row else {
        return Described {
            tag: "other".to_owned(),
            summary: operation.to_owned(),
            body: None,
            needs_body: false,
            answer: Answer::Free,
        };
    };
    let answer = match *answer {
        "" => Answer::Done,
        "{}" => Answer::Free,
        "lines" => Answer::Lines,
        "lines or csv" => Answer::LinesOrTable,
        schema => match schema.strip_prefix('[').and_then(|s| s.split_once(']')) {
            Some((key, of)) => {
                live_schema(of, schemas);
                Answer::Shown(schema::list(of, key, schemas))
            }
            None => match schema.strip_prefix('+') {
                Some(made) => Answer::Made(live_schema(made, schemas)),
                None => Answer::Shown(live_schema(schema, schemas)),
            },
        },
    };
    Described {
        tag: (*tag).to_owned(),
        summary: (*summary).to_owned(),
        body: (!body.is_empty()).then(|| live_schema(body, schemas)),
        needs_body: false,
        answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_table_is_described() {
        for route in crate::route_table::ROUTES {
            let is_described = OPERATIONS.iter().any(|(name, ..)| *name == route.operation);
            assert!(is_described || route.subject.is_some(), "{}", route.operation);
        }
    }
}
