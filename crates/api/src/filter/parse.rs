//! From words to a condition. Fields must exist and types must be able to meet; whatever CEL has and filters have
//! not is refused by name.

use super::expression::{Comparison, Condition, Field, Operand, TextFunction};
use super::field::{FieldForm, FilterField};
use super::token::{Placed, Token, forbidden, wrong};
use super::{FilterError, MAX_DEPTH, MAX_TERMS, time};

pub(super) fn condition(tokens: &[Placed], fields: &[FilterField]) -> Result<Condition, FilterError> {
    let mut parser = Parser {
        tokens,
        fields,
        next: 0,
        depth: 0,
        terms: 0,
    };
    if tokens.is_empty() {
        return Err(FilterError::new("it is empty"));
    }
    let found = parser.any()?;
    let found = parser.as_condition(found)?;
    match parser.peek() {
        None => Ok(found),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

/// What stands in an expression: parentheses may hold either.
#[derive(Debug)]
enum Node {
    Value(Operand, usize),
    Condition(Condition),
}

struct Parser<'t> {
    tokens: &'t [Placed],
    fields: &'t [FilterField],
    next: usize,
    depth: usize,
    terms: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    /// Where the next token begins.
    fn at(&self) -> usize {
        let last = || self.tokens.last().map_or(0, |(at, _)| *at);
        self.tokens.get(self.next).map_or_else(last, |(at, _)| *at)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let is = self.peek() == Some(wanted);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, wanted: &Token, word: &str) -> Result<(), FilterError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.unexpected(word))
        }
    }

    fn unexpected(&self, wanted: &str) -> FilterError {
        match self.peek() {
            None => FilterError::new(format!("it ends where {wanted} is expected")),
            Some(_) => wrong(&format!("{wanted} is expected"), self.at()),
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, FilterError>) -> Result<T, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(wrong(&format!("more than {MAX_DEPTH} levels are nested"), self.at()));
        }
        let found = inner(self);
        self.depth -= 1;
        found
    }

    fn term(&mut self, condition: Condition) -> Result<Node, FilterError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(FilterError::new(format!("it has more than {MAX_TERMS} conditions")));
        }
        Ok(Node::Condition(condition))
    }

    fn any(&mut self) -> Result<Node, FilterError> {
        let first = self.all()?;
        self.joined(first, &Token::Or, Self::all, Condition::Any)
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let first = self.relation()?;
        self.joined(first, &Token::And, Self::relation, Condition::All)
    }

    fn joined(
        &mut self,
        first: Node,
        sign: &Token,
        part: fn(&mut Self) -> Result<Node, FilterError>,
        whole: fn(Vec<Condition>) -> Condition,
    ) -> Result<Node, FilterError> {
        if self.peek() != Some(sign) {
            return Ok(first);
        }
        let mut parts = vec![self.as_condition(first)?];
        while self.take(sign) {
            let next = part(self)?;
            parts.push(self.as_condition(next)?);
        }
        Ok(Node::Condition(whole(parts)))
    }

    /// A value alone is a condition if it is true or false.
    fn as_condition(&mut self, node: Node) -> Result<Condition, FilterError> {
        match node {
            Node::Condition(condition) => Ok(condition),
            Node::Value(operand, at) if is_flag(&operand) => match self.term(Condition::True(operand))? {
                Node::Condition(condition) => Ok(condition),
                Node::Value(..) => Err(wrong("a condition is expected", at)),
            },
            Node::Value(_, at) => Err(wrong("a condition is expected, this is a value", at)),
        }
    }

    fn relation(&mut self) -> Result<Node, FilterError> {
        let left = self.unary()?;
        let at = self.at();
        let how = match self.peek() {
            Some(Token::Less) => Comparison::Less,
            Some(Token::LessOrEqual) => Comparison::LessOrEqual,
            Some(Token::Equal) => Comparison::Equal,
            Some(Token::NotEqual) => Comparison::NotEqual,
            Some(Token::GreaterOrEqual) => Comparison::GreaterOrEqual,
            Some(Token::Greater) => Comparison::Greater,
            Some(Token::Name(name)) if name == "in" => {
                self.next += 1;
                return self.membership(left, at);
            }
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.unary()?;
        let (Node::Value(left, _), Node::Value(right, _)) = (left, right) else {
            return Err(wrong("a comparison of conditions is not supported", at));
        };
        let (left, right) = meet(left, how, right, at)?;
        self.no_chain()?;
        self.term(Condition::Compare(left, how, right))
    }

    /// `a < b < c` compares a condition.
    fn no_chain(&self) -> Result<(), FilterError> {
        match self.peek() {
            Some(
                Token::Less
                | Token::LessOrEqual
                | Token::Equal
                | Token::NotEqual
                | Token::GreaterOrEqual
                | Token::Greater,
            ) => Err(wrong("a comparison of conditions is not supported", self.at())),
            _ => Ok(()),
        }
    }

    fn membership(&mut self, left: Node, at: usize) -> Result<Node, FilterError> {
        let Node::Value(what, _) = left else {
            return Err(wrong("a condition is in no list", at));
        };
        let condition = if self.take(&Token::OpenList) {
            let mut values = Vec::new();
            while !self.take(&Token::CloseList) {
                if !values.is_empty() {
                    self.expect(&Token::Comma, "a comma or ]")?;
                    // CEL allows one comma at the end.
                    if self.take(&Token::CloseList) {
                        break;
                    }
                }
                let at = self.at();
                let Node::Value(value, _) = self.unary()? else {
                    return Err(wrong("a list holds values", at));
                };
                if matches!(value, Operand::Field(_) | Operand::Size(_)) {
                    return Err(wrong("a list holds fixed values, not fields", at));
                }
                values.push(meet(what.clone(), Comparison::Equal, value, at)?.1);
            }
            Condition::OneOf(what, values)
        } else {
            let at = self.at();
            match self.unary()? {
                Node::Value(Operand::Field(list), _) if matches!(list.form, FieldForm::Texts | FieldForm::Map) => {
                    if !may_be_text(&what) {
                        return Err(wrong(&format!("obj.{} holds texts", list.name()), at));
                    }
                    let what = spelled(what, &list);
                    Condition::Member(what, Operand::Field(list))
                }
                _ => return Err(wrong("after in a list is expected", at)),
            }
        };
        self.no_chain()?;
        self.term(condition)
    }

    fn unary(&mut self) -> Result<Node, FilterError> {
        if self.take(&Token::Not) {
            let node = self.deeper(Self::unary)?;
            let condition = self.as_condition(node)?;
            return Ok(Node::Condition(Condition::Not(Box::new(condition))));
        }
        let mut node = self.primary()?;
        loop {
            let at = self.at();
            match self.peek() {
                Some(Token::Dot) => {
                    self.next += 1;
                    let Some(Token::Name(method)) = self.peek().cloned() else {
                        return Err(self.unexpected("a name"));
                    };
                    self.next += 1;
                    node = self.method(node, &method, at)?;
                }
                Some(Token::OpenList) => return Err(forbidden("an index ([…])", at)),
                _ => return Ok(node),
            }
        }
    }

    fn primary(&mut self) -> Result<Node, FilterError> {
        let at = self.at();
        let Some(token) = self.peek().cloned() else {
            return Err(self.unexpected("a value"));
        };
        self.next += 1;
        let value = match token {
            Token::Text(text) => Operand::Text(text),
            Token::Number(number) => Operand::Number(number),
            Token::Open => {
                let node = self.deeper(Self::any)?;
                self.expect(&Token::Close, ")")?;
                return Ok(node);
            }
            Token::OpenList => return Err(wrong("a list stands only after in", at)),
            Token::Name(name) => return self.named(&name, at),
            _ => {
                self.next -= 1;
                return Err(self.unexpected("a value"));
            }
        };
        Ok(Node::Value(value, at))
    }

    fn named(&mut self, name: &str, at: usize) -> Result<Node, FilterError> {
        let value = match name {
            "true" => Operand::Flag(true),
            "false" => Operand::Flag(false),
            "null" => Operand::Null,
            "obj" => self.field(at)?,
            "time" => {
                let dot = self.take(&Token::Dot);
                if !(dot && self.take(&Token::Name("now".to_owned()))) {
                    return Err(wrong("time has only time.now", at));
                }
                Operand::Now(0)
            }
            "in" => return Err(wrong("in needs a value before it", at)),
            function => {
                if self.take(&Token::Open) {
                    return self.function(function, at);
                }
                return Err(wrong(&format!("{function} is unknown: fields begin with obj."), at));
            }
        };
        Ok(Node::Value(value, at))
    }

    fn function(&mut self, name: &str, at: usize) -> Result<Node, FilterError> {
        if let Some(refusal) = refused_function(name, at) {
            return Err(refusal);
        }
        let argument = self.deeper(Self::unary)?;
        self.expect(&Token::Close, ")")?;
        let Node::Value(argument, _) = argument else {
            return Err(wrong(&format!("{name}() takes a value"), at));
        };
        let value = match (name, argument) {
            ("timestamp", Operand::Text(text)) => Operand::Time(timestamp(&text, at)?),
            ("timestamp", Operand::Field(field)) if field.form == FieldForm::Time => Operand::Field(field),
            ("timestamp", value @ (Operand::Now(_) | Operand::Time(_))) => value,
            ("timestamp", _) => return Err(wrong("timestamp() takes a text in RFC 3339, or time.now", at)),
            (_, value) => size(value, at)?,
        };
        Ok(Node::Value(value, at))
    }

    fn method(&mut self, on: Node, name: &str, at: usize) -> Result<Node, FilterError> {
        let Node::Value(on, _) = on else {
            return Err(wrong(&format!("a condition has no {name}"), at));
        };
        if !self.take(&Token::Open) {
            return Err(wrong(&format!("{name} is no field here"), at));
        }
        let function = match name {
            "size" => {
                self.expect(&Token::Close, ")")?;
                return Ok(Node::Value(size(on, at)?, at));
            }
            "add" | "subtract" => {
                let Some(Token::Text(text)) = self.peek().cloned() else {
                    return Err(self.unexpected("a span like \"7d\""));
                };
                let span = time::span(&text)
                    .ok_or_else(|| wrong(&format!("{text:?} is no span: numbers with s, m, h or d"), self.at()))?;
                self.next += 1;
                self.expect(&Token::Close, ")")?;
                let span = if name == "add" { span } else { -span };
                let moved = match on {
                    Operand::Time(time) => time.checked_add(span).map(Operand::Time),
                    Operand::Now(offset) => offset.checked_add(span).map(Operand::Now),
                    _ => return Err(wrong(&format!("{name}() is a function of timestamp(…)"), at)),
                };
                let moved = moved.ok_or_else(|| wrong("this time is too far away", at))?;
                return Ok(Node::Value(moved, at));
            }
            "startsWith" => TextFunction::StartsWith,
            "contains" => TextFunction::Contains,
            "endsWith" => TextFunction::EndsWith,
            other => {
                return Err(refused_function(other, at)
                    .unwrap_or_else(|| wrong(&format!("the function {other}() is unknown"), at)));
            }
        };
        match &on {
            Operand::Field(field) if matches!(field.form, FieldForm::Id | FieldForm::Reference) => {
                return Err(wrong(
                    &format!(
                        "{name}() on the id obj.{} is not supported, compare it whole",
                        field.name()
                    ),
                    at,
                ));
            }
            Operand::Field(field) if field.form == FieldForm::Text => {}
            Operand::Text(_) => {}
            _ => return Err(wrong(&format!("{name}() is a function of texts"), at)),
        }
        let Node::Value(part, _) = self.deeper(Self::unary)? else {
            return Err(wrong(&format!("{name}() takes a text"), at));
        };
        if !may_be_text(&part) {
            return Err(wrong(&format!("{name}() takes a text"), at));
        }
        self.expect(&Token::Close, ")")?;
        self.term(Condition::Text(function, on, part))
    }

    /// The field behind `obj`; functions on it are left for the caller.
    fn field(&mut self, at: usize) -> Result<Operand, FilterError> {
        let mut path: Vec<String> = Vec::new();
        while let (Some(Token::Dot), Some((_, Token::Name(name)))) = (self.peek(), self.tokens.get(self.next + 1)) {
            // A name that is called is a function.
            if matches!(self.tokens.get(self.next + 2), Some((_, Token::Open))) {
                break;
            }
            path.push(name.clone());
            self.next += 2;
        }
        let name = path.join(".");
        self.known(&name).map(Operand::Field).ok_or_else(|| {
            let known: Vec<_> = self.fields.iter().map(|f| format!("obj.{}", f.path)).collect();
            let name = if name.is_empty() { name } else { format!(".{name}") };
            wrong(&format!("unknown field obj{name}, there are {}", known.join(" ")), at)
        })
    }

    fn known(&self, name: &str) -> Option<Field> {
        let segments = |path: &str| path.split('.').map(str::to_owned).collect();
        let named = |name: &str| self.fields.iter().find(|f| f.path == name || f.aliases.contains(&name));
        if let Some(field) = named(name) {
            return Some(Field {
                path: segments(&field.path),
                form: field.form,
                spellings: field.spellings,
            });
        }
        let (outer, last) = name.rsplit_once('.')?;
        let outer = named(outer)?;
        let form = match outer.form {
            FieldForm::Reference if last == "id" => FieldForm::Id,
            FieldForm::Map => FieldForm::Text,
            _ => return None,
        };
        let mut path: Vec<String> = segments(&outer.path);
        path.push(last.to_owned());
        Some(Field {
            path,
            form,
            spellings: outer.spellings,
        })
    }
}

fn is_flag(operand: &Operand) -> bool {
    match operand {
        Operand::Flag(_) => true,
        Operand::Field(field) => field.form == FieldForm::Flag,
        _ => false,
    }
}

fn may_be_text(operand: &Operand) -> bool {
    match operand {
        Operand::Text(_) => true,
        Operand::Field(field) => matches!(field.form, FieldForm::Text | FieldForm::Id | FieldForm::Reference),
        _ => false,
    }
}

fn timestamp(text: &str, at: usize) -> Result<i64, FilterError> {
    time::micros(text).ok_or_else(|| wrong(&format!("{text:?} is no time in RFC 3339"), at))
}

fn size(value: Operand, at: usize) -> Result<Operand, FilterError> {
    match value {
        Operand::Field(field) if matches!(field.form, FieldForm::Text | FieldForm::Texts | FieldForm::Map) => {
            Ok(Operand::Size(field))
        }
        _ => Err(wrong("size() is a function of texts and lists of obj", at)),
    }
}

/// Functions of CEL that are no part of filters.
fn refused_function(name: &str, at: usize) -> Option<FilterError> {
    let construct = match name {
        "matches" => "a regular expression (matches)".to_owned(),
        "all" | "exists" | "exists_one" | "existsOne" | "map" | "filter" | "has" => format!("the macro {name}()"),
        "type" | "int" | "uint" | "double" | "string" | "bool" | "bytes" | "dyn" | "duration" => {
            format!("the type function {name}()")
        }
        "timestamp" | "size" => return None,
        // Functions of a value are named by whoever looks for them.
        "startsWith" | "contains" | "endsWith" | "add" | "subtract" => return None,
        other => return Some(wrong(&format!("the function {other}() is unknown"), at)),
    };
    Some(forbidden(&construct, at))
}

/// A literal in the spelling that the field's values have.
fn spelled(literal: Operand, field: &Field) -> Operand {
    match literal {
        Operand::Text(text) => {
            let other = field.spellings.iter().find(|(asked, _)| *asked == text);
            Operand::Text(other.map_or(text, |(_, has)| (*has).to_owned()))
        }
        other => other,
    }
}

/// Both sides of a comparison, if their types can meet; a literal takes the type of the field.
fn meet(left: Operand, how: Comparison, right: Operand, at: usize) -> Result<(Operand, Operand), FilterError> {
    let (left, right) = match (left, right) {
        (Operand::Field(field), literal) => {
            let literal = fitting(&field, literal, at)?;
            (Operand::Field(field), literal)
        }
        (literal, Operand::Field(field)) => (fitting(&field, literal, at)?, Operand::Field(field)),
        both => both,
    };
    let equality = matches!(how, Comparison::Equal | Comparison::NotEqual);
    let (a, b) = (class(&left), class(&right));
    let fits = match (a, b) {
        (Class::Null, _) | (_, Class::Null) => equality,
        (Class::Flag, Class::Flag) | (Class::Map, Class::Map) => equality,
        (Class::List, Class::List | Class::Text) | (Class::Text, Class::List) => equality,
        (Class::Text, Class::Text) | (Class::Number, Class::Number) | (Class::Time, Class::Time) => true,
        _ => false,
    };
    if fits {
        Ok((left, right))
    } else {
        let what = format!("{} and {} cannot be compared like this", a.word(), b.word());
        Err(wrong(&what, at))
    }
}

/// The other side of a comparison with `field`.
fn fitting(field: &Field, other: Operand, at: usize) -> Result<Operand, FilterError> {
    match (field.form, other) {
        // A time may be written without timestamp().
        (FieldForm::Time, Operand::Text(text)) => Ok(Operand::Time(timestamp(&text, at)?)),
        (_, text @ Operand::Text(_)) => Ok(spelled(text, field)),
        (_, other) => Ok(other),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Null,
    Flag,
    Number,
    Text,
    Time,
    List,
    Map,
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag => FieldForm::Flag.word(),
            Self::Number => FieldForm::Number.word(),
            Self::Text => FieldForm::Text.word(),
            Self::Time => FieldForm::Time.word(),
            Self::List => FieldForm::Texts.word(),
            Self::Map => FieldForm::Map.word(),
        }
    }
}

fn class(operand: &Operand) -> Class {
    match operand {
        Operand::Null => Class::Null,
        Operand::Flag(_) => Class::Flag,
        Operand::Number(_) | Operand::Size(_) => Class::Number,
        Operand::Text(_) => Class::Text,
        Operand::Time(_) | Operand::Now(_) => Class::Time,
        Operand::Field(field) => match field.form {
            FieldForm::Text | FieldForm::Id | FieldForm::Reference => Class::Text,
            FieldForm::Flag => Class::Flag,
            FieldForm::Number => Class::Number,
            FieldForm::Time => Class::Time,
            FieldForm::Texts => Class::List,
            FieldForm::Map => Class::Map,
        },
    }
}
