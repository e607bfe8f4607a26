//! The second tier: expressions run by the crate `cel`, over names that are looked up only when they are read.
//!
//! The compiler ([`super::rewrite`]) has replaced every name and every function of ours by an identifier that no
//! source text can have; [`Evaluation`] resolves them:
//!
//! | identifier | is |
//! |---|---|
//! | `%n` | the declared name `n` |
//! | `^n` | is it present? |
//! | `#n` | the function `n`: indexed with the list of its arguments |
//! | `~n` | the regular expression `n` of the program: indexed with a text |
//! | `!name` | a name that only this place has |
//! | `@vars` | all variables |
//! | `@tick` | `true` while the phase has elements left, else nothing |
//!
//! Functions are indexed because overloads of the crate are plain `fn` pointers that cannot see the exchange.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::traits::Indexer;
use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional, CelString,
    CelTimestamp, CelType, CelUInt, Type,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError};
use regex::Regex;

use super::env::{NAMES, What};
use super::functions::FUNCTIONS;
use super::scope::{Lent, Scope};
use crate::value::Value;

/// CEL without macros of its own: the compiler expands them, since `has` takes an index here and elements are counted.
pub(super) static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::default().with_stdlib();
    for extension in [cel::extensions::strings, cel::extensions::lists, cel::extensions::math] {
        // Fails only for a name that is declared twice, which a test would see.
        let _ = extension(&mut env);
    }
    Arc::new(env)
});

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A key is missing, types do not fit, …
    Error(String),
    /// The phase has used up its elements.
    Budget,
}

/// Evaluates a compiled expression.
pub(super) fn evaluate(expr: &IdedExpr, regexes: &[Regex], scope: &Scope<'_>) -> Result<Value, Failure> {
    let evaluation = Evaluation { scope, regexes };
    let mut context = Context::with_env(Arc::clone(&ENV));
    context.set_variable_resolver(&evaluation);
    let result = match cel::Value::resolve_val(expr, &context) {
        Ok(value) => from_val(&*value),
        Err(error) => Err(error.to_string()),
    };
    if scope.budget.exhausted() {
        return Err(Failure::Budget);
    }
    result.map_err(Failure::Error)
}

struct Evaluation<'a> {
    scope: &'a Scope<'a>,
    regexes: &'a [Regex],
}

static TRUE: CelBool = CelBool::TRUE;
static FALSE: CelBool = CelBool::FALSE;

fn boolean<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::Borrowed(if value { &TRUE } else { &FALSE })
}

impl VariableResolver for Evaluation<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let mut chars = variable.chars();
        let mark = chars.next()?;
        let rest = chars.as_str();
        let number = || rest.parse::<usize>().ok();
        match mark {
            '%' => {
                let name = NAMES.list.get(number()?)?;
                if name.what == What::Namespace {
                    return Some(CowVal::Owned(to_val(self.scope.namespace(&name.name))));
                }
                Some(match self.scope.read(name.what) {
                    Some(Lent::Text(text)) => CowVal::owned(CelString::from(text)),
                    Some(Lent::Owned(value)) => CowVal::Owned(to_val(value)),
                    None => CowVal::Owned(to_val(name.ty.zero())),
                })
            }
            '^' => {
                let name = NAMES.list.get(number()?)?;
                Some(boolean(if name.what == What::Namespace {
                    self.scope.namespace(&name.name) != Value::Map(Vec::new())
                } else {
                    self.scope.read(name.what).is_some()
                }))
            }
            '#' => Some(CowVal::owned(Callable {
                function: number()?,
                scope: self.scope,
            })),
            '~' => Some(CowVal::owned(Pattern(self.regexes.get(number()?)?))),
            '!' => {
                let (_, value) = self.scope.extra.iter().find(|(name, _)| *name == rest)?;
                Some(CowVal::Owned(to_val(value.clone())))
            }
            '@' if rest == "tick" => self.scope.budget.element().then(|| boolean(true)),
            '@' if rest == "vars" => Some(CowVal::Owned(to_val(Value::record(
                self.scope
                    .vars
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.clone())),
            )))),
            _ => None,
        }
    }
}

static FUNCTION: Type = Type::new_unspecified_type("function");

/// A function of ours, waiting for its arguments.
#[derive(Clone, Copy)]
struct Callable<'a> {
    function: usize,
    scope: &'a Scope<'a>,
}

impl std::fmt::Debug for Callable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "function {}", self.function)
    }
}

impl Val for Callable<'_> {
    fn get_type(&self) -> &Type {
        &FUNCTION
    }

    fn cel_type() -> &'static Type {
        &FUNCTION
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

fn error(message: impl Into<String>) -> ExecutionError {
    ExecutionError::FunctionError {
        function: String::new(),
        message: message.into(),
    }
}

impl Indexer for Callable<'_> {
    fn get<'b, 'v>(&'b self, args: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let function = FUNCTIONS.get(self.function).ok_or_else(|| error("no such function"))?;
        let list = args
            .downcast_ref::<CelList<'_>>()
            .ok_or_else(|| error("no arguments"))?;
        let mut values = smallvec::SmallVec::<[Value; 4]>::new();
        for item in list.inner() {
            values.push(from_val(item.as_ref()).map_err(error)?);
        }
        let value = (function.run)(self.scope, &values).map_err(|message| ExecutionError::FunctionError {
            function: function.name.to_owned(),
            message,
        })?;
        Ok(CowVal::Owned(to_val(value)))
    }

    fn steal<'v>(self: Box<Self>, args: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(args).map(CowVal::into_owned)
    }
}

/// A regular expression that was compiled with its program.
#[derive(Debug, Clone, Copy)]
struct Pattern<'a>(&'a Regex);

impl Val for Pattern<'_> {
    fn get_type(&self) -> &Type {
        &FUNCTION
    }

    fn cel_type() -> &'static Type {
        &FUNCTION
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for Pattern<'_> {
    fn get<'b, 'v>(&'b self, text: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let text = text
            .downcast_ref::<CelString<'_>>()
            .ok_or_else(|| error("matches() needs a string"))?;
        Ok(boolean(self.0.is_match(text.inner())))
    }

    fn steal<'v>(self: Box<Self>, text: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(text).map(CowVal::into_owned)
    }
}

/// A value of the crate as ours.
pub(super) fn from_val(value: &dyn Val) -> Result<Value, String> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Ok(Value::from(text.inner()));
    }
    if let Some(value) = value.downcast_ref::<CelBool>() {
        return Ok(Value::Bool(*value.inner()));
    }
    if let Some(value) = value.downcast_ref::<CelInt>() {
        return Ok(Value::Int(*value.inner()));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list
            .inner()
            .iter()
            .map(|item| from_val(item.as_ref()))
            .collect::<Result<_, _>>()
            .map(Value::List);
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let mut out = Vec::with_capacity(map.inner().len());
        for (key, value) in map.inner() {
            out.push((from_val(key.inner())?, from_val(value.as_ref())?));
        }
        // The crate's maps have no order: one that does not change from run to run.
        out.sort_by_cached_key(|(key, _)| key.to_text());
        return Ok(Value::Map(out));
    }
    if let Some(value) = value.downcast_ref::<CelUInt>() {
        return Ok(Value::Uint(*value.inner()));
    }
    if let Some(value) = value.downcast_ref::<CelDouble>() {
        return Ok(Value::Double(*value.inner()));
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return Ok(Value::Bytes(bytes.inner().to_vec()));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Ok(Value::Timestamp(time.inner().timestamp_micros()));
    }
    if let Some(duration) = value.downcast_ref::<CelDuration>() {
        let duration = duration.inner();
        return Ok(Value::Duration(duration.num_nanoseconds().unwrap_or_else(|| {
            if duration.num_seconds() < 0 { i64::MIN } else { i64::MAX }
        })));
    }
    if let Some(optional) = value.downcast_ref::<CelOptional<'_>>() {
        return optional.option().map_or(Ok(Value::Null), from_val);
    }
    if let Some(name) = value.downcast_ref::<CelType>() {
        return Ok(Value::from(name.name()));
    }
    Err(format!("a value of type {} cannot be used", value.get_type().name()))
}

/// A value of ours as the crate's.
fn to_val<'v>(value: Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(value)),
        Value::Int(value) => Box::new(CelInt::from(value)),
        Value::Uint(value) => Box::new(CelUInt::from(value)),
        Value::Double(value) => Box::new(CelDouble::from(value)),
        Value::Text(text) => Box::new(CelString::from(text)),
        Value::Bytes(bytes) => Box::new(CelBytes::from(bytes)),
        Value::Timestamp(micros) => {
            let time = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
            Box::new(CelTimestamp::from(time.fixed_offset()))
        }
        Value::Duration(nanos) => Box::new(CelDuration::from(chrono::Duration::nanoseconds(nanos))),
        Value::List(list) => Box::new(CelList::from(
            list.into_iter().map(to_val).collect::<Vec<Box<dyn Val + 'v>>>(),
        )),
        Value::Map(map) => {
            let mut out: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::with_capacity(map.len());
            for (key, value) in map {
                let key = match key {
                    Value::Bool(key) => CelMapKey::from(key),
                    Value::Int(key) => CelMapKey::from(key),
                    Value::Uint(key) => CelMapKey::from(key),
                    key => CelMapKey::from(key.to_text()),
                };
                out.insert(key, to_val(value));
            }
            Box::new(CelMap::from(out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extension_is_declared() {
        for expression in ["'a'.charAt(0)", "[1].sort()", "math.abs(-1)"] {
            let expr = ENV.parser().parse(expression).unwrap();
            let context = Context::with_env(Arc::clone(&ENV));
            assert!(cel::Value::resolve_val(&expr, &context).is_ok(), "{expression}");
        }
    }
}
