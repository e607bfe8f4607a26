//! `set-vars` (traffic policy 4.21).

use adit_names::code::ErrorCode;

use super::config::{Config, Item, Setting, Tree};
use super::read::Reader;
use super::schema::{E, Ends, Kind, Own, Protocols, Q, S, Spec, T, fine, required};
use super::{Act, Cx, Flow};
use crate::document::{Node, Path, Phase};
use crate::expr::{Failure, Scope};
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "set-vars",
    own: Own::phases(E),
    phases: T | Q | S | E,
    protocols: Protocols::All,
    ends: Ends::Never,
    fields: &[required("vars", Kind::Own(vars))],
    check: fine,
};

/// Variables of a phase.
const MAX_VARS: usize = 256;
/// Bytes of all variables of a phase.
const MAX_SIZE: usize = 1 << 20;
/// Longest text that a template in a variable gives.
const MAX_TEXT: usize = 64 * 1024;

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn vars(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    const FIX: &str = "write a list: - name: value";
    let Some(list) = node.list() else {
        let message = format!("variables are a list of mappings, not {}", node.kind());
        reader.wrong(ErrorCode::NGROK_2252, path, node, message, FIX);
        return None;
    };
    if list.is_empty() {
        reader.wrong(ErrorCode::NGROK_2223, path, node, "there are no variables", FIX);
        return None;
    }
    if list.len() > 100 {
        reader.wrong(
            ErrorCode::NGROK_2218,
            path,
            node,
            "there may be 100 variables",
            "split the action",
        );
        return None;
    }
    let mut out = Vec::new();
    for (i, entry) in list.iter().enumerate() {
        let path = path.index(i);
        let Some([(key, value)]) = entry.map() else {
            reader.wrong(
                ErrorCode::NGROK_2252,
                &path,
                entry,
                "an entry is a mapping with one key",
                FIX,
            );
            continue;
        };
        if !is_name(&key.text) {
            let message = format!("`{}` is no name of a variable", key.text);
            reader.wrong(
                ErrorCode::NGROK_2252,
                &path,
                entry,
                message,
                "use letters, digits and _, at most 64, no digit first",
            );
            continue;
        }
        if let Some(tree) = reader.tree(&path.key(&key.text), value, 0) {
            let item = Item {
                setting: Setting::Tree(tree),
            };
            out.push((key.text.clone(), item));
        }
    }
    Some(Setting::Map(out))
}

#[derive(Debug)]
struct SetVars {
    vars: Vec<(String, Tree)>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let vars = config
        .map("vars")
        .iter()
        .filter_map(|(name, item)| match &item.setting {
            Setting::Tree(tree) => Some((name.clone(), tree.clone())),
            _ => None,
        });
    Box::new(SetVars { vars: vars.collect() })
}

/// A tree with its templates evaluated.
pub(super) fn evaluate(tree: &Tree, scope: &Scope<'_>, limit: usize) -> Result<Value, Failure> {
    Ok(match tree {
        Tree::Value(value) => value.clone(),
        Tree::Template(template) => template.value(scope, limit)?,
        Tree::List(list) => Value::List(
            list.iter()
                .map(|tree| evaluate(tree, scope, limit))
                .collect::<Result<_, _>>()?,
        ),
        Tree::Map(map) => {
            let mut out = Vec::with_capacity(map.len());
            for (key, tree) in map {
                out.push((Value::from(key.as_str()), evaluate(tree, scope, limit)?));
            }
            Value::Map(out)
        }
    })
}

impl Act for SetVars {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        for (i, (name, tree)) in self.vars.iter().enumerate() {
            let value = cx
                .exchange
                .scoped(cx.view, cx.vars, |scope| evaluate(tree, scope, MAX_TEXT));
            let value = match value {
                Ok(value) => value,
                Err(failure) => return cx.failed(&format!("vars[{i}].{name}"), failure),
            };
            match cx.vars.iter_mut().find(|(known, _)| known == name) {
                Some((_, slot)) => *slot = value,
                None => cx.vars.push((name.clone(), value)),
            }
            let size: usize = cx.vars.iter().map(|(name, value)| name.len() + value.measure().0).sum();
            let deep = cx.vars.iter().map(|(_, value)| value.measure().1).max().unwrap_or(0);
            if size > MAX_SIZE || cx.vars.len() > MAX_VARS || deep > 64 {
                cx.vars.pop();
                cx.error(&format!("vars[{i}].{name}"), "the variables take too much memory");
                return Flow::Broken(ErrorCode::NGROK_2249);
            }
        }
        Flow::Next
    }
}
