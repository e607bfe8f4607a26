//! The one list of operations. A new operation is a line here and a handler; paths, methods, permissions and query
//! parameters of all of them are seen in one place. The operations that stored resources have in common are no lines:
//! they follow from the kinds ([`crate::resource::routes`]), and a line with the same method and path goes before
//! them. `ngrok`'s operations that this release has not are in [`crate::unbuilt`].

use std::future::Future;
use std::pin::Pin;

use http::Method;

use crate::answer::Reply;
use crate::audit;
use crate::call::Call;
use crate::error::ApiError;
use crate::live::{TunnelSessions, Tunnels, command, details, get, list, root};
use crate::login::{self, enrol, own as own_password, sessions, setup, sign_in};
use crate::openapi;
use crate::people::{authtoken, explain, me, organization, permissions, version};
use crate::policy;
use crate::query::Parameter;
use crate::resource::Subject;
use crate::resource::operations::{affected, delete_certificate, delete_certificate_policy, preview, secrets_of_vault};

/// What answers an operation: at once, or after something was waited for.
#[derive(Debug)]
pub(crate) enum Handler {
    Now(fn(&Call<'_>) -> Result<Reply, ApiError>),
    Later(for<'c> fn(&'c Call<'c>) -> Answer<'c>),
}

/// A reply that is waited for.
pub(crate) type Answer<'c> = Pin<Box<dyn Future<Output = Result<Reply, ApiError>> + Send + 'c>>;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without a key.
    Everybody,
    /// Everybody, but only at the dashboard's host: whoever signs in.
    Browser,
    /// Every key.
    Known,
    /// Keys with this permission.
    With(&'static str),
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// `{id}` stands for one segment.
    pub(crate) path: &'static str,
    /// Its name, for logs and rights; that of ngrok's description where that has it.
    pub(crate) operation: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) handler: Handler,
    /// The kind of stored resource that it concerns, where it is one of those that all kinds have.
    pub(crate) subject: Option<Subject>,
}

const NONE: &[Parameter] = &[];
const UPDATE: &[Parameter] = &[("unset", false), ("dry_run", false), ("wait", false)];
const PAGE: &[Parameter] = &[("before_id", false), ("limit", false)];
const FILTERED: &[Parameter] = &[("before_id", false), ("limit", false), ("filter", false)];
const AUDIT: &[Parameter] = &[
    ("before_id", false),
    ("limit", false),
    ("filter", false),
    ("object", false),
    ("actor", false),
    ("from", false),
    ("to", false),
];
const EXPORT: &[Parameter] = &[("from", false), ("to", false), ("format", false), ("verify", false)];
const SESSIONS: &[Parameter] = &[("user_id", false)];
const SINCE: &[Parameter] = &[("since", false)];
const WRITE: &[Parameter] = &[("dry_run", false), ("wait", false)];

const fn route(
    method: Method,
    path: &'static str,
    operation: &'static str,
    permission: &'static str,
    parameters: &'static [Parameter],
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        operation,
        access: Access::With(permission),
        parameters,
        handler,
        subject: None,
    }
}

/// An operation that needs no key.
const fn open(method: Method, path: &'static str, operation: &'static str, handler: Handler) -> Route {
    Route {
        method,
        path,
        operation,
        access: Access::Everybody,
        parameters: NONE,
        handler,
        subject: None,
    }
}

/// An operation by which people sign in.
const fn browser(method: Method, path: &'static str, operation: &'static str, handler: Handler) -> Route {
    Route {
        method,
        path,
        operation,
        access: Access::Browser,
        parameters: NONE,
        handler,
        subject: None,
    }
}

/// An operation for every key.
const fn known(method: Method, path: &'static str, operation: &'static str, handler: Handler) -> Route {
    known_with(method, path, operation, NONE, handler)
}

/// An operation with query parameters for every key.
const fn known_with(
    method: Method,
    path: &'static str,
    operation: &'static str,
    parameters: &'static [Parameter],
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        operation,
        access: Access::Known,
        parameters,
        handler,
        subject: None,
    }
}

/// An operation on the caller's organisation.
const fn own(
    method: Method,
    operation: &'static str,
    permission: &'static str,
    parameters: &'static [Parameter],
    handler: Handler,
) -> Route {
    Route {
        method,
        path: "/adit/organization",
        operation,
        access: Access::With(permission),
        parameters,
        handler,
        subject: Some(Subject {
            kind: &adit_model::kind::organization::KIND,
            additions: true,
            path: "/adit/organization",
            list_key: "organizations",
            operations: "Organization",
            prefix: adit_names::id::Prefix::Account,
        }),
    }
}

use Handler::{Later, Now};

/// All operations.
#[rustfmt::skip]
pub(crate) static ROUTES: &[Route] = &[
    open(Method::GET,     "/",                              "Root",                  Now(root)),
    open(Method::GET,     "/adit/openapi.json",             "AditOpenapiGet",        Now(openapi::serve)),
    route(Method::DELETE, "/reserved_domains/{id}/certificate", "ReservedDomainsDeleteCertificate", "reserved_domains:update", WRITE, Later(delete_certificate)),
    route(Method::DELETE, "/reserved_domains/{id}/certificate_management_policy", "ReservedDomainsDeleteCertificateManagementPolicy", "reserved_domains:update", WRITE, Later(delete_certificate_policy)),
    route(Method::GET,    "/vaults/{id}/secrets",           "VaultsGetSecretsByVault", "vault_secrets:read", PAGE, Later(secrets_of_vault)),
    route(Method::GET,    "/tunnel_sessions",               "TunnelSessionsList",    "tunnel_sessions:read", FILTERED, Now(list::<TunnelSessions>)),
    route(Method::GET,    "/tunnel_sessions/{id}",          "TunnelSessionsGet",     "tunnel_sessions:read", NONE, Now(get::<TunnelSessions>)),
    route(Method::POST,   "/tunnel_sessions/{id}/restart",  "TunnelSessionsRestart", "sessions:control",     NONE, Later(command::restart)),
    route(Method::POST,   "/tunnel_sessions/{id}/stop",     "TunnelSessionsStop",    "sessions:control",     NONE, Later(command::stop)),
    route(Method::POST,   "/tunnel_sessions/{id}/update",   "TunnelSessionsUpdate",  "sessions:control",     NONE, Later(command::update)),
    route(Method::GET,    "/tunnels",                       "TunnelsList",           "tunnels:read",         PAGE, Now(list::<Tunnels>)),
    route(Method::GET,    "/tunnels/{id}",                  "TunnelsGet",            "tunnels:read",         NONE, Now(get::<Tunnels>)),
    known(Method::GET,    "/self",                          "SelfGet",               Now(me::self_)),
    known(Method::GET,    "/adit/me",                       "AditMeGet",             Now(me::get)),
    known(Method::PATCH,  "/adit/me",                       "AditMeUpdate",          Later(me::update)),
    route(Method::GET,    "/adit/me/authtoken",             "AditMeAuthtokenGet",    "credentials:own",      NONE, Later(authtoken::get)),
    route(Method::POST,   "/adit/me/authtoken/reset",       "AditMeAuthtokenReset",  "credentials:own",      NONE, Later(authtoken::reset)),
    own(Method::GET,      "AditOrganizationGet",    "organization:read",   NONE,   Later(organization::get_own)),
    own(Method::PATCH,    "AditOrganizationUpdate", "organization:manage", UPDATE, Later(organization::update_own)),
    browser(Method::POST, "/adit/sessions",                 "AditSessionsCreate",        Later(sign_in::sign_in)),
    browser(Method::POST, "/adit/setup/{token}",            "AditSetup",                 Later(setup::setup)),
    browser(Method::POST, "/adit/password_reset",           "AditPasswordReset",         Later(setup::reset)),
    browser(Method::POST, "/adit/invitations/accept",       "AditInvitationsAccept",     Later(login::accept)),
    known_with(Method::GET, "/adit/sessions",               "AditSessionsList",          SESSIONS, Later(sessions::list)),
    known(Method::DELETE, "/adit/sessions/current",         "AditSessionsDeleteCurrent", Later(sessions::sign_out)),
    known(Method::DELETE, "/adit/sessions/{id}",            "AditSessionsDelete",        Later(sessions::revoke)),
    known(Method::POST,   "/adit/me/password",              "AditMePasswordUpdate",      Later(own_password::change)),
    known(Method::POST,   "/adit/me/verify",                "AditMeVerify",              Later(own_password::verify)),
    known(Method::POST,   "/adit/me/totp",                  "AditMeTotpCreate",          Later(enrol::totp)),
    known(Method::DELETE, "/adit/me/totp",                  "AditMeTotpDelete",          Later(enrol::remove_totp)),
    known(Method::POST,   "/adit/me/recovery_codes",        "AditMeRecoveryCodesCreate", Later(enrol::new_codes)),
    known(Method::DELETE, "/adit/me/recovery_codes",        "AditMeRecoveryCodesDelete", Later(enrol::remove_codes)),
    route(Method::POST,   "/adit/users/{id}/reset_password", "AditUsersResetPassword",   "members:manage", NONE, Later(setup::make_link)),
    known(Method::GET,    "/adit/permissions",              "AditPermissionsList",   Now(permissions::list)),
    known(Method::POST,   "/adit/authorize",                "AditAuthorize",         Later(explain::post)),
    open(Method::GET,     "/adit/version",                  "AditVersionGet",        Now(version::get)),
    open(Method::GET,     "/adit/policy/schema",            "AditPolicySchemaGet",   Now(policy::schema)),
    route(Method::POST,   "/adit/policy/check",             "AditPolicyCheck",       "policies:check",       NONE, Later(policy::check)),
    route(Method::POST,   "/adit/policy/test",              "AditPolicyTest",        "policies:check",       NONE, Later(policy::test)),
    route(Method::POST,   "/adit/policy/explain",           "AditPolicyExplain",     "policies:check",       NONE, Later(policy::explain)),
    route(Method::POST,   "/adit/policy/convert",           "AditPolicyConvert",     "policies:check",       NONE, Later(policy::convert)),
    route(Method::GET,    "/adit/guardrails/{id}/affected", "AditGuardrailsAffected", "guardrails:read",      SINCE, Later(affected)),
    route(Method::POST,   "/adit/guardrails/preview",       "AditGuardrailsPreview", "guardrails:read",       NONE, Later(preview)),
    route(Method::GET,    "/adit/audit",                    "AditAuditList",         "audit:read",           AUDIT, Later(audit::list)),
    route(Method::GET,    "/adit/audit/export",             "AditAuditExport",       "audit:export",         EXPORT, Later(audit::export)),
    route(Method::GET,    "/adit/audit/heads",              "AditAuditHeads",        "audit:read",           SINCE, Later(audit::heads)),
    route(Method::GET,    "/adit/audit/keys",               "AditAuditKeys",         "audit:read",           NONE, Now(audit::keys)),
    route(Method::GET,    "/adit/audit/{event_id}",         "AditAuditGet",          "audit:read",           NONE, Later(audit::get)),
    route(Method::GET,    "/adit/tunnel_sessions/{id}",     "AditTunnelSessionsGet", "tunnel_sessions:read", NONE, Now(details)),
    route(Method::POST,   "/adit/endpoints/{id}/disable",   "AditEndpointsDisable",  "endpoints:update",     NONE, Later(command::disable)),
];
