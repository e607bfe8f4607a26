//! `sse-find-replace` (traffic policy 4.19).

use adit_names::code::ErrorCode;

use super::config::{Config, Item, Setting};
use super::find_replace::{Applied, Replacement, told};
use super::read::Reader;
use super::schema::{E, Ends, Field, Kind, Own, Protocols, Spec, fine, list, optional, required};
use super::{Act, Cx, Flow, MAX_RENDERED};
use crate::body::MAX_EVENT;
use crate::document::{Node, Path, Phase};
use crate::expr::Template;
use crate::expr::env::Message;
use crate::value::Value;

const REPLACEMENT: &[Field] = &[
    optional("field", Kind::Own(field)),
    required("from", Kind::Regex),
    optional("to", Kind::Template(0, 8192)),
];

pub(super) static SPEC: Spec = Spec {
    name: "sse-find-replace",
    own: Own::NOTHING,
    phases: E,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[required(
        "replacements",
        Kind::List(&list(Kind::Record(REPLACEMENT), 1, 100)),
    )],
    check: fine,
};

fn field(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    let template = reader.template(path, node, text)?;
    if template
        .as_literal()
        .is_some_and(|text| text != "data" && text != "retry")
    {
        let message = "the field is data or retry";
        reader.wrong(ErrorCode::NGROK_2222, path, node, message, "use one of them");
        return None;
    }
    Some(Setting::Text(template))
}

#[derive(Debug)]
struct SseFindReplace {
    replacements: Vec<(Template, Replacement)>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let replacement = |item: &Item| {
        let field = item
            .field("field")
            .and_then(Item::text)
            .cloned()
            .unwrap_or_else(|| Template::literal("data"));
        Some((field, Replacement::build(item)?))
    };
    Box::new(SseFindReplace {
        replacements: config.list("replacements").iter().filter_map(replacement).collect(),
    })
}

impl Act for SseFindReplace {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let mut ready = Vec::with_capacity(self.replacements.len());
        for (at, (field, replacement)) in self.replacements.iter().enumerate() {
            let path = format!("replacements[{at}].field");
            let field = match cx.render(field, &path, MAX_RENDERED) {
                Ok(field) => field,
                Err(flow) => return flow,
            };
            if field != "data" && field != "retry" {
                cx.error(&path, "the field is data or retry");
                return Flow::Broken(ErrorCode::NGROK_3900);
            }
            match replacement.ready(cx, at) {
                Ok(replacement) => ready.push((field, replacement)),
                Err(flow) => return flow,
            }
        }
        let encoded = cx.exchange.scoped(cx.view, cx.vars, |scope| {
            scope.has_header(Message::Response, "content-encoding")
        });
        // A coding of ours comes behind the messages.
        if encoded && cx.exchange.coding.is_none() {
            cx.error("replacements", "an encoded stream is left alone");
            return Flow::Next;
        }
        let Some(mut event) = cx.exchange.event.take() else {
            return Flow::Next;
        };
        let mut found = Vec::new();
        for (at, (field, ready)) in ready.iter().enumerate() {
            let Some(value) = event.get(field) else { continue };
            match ready.apply(&value, MAX_EVENT) {
                Ok(None) => {}
                Ok(Some(Applied { matched, result })) => {
                    // What is no number there would be ignored by every client: the field stays.
                    let fine = field == "data" || (!result.is_empty() && result.iter().all(u8::is_ascii_digit));
                    if fine {
                        found.push(told(at, &matched));
                        event.set(field, &result);
                    }
                }
                Err(()) => cx.error(&format!("replacements[{at}].to"), "the result is too long"),
            }
        }
        cx.exchange.event = Some(event);
        let results = [("ngrok.sse_find_replace.replacements", Value::List(found))];
        cx.exchange.set_results("ngrok.sse_find_replace", results);
        Flow::Next
    }
}
