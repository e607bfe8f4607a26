//! Guardrails when they are written: the same check of the document as everywhere (traffic policy 1.5), with what it refers
//! to looked up. The bounds that hold for all of an organisation together are the store's to keep.

use adit_model::Object;
use adit_model::kind::guardrail::{MAX_GUARDRAILS, Scope, Whom};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_policy::{Requirement, Selector, Subject};
use adit_store::Page;

use crate::call::Call;
use crate::error::ApiError;
use crate::policy::references::{Asked, look_up, secrets_named};
use crate::policy::refused;

/// Checks a guardrail that is made or changed.
///
/// # Errors
/// The first fault of its policy, with all of them in `details.errors`; 215 for its scope and what it requires.
pub(super) async fn check(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let text = object.text("policy");
    let subject = Subject {
        actions: call.api.told.installation.actions,
        ..Subject::guardrail()
    };
    let asked = Asked::default();
    adit_policy::check(text, subject.with_references(&asked)).map_err(|faults| refused(&faults))?;
    let found = look_up(call, object.organization, asked).await?;
    adit_policy::check(text, subject.with_references(&found)).map_err(|faults| refused(&faults))?;
    if let Some(Whom::Endpoints(expression)) = Scope::read(object).map(|scope| scope.whom) {
        Selector::compile(&expression).map_err(|error| wrong("scope.endpoints", &error))?;
    }
    let required = Requirement::read_all(object.body.get("require")).unwrap_or_default();
    for (at, required) in required.iter().enumerate() {
        if let Requirement::NoAction(actions) = required
            && let Some(unknown) = actions
                .iter()
                .find(|action| !adit_policy::action_names().any(|known| known == **action))
        {
            return Err(wrong(
                &format!("require[{at}].no_action"),
                &format!("there is no action {unknown}"),
            ));
        }
    }
    Ok(())
}

/// All guardrails of an organisation.
///
/// # Errors
/// The store is away.
pub(super) async fn of_organization(call: &Call<'_>, organization: Id) -> Result<Vec<Object>, ApiError> {
    let page = Page {
        kind: "guardrail",
        organization: Some(organization),
        before: None,
        limit: 2 * MAX_GUARDRAILS + 1,
        terms: Vec::new(),
    };
    Ok(call.api.stored()?.store.page(&page).await?)
}

/// Whether no guardrail names a secret, or any of a vault: without it the guardrail would refuse everybody.
///
/// # Errors
/// `ERR_ADIT_2011` with the guardrail.
pub(super) async fn names_no_secret(call: &Call<'_>, vault: &str, secret: Option<&str>) -> Result<(), ApiError> {
    for object in of_organization(call, call.caller.organization).await? {
        let mut named = secrets_named(object.text("policy"), Subject::guardrail()).into_iter();
        if named.any(|(v, name)| v == vault && secret.is_none_or(|secret| secret == name)) {
            return Err(ApiError::new(ErrorCode::ADIT_2011, &[]).detail("used_by", object.id.to_string()));
        }
    }
    Ok(())
}

fn wrong(field: &str, error: &str) -> ApiError {
    ApiError::new(ErrorCode::NGROK_215, &[("field", field), ("error", error)]).detail("field", field)
}
