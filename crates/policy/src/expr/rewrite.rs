//! From the syntax tree to what runs: names are resolved and checked, macros expanded, functions bound, and the cost
//! bounded (traffic policy 1.5, 2, 7.1).

use adit_names::code::ErrorCode;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, SourceInfo, operators,
};
use cel::common::types::CelString;
use regex::Regex;

use super::env::{self, NAMES, Type, What};
use super::functions::{self, ALIASES, REFUSED, STANDARD};
use crate::document::Phase;
use crate::fault::{nearest, suggest};

/// Deepest expression.
const MAX_DEPTH: usize = 64;
/// Elements of a list literal.
const MAX_LITERAL: usize = 1000;
/// Elements that request data is taken to have.
const ASSUMED: usize = 1000;
/// Nodes times the longest list.
pub(crate) const MAX_COST: usize = 100_000;
/// Parts of an expression whose values can be told.
const MAX_PARTS: usize = 16;

/// What is wrong with an expression, and where in it.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// `None`: the default of the place (`ERR_NGROK_2200`, `ERR_NGROK_2224`).
    pub(crate) code: Option<ErrorCode>,
    /// Offset in bytes.
    pub(crate) offset: usize,
    pub(crate) message: String,
    pub(crate) fix: String,
}

/// What an expression is about, for warnings and for what has to be kept.
#[derive(Debug, Default, Clone)]
pub(crate) struct Notes {
    /// Old names that were used: with what to write instead.
    pub(crate) deprecated: Vec<(String, String)>,
    /// It indexes header maps without a default.
    pub(crate) bare_index: bool,
    /// It tests for presence somewhere.
    pub(crate) tests_presence: bool,
    /// Secrets it names: vault, name, offset.
    pub(crate) secrets: Vec<(String, String, usize)>,
    /// It reads something that can differ.
    pub(crate) varies: bool,
    /// It reads what is only known after the handshake.
    pub(crate) after_handshake: bool,
    /// It reads the canonical path.
    pub(crate) path: bool,
    /// It reads the request's body.
    pub(crate) body: bool,
    /// It reads results of actions.
    pub(crate) results: bool,
    /// Steps that it may take at most: nodes times the longest list; of several expressions the most.
    pub(crate) cost: usize,
    /// What it reads, as written, for those who want to know why it is not true: each with what gives its value.
    pub(crate) parts: Vec<(String, IdedExpr)>,
}

pub(super) struct Rewritten {
    pub(super) expr: IdedExpr,
    pub(super) regexes: Vec<Regex>,
    pub(super) notes: Notes,
    /// Levels of the tree.
    pub(super) depth: usize,
}

/// Names beyond the declared ones that a place has.
pub(crate) type Extra = &'static [&'static str];

pub(super) fn rewrite(
    text: &str,
    expr: IdedExpr,
    source: &SourceInfo,
    phase: Phase,
    extra: Extra,
) -> Result<Rewritten, Vec<Problem>> {
    let mut rewriter = Rewriter {
        text,
        source,
        phase,
        extra,
        variables: Vec::new(),
        regexes: Vec::new(),
        notes: Notes::default(),
        problems: Vec::new(),
        nodes: 0,
        longest: 1,
        depth: 0,
        deepest: 0,
        loops: 0,
    };
    let expr = rewriter.walk(expr);
    let cost = rewriter.nodes.saturating_mul(rewriter.longest);
    rewriter.notes.cost = cost;
    if cost > MAX_COST {
        rewriter.problems.push(Problem {
            code: Some(ErrorCode::ADIT_2202),
            offset: 0,
            message: format!("the expression may cost {cost} steps, the limit is {MAX_COST}"),
            fix: "make it shorter, or iterate over less".to_owned(),
        });
    }
    if rewriter.problems.is_empty() {
        Ok(Rewritten {
            expr,
            regexes: rewriter.regexes,
            notes: rewriter.notes,
            depth: rewriter.deepest,
        })
    } else {
        Err(rewriter.problems)
    }
}

struct Rewriter<'a> {
    text: &'a str,
    source: &'a SourceInfo,
    phase: Phase,
    extra: Extra,
    /// Variables of the comprehensions around.
    variables: Vec<String>,
    regexes: Vec<Regex>,
    notes: Notes,
    problems: Vec<Problem>,
    nodes: usize,
    longest: usize,
    depth: usize,
    deepest: usize,
    loops: usize,
}

pub(super) fn node(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

fn ident(name: impl Into<String>) -> IdedExpr {
    node(Expr::Ident(name.into()))
}

fn literal_text(text: &str) -> IdedExpr {
    node(Expr::Literal(LiteralValue::String(CelString::from(text.to_owned()))))
}

fn literal_int(number: i64) -> IdedExpr {
    node(Expr::Literal(LiteralValue::Int(number.into())))
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    }))
}

/// A call of a function of ours.
fn bound(function: usize, args: Vec<IdedExpr>) -> IdedExpr {
    call(
        operators::INDEX,
        vec![ident(format!("#{function}")), node(Expr::List(ListExpr::new(args)))],
    )
}

fn own(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    match functions::find(name, false) {
        Some((at, _)) => bound(at, args),
        // The table has every name that is written here; a test sees to it.
        None => call(name, args),
    }
}

/// The node that an expression begins with.
fn start(expr: &IdedExpr) -> u64 {
    match &expr.expr {
        Expr::Select(select) => start(&select.operand),
        _ => expr.id,
    }
}

fn text_of(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

impl Rewriter<'_> {
    fn offset(&self, id: u64) -> usize {
        let Some((start, _)) = self.source.offset_for(id) else {
            return 0;
        };
        let at = (start as usize).min(self.text.len());
        if !self.text.is_char_boundary(at) {
            return 0;
        }
        let (before, after) = self.text.split_at(at);
        if !after.starts_with('(') {
            return at;
        }
        // A call is said to be where its parenthesis is; its name is what people look for.
        let name = before
            .bytes()
            .rev()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
            .count();
        at - name
    }

    fn problem(&mut self, id: u64, message: impl Into<String>, fix: impl Into<String>) {
        let offset = self.offset(id);
        self.problems.push(Problem {
            code: None,
            offset,
            message: message.into(),
            fix: fix.into(),
        });
    }

    fn limit(&mut self, id: u64, message: impl Into<String>, fix: impl Into<String>) {
        self.problem(id, message, fix);
        if let Some(problem) = self.problems.last_mut() {
            problem.code = Some(ErrorCode::ADIT_2202);
        }
    }

    fn walk(&mut self, expr: IdedExpr) -> IdedExpr {
        self.nodes += 1;
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth > MAX_DEPTH {
            if self.depth == MAX_DEPTH + 1 {
                self.limit(
                    expr.id,
                    format!("an expression may be nested {MAX_DEPTH} levels deep"),
                    "split it",
                );
            }
            self.depth -= 1;
            return expr;
        }
        let out = self.step(expr);
        self.depth -= 1;
        out
    }

    fn all(&mut self, exprs: Vec<IdedExpr>) -> Vec<IdedExpr> {
        exprs.into_iter().map(|expr| self.walk(expr)).collect()
    }

    fn step(&mut self, expr: IdedExpr) -> IdedExpr {
        let id = expr.id;
        if let Some(segments) = self.chain(&expr) {
            let out = self.name(start(&expr), &segments);
            self.part(|| segments.join("."), &out);
            return out;
        }
        match expr.expr {
            Expr::Call(call) => self.call(id, call),
            Expr::Select(select) => IdedExpr {
                id,
                expr: Expr::Select(SelectExpr {
                    operand: Box::new(self.walk(*select.operand)),
                    ..select
                }),
            },
            Expr::List(list) => {
                if list.elements.len() > MAX_LITERAL {
                    self.limit(id, format!("a list may have {MAX_LITERAL} elements"), "shorten it");
                }
                IdedExpr {
                    id,
                    expr: Expr::List(ListExpr {
                        elements: self.all(list.elements),
                        optional_indices: list.optional_indices,
                    }),
                }
            }
            Expr::Map(mut map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        entry.key = self.walk(std::mem::take(&mut entry.key));
                        entry.value = self.walk(std::mem::take(&mut entry.value));
                    }
                }
                IdedExpr {
                    id,
                    expr: Expr::Map(map),
                }
            }
            Expr::Struct(record) => {
                self.problem(
                    id,
                    format!("there is no type `{}` to construct", record.type_name),
                    "write a map: {'key': value}",
                );
                node(Expr::Struct(record))
            }
            Expr::Comprehension(comprehension) => self.expanded(*comprehension),
            other => IdedExpr { id, expr: other },
        }
    }

    /// A macro that the crate expanded: `sortBy`.
    fn expanded(&mut self, comprehension: ComprehensionExpr) -> IdedExpr {
        // `bind` is written as a loop over nothing.
        let binds = matches!(&comprehension.iter_range.expr, Expr::List(list) if list.elements.is_empty());
        let iter_range = self.walk(comprehension.iter_range);
        let accu_init = self.walk(comprehension.accu_init);
        if !binds {
            self.enter(&iter_range);
        }
        let before = self.variables.len();
        self.variables.push(comprehension.iter_var.clone());
        self.variables.push(comprehension.accu_var.clone());
        let out = Expr::Comprehension(Box::new(ComprehensionExpr {
            iter_range,
            accu_init,
            loop_cond: self.walk(comprehension.loop_cond),
            loop_step: self.walk(comprehension.loop_step),
            result: self.walk(comprehension.result),
            ..comprehension
        }));
        self.variables.truncate(before);
        if !binds {
            self.loops -= 1;
        }
        node(out)
    }

    /// The parts of `a.b.c`, if that is what it is and no variable of a comprehension begins it.
    fn chain(&self, expr: &IdedExpr) -> Option<Vec<String>> {
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
    fn declared(segments: &[String]) -> Option<(usize, usize)> {
        (1..=segments.len()).rev().find_map(|taken| {
            let name = segments.get(..taken)?.join(".");
            NAMES.find(&name).map(|(at, _)| (at, taken))
        })
    }

    fn select(mut expr: IdedExpr, fields: &[String]) -> IdedExpr {
        for field in fields {
            expr = node(Expr::Select(SelectExpr {
                operand: Box::new(expr),
                field: field.clone(),
                test: false,
            }));
        }
        expr
    }

    fn unknown(&mut self, id: u64, name: &str) -> IdedExpr {
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
    fn name(&mut self, id: u64, segments: &[String]) -> IdedExpr {
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
    fn reads(&mut self, id: u64, at: usize) {
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

    fn result(&mut self, id: u64, whole: &str, path: &str, function: &str) -> IdedExpr {
        let known = env::result(path);
        let Some(ty) = known else {
            if path.is_empty() || path == "ngrok" || path == "adit" {
                self.problem(
                    id,
                    format!("`{whole}` is not complete"),
                    "name an action: actions.ngrok.rate_limit",
                );
                return ident("%");
            }
            let names = env::RESULTS.iter().map(|(name, _)| *name);
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
            None if env::is_namespace(path) => Type::Namespace as i64,
            None => -1,
        };
        own(function, vec![literal_text(path), literal_int(zero)])
    }

    /// Which header map a container is, if it is one.
    fn headers(&mut self, container: &IdedExpr) -> Option<usize> {
        let segments = self.chain(container)?;
        let (at, taken) = Self::declared(&segments)?;
        let name = NAMES.list.get(at)?;
        if taken != segments.len() || !matches!(name.what, What::Headers(_)) {
            return None;
        }
        self.reads(start(container), at);
        Some(at)
    }

    fn call(&mut self, id: u64, mut call_expr: CallExpr) -> IdedExpr {
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

    /// Notes what is read. What stands in a comprehension has no value outside of it.
    fn part(&mut self, label: impl FnOnce() -> String, expr: &IdedExpr) {
        if self.variables.is_empty() && self.notes.parts.len() < MAX_PARTS {
            let label = label();
            if self.notes.parts.iter().all(|(known, _)| *known != label) {
                self.notes.parts.push((label, expr.clone()));
            }
        }
    }

    fn function(&mut self, id: u64, call_expr: CallExpr) -> IdedExpr {
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

    fn bind(&mut self, id: u64, mut call_expr: CallExpr) -> IdedExpr {
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

    fn unknown_function(&mut self, id: u64, name: &str) {
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

    fn arity(&mut self, id: u64, name: &str, given: usize, least: usize, most: usize) {
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

    fn in_phase(&mut self, id: u64, name: &str, phases: u8) {
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

    fn secret(&mut self, id: u64, args: &[IdedExpr]) {
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
    fn matches(&mut self, id: u64, call_expr: CallExpr) -> IdedExpr {
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

    fn has(&mut self, id: u64, arg: IdedExpr) -> IdedExpr {
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

/// Which declared name an index function means.
fn place(at: usize) -> IdedExpr {
    literal_int(i64::try_from(at).unwrap_or(0))
}

/// `optional.of(value)` if `present`, else `optional.none()`.
fn optional(present: IdedExpr, value: IdedExpr) -> IdedExpr {
    let method = |name: &str, args| {
        node(Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: Some(Box::new(ident("optional"))),
            args,
        }))
    };
    call(
        operators::CONDITIONAL,
        vec![present, method("of", vec![value]), method("none", Vec::new())],
    )
}

mod loops;
