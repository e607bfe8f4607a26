//! What is checked of a cloud endpoint's traffic policy when it is written. This is the one place: whatever more is
//! checked (phases, actions, expressions, whether it ends with an answer) is added to [`check`].

use adit_names::code::ErrorCode;
use serde_json::Value;

use crate::problem::Problem;

/// Longest policy in bytes.
pub const MAX_POLICY: usize = 512 * 1024;
/// Most mappings, lists and values of a policy, aliases counted as what they stand for.
const MAX_NODES: usize = 50_000;

/// A policy is a mapping, as YAML or as JSON.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    const FIELD: &str = "traffic_policy";
    if text.trim().is_empty() {
        return Err(Problem::new(ErrorCode::NGROK_18011, FIELD));
    }
    let refuse = |error: String| Problem::new(ErrorCode::NGROK_2236, FIELD).value("error", error);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: MAX_NODES },
    };
    match serde_saphyr::from_str_with_options::<Value>(text, options) {
        Ok(Value::Object(_)) => Ok(()),
        Ok(_) => Err(refuse("it is no mapping".to_owned())),
        Err(error) => {
            let location = error.location();
            let problem = refuse(first_line(&error.to_string()));
            Err(match location {
                Some(at) => problem
                    .detail("line", at.line().to_string())
                    .detail("column", at.column().to_string()),
                None => problem,
            })
        }
    }
}

/// Errors of the parser show the text around the place below their first line: it may hold secrets.
fn first_line(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
