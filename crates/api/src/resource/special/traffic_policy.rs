//! The traffic policy of a cloud endpoint when it is written: the same check as everywhere (traffic policy 1.5), with
//! what it refers to looked up.

use adit_model::Object;
use adit_model::kind::endpoint;
use adit_names::endpoint_url::Binding;
use adit_policy::Subject;

use crate::call::Call;
use crate::error::ApiError;
use crate::policy::references::{Asked, look_up};
use crate::policy::refused;

/// Checks the policy of an endpoint that is made or changed.
///
/// # Errors
/// The first fault, with all of them in `details.errors`.
pub(super) async fn check(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let Some(url) = endpoint::url(object) else {
        return Ok(());
    };
    let text = object.text("traffic_policy");
    let subject = Subject {
        internal: url.binding() == Binding::Internal,
        actions: call.api.told.installation.actions,
        ..Subject::cloud(url.scheme())
    };
    let asked = Asked::default();
    adit_policy::check(text, subject.with_references(&asked)).map_err(|faults| refused(&faults))?;
    let found = look_up(call, object.organization, asked).await?;
    adit_policy::check(text, subject.with_references(&found)).map_err(|faults| refused(&faults))?;
    Ok(())
}
