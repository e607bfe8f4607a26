//! The web application firewall of `adit policy test`, where this program has one.

use adit_policy::Inspector;

/// One that is ready. It is loaded once, and only for files that ask for it.
#[cfg(feature = "waf")]
pub(super) fn of(text: &str) -> Option<&'static dyn Inspector> {
    use std::sync::OnceLock;

    static LOADED: OnceLock<Option<adit_waf::Firewall>> = OnceLock::new();
    if !text.contains("owasp-crs-") {
        return None;
    }
    let loaded = LOADED.get_or_init(|| match adit_waf::Firewall::load(&adit_waf::Places::default()) {
        Ok(firewall) => Some(firewall),
        Err(error) => {
            eprintln!("cases of the web application firewall are skipped: {error}");
            None
        }
    });
    loaded.as_ref().map(|firewall| firewall as &dyn Inspector)
}

/// This program has none.
#[cfg(not(feature = "waf"))]
pub(super) fn of(_: &str) -> Option<&'static dyn Inspector> {
    None
}
