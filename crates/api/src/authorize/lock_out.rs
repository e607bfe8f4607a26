//! Whoever changes IP restrictions, their policies or rules does not lock himself out by accident (control plane 3.8).

use adit_model::Object;
use adit_names::cidr::canonical_ip;
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use jiff::Timestamp;

use super::write::Wish;
use crate::access::{Door, Restrictions, Verdict};
use crate::error::ApiError;

/// Kinds that can lock out.
const KINDS: &[&str] = &["ip_restriction", "ip_policy", "ip_policy_rule"];

/// Whether the caller could still come in from where he is: changes as objects will be, and none for those that go.
///
/// # Errors
/// 409 `ERR_ADIT_2010` with `address` and `suggestion`, unless he forces it.
pub(crate) fn check(wish: &Wish<'_>, changes: &[(Id, Option<&Object>)]) -> Result<(), ApiError> {
    let concerned = changes.iter().any(|(id, object)| match object {
        Some(object) => KINDS.contains(&object.kind.as_str()),
        // A policy that a restriction uses stays, and without a restriction nobody is out.
        None => id.prefix() == Prefix::IpPolicyRule,
    });
    if wish.force || !concerned {
        return Ok(());
    }
    let (caller, now) = (wish.caller, Timestamp::now().as_microsecond());
    let tables = wish.access.read();
    let before = tables.restrictions();
    let after = before.after(caller.organization, changes.iter().copied());
    let denied = |restrictions: &Restrictions, door| {
        let verdict = restrictions.verdict(caller.organization, door, caller.ip, now);
        matches!(verdict, Verdict::Denied(_))
    };
    for door in Door::ALL {
        if denied(&after, door) && !denied(before, door) {
            let address = canonical_ip(caller.ip);
            let suggestion = format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 });
            let (address, door) = (address.to_string(), door.as_str());
            return Err(
                ApiError::new(ErrorCode::ADIT_2010, &[("address", &address), ("door", door)])
                    .detail("address", address)
                    .detail("suggestion", suggestion),
            );
        }
    }
    Ok(())
}

/// The last rule of a policy, or the last that lets anybody in, stays for as long as an enforced restriction of a door
/// needs it.
///
/// # Errors
/// 400 with 1419.
pub(crate) fn last_rule(wish: &Wish<'_>, going: &Object) -> Result<(), ApiError> {
    let policy = going.reference("ip_policy_id");
    let ("ip_policy_rule", Some(policy)) = (going.kind.as_str(), policy) else {
        return Ok(());
    };
    let tables = wish.access.read();
    if tables.restrictions().needs(policy, going.id) {
        return Err(ApiError::new(ErrorCode::NGROK_1419, &[]).detail("referenced_by", policy.to_string()));
    }
    Ok(())
}
