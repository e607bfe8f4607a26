//! `remove-headers` (traffic policy 4.2).

use super::config::{Config, Setting};
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Q, S, Spec, fine, list, required};
use super::{Act, Cx, Flow, headers, no_error};
use crate::document::{Node, Path, Phase};
use crate::exchange::Edit;
use crate::expr::Template;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "remove-headers",
    own: Own::NOTHING,
    phases: Q | S,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[required("headers", Kind::List(&list(Kind::Own(name), 1, 64)))],
    check: fine,
};

fn name(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    let plain = text.strip_suffix('*').filter(|plain| !plain.is_empty()).unwrap_or(text);
    if text.eq_ignore_ascii_case("host") {
        let code = adit_names::code::ErrorCode::NGROK_2219;
        reader.wrong(
            code,
            path,
            node,
            "a request cannot be without host",
            "replace it with add-headers",
        );
        return None;
    }
    headers::name(reader, path, node, plain).then(|| Setting::Text(Template::literal(&text.to_ascii_lowercase())))
}

#[derive(Debug)]
struct RemoveHeaders {
    names: Vec<String>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(RemoveHeaders {
        names: config
            .templates("headers")
            .iter()
            .filter_map(|template| template.as_literal().map(str::to_owned))
            .collect(),
    })
}

impl Act for RemoveHeaders {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let response = cx.on_response();
        let mut removed: Vec<String> = Vec::new();
        for pattern in &self.names {
            let matches = |name: &str| match pattern.strip_suffix('*') {
                // A prefix takes no field that may not be named.
                Some(prefix) => {
                    name.get(..prefix.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
                        && !headers::is_reserved(name)
                }
                None => name.eq_ignore_ascii_case(pattern),
            };
            let mut names: Vec<String> = Vec::new();
            cx.fields().retain(|(name, _)| {
                let hit = matches(name);
                let name = name.to_ascii_lowercase();
                if hit && !names.contains(&name) {
                    names.push(name);
                }
                !hit
            });
            for name in names {
                cx.exchange.edits.push(Edit::Remove {
                    response,
                    name: name.clone(),
                });
                removed.push(name);
            }
        }
        let removed = Value::List(removed.into_iter().map(Value::Text).collect());
        let errors = no_error("ngrok.remove_headers.error.code", "ngrok.remove_headers.error.message");
        cx.exchange.set_results(
            "ngrok.remove_headers",
            [("ngrok.remove_headers.headers_removed", removed)]
                .into_iter()
                .chain(errors),
        );
        Flow::Next
    }
}
