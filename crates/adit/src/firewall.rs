//! The web application firewall of policies, where this program has one.

use std::path::Path;
use std::sync::Arc;

use adit_policy::{Inspector, NoFirewall};

/// Why there is none.
#[derive(Debug)]
pub(crate) struct Unavailable {
    pub(crate) kind: NoFirewall,
    /// In words, with what to do.
    pub(crate) why: String,
}

/// Loads it and lets it try itself; rules and the set's own configuration are where they are said to be, else where
/// Debian puts them.
///
/// # Errors
/// This program has none, the rules cannot be loaded, or they do not find what they have to find.
#[cfg(feature = "waf")]
pub(crate) fn load(rules: Option<&Path>, setup: Option<&Path>) -> Result<Arc<dyn Inspector>, Unavailable> {
    let mut places = adit_waf::Places::default();
    if let Some(rules) = rules {
        places.rules = rules.to_owned();
    }
    if let Some(setup) = setup {
        places.setup = setup.to_owned();
    }
    match adit_waf::Firewall::load(&places) {
        Ok(firewall) => Ok(Arc::new(firewall)),
        Err(error) => Err(Unavailable {
            kind: NoFirewall::NotLoaded,
            why: format!("{error}; Debian's package modsecurity-crs has the rules"),
        }),
    }
}

/// There is none in this program.
///
/// # Errors
/// Always.
#[cfg(not(feature = "waf"))]
pub(crate) fn load(_: Option<&Path>, _: Option<&Path>) -> Result<Arc<dyn Inspector>, Unavailable> {
    Err(Unavailable {
        kind: NoFirewall::NotBuilt,
        why: "this program was built without it (feature waf)".to_owned(),
    })
}

/// That of a server, as its operator set it. If one that should be there is not, `say` is given the reason; policies that
/// ask it are refused where they are written, and those that were stored before close the door.
#[cfg(feature = "server")]
pub(crate) fn of_server(
    settings: &adit_server::config::Settings,
    say: impl FnOnce(&str),
) -> Result<Arc<dyn Inspector>, NoFirewall> {
    let waf = &settings.policy.waf;
    match load(waf.rules.as_deref(), waf.setup.as_deref()) {
        Ok(firewall) => {
            tracing::info!("the web application firewall is ready");
            Ok(firewall)
        }
        Err(Unavailable { kind, why }) => {
            if waf.is_set() || kind == NoFirewall::NotLoaded {
                say(&format!("policy.waf: there is no web application firewall: {why}"));
            } else {
                tracing::info!("there is no web application firewall for policies: {why}");
            }
            Err(kind)
        }
    }
}
