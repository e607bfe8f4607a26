//! From the syntax tree to what runs: names are resolved and checked, macros expanded, functions bound, and the cost
//! bounded (traffic policy 1.5, 2, 7.1).

use adit_names::code::ErrorCode;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, SelectExpr, SourceInfo};
use regex::Regex;

mod calls;
mod loops;
mod names;
mod tree;

use crate::document::Phase;
use tree::{node, start};

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

    /// Notes what is read. What stands in a comprehension has no value outside of it.
    fn part(&mut self, label: impl FnOnce() -> String, expr: &IdedExpr) {
        if self.variables.is_empty() && self.notes.parts.len() < MAX_PARTS {
            let label = label();
            if self.notes.parts.iter().all(|(known, _)| *known != label) {
                self.notes.parts.push((label, expr.clone()));
            }
        }
    }
}
