//! Comprehensions: expanded as cel-go does, each element counted against the phase's budget.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators};

use super::super::functions;
use super::tree::{call, ident, literal_int, node};
use super::{ASSUMED, Rewriter};

const RESULT: &str = "@result";

/// `tick ? body : tick`: the body of a loop, an error once the elements are used up.
fn counted(body: IdedExpr) -> IdedExpr {
    call(operators::CONDITIONAL, vec![ident("@tick"), body, ident("@tick")])
}

fn boolean(value: bool) -> IdedExpr {
    node(Expr::Literal(LiteralValue::Boolean(value.into())))
}

fn list(elements: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::List(ListExpr::new(elements)))
}

/// Length of a list that is known when it is written.
fn known_length(range: &IdedExpr) -> Option<usize> {
    match &range.expr {
        Expr::List(list) => Some(list.elements.len()),
        Expr::Map(map) => Some(map.entries.len()),
        Expr::Call(CallExpr { func_name, args, .. }) if func_name == operators::INDEX => {
            let [function, arguments] = args.as_slice() else {
                return None;
            };
            let (at, _) = functions::find("lists.range", false)?;
            match (&function.expr, &arguments.expr) {
                (Expr::Ident(name), Expr::List(list)) if *name == format!("#{at}") => {
                    match list.elements.first().map(|first| &first.expr) {
                        Some(Expr::Literal(LiteralValue::Int(n))) => usize::try_from(*n.inner()).ok(),
                        _ => None,
                    }
                }
                _ => None,
            }
        }
        // What one loop gives is no longer than what it was given.
        Expr::Comprehension(inner) => known_length(&inner.iter_range),
        _ => None,
    }
}

impl Rewriter<'_> {
    /// One loop deeper, over `range`.
    pub(super) fn enter(&mut self, range: &IdedExpr) {
        self.loops += 1;
        self.longest = self.longest.max(known_length(range).unwrap_or(ASSUMED));
        if self.loops == 3 {
            self.limit(
                range.id,
                "one comprehension may stand inside another, not two",
                "split it, for example with set-vars",
            );
        }
    }

    /// `x.all(v, p)` and its relatives; `None` if it is none of them.
    pub(super) fn macro_call(&mut self, id: u64, call_expr: &mut CallExpr) -> Option<IdedExpr> {
        let name = match call_expr.func_name.as_str() {
            "existsOne" => "exists_one",
            name @ ("all" | "exists" | "exists_one" | "filter" | "map") => name,
            _ => return None,
        }
        .to_owned();
        let count = call_expr.args.len();
        if count != 2 && !(name == "map" && count == 3) {
            self.problem(
                id,
                format!("`{name}` takes a variable and an expression"),
                format!("write list.{name}(x, …)"),
            );
            return Some(ident("%"));
        }
        let mut args = std::mem::take(&mut call_expr.args).into_iter();
        let target = *call_expr.target.take()?;
        let variable = args.next()?;
        let Expr::Ident(variable) = variable.expr else {
            self.problem(variable.id, "the first argument must be a simple name", "write x");
            return Some(ident("%"));
        };
        let range = self.walk(target);
        self.enter(&range);
        self.variables.push(variable.clone());
        let rest: Vec<IdedExpr> = args.map(|arg| self.walk(arg)).collect();
        self.variables.pop();
        self.loops -= 1;
        Some(expand(&name, range, variable, rest))
    }
}

fn expand(name: &str, range: IdedExpr, variable: String, args: Vec<IdedExpr>) -> IdedExpr {
    let mut args = args.into_iter();
    let first = args.next().unwrap_or_default();
    let second = args.next();
    let result = || ident(RESULT);
    let append = |item: IdedExpr| call(operators::ADD, vec![result(), list(vec![item])]);
    let guarded =
        |guard: IdedExpr, item: IdedExpr| call(operators::CONDITIONAL, vec![counted(guard), append(item), result()]);
    let (init, condition, step, value) = match (name, second) {
        ("all", _) => (
            boolean(true),
            call(operators::NOT_STRICTLY_FALSE, vec![result()]),
            call(operators::LOGICAL_AND, vec![result(), counted(first)]),
            result(),
        ),
        ("exists", _) => (
            boolean(false),
            call(
                operators::NOT_STRICTLY_FALSE,
                vec![call(operators::LOGICAL_NOT, vec![result()])],
            ),
            call(operators::LOGICAL_OR, vec![result(), counted(first)]),
            result(),
        ),
        ("exists_one", _) => (
            literal_int(0),
            boolean(true),
            call(
                operators::CONDITIONAL,
                vec![
                    counted(first),
                    call(operators::ADD, vec![result(), literal_int(1)]),
                    result(),
                ],
            ),
            call(operators::EQUALS, vec![result(), literal_int(1)]),
        ),
        ("filter", _) => (
            list(Vec::new()),
            boolean(true),
            guarded(first, ident(variable.clone())),
            result(),
        ),
        (_, Some(item)) => (list(Vec::new()), boolean(true), guarded(first, item), result()),
        (_, None) => (list(Vec::new()), boolean(true), append(counted(first)), result()),
    };
    node(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range: range,
        iter_var: variable,
        iter_var2: None,
        accu_var: RESULT.to_owned(),
        accu_init: init,
        loop_cond: condition,
        loop_step: step,
        result: value,
    })))
}
