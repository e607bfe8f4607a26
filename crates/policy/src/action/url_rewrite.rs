//! `url-rewrite` (traffic policy 4.17).

use super::config::Config;
use super::redirect::Replacement;
use super::schema::{Ends, Kind, Own, Protocols, Q, Spec, fine, optional, required};
use super::{Act, Cx, Flow};
use crate::document::Phase;
use crate::exchange::Edit;
use crate::url;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "url-rewrite",
    own: Own::NOTHING,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[optional("from", Kind::Regex), required("to", Kind::Template(0, 8192))],
    check: fine,
};

#[derive(Debug)]
struct UrlRewrite {
    replacement: Replacement,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(UrlRewrite {
        replacement: Replacement::build(config),
    })
}

impl Act for UrlRewrite {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let replaced = match self.replacement.apply(cx) {
            Ok(replaced) => replaced,
            Err(flow) => return flow,
        };
        if let Some(result) = replaced.result.filter(|result| *result != replaced.subject) {
            // Only path and query of the result count: the authority stays ours.
            let parts = url::parts(&result);
            let path = if parts.path.starts_with('/') {
                parts.path.to_owned()
            } else {
                format!("/{}", parts.path)
            };
            let target = url::encode_illegal(&url::with_query(&path, parts.query));
            cx.exchange.overlay.target = Some(target.clone());
            cx.exchange.edits.push(Edit::Target(target));
        }
        let now = cx.exchange.scoped(cx.view, cx.vars, |scope| scope.url());
        cx.exchange.set_results(
            "ngrok.url_rewrite",
            [
                ("ngrok.url_rewrite.matches", Value::List(replaced.matches)),
                ("ngrok.url_rewrite.url", Value::Text(now.unwrap_or_default())),
                ("ngrok.url_rewrite.error.code", Value::from("")),
                ("ngrok.url_rewrite.error.message", Value::from("")),
            ],
        );
        Flow::Next
    }
}
