//! Names: declared ones with what is read by them, results of actions, variables, and whether they are present.

use cel::common::ast::{Expr, IdedExpr, SelectExpr, operators};

use super::super::env::{self, NAMES, Type, What};
use super::super::results;
use super::Rewriter;
use super::tree::{ident, literal_int, literal_text, node, own, place, start};
use crate::document::Phase;
use crate::fault::nearest;

impl Rewriter<'_> {
    /// The parts of `a.b.c`, if that is what it is and no variable of a comprehension begins it.
    pub(super) fn chain(&self, expr: &IdedExpr) -> Option<Vec<String>> {
        let mut segments = Vec::new();
        let mut expr = expr;
        loop {
            match &expr.expr {
                Expr::Ident(name) => {
                    if self.variables.contains(name) {
                        return None;
                    }
                    segments.push(name.trim_start_matches('.').to_owned());
                    segments.reverse();
                    return Some(segments);
                }
                Expr::Select(select) if !select.test => {
                    segments.push(select.field.clone());
                    expr = &select.operand;
                }
                _ => return None,
            }
        }
    }

    /// The longest declared name that `segments` begin with, and how many of them it takes.
    pub(super) fn declared(segments: &[String]) -> Option<(usize, usize)> {
        (1..=segments.len()).rev().find_map(|taken| {
            let name = segments.get(..taken)?.join(".");
            NAMES.find(&name).map(|(at, _)| (at, taken))
        })
    }

    pub(super) fn select(mut expr: IdedExpr, fields: &[String]) -> IdedExpr {
        for field in fields {
            expr = node(Expr::Select(SelectExpr {
                operand: Box::new(expr),
                field: field.clone(),
                test: false,
            }));
        }
        expr
    }

    pub(super) fn unknown(&mut self, id: u64, name: &str) -> IdedExpr {
        let known = NAMES
            .list
            .iter()
            .map(|known| known.name.as_str())
            .chain(["vars", "actions"])
            .chain(self.extra.iter().copied());
        let fix = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let root = name.split('.').next().unwrap_or_default();
                let siblings: Vec<_> = NAMES
                    .list
                    .iter()
                    .filter(|known| known.name.starts_with(root) && known.what != What::Namespace)
                    .map(|known| known.name.as_str())
                    .take(12)
                    .collect();
                if siblings.is_empty() {
                    "known: conn, endpoint, organization, req, res, time, vars, actions".to_owned()
                } else {
                    format!("known: {}", siblings.join(", "))
                }
            }
        };
        self.problem(id, format!("unknown variable `{name}`"), fix);
        ident("%")
    }

    /// A name, or a part of one.
    pub(super) fn name(&mut self, id: u64, segments: &[String]) -> IdedExpr {
        let whole = segments.join(".");
        let Some(root) = segments.first() else {
            return self.unknown(id, &whole);
        };
        match root.as_str() {
            "vars" => {
                self.notes.varies = true;
                return match segments.get(1) {
                    Some(name) => {
                        let base = own("@var", vec![literal_text(name)]);
                        Self::select(base, segments.get(2..).unwrap_or_default())
                    }
                    None => ident("@vars"),
                };
            }
            "actions" => {
                self.notes.varies = true;
                self.notes.results = true;
                let path = segments.get(1..).unwrap_or_default().join(".");
                return self.result(id, &whole, &path, "@result");
            }
            extra if self.extra.contains(&extra) => {
                return Self::select(ident(format!("!{extra}")), segments.get(1..).unwrap_or_default());
            }
            "bool" | "int" | "uint" | "double" | "string" | "bytes" | "list" | "map" | "null_type" | "type"
                if segments.len() == 1 =>
            {
                return ident(root.clone());
            }
            _ => {}
        }
        let Some((at, taken)) = Self::declared(segments) else {
            return self.unknown(id, &whole);
        };
        let rest = segments.get(taken..).unwrap_or_default();
        self.reads(id, at);
        let Some(name) = NAMES.list.get(at) else {
            return self.unknown(id, &whole);
        };
        match (name.ty, rest) {
            (_, []) => ident(format!("%{at}")),
            (Type::Map, [key, after @ ..]) if matches!(name.what, What::Headers(_)) => {
                self.notes.bare_index = true;
                Self::select(own("@field", vec![place(at), literal_text(key)]), after)
            }
            (Type::Map, fields) => Self::select(ident(format!("%{at}")), fields),
            _ => self.unknown(id, &whole),
        }
    }

    /// Notes that a declared name is read, and refuses those of other phases.
    pub(super) fn reads(&mut self, id: u64, at: usize) {
        let Some(name) = NAMES.list.get(at) else { return };
        self.notes.varies = true;
        self.notes.path |= matches!(name.what, What::UrlPath | What::Url | What::UrlUri);
        self.notes.body |= matches!(name.what, What::Body | What::BodyText | What::BodyJson);
        self.notes.after_handshake |= matches!(
            name.what,
            What::TlsVersion | What::TlsCipher | What::TlsAlpn | What::TlsResumed | What::Certificate(..)
        );
        if name.phases & env::bit(self.phase) == 0 {
            let phases: Vec<_> = Phase::ALL
                .into_iter()
                .filter(|phase| name.phases & env::bit(*phase) != 0)
                .map(Phase::name)
                .collect();
            self.problem(
                id,
                format!("`{}` is not known in {}", name.name, self.phase),
                format!("use it in {}", phases.join(", ")),
            );
        }
    }

    pub(super) fn result(&mut self, id: u64, whole: &str, path: &str, function: &str) -> IdedExpr {
        let known = results::result(path);
        let Some(ty) = known else {
            if path.is_empty() || path == "ngrok" || path == "adit" {
                self.problem(
                    id,
                    format!("`{whole}` is not complete"),
                    "name an action: actions.ngrok.rate_limit",
                );
                return ident("%");
            }
            let names = results::RESULTS.iter().map(|(name, _)| *name);
            let fix = match nearest(path, names) {
                Some(near) => format!("did you mean `actions.{near}`?"),
                None => "the results of each action are listed with it".to_owned(),
            };
            self.problem(id, format!("unknown result `{whole}`"), fix);
            return ident("%");
        };
        // The zero that stands for an absent result; a namespace is empty then.
        let zero = match ty {
            Some(ty) => ty as i64,
            None if results::is_namespace(path) => Type::Namespace as i64,
            None => -1,
        };
        own(function, vec![literal_text(path), literal_int(zero)])
    }

    /// Which header map a container is, if it is one.
    pub(super) fn headers(&mut self, container: &IdedExpr) -> Option<usize> {
        let segments = self.chain(container)?;
        let (at, taken) = Self::declared(&segments)?;
        let name = NAMES.list.get(at)?;
        if taken != segments.len() || !matches!(name.what, What::Headers(_)) {
            return None;
        }
        self.reads(start(container), at);
        Some(at)
    }

    pub(super) fn has(&mut self, id: u64, arg: IdedExpr) -> IdedExpr {
        self.nodes += 1;
        self.notes.tests_presence = true;
        if let Some(segments) = self.chain(&arg) {
            let root = segments.first().map(String::as_str).unwrap_or_default();
            match (root, segments.as_slice()) {
                ("vars", [_, name]) => {
                    self.notes.varies = true;
                    return own("@has_var", vec![literal_text(name)]);
                }
                ("actions", [_, rest @ ..]) => {
                    self.notes.varies = true;
                    self.notes.results = true;
                    return self.result(start(&arg), &segments.join("."), &rest.join("."), "@has_result");
                }
                _ => {}
            }
            if let Some((at, taken)) = Self::declared(&segments)
                && root != "vars"
            {
                let what = NAMES.list.get(at).map(|name| name.what);
                match segments.get(taken..).unwrap_or_default() {
                    [] => {
                        self.reads(start(&arg), at);
                        return ident(format!("^{at}"));
                    }
                    [key] if matches!(what, Some(What::Headers(_))) => {
                        self.reads(start(&arg), at);
                        return own("@has_field", vec![place(at), literal_text(key)]);
                    }
                    _ => {}
                }
            }
        }
        match arg.expr {
            Expr::Select(select) if !select.test => IdedExpr {
                id,
                expr: Expr::Select(SelectExpr {
                    operand: Box::new(self.walk(*select.operand)),
                    field: select.field,
                    test: true,
                }),
            },
            Expr::Call(mut index) if index.func_name == operators::INDEX && index.args.len() == 2 => {
                let key = index.args.pop().unwrap_or_default();
                let container = index.args.pop().unwrap_or_default();
                if let Some(at) = self.headers(&container) {
                    let key = self.walk(key);
                    return own("@has_field", vec![place(at), key]);
                }
                let args = vec![self.walk(container), self.walk(key)];
                own("@has_index", args)
            }
            _ => {
                self.problem(
                    id,
                    "`has` takes a field or an index",
                    "write has(x.field) or has(x['key'])",
                );
                ident("%")
            }
        }
    }
}
