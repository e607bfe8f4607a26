//! The functions that are not CEL's own (traffic policy 3.2). Each row: how it is called, with how many arguments, in
//! which phases; a method's target is its first argument.

mod codec;
pub(super) mod cookie;
mod digest;
mod exchange;
mod list;
mod net;
mod text;

pub(crate) use text::{bytes_pattern as compile_bytes, pattern as compile_pattern};

use super::env::{Q, S, T};
use super::scope::Scope;
use crate::value::Value;

/// Longest string that a function makes.
pub(super) const MAX_TEXT: usize = 1 << 20;
/// Longest list that a function makes.
pub(super) const MAX_LIST: usize = 10_000;

/// What a function gives; the error says why not.
pub(crate) type Outcome = Result<Value, String>;

/// How a function may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `f(x)`
    Global,
    /// `x.f()`
    Method,
    /// Both.
    Both,
}

/// One function.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// Fewest and most arguments, a method's target counted.
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) phases: u8,
    pub(crate) run: fn(&Scope<'_>, &[Value]) -> Outcome,
}

const TQS: u8 = T | Q | S;
const QS: u8 = Q | S;

type Run = fn(&Scope<'_>, &[Value]) -> Outcome;

const fn row(name: &'static str, form: Form, least: usize, most: usize, phases: u8, run: Run) -> Function {
    Function {
        name,
        form,
        least,
        most,
        phases,
        run,
    }
}

use Form::{Both, Global, Method};

/// The table. Its order is what compiled expressions name functions by.
pub(crate) static FUNCTIONS: &[Function] = &[
    // The message.
    row("getReqHeader", Global, 1, 1, QS, exchange::get_req_header),
    row("hasReqHeader", Global, 1, 1, QS, exchange::has_req_header),
    row("getResHeader", Global, 1, 1, S, exchange::get_res_header),
    row("hasResHeader", Global, 1, 1, S, exchange::has_res_header),
    row("getReqCookie", Global, 1, 1, QS, exchange::get_req_cookie),
    row("hasReqCookie", Global, 1, 1, QS, exchange::has_req_cookie),
    row("getResCookie", Global, 1, 1, S, exchange::get_res_cookie),
    row("hasResCookie", Global, 1, 1, S, exchange::has_res_cookie),
    row("getQueryParam", Global, 1, 1, QS, exchange::get_query_param),
    row("hasQueryParam", Global, 1, 1, QS, exchange::has_query_param),
    row("cookie.parse", Global, 1, 1, TQS, cookie::parse),
    row("http.header", Global, 1, 2, QS, exchange::http_header),
    row("http.param", Global, 1, 2, QS, exchange::http_param),
    row("http.query_param", Global, 1, 2, QS, exchange::http_param),
    row("http.path", Global, 0, 0, QS, exchange::http_path),
    row("http.path_segment", Global, 1, 2, QS, exchange::http_path_segment),
    row("http.query", Global, 0, 0, QS, exchange::http_query),
    row("http.remote_addr", Global, 0, 0, QS, exchange::http_remote_addr),
    row("http.request_method", Global, 0, 0, QS, exchange::http_request_method),
    row("http.request_uri", Global, 0, 0, QS, exchange::http_request_uri),
    row("http.scheme", Global, 0, 0, QS, exchange::http_scheme),
    row("http.user_agent", Global, 0, 0, QS, exchange::http_user_agent),
    row("http.status", Global, 0, 0, S, exchange::http_status),
    row("http.status_text", Global, 0, 0, S, exchange::http_status_text),
    // What the exchange lends.
    row("secrets.get", Global, 2, 2, TQS, exchange::secret),
    row("rand.double", Global, 0, 0, TQS, exchange::rand_double),
    row("rand.int", Global, 0, 2, TQS, exchange::rand_int),
    row("uuid", Global, 0, 0, TQS, exchange::uuid),
    row("now", Global, 0, 0, TQS, exchange::now),
    // Addresses.
    row("inCidrRange", Global, 2, 2, TQS, net::in_cidr_range),
    row("inCidrRanges", Global, 2, 2, TQS, net::in_cidr_ranges),
    row("isPrivateIp", Both, 1, 1, TQS, net::is_private_ip),
    row("isInternalIp", Both, 1, 1, TQS, net::is_internal_ip),
    // Text.
    row("split", Method, 1, 3, TQS, text::split),
    row("replace", Method, 3, 4, TQS, text::replace),
    row("lower", Method, 1, 1, TQS, text::lower),
    row("upper", Method, 1, 1, TQS, text::upper),
    row("regexEscape", Both, 1, 1, TQS, text::regex_escape),
    row("join", Method, 1, 2, TQS, list::join),
    // Lists.
    row("lists.range", Global, 1, 1, TQS, list::range),
    row("distinct", Method, 1, 1, TQS, list::distinct),
    // Encodings.
    row("json.encode", Global, 1, 1, TQS, codec::json_encode),
    row("encodeJson", Method, 1, 1, TQS, codec::json_encode),
    row("json.decode", Global, 1, 1, TQS, codec::json_decode),
    row("decodeJson", Method, 1, 1, TQS, codec::json_decode),
    row("isJson", Both, 1, 1, TQS, codec::is_json),
    row("queryString.encode", Global, 1, 1, TQS, codec::query_encode),
    row("encodeQueryString", Method, 1, 1, TQS, codec::query_encode),
    row("queryString.decode", Global, 1, 1, TQS, codec::query_decode),
    row("decodeQueryString", Method, 1, 1, TQS, codec::query_decode),
    row("isQueryString", Both, 1, 1, TQS, codec::is_query_string),
    row("base64.encode", Global, 1, 1, TQS, codec::base64_encode),
    row("base64.decode", Global, 1, 1, TQS, codec::base64_decode),
    row("encodeBase64", Method, 1, 1, TQS, codec::base64_encode),
    row("decodeBase64", Method, 1, 1, TQS, codec::base64_decode_text),
    row("basic_auth.encode", Global, 2, 2, TQS, codec::basic_auth_encode),
    row("url.escape", Global, 1, 1, TQS, codec::url_escape),
    row("escapeUrl", Method, 1, 1, TQS, codec::url_escape),
    row("url.unescape", Global, 1, 1, TQS, codec::url_unescape),
    row("unescapeUrl", Method, 1, 1, TQS, codec::url_unescape),
    row("url.parse", Global, 1, 1, TQS, codec::url_parse),
    row("parseUrl", Method, 1, 1, TQS, codec::url_parse),
    row("isURL", Both, 1, 1, TQS, codec::is_url),
    // Digests.
    row("hash.crc32", Global, 1, 2, TQS, digest::crc32),
    row("crc32", Method, 1, 2, TQS, digest::crc32),
    row("hash.crc64", Global, 1, 2, TQS, digest::crc64),
    row("crc64", Method, 1, 2, TQS, digest::crc64),
    row("hash.md5", Global, 1, 2, TQS, digest::md5),
    row("md5", Method, 1, 2, TQS, digest::md5),
    row("hash.sha1", Global, 1, 2, TQS, digest::sha1),
    row("sha1", Method, 1, 2, TQS, digest::sha1),
    row("hash.sha256", Global, 1, 2, TQS, digest::sha256),
    row("sha256", Method, 1, 2, TQS, digest::sha256),
    row("hash.sha512", Global, 1, 2, TQS, digest::sha512),
    row("sha512", Method, 1, 2, TQS, digest::sha512),
    row("hash.xxhash64", Global, 1, 2, TQS, digest::xxhash64),
    row("xxhash64", Method, 1, 2, TQS, digest::xxhash64),
    row("hmac.sha1", Global, 2, 3, TQS, digest::hmac_sha1),
    row("hmac.sha256", Global, 2, 3, TQS, digest::hmac_sha256),
    row("hmac.sha512", Global, 2, 3, TQS, digest::hmac_sha512),
    // What the compiler writes: names that no source text can have.
    row("@field", Global, 2, 2, TQS, exchange::field),
    row("@has_field", Global, 2, 2, TQS, exchange::has_field),
    row("@var", Global, 1, 1, TQS, exchange::var),
    row("@has_var", Global, 1, 1, TQS, exchange::has_var),
    row("@has_index", Global, 2, 2, TQS, exchange::has_index),
    row("@result", Global, 2, 2, TQS, exchange::result),
    row("@has_result", Global, 2, 2, TQS, exchange::has_result),
    row("@matches", Global, 2, 2, TQS, text::matches),
    row("sets.contains", Global, 2, 2, TQS, list::sets_contains),
    row("sets.equivalent", Global, 2, 2, TQS, list::sets_equivalent),
    row("sets.intersects", Global, 2, 2, TQS, list::sets_intersects),
];

/// Other names of functions: of the price list, of samples. Accepted with a warning.
pub(crate) const ALIASES: &[(&str, &str)] = &[
    ("includes", "contains"),
    ("starts_with", "startsWith"),
    ("ends_with", "endsWith"),
    ("utility.in_cidr_range", "inCidrRange"),
    ("utility.in_cidr_ranges", "inCidrRanges"),
    ("utility.string_is_url", "isURL"),
    ("utility.string_is_json", "isJson"),
    ("utility.string_is_query_string", "isQueryString"),
    ("utility.base64_encode", "base64.encode"),
    ("utility.base64_decode", "base64.decode"),
    ("utility.url_escape", "url.escape"),
    ("utility.url_unescape", "url.unescape"),
    ("utility.json_encode", "json.encode"),
    ("utility.json_decode", "json.decode"),
    ("security.secret", "secrets.get"),
    ("b64.encode", "base64.encode"),
    ("b64.decode", "base64.decode"),
];

/// CEL's own functions and those of the crate's extensions, with the arguments they take (a target not counted).
pub(crate) const STANDARD: &[(&str, Form, usize, usize)] = &[
    ("size", Both, 0, 1),
    ("contains", Method, 1, 1),
    ("startsWith", Method, 1, 1),
    ("endsWith", Method, 1, 1),
    ("charAt", Method, 1, 1),
    ("indexOf", Method, 1, 2),
    ("lastIndexOf", Method, 1, 2),
    ("substring", Method, 1, 2),
    ("lowerAscii", Method, 0, 0),
    ("upperAscii", Method, 0, 0),
    ("trim", Method, 0, 0),
    ("reverse", Method, 0, 0),
    ("format", Method, 1, 1),
    ("strings.quote", Global, 1, 1),
    ("slice", Method, 2, 2),
    ("flatten", Method, 0, 1),
    ("sort", Method, 0, 0),
    ("timestamp", Global, 1, 1),
    ("duration", Global, 1, 1),
    ("int", Global, 1, 1),
    ("uint", Global, 1, 1),
    ("double", Global, 1, 1),
    ("string", Global, 1, 1),
    ("bytes", Global, 1, 1),
    ("bool", Global, 1, 1),
    ("type", Global, 1, 1),
    ("dyn", Global, 1, 1),
    ("getDate", Method, 0, 1),
    ("getDayOfMonth", Method, 0, 1),
    ("getDayOfWeek", Method, 0, 1),
    ("getDayOfYear", Method, 0, 1),
    ("getFullYear", Method, 0, 1),
    ("getHours", Method, 0, 1),
    ("getMilliseconds", Method, 0, 1),
    ("getMinutes", Method, 0, 1),
    ("getMonth", Method, 0, 1),
    ("getSeconds", Method, 0, 1),
    ("math.ceil", Global, 1, 1),
    ("math.floor", Global, 1, 1),
    ("math.round", Global, 1, 1),
    ("math.trunc", Global, 1, 1),
    ("math.abs", Global, 1, 1),
    ("math.sign", Global, 1, 1),
    ("math.sqrt", Global, 1, 1),
    ("math.isInf", Global, 1, 1),
    ("math.isNaN", Global, 1, 1),
    ("math.isFinite", Global, 1, 1),
    ("math.bitAnd", Global, 2, 2),
    ("math.bitOr", Global, 2, 2),
    ("math.bitXor", Global, 2, 2),
    ("math.bitNot", Global, 1, 1),
    ("math.bitShiftLeft", Global, 2, 2),
    ("math.bitShiftRight", Global, 2, 2),
    ("math.greatest", Global, 1, 64),
    ("math.least", Global, 1, 64),
    ("math.@max", Global, 1, 64),
    ("math.@min", Global, 1, 64),
    ("optional.of", Global, 1, 1),
    ("optional.none", Global, 0, 0),
    ("optional.ofNonZeroValue", Global, 1, 1),
    ("hasValue", Method, 0, 0),
    ("value", Method, 0, 0),
    ("or", Method, 1, 1),
    ("orValue", Method, 1, 1),
    ("@sortByAssociatedKeys", Method, 1, 1),
];

/// Documented by ngrok's price list and not offered: the body is `req.body`.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("http.request_body", "use req.body"),
    (
        "http.response_body",
        "bodies of responses cannot be read by expressions",
    ),
    ("cel.bind", "write the expression where it is used, or use set-vars"),
];

/// A function of the table by name and form.
pub(crate) fn find(name: &str, method: bool) -> Option<(usize, &'static Function)> {
    FUNCTIONS
        .iter()
        .enumerate()
        .find(|(_, function)| function.name == name && fits(function.form, method))
}

pub(crate) fn fits(form: Form, method: bool) -> bool {
    match form {
        Both => true,
        Global => !method,
        Method => method,
    }
}

/// The argument as text.
fn string(args: &[Value], at: usize) -> Result<&str, String> {
    match args.get(at) {
        Some(Value::Text(text)) => Ok(text),
        Some(other) => Err(format!("argument {} must be a string, not {}", at + 1, kind(other))),
        None => Err(format!("argument {} is missing", at + 1)),
    }
}

fn integer(args: &[Value], at: usize) -> Result<i64, String> {
    match args.get(at) {
        Some(Value::Int(number)) => Ok(*number),
        Some(Value::Uint(number)) => i64::try_from(*number).map_err(|_| "the number is too large".to_owned()),
        Some(other) => Err(format!("argument {} must be an int, not {}", at + 1, kind(other))),
        None => Err(format!("argument {} is missing", at + 1)),
    }
}

fn items(args: &[Value], at: usize) -> Result<&[Value], String> {
    match args.get(at) {
        Some(Value::List(list)) => Ok(list),
        Some(other) => Err(format!("argument {} must be a list, not {}", at + 1, kind(other))),
        None => Err(format!("argument {} is missing", at + 1)),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Int(_) => "an int",
        Value::Uint(_) => "a uint",
        Value::Double(_) => "a double",
        Value::Text(_) => "a string",
        Value::Bytes(_) => "bytes",
        Value::Timestamp(_) => "a timestamp",
        Value::Duration(_) => "a duration",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}

/// The text, unless it is longer than functions may make.
fn made(text: String) -> Outcome {
    if text.len() > MAX_TEXT {
        return Err("the string is too long".to_owned());
    }
    Ok(Value::Text(text))
}
