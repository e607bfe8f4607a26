//! Who may log in, and who may stay when something was changed: the credential, who owns it, its organisation, and
//! from where (edge 5.3). Nothing here waits: all of it stands in the configuration.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use adit_names::code::ErrorCode;
use adit_names::id::{Id, TEXT_LEN};
use adit_snapshot::{Credential, EdgeConfig, Ingress, OrganizationSettings, Restricts, TokenHash};
use aws_lc_rs::digest::{SHA256, digest};

use super::refusal::Refusal;

/// Characters of the secret half of an authtoken.
const SECRET_LEN: usize = 32;
/// The same of ngrok's tokens, which are otherwise alike.
const NGROK_SECRET_LEN: std::ops::Range<usize> = 20..SECRET_LEN;

/// By which door somebody comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    /// The connect name that was asked for.
    pub(crate) ingress: &'a str,
    /// Address of the agent.
    pub(crate) ip: IpAddr,
}

/// The credential of a token, if it may log in by this door.
///
/// # Errors
/// 4018, 105, 106, 107 for tokens that nobody has; then as [`check`].
pub(crate) fn admit(
    config: &EdgeConfig,
    token: &str,
    door: Door<'_>,
    now: SystemTime,
) -> Result<Arc<Credential>, Refusal> {
    if token.is_empty() {
        return Err(Refusal::new(ErrorCode::NGROK_4018, &[]));
    }
    let credential =
        find(config, token).ok_or_else(|| Refusal::new(unknown_token(token), &[("token", &shown_token(token))]))?;
    check(config, &credential, door, now)?;
    Ok(credential)
}

/// Whether a credential may be used by this door now.
///
/// # Errors
/// 300 if it, its owner or the owner's membership is no longer in force, or the owner may only view and that is not enough; `ERR_ADIT_1106` for a suspended
/// organisation; 118, 122, 126 of the ingress; 115 and 116 of addresses.
pub(crate) fn check(
    config: &EdgeConfig,
    credential: &Credential,
    door: Door<'_>,
    now: SystemTime,
) -> Result<(), Refusal> {
    let told = &config.told;
    let organization = credential.organization.as_str();
    let owner_is_active = credential.owner.is_none_or(|owner| told.is_active(organization, owner));
    if !credential.is_valid(now) || !owner_is_active {
        return Err(Refusal::new(ErrorCode::NGROK_300, &[("credential", &credential.id)]));
    }
    let settings = match told.organization(organization) {
        Some(organization) if !organization.suspended => &organization.settings,
        _ => return Err(Refusal::new(ErrorCode::ADIT_1106, &[])),
    };
    let only_views = |owner| told.only_views(organization, owner);
    if settings.viewers_may_not_connect && credential.owner.is_some_and(only_views) {
        return Err(Refusal::with_text(
            ErrorCode::NGROK_300,
            "The owner of the credential may only view, and the organisation lets viewers start no endpoints.",
        ));
    }
    let ip = door.ip.to_string();
    check_ingress(config, credential, settings, door, &ip)?;
    if let Restricts::Yes(restriction) = told.restricts_agent(organization, door.ip) {
        return Err(Refusal::new(ErrorCode::NGROK_115, &[("ip", &ip)]).by(organization, restriction));
    }
    if !told.passes_policies(&credential.ip_policies, door.ip) {
        return Err(Refusal::new(ErrorCode::NGROK_116, &[("ip", &ip)]));
    }
    Ok(())
}

/// Whether an agent of this kind and version is new enough for its organisation and the door that it came by.
///
/// # Errors
/// 121.
pub(crate) fn check_version(
    config: &EdgeConfig,
    credential: &Credential,
    ingress: &str,
    client: &str,
    version: &str,
) -> Result<(), Refusal> {
    let told = &config.told;
    let of_organization = told
        .organization(&credential.organization)
        .and_then(|o| o.settings.lowest_versions.above(client, version));
    let lowest = of_organization.or_else(|| told.ingress(ingress)?.lowest_versions.above(client, version));
    lowest.map_or(Ok(()), |lowest| {
        Err(Refusal::new(
            ErrorCode::NGROK_121,
            &[("product", client), ("version", version), ("minimum", lowest)],
        ))
    })
}

fn check_ingress(
    config: &EdgeConfig,
    credential: &Credential,
    settings: &OrganizationSettings,
    door: Door<'_>,
    ip: &str,
) -> Result<(), Refusal> {
    let told = &config.told;
    let refused = |code| Err(Refusal::new(code, &[("ingress", door.ingress), ("ip", ip)]));
    let Some(ingress) = told.ingress(door.ingress) else {
        let is_kept_elsewhere =
            !credential.ingresses.is_empty() || settings.require_ingress || told.is_exclusive(&credential.organization);
        return if is_kept_elsewhere {
            refused(ErrorCode::NGROK_122)
        } else {
            Ok(())
        };
    };
    if *ingress.organization != *credential.organization || !admits(ingress, credential) {
        return refused(ErrorCode::NGROK_122);
    }
    if !told.passes_policies(&ingress.ip_policies, door.ip) {
        return refused(ErrorCode::NGROK_126);
    }
    Ok(())
}

/// Whether ingress and credential agree that the one is used through the other.
fn admits(ingress: &Ingress, credential: &Credential) -> bool {
    let same = |a: &Id, b: &Id| a.bytes() == b.bytes();
    let is_allowed = ingress.allowed.is_empty()
        || ingress
            .allowed
            .iter()
            .any(|id| credential.owner.is_some_and(|owner| same(id, &owner)) || id.to_string() == credential.id);
    is_allowed && (credential.ingresses.is_empty() || credential.ingresses.iter().any(|id| same(id, &ingress.id)))
}

/// The credential of a token: `FIRST_SECOND` by the hash of its second half, whose id has to have the first; any
/// other text (made elsewhere) by the hash of the whole. The form is looked at only when nothing was found.
fn find(config: &EdgeConfig, token: &str) -> Option<Arc<Credential>> {
    let halves = token.split_once('_').and_then(|(first, second)| {
        let credential = config.credential(&token_hash(second))?;
        let (_, id) = credential.id.split_once('_')?;
        (id == first && !credential.imported).then_some(credential)
    });
    halves.or_else(|| config.credential(&token_hash(token)).filter(|c| c.imported))
}

/// SHA-256 of a token, or of its secret half.
pub(super) fn token_hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, token.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}

/// Why nobody has this token.
fn unknown_token(token: &str) -> ErrorCode {
    let is_base62 = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric());
    match token.split_once('_') {
        Some((id, secret)) if id.len() == TEXT_LEN && is_base62(id) && is_base62(secret) => {
            if secret.len() == SECRET_LEN {
                ErrorCode::NGROK_107
            } else if NGROK_SECRET_LEN.contains(&secret.len()) {
                ErrorCode::NGROK_106
            } else {
                ErrorCode::NGROK_105
            }
        }
        _ => ErrorCode::NGROK_105,
    }
}

/// As much of a token as an error may show.
fn shown_token(token: &str) -> String {
    let mut shown: String = token.chars().take(4).collect();
    shown.push('…');
    shown
}
