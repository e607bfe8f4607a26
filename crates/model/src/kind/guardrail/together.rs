//! What all guardrails of an organisation must keep together: the store asks for it with every write, so that no two writes
//! at once come past it (traffic policy 1.2).

use adit_names::code::ErrorCode;
use serde_json::Value;

use super::{MAX_GUARDRAILS, MAX_RULES, MAX_RULES_OF_INSTALLATION, Mode, mode};
use crate::object::Object;
use crate::problem::Problem;

/// Whether a guardrail may be as it is beside the others of its organisation.
///
/// # Errors
/// `ERR_ADIT_2013` for too many guardrails, `ERR_ADIT_2202` for too many rules.
pub fn together(object: &Object, others: &[&Object]) -> Result<(), Problem> {
    let installation = object.flag("installation");
    let others = others.iter().filter(|other| other.flag("installation") == installation);
    let others: Vec<&Object> = others.copied().collect();
    if others.len() >= MAX_GUARDRAILS {
        return Err(Problem::new(ErrorCode::ADIT_2013, "guardrails")
            .value("size", format!("{} guardrails", others.len() + 1))
            .value("max", MAX_GUARDRAILS.to_string())
            .detail("limit", MAX_GUARDRAILS.to_string()));
    }
    let most = if installation {
        MAX_RULES_OF_INSTALLATION
    } else {
        MAX_RULES
    };
    let is_off = |guardrail: &Object| mode(guardrail) == Some(Mode::Off);
    let all = others
        .into_iter()
        .chain([object])
        .filter(|guardrail| !is_off(guardrail));
    let rules: u64 = all.map(rules_of).sum();
    if rules > most && !is_off(object) {
        let error = format!("guardrails that are not off would have {rules} rules together, {most} are allowed");
        return Err(Problem::new(ErrorCode::ADIT_2202, "policy").value("error", error));
    }
    Ok(())
}

fn rules_of(object: &Object) -> u64 {
    object.body.get("rules").and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use adit_names::id::{Id, Prefix};
    use serde_json::json;

    use super::*;

    fn guardrail(mode: &str, rules: u64, installation: bool) -> Object {
        let body = json!({"mode": mode, "rules": rules, "installation": installation});
        let Value::Object(body) = body else { unreachable!() };
        Object {
            id: Id::new(Prefix::Guardrail, 1, [1; 16]),
            kind: "guardrail".to_owned(),
            organization: Id::new(Prefix::Account, 1, [2; 16]),
            owner: None,
            schema: 1,
            revision: 1,
            created_at: 0,
            updated_at: 0,
            body,
        }
    }

    #[test]
    fn the_installations_and_the_organisations_have_room_of_their_own() {
        let (own, of_all, off) = (
            guardrail("enforce", 500, false),
            guardrail("dry_run", 256, true),
            guardrail("off", 200, false),
        );
        let others = [&own, &of_all, &off];
        assert_eq!(together(&guardrail("enforce", 12, false), &others), Ok(()));
        let too_many = together(&guardrail("enforce", 13, false), &others).unwrap_err();
        assert_eq!((too_many.code, &*too_many.field), (ErrorCode::ADIT_2202, "policy"));
        assert_eq!(together(&guardrail("off", 200, false), &others), Ok(()));
        assert!(together(&guardrail("dry_run", 1, true), &others).is_err());
        let many = vec![guardrail("off", 0, false); MAX_GUARDRAILS];
        let many: Vec<&Object> = many.iter().collect();
        let too_many = together(&guardrail("off", 0, false), &many).unwrap_err();
        assert_eq!(too_many.code, ErrorCode::ADIT_2013);
        assert_eq!(together(&guardrail("off", 0, true), &many), Ok(()));
    }
}
