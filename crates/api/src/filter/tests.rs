//! Documented examples, refusals by name, and random filters against a naive evaluation.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_795_532_400_000_000;

fn fields() -> Vec<FilterField> {
    let mut fields: Vec<_> = [
        ("id", FieldForm::Id),
        ("created_at", FieldForm::Time),
        ("description", FieldForm::Text),
        ("metadata", FieldForm::Text),
        ("url", FieldForm::Text),
        ("domain", FieldForm::Reference),
        ("principal", FieldForm::Reference),
        ("port", FieldForm::Number),
        ("pooling_enabled", FieldForm::Flag),
        ("acl", FieldForm::Texts),
        ("labels", FieldForm::Map),
        ("owner_id", FieldForm::Id),
        ("cname_target", FieldForm::Text),
    ]
    .map(|(path, form)| FilterField::new(path, form))
    .into();
    fields.push(FilterField {
        spellings: &[("ephemeral", "agent")],
        ..FilterField::new("type", FieldForm::Text)
    });
    fields.push(FilterField {
        aliases: &["binding"],
        ..FilterField::new("bindings", FieldForm::Texts)
    });
    fields
}

fn object() -> Value {
    json!({
        "id": "ep_2ipc2RzvYSNMpGXR9ZhjtzvZDMF", "created_at": "2026-11-20T15:00:00Z", "description": "the \"cowbell\" ü",
        "metadata": "", "url": "https://app.example.com", "type": "agent", "domain": null,
        "principal": {"id": "usr_1", "uri": ""}, "port": 443, "pooling_enabled": true, "acl": [],
        "labels": {"app": "web"}, "owner_id": null, "cname_target": null, "bindings": ["public", "internal"],
    })
}

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, &fields())
}

fn matches(text: &str) -> bool {
    parse(text)
        .unwrap_or_else(|e| panic!("{text}: {e}"))
        .matches(&object(), NOW)
}

#[test]
fn what_selects_the_object() {
    for text in [
        r#"obj.type == "cloud" || obj.type == "agent""#,
        r#"obj.type in ["agent", "cloud",]"#,
        r#"obj.type == "ephemeral""#,
        r#"obj.type in ['ephemeral']"#,
        r#"obj.type == "agent" && obj.created_at > timestamp(time.now).subtract("7d")"#,
        r#"obj.created_at < timestamp("2026-11-20T09:00:01-07:00") && obj.created_at >= "2026-11-20T15:00:00Z""#,
        r#"timestamp(obj.created_at) > timestamp("2025-05-10Z")"#,
        r#"timestamp("2026-11-21T00:00:00Z").add("24h") > obj.created_at"#,
        r#"obj.url.startsWith("https://app") && obj.url.endsWith(".com") && obj.description.contains("cowbell")"#,
        r#"obj.description.contains("\"cowbell\" \u00fc")"#,
        r#"obj.acl == null || obj.acl == """#,
        r#"obj.acl == null && obj.acl == "" && size(obj.acl) == 0 && obj.acl.size() < 1"#,
        r#"obj.url in ["foo.com"] || (obj.created_at > timestamp("2025-05-10Z") && obj.description.contains("cowbell"))"#,
        r#"obj.principal == "usr_1" && obj.principal.id == 'usr_1' && "usr_1" == obj.principal"#,
        "obj.domain == null && obj.principal != null && obj.owner_id == null && obj.domain.id == null",
        "obj.pooling_enabled && !!obj.pooling_enabled && obj.pooling_enabled == true && !(obj.pooling_enabled != true)",
        r#""public" in obj.bindings && "internal" in obj.binding && obj.bindings == "public" && !("x" in obj.bindings)"#,
        "obj.port == 443 && obj.port >= 443.0 && obj.port > -1 && size(obj.bindings) == 2",
        r#"obj.labels.app == "web" && "app" in obj.labels && obj.labels.none == null && obj.labels != null"#,
        r#"obj.metadata == "" && obj.cname_target != """#,
        "size(obj.description) == 15",
        "true && !false",
        r#"obj.id <= "ep_3" && obj.id in ["ep_2ipc2RzvYSNMpGXR9ZhjtzvZDMF", null]"#,
        "obj.url == obj.url && (obj.url) != obj.metadata",
    ] {
        assert!(matches(text), "{text}");
    }
}

#[test]
fn what_does_not() {
    for text in [
        "false",
        r#"obj.owner_id < "x" || obj.owner_id >= "x""#,
        r#"obj.cname_target.contains("")"#,
        r#"obj.domain == "rd_1""#,
        "obj.acl != null",
        r#"obj.url in []"#,
        r#"obj.created_at == null"#,
        r#"!obj.pooling_enabled || obj.port != 443"#,
        // ! binds tighter than &&.
        r#"!obj.pooling_enabled && obj.port == 443"#,
    ] {
        assert!(!matches(text), "{text}");
    }
}

#[test]
fn refusals_name_what_is_not_supported() {
    for (text, named) in [
        (r#"obj.acl[0] == "x""#, "an index"),
        ("obj.port + 1 == 444", "arithmetic (+)"),
        ("obj.port == 444 - 1", "arithmetic (-)"),
        ("obj.port % 2 == 1", "arithmetic (%)"),
        ("obj.pooling_enabled ? true : false", "the ternary operator"),
        ("type(obj.port) == int", "the type function type()"),
        (r#"int("1") == obj.port"#, "the type function int()"),
        (r#"obj.created_at > time.now - duration("1h")"#, "arithmetic (-)"),
        (r#"obj.url.matches("^a")"#, "a regular expression (matches)"),
        (r#"obj.acl.exists(x, x == "a")"#, "the macro exists()"),
        ("has(obj.url)", "the macro has()"),
        ("obj.labels == {}", "a map literal"),
        (r#"obj.url == r"x""#, "a prefix of a text"),
        (r#"obj.idk == "x""#, "unknown field obj.idk, there are obj.id "),
        ("obj == 1", "unknown field obj,"),
        (r#"obj.url.more == "x""#, "unknown field obj.url.more"),
        (r#"endpoint.url == "x""#, "endpoint is unknown: fields begin with obj."),
        (r#"obj.id.startsWith("ep_")"#, "startsWith() on the id obj.id"),
        (r#"obj.principal.contains("u")"#, "contains() on the id obj.principal"),
        (
            r#"obj.principal.id.endsWith("u")"#,
            "endsWith() on the id obj.principal.id",
        ),
        (r#"obj.acl.contains("u")"#, "contains() is a function of texts"),
        (r#"["agent","cloud"] in obj.acl"#, "a list stands only after in"),
        ("obj.url", "a condition is expected, this is a value"),
        ("obj.port && true", "a condition is expected, this is a value"),
        ("obj.port == \"443\"", "a number and a text cannot be compared"),
        (
            "obj.pooling_enabled < true",
            "true or false and true or false cannot be compared",
        ),
        ("obj.url < null", "a text and null cannot be compared"),
        ("obj.created_at < \"yesterday\"", "\"yesterday\" is no time"),
        ("timestamp(5) < obj.created_at", "timestamp() takes a text"),
        ("obj.created_at < timestamp(time.now).add(\"7w\")", "\"7w\" is no span"),
        ("obj.created_at < timestamp(time.then)", "time has only time.now"),
        ("obj.port == 1 == true", "a comparison of conditions"),
        ("(obj.port == 1) == true", "a comparison of conditions"),
        ("daysAgo(7) < obj.created_at", "the function daysAgo() is unknown"),
        ("obj.url.lower() == \"a\"", "the function lower() is unknown"),
        ("obj.url = \"x\"", "= is no operator"),
        ("obj.pooling_enabled & true", "& is no operator"),
        ("obj.url == \"x", "a text has no end"),
        ("obj.url == \"\\x\"", "\\x is no escape"),
        ("obj.port == 1e3", "1e3 is no number"),
        ("", "it is empty"),
        ("obj.port ==", "it ends where a value is expected"),
        ("(obj.pooling_enabled", "it ends where ) is expected"),
        ("obj.pooling_enabled true", "the end is expected (at byte 20)"),
        ("obj.url in [obj.metadata]", "a list holds fixed values"),
        ("obj.url in \"x\"", "after in a list is expected"),
        ("obj.port == 1 #", "'#' means nothing"),
    ] {
        let refused = parse(text).map_err(|e| e.to_string());
        assert!(
            refused.as_ref().is_err_and(|e| e.contains(named)),
            "{text}: {refused:?} should contain {named:?}"
        );
    }
}

#[test]
fn limits() {
    let terms = |n: usize| vec!["obj.port == 1"; n].join(" || ");
    assert!(parse(&terms(MAX_TERMS)).is_ok());
    assert!(
        parse(&terms(MAX_TERMS + 1))
            .unwrap_err()
            .to_string()
            .contains("64 conditions")
    );
    let flags = vec!["obj.pooling_enabled"; MAX_TERMS + 1].join("||");
    assert!(parse(&flags).is_err());
    let deep = |n: usize| format!("{}true{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(MAX_DEPTH)).is_ok());
    assert!(
        parse(&deep(MAX_DEPTH + 1))
            .unwrap_err()
            .to_string()
            .contains("16 levels")
    );
    assert!(parse(&format!("{}true", "!".repeat(MAX_DEPTH))).is_ok());
    assert!(parse(&format!("{}true", "!".repeat(MAX_DEPTH + 1))).is_err());
    assert!(parse(&format!("{}true", "size(".repeat(300))).is_err());
    let long = |n: usize| format!("obj.url == \"{}\"", "x".repeat(n - 13));
    assert!(parse(&long(MAX_BYTES)).is_ok());
    assert!(parse(&long(MAX_BYTES + 1)).unwrap_err().to_string().contains("2048"));
}

#[test]
fn terms_are_those_that_every_match_fulfils() {
    let terms = |text: &str| parse(text).unwrap().terms(NOW);
    let term = |field: &str, op, value| IndexTerm {
        field: field.to_owned(),
        op,
        value,
    };
    let text = |t: &str| IndexValue::Text(t.to_owned());
    assert_eq!(
        terms(
            r#"obj.id == "ep_1" && (obj.type == "ephemeral" && "usr_1" == obj.principal.id) && !obj.pooling_enabled"#
        ),
        [
            term("id", IndexOp::Equal, text("ep_1")),
            term("type", IndexOp::Equal, text("agent")),
            term("principal", IndexOp::Equal, text("usr_1")),
            term("pooling_enabled", IndexOp::Equal, IndexValue::Flag(false)),
        ]
    );
    assert_eq!(
        terms(r#"obj.created_at > timestamp(time.now).subtract("1d") && "ep_1" < obj.id"#),
        [
            term(
                "created_at",
                IndexOp::GreaterOrEqual,
                IndexValue::Time(NOW - 86_400_000_000)
            ),
            term("id", IndexOp::Greater, text("ep_1")),
        ]
    );
    assert_eq!(
        terms(r#"obj.url in ["a", "b"] && obj.created_at <= timestamp("1970-01-01T00:00:05.5Z")"#),
        [
            term("url", IndexOp::OneOf, IndexValue::Texts(vec!["a".into(), "b".into()])),
            term("created_at", IndexOp::Less, IndexValue::Time(6_000_000)),
        ]
    );
    for nothing in [
        r#"obj.id == "a" || obj.id == "b""#,
        r#"!(obj.id == "a")"#,
        r#"obj.id != "a" && obj.url < "x" && obj.metadata == "" && obj.domain == null && obj.acl == "x""#,
        r#"obj.url in ["a", ""]"#,
        r#"obj.url.contains("a")"#,
    ] {
        assert_eq!(terms(nothing), [], "{nothing}");
    }
}

/// A random filter as the test knows it: its text is written by one function, what it means by another, from the
/// same shape and without the code under test.
#[derive(Clone, Debug)]
enum Wish {
    Compare(&'static str, &'static str, Literal),
    In(&'static str, Vec<Literal>),
    Member(String),
    Function(&'static str, &'static str, String),
    Size(&'static str, &'static str, u8),
    Flag,
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

#[derive(Clone, Debug)]
enum Literal {
    Text(String),
    Number(u8),
    Null,
    /// Hours before now.
    Hours(u8),
}

const WORDS: &[&str] = &["", "a", "ab", "b\"c", "ü\\", "agent"];

fn written(wish: &Wish) -> String {
    let literal = |l: &Literal| match l {
        Literal::Text(t) => format!("\"{}\"", t.replace('\\', "\\\\").replace('"', "\\\"")),
        Literal::Number(n) => n.to_string(),
        Literal::Null => "null".to_owned(),
        Literal::Hours(h) => format!("timestamp(time.now).subtract(\"{h}h\")"),
    };
    let list = |parts: &[Wish], sign: &str| {
        let parts: Vec<_> = parts.iter().map(|p| format!("({})", written(p))).collect();
        parts.join(sign)
    };
    match wish {
        Wish::Compare(field, how, value) => format!("obj.{field} {how} {}", literal(value)),
        Wish::In(field, values) => {
            let values: Vec<_> = values.iter().map(literal).collect();
            format!("obj.{field} in [{}]", values.join(","))
        }
        Wish::Member(text) => format!("{} in obj.acl", literal(&Literal::Text(text.clone()))),
        Wish::Function(field, name, part) => format!("obj.{field}.{name}({})", literal(&Literal::Text(part.clone()))),
        Wish::Size(field, how, n) => format!("size(obj.{field}) {how} {n}"),
        Wish::Flag => "obj.pooling_enabled".to_owned(),
        Wish::Not(part) => format!("!({})", written(part)),
        Wish::And(parts) => list(parts, " && "),
        Wish::Or(parts) => list(parts, " || "),
    }
}

fn meant(wish: &Wish, object: &Value) -> bool {
    let text = |field: &str| {
        let value = &object[field];
        value.as_str().or_else(|| value["id"].as_str()).map(str::to_owned)
    };
    let by = |how: &str, order: std::cmp::Ordering| match how {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    };
    match wish {
        Wish::Compare(field, how, value) => {
            let order = match value {
                Literal::Text(t) => text(field).map(|has| has.as_bytes().cmp(t.as_bytes())),
                Literal::Number(n) => object[*field].as_u64().map(|has| has.cmp(&u64::from(*n))),
                Literal::Null if object[*field].is_null() => Some(std::cmp::Ordering::Equal),
                Literal::Null => None,
                Literal::Hours(h) => text(field).map(|has| {
                    let has: jiff::Timestamp = has.parse().unwrap();
                    has.as_microsecond().cmp(&(NOW - i64::from(*h) * 3_600_000_000))
                }),
            };
            order.map_or(*how == "!=", |order| by(how, order))
        }
        Wish::In(field, values) => values
            .iter()
            .any(|value| meant(&Wish::Compare(field, "==", value.clone()), object)),
        Wish::Member(text) => object["acl"].as_array().unwrap().iter().any(|item| item == text),
        Wish::Function(field, name, part) => text(field).is_some_and(|has| match *name {
            "startsWith" => has.strip_prefix(part.as_str()).is_some(),
            "endsWith" => has.strip_suffix(part.as_str()).is_some(),
            _ => has.find(part.as_str()).is_some(),
        }),
        Wish::Size(field, how, n) => {
            let size = match &object[*field] {
                Value::String(t) => Some(t.chars().count()),
                Value::Array(items) => Some(items.len()),
                _ => None,
            };
            size.map_or(*how == "!=", |size| by(how, size.cmp(&usize::from(*n))))
        }
        Wish::Flag => object["pooling_enabled"] == true,
        Wish::Not(part) => !meant(part, object),
        Wish::And(parts) => parts.iter().all(|p| meant(p, object)),
        Wish::Or(parts) => parts.iter().any(|p| meant(p, object)),
    }
}

fn comparison() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="])
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(WORDS).prop_map(str::to_owned)
}

fn wish() -> impl Strategy<Value = Wish> {
    let texts = || prop::sample::select(vec!["id", "description", "url", "principal", "cname_target"]);
    let plain = || prop::sample::select(vec!["description", "url", "cname_target"]);
    let literal = || word().prop_map(Literal::Text);
    let leaf = prop_oneof![
        (texts(), comparison(), literal()).prop_map(|(f, c, v)| Wish::Compare(f, c, v)),
        (comparison(), 0..4u8).prop_map(|(c, n)| Wish::Compare("port", c, Literal::Number(n))),
        (comparison(), 0..5u8).prop_map(|(c, n)| Wish::Compare("created_at", c, Literal::Hours(n))),
        (texts(), prop::sample::select(vec!["==", "!="])).prop_map(|(f, c)| Wish::Compare(f, c, Literal::Null)),
        (texts(), prop::collection::vec(literal(), 0..4)).prop_map(|(f, v)| Wish::In(f, v)),
        word().prop_map(Wish::Member),
        (
            plain(),
            prop::sample::select(vec!["startsWith", "contains", "endsWith"]),
            word()
        )
            .prop_map(|(f, n, w)| Wish::Function(f, n, w)),
        (
            prop::sample::select(vec!["description", "acl", "cname_target"]),
            comparison(),
            0..4u8
        )
            .prop_map(|(f, c, n)| Wish::Size(f, c, n)),
        Just(Wish::Flag),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|w| Wish::Not(Box::new(w))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Wish::And),
            prop::collection::vec(inner, 1..4).prop_map(Wish::Or),
        ]
    })
}

fn some_object() -> impl Strategy<Value = Value> {
    let maybe = || prop::option::of(word());
    (
        (word(), word(), word()),
        (maybe(), maybe()),
        (0..4u8, any::<bool>(), prop::collection::vec(word(), 0..3)),
        // Quarters of an hour before now, in whole seconds as answers have them.
        (0..20i64, -1..2i64),
    )
        .prop_map(
            |((id, description, url), (principal, cname), (port, pooling, acl), (quarters, off))| {
                let at = NOW - quarters * 900_000_000 + off * 1_000_000;
                json!({
                    "id": id, "description": description, "url": url, "cname_target": cname,
                    "principal": principal.map(|id| json!({"id": id, "uri": ""})), "port": port,
                    "pooling_enabled": pooling, "acl": acl,
                    "created_at": jiff::Timestamp::from_microsecond(at).unwrap().to_string(),
                })
            },
        )
}

/// Whether an object that was made within the second that it shows fulfils a term.
fn fulfils(term: &IndexTerm, object: &Value, later: i64) -> bool {
    let value = &object[term.field.as_str()];
    let text = value.as_str().or_else(|| value["id"].as_str());
    match (&term.value, term.op) {
        (IndexValue::Flag(flag), _) => value == flag,
        (IndexValue::Texts(texts), _) => text.is_some_and(|t| texts.iter().any(|x| x == t)),
        (IndexValue::Time(at), op) => {
            let has: jiff::Timestamp = text.unwrap().parse().unwrap();
            let has = has.as_microsecond() + later;
            if op == IndexOp::Less { has < *at } else { has >= *at }
        }
        (IndexValue::Text(wanted), op) => text.is_some_and(|t| match op {
            IndexOp::Less => t < wanted.as_str(),
            IndexOp::LessOrEqual => t <= wanted.as_str(),
            IndexOp::GreaterOrEqual => t >= wanted.as_str(),
            IndexOp::Greater => t > wanted.as_str(),
            IndexOp::Equal | IndexOp::OneOf => t == wanted,
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_filter_means_what_a_naive_evaluation_says(
        wish in wish(),
        objects in prop::collection::vec(some_object(), 500),
        later in 0..1_000_000i64,
    ) {
        let text = written(&wish);
        // A few are larger than the limits allow.
        if let Ok(filter) = parse(&text) {
            let terms = filter.terms(NOW);
            for object in &objects {
                let matches = filter.matches(object, NOW);
                prop_assert_eq!(matches, meant(&wish, object), "{} on {}", text, object);
                if matches {
                    for term in &terms {
                        prop_assert!(fulfils(term, object, later), "{:?} of {} on {}", term, text, object);
                    }
                }
            }
        } else {
            prop_assert!(text.len() > 500, "{}", text);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[ -~ü\n]{0,80}", more in prop::collection::vec(
        prop::sample::select(vec!["obj", ".", "url", "(", ")", "[", "]", "!", "==", "in", "\"a\"", "size", "timestamp",
            "time.now", ".add(\"1d\")", "&&", "||", ",", "1", "null", "<"]), 0..40)) {
        let _ = parse(&text);
        if let Ok(filter) = parse(&more.concat()) {
            filter.matches(&object(), NOW);
            filter.terms(NOW);
        }
    }
}
