//! Nodes of the tree that is run, as the rewriter makes them.

use cel::common::ast::{CallExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators};
use cel::common::types::CelString;

use super::super::functions;

pub(in super::super) fn node(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

pub(super) fn ident(name: impl Into<String>) -> IdedExpr {
    node(Expr::Ident(name.into()))
}

pub(super) fn literal_text(text: &str) -> IdedExpr {
    node(Expr::Literal(LiteralValue::String(CelString::from(text.to_owned()))))
}

pub(super) fn literal_int(number: i64) -> IdedExpr {
    node(Expr::Literal(LiteralValue::Int(number.into())))
}

pub(super) fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    }))
}

/// A call of a function of ours.
pub(super) fn bound(function: usize, args: Vec<IdedExpr>) -> IdedExpr {
    call(
        operators::INDEX,
        vec![ident(format!("#{function}")), node(Expr::List(ListExpr::new(args)))],
    )
}

pub(super) fn own(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    match functions::find(name, false) {
        Some((at, _)) => bound(at, args),
        // The table has every name that is written here; a test sees to it.
        None => call(name, args),
    }
}

/// The node that an expression begins with.
pub(super) fn start(expr: &IdedExpr) -> u64 {
    match &expr.expr {
        Expr::Select(select) => start(&select.operand),
        _ => expr.id,
    }
}

pub(super) fn text_of(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// Which declared name an index function means.
pub(super) fn place(at: usize) -> IdedExpr {
    literal_int(i64::try_from(at).unwrap_or(0))
}

/// `optional.of(value)` if `present`, else `optional.none()`.
pub(super) fn optional(present: IdedExpr, value: IdedExpr) -> IdedExpr {
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
