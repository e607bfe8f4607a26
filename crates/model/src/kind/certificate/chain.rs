//! The order of a chain: the leaf first, each next certificate has signed the one before (edge 4.6).

use adit_names::code::ErrorCode;
use x509_parser::prelude::X509Certificate;

use super::facts::Facts;
use crate::problem::{Problem, shown};

/// Checks the order. If another one is right, the refusal names it.
pub(super) fn check(chain: &[X509Certificate<'_>], facts: &[Facts]) -> Result<(), Problem> {
    let wrong = chain.windows(2).position(|pair| match pair {
        [below, above] => !has_signed(above, below),
        _ => false,
    });
    let Some(at) = wrong else { return Ok(()) };
    let name = |at: usize| facts.get(at).map(label).unwrap_or_default();
    let list = |order: &[usize]| order.iter().map(|at| name(*at)).collect::<Vec<_>>().join(", ");
    let given: Vec<usize> = (0..chain.len()).collect();
    let problem = Problem::new(ErrorCode::NGROK_1926, "certificate_pem")
        .value("order", list(&given))
        .value("invalid", name(at))
        .value("intermediate", name(at + 1));
    Err(match sorted(chain) {
        Some(order) => problem.detail("suggestion", list(&order)),
        None => problem,
    })
}

fn label(facts: &Facts) -> String {
    let name = &facts.subject.common_name;
    let name = if name.is_empty() {
        facts.dns_names.first().unwrap_or(name)
    } else {
        name
    };
    shown(name)
}

fn has_signed(above: &X509Certificate<'_>, below: &X509Certificate<'_>) -> bool {
    above.subject().as_raw() == below.issuer().as_raw() && below.verify_signature(Some(above.public_key())).is_ok()
}

/// The one order in which every certificate is signed by the next, if there is exactly one.
fn sorted(chain: &[X509Certificate<'_>]) -> Option<Vec<usize>> {
    let all = 0..chain.len();
    let signs = |above: usize, below: usize| {
        above != below
            && chain
                .get(above)
                .zip(chain.get(below))
                .is_some_and(|(above, below)| has_signed(above, below))
    };
    // A leaf has signed none of the others.
    let leaves: Vec<usize> = all
        .clone()
        .filter(|at| !all.clone().any(|other| signs(*at, other)))
        .collect();
    let [leaf] = leaves.as_slice() else { return None };
    let mut order = vec![*leaf];
    while order.len() < chain.len() {
        let last = *order.last()?;
        let next: Vec<usize> = all
            .clone()
            .filter(|at| !order.contains(at) && signs(*at, last))
            .collect();
        let [next] = next.as_slice() else { return None };
        order.push(*next);
    }
    Some(order)
}
