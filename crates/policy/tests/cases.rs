//! The whole case file, every case accounted for.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use adit_policy::case::{Case, Outcome, run};

const CASES: &str = include_str!("traffic-policy-cases.yaml");

/// What this build does not execute yet, with the number of cases that wait for it. An action that starts to work has
/// to leave the list, and a case cannot hide behind anything else.
const NOT_BUILT: &[(&str, usize)] = &[
    ("compress-response", 14),
    ("cors", 3),
    ("dry_run", 1),
    ("ext-auth", 3),
    ("http-request", 11),
    ("jwt-validation", 28),
    ("maintenance", 2),
    ("oauth", 9),
    ("oidc", 1),
    ("openid-connect", 2),
    ("request-body-find-replace", 8),
    ("request-limit", 2),
    ("response-body-find-replace", 3),
    ("retry", 3),
    ("sse-find-replace", 3),
    ("terminate-tls", 4),
    ("verify-webhook", 111),
    ("webhook-validation", 1),
];

/// What is no action and not there: the WAF, and discovery of identity providers (asked where policies are stored).
const LACKS: &[(&str, usize)] = &[("discovery", 1), ("waf", 4)];

/// Cases that run and pass: those that this specification decides alone are counted apart.
const PASSED: usize = 592;
const PASSED_UNVERIFIED: usize = 21;

fn counts<'c>(cases: &'c [Case], reason: impl Fn(&'c Outcome) -> Option<&'c [String]>) -> Vec<(String, usize)> {
    let mut out = BTreeMap::<String, usize>::new();
    for case in cases {
        if let Some(names) = reason(&case.outcome) {
            *out.entry(names.join(" ")).or_default() += 1;
        }
    }
    out.into_iter().collect()
}

fn owned(list: &[(&str, usize)]) -> Vec<(String, usize)> {
    list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn every_case_is_accounted_for() {
    let cases = run(CASES, |_| true).unwrap();
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| match &case.outcome {
            Outcome::Failed(wrong) => Some(format!("{}: {}", case.id, wrong.join("\n    "))),
            _ => None,
        })
        .collect();
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
    let not_built = counts(&cases, |outcome| match outcome {
        Outcome::NotBuilt(names) => Some(names.as_slice()),
        _ => None,
    });
    assert_eq!(not_built, owned(NOT_BUILT));
    let lacks = counts(&cases, |outcome| match outcome {
        Outcome::Lacks(names) => Some(names.as_slice()),
        _ => None,
    });
    assert_eq!(lacks, owned(LACKS));
    let passed = |unverified| {
        cases
            .iter()
            .filter(|case| case.outcome == Outcome::Passed && case.unverified == unverified)
            .count()
    };
    let waiting: usize = NOT_BUILT.iter().chain(LACKS).map(|(_, count)| count).sum();
    assert_eq!((passed(false), passed(true)), (PASSED, PASSED_UNVERIFIED));
    assert_eq!(PASSED + PASSED_UNVERIFIED + waiting, cases.len());
    assert_eq!(cases.len(), 827);
}

#[test]
fn no_action_of_the_list_is_built() {
    for (name, _) in NOT_BUILT {
        assert!(!adit_policy::is_built(name), "{name} works: take it off the list");
    }
}

#[test]
fn a_wrong_expectation_fails() {
    // The runner itself: a case that expects something else must not pass.
    let file = "version: 1\ncases:\n- id: a\n  expr: 1 + 1\n  value: 3\n- id: b\n  policy: '{}'\n  expect: {forwarded: false}\n";
    let cases = run(file, |_| true).unwrap();
    assert!(
        cases.iter().all(|case| matches!(case.outcome, Outcome::Failed(_))),
        "{cases:?}"
    );
    assert!(run("version: 1\ncases: [{id: a, expect: {}, nonsense: 1}]", |_| true).is_err());
}
