//! JSON in the one form that is hashed: RFC 8785 (JCS).
//!
//! Keys are sorted by their UTF-16 code units, texts have only the escapes that must be, numbers look as in
//! ECMAScript.

use serde_json::{Number, Value};

/// Appends a value.
pub fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Object(map) => write_fields(map.iter().map(|(key, value)| (key.as_str(), Field::Value(value))), out),
    }
}

/// A field's value, or text that is already in canonical form.
pub(crate) enum Field<'a> {
    /// A value.
    Value(&'a Value),
    /// A text value.
    Text(&'a str),
}

/// Appends an object of these fields in the order that is due.
pub(crate) fn write_fields<'a>(fields: impl Iterator<Item = (&'a str, Field<'a>)>, out: &mut String) {
    let mut fields: Vec<_> = fields.collect();
    if fields.iter().all(|(key, _)| key.is_ascii()) {
        fields.sort_unstable_by(|a, b| a.0.cmp(b.0));
    } else {
        fields.sort_unstable_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
    }
    out.push('{');
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        match value {
            Field::Value(value) => write(value, out),
            Field::Text(text) => write_text(text, out),
        }
    }
    out.push('}');
}

/// Appends a text with its quotes.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            b'\t' => "\\t",
            b'\n' => "\\n",
            0x0c => "\\f",
            b'\r' => "\\r",
            0..=0x1f => {
                out.push_str(text.get(clean..at).unwrap_or_default());
                out.push_str("\\u00");
                for digit in [byte >> 4, byte & 0xf] {
                    out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                }
                clean = at + 1;
                continue;
            }
            _ => continue,
        };
        out.push_str(text.get(clean..at).unwrap_or_default());
        out.push_str(escape);
        clean = at + 1;
    }
    out.push_str(text.get(clean..).unwrap_or_default());
    out.push('"');
}

/// Largest whole number that a double has exactly.
const EXACT: u64 = 1 << 53;

fn write_number(number: &Number, out: &mut String) {
    if let Some(value) = number.as_u64().filter(|value| *value <= EXACT) {
        out.push_str(&value.to_string());
    } else if let Some(value) = number.as_i64().filter(|value| value.unsigned_abs() <= EXACT) {
        out.push_str(&value.to_string());
    } else {
        // JSON has no number that is not finite.
        write_double(number.as_f64().unwrap_or_default(), out);
    }
}

/// As ECMAScript's `Number::toString`: the shortest digits that read back as the same number.
fn write_double(value: f64, out: &mut String) {
    if value == 0.0 {
        out.push('0');
        return;
    }
    if value < 0.0 {
        out.push('-');
    }
    // `{:e}` gives `d.ddde±x` with the fewest digits; of the texts with so many digits ECMAScript wants the closest, and
    // of two that are as close the even one, which is how a given number of digits is rounded.
    let shortest = format!("{:e}", value.abs());
    let digits = shortest
        .bytes()
        .take_while(|byte| *byte != b'e')
        .filter(u8::is_ascii_digit)
        .count();
    let shortest = format!("{:.*e}", digits.saturating_sub(1), value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let point = exponent + 1;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or_default());
    let split = |at: i32| {
        digits
            .split_at_checked(usize::try_from(at).unwrap_or_default())
            .unwrap_or((&digits, ""))
    };
    if count <= point && point <= 21 {
        out.push_str(&digits);
        out.push_str(&zeros(point - count));
    } else if 0 < point && point <= 21 {
        let (whole, fraction) = split(point);
        out.extend([whole, ".", fraction]);
    } else if -6 < point && point <= 0 {
        out.extend(["0.", &zeros(-point), &digits]);
    } else {
        let (first, rest) = split(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.extend([".", rest]);
        }
        let power = point - 1;
        out.push_str(if power < 0 { "e-" } else { "e+" });
        out.push_str(&power.unsigned_abs().to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jcs(text: &str) -> String {
        let mut out = String::new();
        write(&serde_json::from_str(text).unwrap(), &mut out);
        out
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 8785, 3.2.2 and 3.2.3.
        let given = r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#;
        let wanted = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(jcs(given), wanted);
    }

    #[test]
    fn keys_are_sorted_by_utf16() {
        let given = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        assert_eq!(
            jcs(given),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}"
        );
    }

    #[test]
    fn numbers_look_as_in_ecmascript() {
        for (given, wanted) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("5e-324", "5e-324"),
            ("-5e-324", "-5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("-9007199254740992", "-9007199254740992"),
            ("295147905179352830000", "295147905179352830000"),
            ("9.999999999999997e22", "9.999999999999997e+22"),
            ("1e23", "1e+23"),
            ("1.0000000000000001e23", "1.0000000000000001e+23"),
            ("999999999999999700000", "999999999999999700000"),
            ("1e21", "1e+21"),
            ("9.999999999999997e-7", "9.999999999999997e-7"),
            ("0.000001", "0.000001"),
            ("333333333.3333332", "333333333.3333332"),
            ("-0.0000033333333333333333", "-0.0000033333333333333333"),
            ("1424953923781206.2", "1424953923781206.2"),
        ] {
            assert_eq!(jcs(given), wanted, "{given}");
        }
    }
}
