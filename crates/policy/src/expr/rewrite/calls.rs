//! Calls: operators, methods and functions, bound to what runs them and checked as far as literals tell.

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

use super::super::env::{self, NAMES};
use super::super::functions::{self, ALIASES, REFUSED, STANDARD};
use super::Rewriter;
use super::tree::{bound, call, ident, optional, own, place, text_of};
use crate::fault::{nearest, suggest};

impl Rewriter<'_> {
    pub(super) fn call(&mut self, id: u64, mut call_expr: CallExpr) -> IdedExpr {
        let name = call_expr.func_name.as_str();
        match (name, call_expr.target.is_some(), call_expr.args.as_slice()) {
            (operators::INDEX, false, [container, _]) => {
                if let Some(at) = self.headers(container) {
                    self.notes.bare_index = true;
                    let key = call_expr.args.pop().map(|key| self.walk(key)).unwrap_or_default();
                    return own("@field", vec![place(at), key]);
                }
                if let Some(segments) = self.chain(container)
                    && segments.len() == 1
                    && segments.first().is_some_and(|root| root == "vars")
                {
                    self.notes.varies = true;
                    let key = call_expr.args.pop().map(|key| self.walk(key)).unwrap_or_default();
                    return own("@var", vec![key]);
                }
            }
            (operators::OPT_INDEX, false, [container, _]) => {
                if let Some(at) = self.headers(container) {
                    let key = call_expr.args.pop().map(|key| self.walk(key)).unwrap_or_default();
                    return optional(
                        own("@has_field", vec![place(at), key.clone()]),
                        own("@field", vec![place(at), key]),
                    );
                }
            }
            (operators::OPT_SELECT, false, [container, _]) => {
                if let Some(at) = self.headers(container) {
                    let key = call_expr.args.pop().unwrap_or_default();
                    return optional(
                        own("@has_field", vec![place(at), key.clone()]),
                        own("@field", vec![place(at), key]),
                    );
                }
                if let Some(segments) = self.chain(container)
                    && segments.len() == 1
                    && segments.first().is_some_and(|root| root == "vars")
                {
                    let key = call_expr.args.pop().unwrap_or_default();
                    return optional(own("@has_var", vec![key.clone()]), own("@var", vec![key]));
                }
            }
            (operators::IN, false, [_, container]) => {
                self.notes.tests_presence = true;
                if let Some(at) = self.headers(container) {
                    call_expr.args.truncate(1);
                    let key = call_expr.args.pop().map(|key| self.walk(key)).unwrap_or_default();
                    return own("@has_field", vec![place(at), key]);
                }
            }
            ("has", false, [_]) => {
                let arg = call_expr.args.pop().unwrap_or_default();
                return self.has(id, arg);
            }
            (_, true, _) => {
                if let Some(expansion) = self.macro_call(id, &mut call_expr) {
                    return expansion;
                }
            }
            _ => {}
        }
        let is_operator = !call_expr
            .func_name
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || call_expr.func_name.starts_with('_');
        if is_operator && call_expr.target.is_none() && !call_expr.func_name.contains('.') {
            call_expr.args = self.all(call_expr.args);
            return IdedExpr {
                id,
                expr: Expr::Call(call_expr),
            };
        }
        self.function(id, call_expr)
    }

    pub(super) fn function(&mut self, id: u64, call_expr: CallExpr) -> IdedExpr {
        let literals: Option<Vec<_>> = call_expr.args.iter().map(text_of).collect();
        let label = match (literals, &call_expr.target) {
            (Some(literals), None) if !literals.is_empty() => {
                Some(format!("{}('{}')", call_expr.func_name, literals.join("', '")))
            }
            _ => None,
        };
        let out = self.bind(id, call_expr);
        if let Some(label) = label {
            self.part(|| label, &out);
        }
        out
    }

    pub(super) fn bind(&mut self, id: u64, mut call_expr: CallExpr) -> IdedExpr {
        let written = call_expr.func_name.clone();
        let namespace = call_expr.target.as_ref().and_then(|target| self.chain(target));
        // `hash.sha256(x)`: a function with a qualified name, not a method of something called hash.
        let qualified = namespace
            .as_ref()
            .map(|segments| format!("{}.{written}", segments.join(".")));
        let alias = |name: &str| ALIASES.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
        if let Some(qualified) = &qualified {
            if let Some((_, instead)) = REFUSED.iter().find(|(name, _)| name == qualified) {
                self.problem(id, format!("`{qualified}` is not offered"), *instead);
                return ident("%");
            }
            let mut name = qualified.as_str();
            if let Some(new) = alias(name) {
                self.notes.deprecated.push((name.to_owned(), new.to_owned()));
                name = new;
            }
            if let Some((at, function)) = functions::find(name, false)
                && (name.contains('.') || name != qualified.as_str())
            {
                self.arity(id, name, call_expr.args.len(), function.least, function.most);
                self.in_phase(id, name, function.phases);
                if name == "secrets.get" {
                    self.secret(id, &call_expr.args);
                }
                self.notes.varies = true;
                let args = self.all(call_expr.args);
                return bound(at, args);
            }
            if let Some((_, _, least, most)) = STANDARD.iter().find(|(known, ..)| *known == name)
                && name.contains('.')
            {
                self.arity(id, name, call_expr.args.len(), *least, *most);
                call_expr.args = self.all(call_expr.args);
                // The target spells the namespace and stays as it is.
                return IdedExpr {
                    id,
                    expr: Expr::Call(call_expr),
                };
            }
            let root = namespace
                .as_ref()
                .and_then(|segments| segments.first())
                .cloned()
                .unwrap_or_default();
            let is_variable = NAMES.is_root(&root)
                || matches!(root.as_str(), "vars" | "actions")
                || self.extra.contains(&root.as_str());
            if !is_variable {
                self.unknown_function(id, qualified);
                return ident("%");
            }
        }
        let method = call_expr.target.is_some();
        let mut name = written.as_str();
        if let Some(new) = alias(name) {
            self.notes.deprecated.push((name.to_owned(), new.to_owned()));
            name = new;
        }
        let count = call_expr.args.len() + usize::from(method);
        if name == "matches" {
            return self.matches(id, call_expr);
        }
        if !name.starts_with('@')
            && let Some((at, function)) = functions::find(name, method)
        {
            self.arity(id, name, count, function.least, function.most);
            self.in_phase(id, name, function.phases);
            self.notes.varies |= !method;
            let mut args = Vec::with_capacity(count);
            args.extend(call_expr.target.map(|target| self.walk(*target)));
            args.extend(self.all(call_expr.args));
            return bound(at, args);
        }
        let standard = STANDARD
            .iter()
            .find(|(known, form, ..)| *known == name && functions::fits(*form, method));
        let Some((_, form, least, most)) = standard else {
            self.unknown_function(id, &written);
            return ident("%");
        };
        let extra = usize::from(!method && *form == functions::Form::Both);
        self.arity(
            id,
            name,
            call_expr.args.len(),
            least + extra,
            (*most).max(least + extra),
        );
        call_expr.func_name = name.to_owned();
        call_expr.target = call_expr.target.map(|target| Box::new(self.walk(*target)));
        call_expr.args = self.all(call_expr.args);
        IdedExpr {
            id,
            expr: Expr::Call(call_expr),
        }
    }

    pub(super) fn unknown_function(&mut self, id: u64, name: &str) {
        let known = functions::FUNCTIONS
            .iter()
            .map(|function| function.name)
            .chain(STANDARD.iter().map(|(name, ..)| *name))
            .chain([
                "matches",
                "has",
                "all",
                "exists",
                "exists_one",
                "filter",
                "map",
                "sortBy",
            ])
            .filter(|name| !name.contains('@'));
        let fix = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => suggest(name, ["getReqHeader", "inCidrRange", "size", "matches", "startsWith"]),
        };
        self.problem(id, format!("unknown function `{name}`"), fix);
    }

    pub(super) fn arity(&mut self, id: u64, name: &str, given: usize, least: usize, most: usize) {
        if given < least || given > most {
            let wanted = if least == most {
                least.to_string()
            } else {
                format!("{least} to {most}")
            };
            self.problem(
                id,
                format!("`{name}` was given {given} arguments, it takes {wanted}"),
                "correct the call",
            );
        }
    }

    pub(super) fn in_phase(&mut self, id: u64, name: &str, phases: u8) {
        if phases & env::bit(self.phase) == 0 {
            self.problem(
                id,
                format!("`{name}` is not known in {}", self.phase),
                if phases & env::Q == 0 {
                    "use it in on_http_response"
                } else {
                    "use it in on_http_request or on_http_response"
                },
            );
        }
    }

    pub(super) fn secret(&mut self, id: u64, args: &[IdedExpr]) {
        let [vault, name] = args else { return };
        match (text_of(vault), text_of(name)) {
            (Some(vault), Some(name)) => {
                let offset = self.offset(id);
                self.notes.secrets.push((vault.to_owned(), name.to_owned(), offset));
            }
            _ => self.problem(
                id,
                "`secrets.get` takes literals only",
                "write the names of vault and secret as strings",
            ),
        }
    }

    /// A literal pattern is compiled here; others when they are known.
    pub(super) fn matches(&mut self, id: u64, call_expr: CallExpr) -> IdedExpr {
        let mut args: Vec<IdedExpr> = call_expr.target.into_iter().map(|target| *target).collect();
        args.extend(call_expr.args);
        self.arity(id, "matches", args.len(), 2, 2);
        let Some(pattern) = args.get(1).and_then(text_of) else {
            let args = self.all(args);
            return own("@matches", args);
        };
        let compiled = functions::compile_pattern(pattern);
        args.truncate(1);
        let subject = args.pop().map(|subject| self.walk(subject)).unwrap_or_default();
        match compiled {
            Ok(regex) => {
                self.regexes.push(regex);
                let at = self.regexes.len() - 1;
                call(operators::INDEX, vec![ident(format!("~{at}")), subject])
            }
            Err(error) => {
                self.problem(
                    id,
                    format!("the regular expression cannot be used: {error}"),
                    "the syntax is RE2, without look-around and back-references",
                );
                subject
            }
        }
    }
}
