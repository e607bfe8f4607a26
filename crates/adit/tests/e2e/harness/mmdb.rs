//! Databases of addresses (MMDB, format version 2), as small as tests need them: an IPv6 tree of 24-bit records with
//! IPv4 at its bottom, and records from JSON.

use std::net::IpAddr;

use serde_json::Value;

/// Where a bit leads.
#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    /// Offset in the data.
    Data(usize),
}

/// A database of this type. Wider networks come before narrower ones inside them.
pub(crate) fn write(database_type: &str, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut nodes = vec![[Record::Nothing; 2]];
    for (network, value) in networks {
        let (address, length) = bits(network);
        let record = Record::Data(data.len());
        encode(value, &mut data);
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from((address >> (127 - depth)) & 1 == 1);
            if depth + 1 == length {
                nodes[node][side] = record;
                break;
            }
            node = match nodes[node][side] {
                Record::Node(next) => next,
                whole => {
                    nodes.push([whole; 2]);
                    nodes[node][side] = Record::Node(nodes.len() - 1);
                    nodes.len() - 1
                }
            };
        }
    }
    let mut out = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match record {
            Record::Nothing => nodes.len(),
            Record::Node(node) => *node,
            Record::Data(offset) => nodes.len() + 16 + offset,
        };
        out.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    out.extend_from_slice(&[0; 16]);
    out.extend(data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    // A map of nine.
    out.push(7 << 5 | 9);
    for (name, number) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", 6),
        ("record_size", 24),
    ] {
        text(name, &mut out);
        unsigned(5, number, &mut out);
    }
    text("build_epoch", &mut out);
    out.extend_from_slice(&[4, 2]);
    out.extend_from_slice(&1_767_225_600_u32.to_be_bytes());
    text("node_count", &mut out);
    unsigned(6, u32::try_from(nodes.len()).unwrap(), &mut out);
    text("database_type", &mut out);
    text(database_type, &mut out);
    text("languages", &mut out);
    encode(&serde_json::json!(["en"]), &mut out);
    text("description", &mut out);
    encode(&serde_json::json!({"en": "made by a test"}), &mut out);
    out
}

/// The address as one of the tree, and how many of its bits count.
fn bits(network: &str) -> (u128, usize) {
    let (address, length) = network.split_once('/').unwrap();
    let length: usize = length.parse().unwrap();
    match address.parse().unwrap() {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), length + 96),
        IpAddr::V6(ip) => (ip.into(), length),
    }
}

fn head(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (size, more) = match u8::try_from(size) {
        Ok(size) if size < 29 => (size, None),
        size => (29, Some(size.unwrap() - 29)),
    };
    // Types above 7 are told by a byte of their own.
    if kind < 8 {
        out.push(kind << 5 | size);
    } else {
        out.extend_from_slice(&[size, kind - 7]);
    }
    out.extend(more);
}

fn text(text: &str, out: &mut Vec<u8>) {
    head(2, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn unsigned(kind: u8, number: u32, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    head(kind, bytes.len() - zeros, out);
    out.extend_from_slice(&bytes[zeros..]);
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            head(7, map.len(), out);
            for (name, value) in map {
                text(name, out);
                encode(value, out);
            }
        }
        Value::Array(list) => {
            head(11, list.len(), out);
            for value in list {
                encode(value, out);
            }
        }
        Value::String(s) => text(s, out),
        Value::Bool(yes) => head(14, usize::from(*yes), out),
        Value::Number(n) if n.is_f64() => {
            head(3, 8, out);
            out.extend_from_slice(&n.as_f64().unwrap().to_be_bytes());
        }
        Value::Number(n) => unsigned(6, u32::try_from(n.as_u64().unwrap()).unwrap(), out),
        Value::Null => panic!("the format has no null"),
    }
}
