//! Names in their several spellings: of operations, of tags, of schemas.

/// The words of a name: `IPPolicyRules` has `IP`, `Policy`, `Rules`.
fn words(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let is = |at: usize, test: fn(&u8) -> bool| bytes.get(at).is_some_and(test);
    let mut words = Vec::new();
    let mut start = 0;
    for at in 1..bytes.len() {
        let starts_after_small = is(at, u8::is_ascii_uppercase) && !is(at - 1, u8::is_ascii_uppercase);
        let ends_capitals =
            is(at, u8::is_ascii_uppercase) && is(at - 1, u8::is_ascii_uppercase) && is(at + 1, u8::is_ascii_lowercase);
        if starts_after_small || ends_capitals {
            words.extend(name.get(start..at));
            start = at;
        }
    }
    words.extend(name.get(start..));
    words
}

/// `IPPolicyRules` as operations spell it: `IpPolicyRules`.
pub(crate) fn in_operations(name: &str) -> String {
    words(name)
        .into_iter()
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            format!("{first}{}", rest.to_ascii_lowercase())
        })
        .collect()
}

/// `IPPolicyRules` as commands spell it: `ip-policy-rules`.
pub(super) fn in_commands(name: &str) -> String {
    let words: Vec<_> = words(name).into_iter().map(str::to_ascii_lowercase).collect();
    words.join("-")
}

/// `IPPolicyRules` as one of it: `IPPolicyRule`.
pub(super) fn one_of(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        format!("{stem}y")
    } else if let Some(stem) = name.strip_suffix("sses") {
        format!("{stem}ss")
    } else {
        name.strip_suffix('s').unwrap_or(name).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (name, operations, commands, one) in [
            ("IPPolicyRules", "IpPolicyRules", "ip-policy-rules", "IPPolicyRule"),
            ("IPPolicies", "IpPolicies", "ip-policies", "IPPolicy"),
            ("APIKeys", "ApiKeys", "api-keys", "APIKey"),
            (
                "TLSCertificates",
                "TlsCertificates",
                "tls-certificates",
                "TLSCertificate",
            ),
            ("AgentIngresses", "AgentIngresses", "agent-ingresses", "AgentIngress"),
            ("ReservedAddrs", "ReservedAddrs", "reserved-addrs", "ReservedAddr"),
            ("Secrets", "Secrets", "secrets", "Secret"),
            ("Me", "Me", "me", "Me"),
        ] {
            assert_eq!(in_operations(name), operations);
            assert_eq!(in_commands(name), commands);
            assert_eq!(one_of(name), one);
        }
    }
}
