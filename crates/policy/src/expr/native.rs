//! The first tier: predicates that are recognised when a program is compiled, over the borrowed view and without
//! allocation (traffic policy 7.1). What is not recognised, and what turns out to be an error, is the second tier's.

use std::fmt::Write as _;
use std::net::IpAddr;

use ::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use adit_names::cidr::Cidr;
use regex::Regex;

use super::env::{Message, NAMES, Side, Type, What};
use super::functions::FUNCTIONS;
use super::scope::{Lent, Scope};
use crate::ip_set::IpSet;
use crate::url;
use crate::value::Value;

/// A predicate.
#[derive(Debug)]
pub(super) enum Pred {
    Const(bool),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// `has(name)`
    Present(What),
    /// A name that is a bool.
    Flag(What),
    Text(Subject, Test),
    Int(What, Compare, i64),
    /// Characters of a text.
    Size(Subject, Compare, i64),
    HasHeader(Message, String),
    HasCookie(String),
    HasQuery(String),
    HasVar(String),
    InRanges(Subject, IpSet),
}

/// What a text is taken from.
#[derive(Debug)]
pub(super) enum Subject {
    Name(What),
    /// The first value of a field; without one there is no answer.
    Header(Message, String),
}

#[derive(Debug)]
pub(super) enum Test {
    Compare(Compare, String),
    In(Vec<String>),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Matches(Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    fn from_operator(name: &str) -> Option<Self> {
        Some(match name {
            operators::EQUALS => Self::Equal,
            operators::NOT_EQUALS => Self::NotEqual,
            operators::LESS => Self::Less,
            operators::LESS_EQUALS => Self::LessOrEqual,
            operators::GREATER => Self::Greater,
            operators::GREATER_EQUALS => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The same with its sides exchanged.
    const fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    fn holds<T: Ord + ?Sized>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

/// A value that needs no program: of a name, or of a function of literals.
#[derive(Debug)]
pub(super) enum Direct {
    Name(usize),
    Call(usize, Vec<Value>),
}

fn literal(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn int(expr: &IdedExpr) -> Option<i64> {
    match &expr.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner()),
        _ => None,
    }
}

fn number(expr: &IdedExpr, mark: char) -> Option<usize> {
    match &expr.expr {
        Expr::Ident(name) => name.strip_prefix(mark)?.parse().ok(),
        _ => None,
    }
}

fn name(expr: &IdedExpr) -> Option<(What, Type)> {
    let name = NAMES.list.get(number(expr, '%')?)?;
    Some((name.what, name.ty))
}

/// The arguments of an operator without target.
fn operands<'e>(call: &'e CallExpr, operator: &str) -> Option<&'e [IdedExpr]> {
    (call.func_name == operator && call.target.is_none()).then_some(call.args.as_slice())
}

/// A call of a function of ours: its number and arguments.
fn own_call(expr: &IdedExpr) -> Option<(usize, &[IdedExpr])> {
    let Expr::Call(call) = &expr.expr else { return None };
    let [function, arguments] = operands(call, operators::INDEX)? else {
        return None;
    };
    let Expr::List(list) = &arguments.expr else { return None };
    Some((number(function, '#')?, list.elements.as_slice()))
}

fn own_name(function: usize) -> Option<&'static str> {
    FUNCTIONS.get(function).map(|function| function.name)
}

fn message_of(expr: &IdedExpr) -> Option<Message> {
    let at = usize::try_from(int(expr)?).ok()?;
    match NAMES.list.get(at)?.what {
        What::Headers(message) => Some(message),
        _ => None,
    }
}

/// What gives a text.
fn subject(expr: &IdedExpr) -> Option<Subject> {
    if let Some((what, Type::Text)) = name(expr) {
        return Some(Subject::Name(what));
    }
    let Expr::Call(call) = &expr.expr else { return None };
    let [list, at] = operands(call, operators::INDEX)? else {
        return None;
    };
    if int(at)? != 0 {
        return None;
    }
    let (function, arguments) = own_call(list)?;
    Some(match (own_name(function)?, arguments) {
        ("getReqHeader", [field]) => Subject::Header(Message::Request, literal(field)?.to_owned()),
        ("getResHeader", [field]) => Subject::Header(Message::Response, literal(field)?.to_owned()),
        ("@field", [place, field]) => Subject::Header(message_of(place)?, literal(field)?.to_owned()),
        _ => return None,
    })
}

/// The predicate that an expression is, if it is one.
pub(super) fn recognise(expr: &IdedExpr, regexes: &[Regex]) -> Option<Pred> {
    match &expr.expr {
        Expr::Literal(LiteralValue::Boolean(value)) => return Some(Pred::Const(*value.inner())),
        Expr::Ident(_) => {
            if let Some(at) = number(expr, '^') {
                let name = NAMES.list.get(at)?;
                return (name.what != What::Namespace).then_some(Pred::Present(name.what));
            }
            return match name(expr)? {
                (what, Type::Bool) => Some(Pred::Flag(what)),
                _ => None,
            };
        }
        _ => {}
    }
    let Expr::Call(call) = &expr.expr else { return None };
    if let Some((function, arguments)) = own_call(expr) {
        return recognise_call(function, arguments);
    }
    let nested = |expr| recognise(expr, regexes).map(Box::new);
    match (call.func_name.as_str(), &call.target, call.args.as_slice()) {
        (operators::LOGICAL_NOT, None, [inner]) => Some(Pred::Not(nested(inner)?)),
        (operators::LOGICAL_AND, None, [a, b]) => Some(Pred::And(nested(a)?, nested(b)?)),
        (operators::LOGICAL_OR, None, [a, b]) => Some(Pred::Or(nested(a)?, nested(b)?)),
        (operators::IN, None, [a, list]) => {
            let Expr::List(list) = &list.expr else { return None };
            if !list.optional_indices.is_empty() {
                return None;
            }
            let texts: Option<Vec<String>> = list
                .elements
                .iter()
                .map(|item| literal(item).map(str::to_owned))
                .collect();
            Some(Pred::Text(subject(a)?, Test::In(texts?)))
        }
        (operators::INDEX, None, [pattern, text]) => {
            let regex = regexes.get(number(pattern, '~')?)?.clone();
            Some(Pred::Text(subject(text)?, Test::Matches(regex)))
        }
        (operator, None, [a, b]) => {
            let compare = Compare::from_operator(operator)?;
            comparison(a, compare, b).or_else(|| comparison(b, compare.turned(), a))
        }
        (method @ ("startsWith" | "endsWith" | "contains"), Some(target), [text]) => {
            let text = literal(text)?.to_owned();
            let test = match method {
                "startsWith" => Test::StartsWith(text),
                "endsWith" => Test::EndsWith(text),
                _ => Test::Contains(text),
            };
            Some(Pred::Text(subject(target)?, test))
        }
        _ => None,
    }
}

/// `a compare b`, with the literal on the right.
fn comparison(a: &IdedExpr, compare: Compare, b: &IdedExpr) -> Option<Pred> {
    if let Some(text) = literal(b) {
        return Some(Pred::Text(subject(a)?, Test::Compare(compare, text.to_owned())));
    }
    let number = int(b)?;
    if let Some((what, Type::Int)) = name(a) {
        return Some(Pred::Int(what, compare, number));
    }
    let Expr::Call(call) = &a.expr else { return None };
    let counted = match (call.func_name.as_str(), &call.target, call.args.as_slice()) {
        ("size", None, [counted]) => counted,
        ("size", Some(counted), []) => counted,
        _ => return None,
    };
    Some(Pred::Size(subject(counted)?, compare, number))
}

fn recognise_call(function: usize, arguments: &[IdedExpr]) -> Option<Pred> {
    Some(match (own_name(function)?, arguments) {
        ("hasReqHeader", [field]) => Pred::HasHeader(Message::Request, literal(field)?.to_owned()),
        ("hasResHeader", [field]) => Pred::HasHeader(Message::Response, literal(field)?.to_owned()),
        ("@has_field", [place, field]) => Pred::HasHeader(message_of(place)?, literal(field)?.to_owned()),
        ("hasReqCookie", [cookie]) => Pred::HasCookie(literal(cookie)?.to_owned()),
        ("hasQueryParam", [parameter]) => Pred::HasQuery(literal(parameter)?.to_owned()),
        ("@has_var", [variable]) => Pred::HasVar(literal(variable)?.to_owned()),
        ("inCidrRange", [ip, range]) => Pred::InRanges(subject(ip)?, ranges(&[literal(range)?])),
        ("inCidrRanges", [ip, list]) => {
            let Expr::List(list) = &list.expr else { return None };
            if !list.optional_indices.is_empty() {
                return None;
            }
            let texts: Option<Vec<&str>> = list.elements.iter().map(literal).collect();
            Pred::InRanges(subject(ip)?, ranges(&texts?))
        }
        _ => return None,
    })
}

/// What is no range holds nothing.
fn ranges(texts: &[&str]) -> IpSet {
    texts.iter().filter_map(|text| text.parse::<Cidr>().ok()).collect()
}

/// The value that needs no program.
pub(super) fn direct(expr: &IdedExpr) -> Option<Direct> {
    if let Some(at) = number(expr, '%') {
        let name = NAMES.list.get(at)?;
        return (name.what != What::Namespace).then_some(Direct::Name(at));
    }
    let (function, arguments) = own_call(expr)?;
    let values: Option<Vec<Value>> = arguments
        .iter()
        .map(|argument| match (literal(argument), int(argument)) {
            (Some(text), _) => Some(Value::from(text)),
            (None, Some(number)) => Some(Value::Int(number)),
            (None, None) => None,
        })
        .collect();
    Some(Direct::Call(function, values?))
}

impl Direct {
    /// The value, or an error, for which the second tier is asked.
    pub(super) fn value(&self, scope: &Scope<'_>) -> Option<Value> {
        let value = match self {
            Self::Name(at) => {
                let name = NAMES.list.get(*at)?;
                match scope.read(name.what) {
                    Some(Lent::Text(text)) => Value::from(text),
                    Some(Lent::Owned(value)) => value,
                    None => name.ty.zero(),
                }
            }
            Self::Call(at, arguments) => (FUNCTIONS.get(*at)?.run)(scope, arguments).ok()?,
        };
        Some(value.in_order())
    }
}

/// Short texts without a heap: an address.
struct Short {
    bytes: [u8; 48],
    length: usize,
}

impl std::fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        let place = self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

fn is_lower(text: &str) -> bool {
    !text.bytes().any(|b| b.is_ascii_uppercase())
}

/// Calls `f` with bytes of a field as text.
fn decoded<R>(bytes: &[u8], f: impl FnOnce(&str) -> R) -> R {
    match std::str::from_utf8(bytes) {
        Ok(text) => f(text),
        Err(_) => f(&super::scope::decode(bytes)),
    }
}

impl Scope<'_> {
    /// Calls `f` with the first value of a field.
    fn with_field<R>(&self, message: Message, name: &str, f: impl FnOnce(&str) -> R) -> Option<R> {
        self.first_bytes(message, name).map(|value| decoded(value, f))
    }

    /// Calls `f` with the text of a name; without an allocation where that is possible.
    fn with_name<R>(&self, what: What, f: impl FnOnce(&str) -> R) -> R {
        let request = self.view.request.as_ref();
        match what {
            What::Method => return f(request.map_or("", |request| request.method)),
            What::UrlQuery => return f(self.query()),
            What::UrlPath => {
                if let Some(path) = request.and_then(|request| url::plain_path(self.target(request))) {
                    return f(path);
                }
            }
            What::Host => {
                if let Some(request) = request {
                    let authority = self.authority(request);
                    if is_lower(authority) {
                        return f(authority);
                    }
                }
            }
            What::UrlHost => {
                if let Some(request) = request {
                    let authority = self.authority(request);
                    if is_lower(authority) {
                        return f(url::split_authority(authority).0);
                    }
                }
            }
            What::Ip(side) => {
                let ip = self.ip(side);
                let mut short = Short {
                    bytes: [0; 48],
                    length: 0,
                };
                if write!(short, "{ip}").is_ok()
                    && let Some(Ok(text)) = short.bytes.get(..short.length).map(std::str::from_utf8)
                {
                    return f(text);
                }
            }
            _ => {}
        }
        match self.read(what) {
            Some(Lent::Text(text)) => f(text),
            Some(Lent::Owned(Value::Text(text))) => f(&text),
            Some(Lent::Owned(_)) | None => f(""),
        }
    }

    fn ip(&self, side: Side) -> IpAddr {
        match side {
            Side::Client => self.view.connection.client_ip.to_canonical(),
            Side::Server => self.view.connection.server_ip.to_canonical(),
        }
    }

    fn with_subject<R>(&self, subject: &Subject, f: impl FnOnce(&str) -> R) -> Option<R> {
        match subject {
            Subject::Name(What::UserAgent) => Some(match self.first_bytes(Message::Request, "user-agent") {
                Some(value) => decoded(value, f),
                None => f(""),
            }),
            Subject::Name(what) => Some(self.with_name(*what, f)),
            Subject::Header(message, name) => self.with_field(*message, name, f),
        }
    }

    fn has_cookie(&self, wanted: &str) -> bool {
        let own = |name: &str| name.starts_with("__Host-adit-") || name.starts_with("__Secure-adit-");
        let mut found = false;
        self.fields(Message::Request, &mut |field, value| {
            if !found && field.eq_ignore_ascii_case("cookie") {
                found = decoded(value, |text| {
                    text.split(';').any(|pair| {
                        let pair = pair.trim();
                        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
                        name == wanted && !name.is_empty() && !own(name)
                    })
                });
            }
        });
        found
    }

    fn has_query(&self, wanted: &str) -> bool {
        let query = self.query();
        if query.bytes().any(|b| matches!(b, b'%' | b'+')) {
            return url::form(query).iter().any(|(name, _)| name == wanted);
        }
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .any(|pair| pair.split_once('=').map_or(pair, |(name, _)| name) == wanted)
    }
}

impl Test {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Compare(compare, other) => compare.holds(text, other.as_str()),
            Self::In(list) => list.iter().any(|item| item == text),
            Self::StartsWith(prefix) => text.starts_with(prefix.as_str()),
            Self::EndsWith(suffix) => text.ends_with(suffix.as_str()),
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}

impl Pred {
    /// `None`: an error, which the second tier puts into words.
    pub(super) fn holds(&self, scope: &Scope<'_>) -> Option<bool> {
        match self {
            Self::Const(value) => Some(*value),
            Self::Not(inner) => inner.holds(scope).map(|value| !value),
            // An error on one side is no error if the other side decides (2.1).
            Self::And(a, b) => match a.holds(scope) {
                Some(false) => Some(false),
                a => match b.holds(scope) {
                    Some(false) => Some(false),
                    b => a.and(b),
                },
            },
            Self::Or(a, b) => match a.holds(scope) {
                Some(true) => Some(true),
                a => match b.holds(scope) {
                    Some(true) => Some(true),
                    b => a.and(b),
                },
            },
            Self::Present(what) => Some(scope.read(*what).is_some()),
            Self::Flag(what) => Some(matches!(scope.read(*what), Some(Lent::Owned(Value::Bool(true))))),
            Self::Text(subject, test) => scope.with_subject(subject, |text| test.holds(text)),
            Self::Int(what, compare, number) => {
                let value = match scope.read(*what) {
                    Some(Lent::Owned(Value::Int(value))) => value,
                    _ => 0,
                };
                Some(compare.holds(&value, number))
            }
            Self::Size(subject, compare, number) => {
                let count = scope.with_subject(subject, |text| text.chars().count())?;
                Some(compare.holds(&i64::try_from(count).unwrap_or(i64::MAX), number))
            }
            Self::HasHeader(message, name) => Some(scope.has_header(*message, name)),
            Self::HasCookie(name) => Some(scope.has_cookie(name)),
            Self::HasQuery(name) => Some(scope.has_query(name)),
            Self::HasVar(name) => Some(scope.vars.iter().any(|(known, _)| known == name)),
            Self::InRanges(Subject::Name(What::Ip(side)), set) => Some(set.contains(scope.ip(*side))),
            Self::InRanges(subject, set) => {
                scope.with_subject(subject, |text| text.parse::<IpAddr>().is_ok_and(|ip| set.contains(ip)))
            }
        }
    }
}
