//! Updates that are made anew when another change came between (control plane 1.6: the last writer wins per field).

use std::sync::{Arc, Mutex, PoisonError};

use adit_model::{Context, Object, View, draft};
use adit_store::{Again, Refusal};
use serde_json::{Map, Value};

use super::Subject;
use crate::access::Caller;
use crate::authorize::Wish;
use crate::call::Call;
use crate::error::ApiError;

/// All that a change of fields needs, without the request that asked for it: the gate may need it later.
#[derive(Clone)]
pub(super) struct Patch {
    subject: &'static Subject,
    fields: Map<String, Value>,
    unset: Vec<String>,
    ctx: Context,
    caller: Caller,
    access: Arc<crate::access::Access>,
    url: String,
    force: bool,
    /// Why it was refused when it was made anew; the store carries only codes.
    refused: Arc<Mutex<Option<ApiError>>>,
}

impl Patch {
    pub(super) fn new(
        call: &Call<'_>,
        subject: &'static Subject,
        fields: Map<String, Value>,
        unset: Vec<String>,
    ) -> Self {
        Self {
            subject,
            fields,
            unset,
            ctx: call.context(),
            caller: call.caller.clone(),
            access: call.api.told.access.clone(),
            url: call.api.told.url.clone(),
            force: call.is_set("force"),
            refused: Arc::default(),
        }
    }

    /// What `current` becomes, if the caller may do that; none if nothing changes.
    ///
    /// # Errors
    /// What is wrong with the fields, and what the caller may not.
    pub(super) fn apply(&self, current: &Object) -> Result<Option<adit_model::Prepared>, ApiError> {
        let subject = self.subject;
        let unset: Vec<&str> = self.unset.iter().map(String::as_str).collect();
        let next = draft::update(
            subject.kind,
            subject.additions,
            current,
            &self.fields,
            &unset,
            &self.ctx,
        );
        let shown = |object: &Object| {
            let view = View {
                url: &self.url,
                additions: true,
                base_domain: &self.ctx.base_domain,
            };
            adit_model::show(subject.kind, object, &view)
        };
        let wish = Wish {
            access: &self.access,
            caller: &self.caller,
            resource: subject.resource(),
            noun: subject.noun(),
            shown: &shown,
            force: self.force,
        };
        match next {
            Ok(Some(next)) => {
                wish.update(current, &next.object)?;
                Ok(Some(next))
            }
            Ok(None) => {
                wish.update(current, current)?;
                Ok(None)
            }
            Err(problems) => {
                // Whoever may not change it learns nothing else of it.
                wish.update(current, current)?;
                Err(problems.into())
            }
        }
    }

    /// For the gate.
    pub(super) fn again(&self) -> Again {
        let patch = self.clone();
        Again(Arc::new(move |current: &Object| {
            patch.apply(current).map_err(|error| {
                let refusal = Refusal {
                    code: error.code(),
                    field: String::new(),
                    values: Vec::new(),
                    details: Vec::new(),
                };
                *patch.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                refusal
            })
        }))
    }

    /// Why it was refused when it was made anew.
    pub(super) fn refused(&self) -> Option<ApiError> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
