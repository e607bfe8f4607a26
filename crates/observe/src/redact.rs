//! Secrets are taken out of what leaves the process: the value of a query parameter with a telling name
//! becomes `[redacted:<length>]`.

use std::borrow::Cow;

/// Names whose values never leave, besides every name that ends in `token` or `secret` after a `-` or `_`.
const NAMES: [&str; 11] = [
    "access_token",
    "token",
    "code",
    "password",
    "secret",
    "key",
    "sig",
    "signature",
    "adit_share",
    "api_key",
    "x-api-key",
];

/// Which query parameters are secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    /// Names added to [`NAMES`], in lower case.
    more: Vec<String>,
}

impl Redaction {
    pub(crate) fn new(more: &[String]) -> Self {
        Self {
            more: more.iter().map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    /// The query with secret values replaced; borrowed if there are none. Names are compared as an upstream
    /// would read them: percent-decoded, `+` as space, without an index (`token[]`), without regard to case.
    pub(crate) fn query<'a>(&self, query: &'a [u8]) -> Cow<'a, [u8]> {
        let mut out: Option<Vec<u8>> = None;
        let mut from = 0;
        for part in query.split(|byte| matches!(byte, b'&' | b';')) {
            let end = from + part.len();
            let value = part.iter().position(|byte| *byte == b'=').map(|at| at + 1);
            if let Some((name, value)) = value.and_then(|at| part.split_at_checked(at))
                && !value.is_empty()
                && self.is_secret(name)
            {
                let out = out.get_or_insert_with(|| query.get(..from).unwrap_or_default().to_vec());
                out.extend_from_slice(name);
                out.extend_from_slice(format!("[redacted:{}]", value.len()).as_bytes());
            } else if let Some(out) = &mut out {
                out.extend_from_slice(part);
            }
            if let (Some(out), Some(separator)) = (&mut out, query.get(end)) {
                out.push(*separator);
            }
            from = end + 1;
        }
        out.map_or(Cow::Borrowed(query), Cow::Owned)
    }

    /// `name` as written, with its `=`.
    fn is_secret(&self, name: &[u8]) -> bool {
        let mut name = decode(name.strip_suffix(b"=").unwrap_or(name));
        if let Some(list) = name.iter().position(|byte| *byte == b'[') {
            name.truncate(list);
        }
        NAMES.iter().any(|secret| secret.as_bytes() == name)
            || self.more.iter().any(|secret| secret.as_bytes() == name)
            || [&b"-token"[..], b"_token", b"-secret", b"_secret"]
                .iter()
                .any(|suffix| name.ends_with(suffix))
    }
}

/// Percent-decoded and in lower case. What is no valid escape stays.
fn decode(mut name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    loop {
        match name {
            [] => return out,
            [b'%', high, low, rest @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                let byte = hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0);
                out.push(byte.to_ascii_lowercase());
                name = rest;
            }
            [b'+', rest @ ..] => {
                out.push(b' ');
                name = rest;
            }
            [byte, rest @ ..] => {
                out.push(byte.to_ascii_lowercase());
                name = rest;
            }
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_parameters_lose_their_value() {
        let redaction = Redaction::new(&["Session".to_owned()]);
        for (query, wanted) in [
            ("", ""),
            ("x=1&y=2", "x=1&y=2"),
            ("access_token=abc", "access_token=[redacted:3]"),
            ("token=abc&x=1", "token=[redacted:3]&x=1"),
            ("x=1&code=a%3Db&y=2", "x=1&code=[redacted:5]&y=2"),
            ("password=p;secret=ss", "password=[redacted:1];secret=[redacted:2]"),
            (
                "key=k&sig=s&signature=sg",
                "key=[redacted:1]&sig=[redacted:1]&signature=[redacted:2]",
            ),
            ("adit_share=v1.abc", "adit_share=[redacted:6]"),
            (
                "refresh-token=a&client_secret=b",
                "refresh-token=[redacted:1]&client_secret=[redacted:1]",
            ),
            ("x-api-key=q&api_key=q", "x-api-key=[redacted:1]&api_key=[redacted:1]"),
            // Written differently, read the same by the upstream.
            ("TOKEN=abc", "TOKEN=[redacted:3]"),
            ("acc%65ss_token=abc", "acc%65ss_token=[redacted:3]"),
            ("%54oken=abc", "%54oken=[redacted:3]"),
            (
                "token[]=a&token%5B1%5D=b",
                "token[]=[redacted:1]&token%5B1%5D=[redacted:1]",
            ),
            ("token=a=b=c", "token=[redacted:5]"),
            ("token=a&token=bb", "token=[redacted:1]&token=[redacted:2]"),
            // Nothing to hide.
            ("token", "token"),
            ("token=", "token="),
            ("tokens=1&keyboard=2&encode=3", "tokens=1&keyboard=2&encode=3"),
            ("%zz=1&%4=2&&=3", "%zz=1&%4=2&&=3"),
            ("&token=a&", "&token=[redacted:1]&"),
            // Named by the operator.
            ("session=abcd", "session=[redacted:4]"),
        ] {
            let redacted = redaction.query(query.as_bytes());
            assert_eq!(String::from_utf8_lossy(&redacted), wanted, "{query}");
            assert_eq!(matches!(redacted, Cow::Borrowed(_)), query == wanted, "{query}");
        }
    }
}
