//! The web application firewall of `adit policy test`.

use std::sync::{Arc, OnceLock};

use adit_policy::{Inspector, NoFirewall};

use crate::firewall::{Unavailable, load};

/// One that is ready. It is loaded once, and only for files that ask for it; cases that ask for one that is not there
/// are counted as skipped.
pub(super) fn of(text: &str) -> Option<&'static dyn Inspector> {
    static LOADED: OnceLock<Option<Arc<dyn Inspector>>> = OnceLock::new();
    if !text.contains("owasp-crs-") {
        return None;
    }
    let loaded = LOADED.get_or_init(|| match load(None, None) {
        Ok(firewall) => Some(firewall),
        Err(Unavailable { kind, why }) => {
            if kind == NoFirewall::NotLoaded {
                eprintln!("cases of the web application firewall are skipped: {why}");
            }
            None
        }
    });
    loaded.as_deref()
}
