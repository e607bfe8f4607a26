//! How far one permission reaches.

use std::sync::Arc;

use adit_names::id::Id;
use serde_json::Value;

use super::principal::same;
use super::role::Custom;

/// Which objects a permission is over: all, one's own, those that a role selects; nothing if none of these.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) all: bool,
    pub(crate) own: bool,
    /// Roles whose selectors say which.
    pub(crate) selected: Vec<Arc<Custom>>,
}

impl Reach {
    /// Over everything.
    pub(crate) const ALL: Self = Self {
        all: true,
        own: true,
        selected: Vec::new(),
    };

    /// Over nothing: the permission is missing.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.all && !self.own && self.selected.is_empty()
    }

    /// Whether it is over an object of a kind that `owner` owns and that looks as `shown` says.
    pub(crate) fn covers(
        &self,
        principal: Option<Id>,
        owner: Option<Id>,
        kind: &str,
        shown: impl FnOnce() -> Value,
    ) -> bool {
        if self.all {
            return true;
        }
        if self.own && owner.zip(principal).is_some_and(|(a, b)| same(a, b)) {
            return true;
        }
        if self.selected.is_empty() {
            return false;
        }
        let shown = shown();
        let selects = |role: &Arc<Custom>| role.selector.as_ref().is_none_or(|s| s.selects(kind, &shown));
        self.selected.iter().any(selects)
    }

    /// Whether it is over all that `other` is over. Selectors are compared by their text.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        if self.all {
            return true;
        }
        let selected = |role: &Arc<Custom>| self.selected.iter().any(|own| own.selector == role.selector);
        !other.all && (self.own || !other.own) && other.selected.iter().all(selected)
    }
}
