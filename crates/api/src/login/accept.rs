//! `POST /adit/invitations/accept`: whoever has the link of an invitation becomes a member (control plane 3.1). Who is
//! a user already shows his password and second factor; who is not chooses one.

use std::sync::Arc;

use adit_model::{Object, Prepared, SecretValue, catalogue, draft, timestamp};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::log::account::SYSTEM;
use adit_store::{Again, Change, Write};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::factor::{self, Second};
use super::given::Given;
use super::{link, password, sign_in};
use crate::authenticate::hash_of;
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::{new_id, now_micros};
use crate::route_table::Answer;

/// Answers it.
pub(crate) fn accept<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let given = Given::of(call, &["token", "password", "name", "totp", "recovery_code"])?;
        let invitation = invitation(call, given.needed("token")?).await?;
        let password = given.needed("password")?;
        let email = invitation.text("email");
        let store = &call.api.stored()?.store;
        let mut changes = Vec::new();
        let (user, hash) = match store.holder("email", email).await? {
            Some(_) => {
                let right = sign_in::check(call, email, password).await?;
                if let Second::Ask(reply) = factor::second(call, &given, &right.user).await? {
                    return Ok(reply);
                }
                (right.user, right.hash)
            }
            None => {
                let (made, hash) = user(call, email, given.text("name"), password).await?;
                changes.push(Change::Create(made.clone()));
                (made.object, hash)
            }
        };
        changes.push(Change::Create(membership(call, &invitation, user.id)?));
        changes.push(accepted(&invitation)?);
        let write = Write {
            organization: invitation.organization,
            actor: sign_in::actor(call, &user),
            changes,
            dry_run: false,
        };
        let written = store.write(write).await.map_err(|error| match error {
            // Somebody else was faster.
            adit_store::WriteError::Stale { .. } | adit_store::WriteError::NotFound => link::over(),
            error => ApiError::of_write(error, "invitation", &invitation.id.to_string()),
        })?;
        call.here(written.position).await;
        sign_in::begin(call, &user, "invitation", &[hash]).await
    })
}

/// The open invitation of a link.
///
/// # Errors
/// 403 `ERR_ADIT_2104`; 205 if its organisation is suspended.
async fn invitation(call: &Call<'_>, token: &str) -> Result<Object, ApiError> {
    let (first, second) = token.split_once('.').ok_or_else(link::over)?;
    let id = format!("{}_{first}", Prefix::Invitation.as_str());
    let id: Id = id.parse().map_err(|_| link::over())?;
    let store = &call.api.stored()?.store;
    let hash = hash_of(second);
    let secrets = store.secrets(&[id]).await?.remove(&id).unwrap_or_default();
    let is_its = |(field, value): &(String, SecretValue)| match value {
        SecretValue::Hashed(kept) => field == "link" && verify_slices_are_equal(kept, &hash).is_ok(),
        SecretValue::Sealed(_) => false,
    };
    if !secrets.iter().any(is_its) {
        return Err(link::over());
    }
    let is_open = |invitation: &Object| {
        invitation.text("state") == "open"
            && timestamp::micros(invitation.text("expires_at")).is_some_and(|end| end > now_micros())
    };
    let invitation = store.get(id).await?.filter(is_open).ok_or_else(link::over)?;
    let tables = call.api.told.access.read();
    match tables.organization(&invitation.organization) {
        Some(organization) if organization.suspended => Err(ApiError::new(ErrorCode::NGROK_205, &[])),
        Some(_) => {
            drop(tables);
            Ok(invitation)
        }
        None => Err(link::over()),
    }
}

/// A new user with this password, and its hash.
async fn user(
    call: &Call<'_>,
    email: &str,
    name: &str,
    password: &str,
) -> Result<(Prepared, Zeroizing<String>), ApiError> {
    let local = email.split('@').next().unwrap_or_default();
    let name = if name.is_empty() { local } else { name };
    let body = Map::from_iter([("email".to_owned(), email.into()), ("name".to_owned(), name.into())]);
    let mut ctx = call.context();
    ctx.organization = SYSTEM;
    let mut made = draft::create(kind("user")?, true, &body, new_id(Prefix::User)?, None, &ctx)?;
    let hash = call.api.login.passwords()?.hash(password).await?;
    let bytes = Zeroizing::new(hash.as_bytes().to_vec());
    made.secrets.push((password::FIELD, SecretValue::Sealed(bytes)));
    Ok((made, hash))
}

fn membership(call: &Call<'_>, invitation: &Object, user: Id) -> Result<Prepared, ApiError> {
    let roles = invitation.texts("role_ids").map(Value::from).collect::<Vec<_>>();
    let body = Map::from_iter([
        ("user_id".to_owned(), user.to_string().into()),
        ("role_ids".to_owned(), roles.into()),
    ]);
    let mut ctx = call.context();
    ctx.organization = invitation.organization;
    Ok(draft::create(
        kind("member")?,
        true,
        &body,
        new_id(Prefix::Member)?,
        None,
        &ctx,
    )?)
}

/// The invitation as one that was used: of several who use it at once one is a member.
fn accepted(invitation: &Object) -> Result<Change, ApiError> {
    let mut next = invitation.clone();
    next.body.insert("state".to_owned(), "accepted".into());
    Ok(Change::Update {
        seen: invitation.revision,
        next: Prepared::new(kind("invitation")?, next),
        again: Again(Arc::new(|_: &Object| Ok(None))),
        only_seen: true,
    })
}

fn kind(name: &str) -> Result<&'static adit_model::Kind, ApiError> {
    catalogue::by_name(name).ok_or_else(|| ApiError::internal("a kind is missing"))
}
