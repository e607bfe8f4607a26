//! Cuts a filter into words. What CEL has and filters have not is refused here, by its name.

use super::FilterError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Number(f64),
    Or,
    And,
    Not,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Dot,
}

/// A token and where it begins.
pub(super) type Placed = (usize, Token);

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let mut found = Vec::new();
    let mut left = text;
    loop {
        left = left.trim_start_matches([' ', '\t', '\r', '\n']);
        let at = text.len() - left.len();
        let Some(first) = left.chars().next() else {
            return Ok(found);
        };
        let (token, length) = one(left, first, at)?;
        found.push((at, token));
        left = left.get(length..).unwrap_or_default();
    }
}

fn one(left: &str, first: char, at: usize) -> Result<(Token, usize), FilterError> {
    let two = |token| Ok((token, 2));
    for (sign, token) in [
        ("||", Token::Or),
        ("&&", Token::And),
        ("<=", Token::LessOrEqual),
        (">=", Token::GreaterOrEqual),
        ("==", Token::Equal),
        ("!=", Token::NotEqual),
    ] {
        if left.starts_with(sign) {
            return two(token);
        }
    }
    let sign = match first {
        '<' => Token::Less,
        '>' => Token::Greater,
        '!' => Token::Not,
        '(' => Token::Open,
        ')' => Token::Close,
        '[' => Token::OpenList,
        ']' => Token::CloseList,
        ',' => Token::Comma,
        '.' => Token::Dot,
        '"' | '\'' => return string(left, first, at),
        '0'..='9' => return number(left, at),
        '-' if left.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => return number(left, at),
        'a'..='z' | 'A'..='Z' | '_' => return name(left, at),
        '+' | '-' | '*' | '/' | '%' => return Err(forbidden(&format!("arithmetic ({first})"), at)),
        '?' | ':' => return Err(forbidden("the ternary operator (? :)", at)),
        '{' | '}' => return Err(forbidden("a map literal ({})", at)),
        '=' => return Err(wrong("= is no operator, == compares", at)),
        '&' | '|' => return Err(wrong(&format!("{first} is no operator, {first}{first} is"), at)),
        other => return Err(wrong(&format!("{other:?} means nothing"), at)),
    };
    Ok((sign, 1))
}

fn name(left: &str, at: usize) -> Result<(Token, usize), FilterError> {
    let length = left
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(left.len());
    if matches!(left.as_bytes().get(length), Some(b'"' | b'\'')) {
        return Err(forbidden("a prefix of a text", at));
    }
    Ok((Token::Name(left.get(..length).unwrap_or_default().to_owned()), length))
}

fn number(left: &str, at: usize) -> Result<(Token, usize), FilterError> {
    let length = left
        .char_indices()
        .find(|(i, c)| !(c.is_ascii_alphanumeric() || *c == '.' || (*i == 0 && *c == '-')))
        .map_or(left.len(), |(i, _)| i);
    let text = left.get(..length).unwrap_or_default();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let value = text.parse::<f64>().ok().filter(|_| plain);
    value
        .map(|value| (Token::Number(value), length))
        .ok_or_else(|| wrong(&format!("{text} is no number"), at))
}

fn string(left: &str, quote: char, at: usize) -> Result<(Token, usize), FilterError> {
    let unfinished = || wrong("a text has no end", at);
    let mut value = String::new();
    let mut rest = left.char_indices().skip(1);
    while let Some((i, c)) = rest.next() {
        match c {
            _ if c == quote => {
                if value.is_empty() && left.as_bytes().get(2) == Some(&(quote as u8)) {
                    return Err(forbidden("a text in three quotes", at));
                }
                return Ok((Token::Text(value), i + 1));
            }
            '\n' => return Err(unfinished()),
            '\\' => {
                let (_, escaped) = rest.next().ok_or_else(unfinished)?;
                value.push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '\\' | '"' | '\'' | '`' | '?' => escaped,
                    'u' => {
                        let digits: String = rest.by_ref().take(4).map(|(_, c)| c).collect();
                        let plain = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                        u32::from_str_radix(&digits, 16)
                            .ok()
                            .filter(|_| plain)
                            .and_then(char::from_u32)
                            .ok_or_else(|| wrong("\\u needs four hexadecimal digits of a character", at))?
                    }
                    other => return Err(wrong(&format!("\\{other} is no escape"), at)),
                });
            }
            c => value.push(c),
        }
    }
    Err(unfinished())
}

/// A construct of CEL that filters do not have.
pub(super) fn forbidden(construct: &str, at: usize) -> FilterError {
    FilterError::new(format!("{construct} is not supported (at byte {at})"))
}

pub(super) fn wrong(what: &str, at: usize) -> FilterError {
    FilterError::new(format!("{what} (at byte {at})"))
}
