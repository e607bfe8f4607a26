//! `log` (traffic policy 4.12).

use adit_names::code::ErrorCode;

use super::config::{Config, Item, Setting, Tree};
use super::read::Reader;
use super::schema::{E, Ends, Kind, Own, Protocols, Q, S, Spec, T, fine, required};
use super::{Act, Cx, Flow, no_error, set_vars};
use crate::document::{Node, Path, Phase};
use crate::expr::Failure;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "log",
    own: Own::phases(E),
    phases: T | Q | S | E,
    protocols: Protocols::All,
    ends: Ends::Never,
    fields: &[required("metadata", Kind::Own(metadata))],
    check: fine,
};

/// Bytes of an entry.
const MAX_ENTRY: usize = 64 * 1024;

fn metadata(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let Some(map) = node.map() else {
        let message = format!("metadata is a mapping, not {}", node.kind());
        reader.wrong(ErrorCode::NGROK_2203, path, node, message, "write name: value");
        return None;
    };
    if map.is_empty() {
        reader.wrong(
            ErrorCode::NGROK_2223,
            path,
            node,
            "there is no metadata",
            "give at least one entry",
        );
        return None;
    }
    if map.len() > 100 {
        reader.wrong(
            ErrorCode::NGROK_2218,
            path,
            node,
            "there may be 100 entries",
            "remove some",
        );
        return None;
    }
    let mut out = Vec::new();
    for (key, value) in map {
        // Eight levels, of which the mapping itself is one.
        if let Some(tree) = reader.tree(&path.key(&key.text), value, 9) {
            let item = Item {
                setting: Setting::Tree(tree),
            };
            out.push((key.text.clone(), item));
        }
    }
    Some(Setting::Map(out))
}

#[derive(Debug)]
struct Log {
    metadata: Vec<(String, Tree)>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let metadata = config
        .map("metadata")
        .iter()
        .filter_map(|(name, item)| match &item.setting {
            Setting::Tree(tree) => Some((name.clone(), tree.clone())),
            _ => None,
        });
    Box::new(Log {
        metadata: metadata.collect(),
    })
}

impl Act for Log {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let mut entry = Vec::with_capacity(self.metadata.len());
        for (name, tree) in &self.metadata {
            let value = cx
                .exchange
                .scoped(cx.view, cx.vars, |scope| set_vars::evaluate(tree, scope, MAX_ENTRY));
            // Never fails the request: the value is null, the error stands in the event.
            let value = value.unwrap_or_else(|failure| {
                let message = match failure {
                    Failure::Error(message) => message,
                    Failure::Budget => "the phase has used up its elements".to_owned(),
                };
                cx.error(&format!("metadata.{name}"), message);
                Value::Null
            });
            entry.push((Value::from(name.as_str()), value));
        }
        let mut entry = Value::Map(entry);
        if entry.measure().0 > MAX_ENTRY {
            cx.error("metadata", "the entry is too large");
            entry = Value::Map(Vec::new());
        }
        let errors = no_error("ngrok.log.error.code", "ngrok.log.error.message");
        cx.exchange.set_results(
            "ngrok.log",
            [("ngrok.log.metadata", entry.clone())].into_iter().chain(errors),
        );
        cx.exchange.log(entry);
        Flow::Next
    }
}
