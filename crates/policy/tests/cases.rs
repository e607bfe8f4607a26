//! The whole case file, every case accounted for.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use adit_policy::case::{Case, Options, Outcome, run};

const CASES: &str = include_str!("traffic-policy-cases.yaml");

/// What is not of this crate: the WAF, discovery of identity providers (asked where policies are stored), and the
/// answer to visitors who are not signed in. A case cannot hide behind anything else.
const LACKS: &[(&str, usize)] = &[("discovery", 1), ("identity", 4), ("waf", 4)];

/// Cases that run and pass: those that this specification decides alone are counted apart.
const PASSED: usize = 749;
const PASSED_UNVERIFIED: usize = 69;

fn cases(cel: bool) -> Vec<Case> {
    let options = Options {
        cel,
        ..Options::default()
    };
    run(CASES, options, |_| true, |path| Err(format!("{path}: no file"))).unwrap()
}

#[test]
fn every_case_is_accounted_for() {
    for cel in [false, true] {
        accounted(&cases(cel), cel);
    }
}

fn accounted(cases: &[Case], cel: bool) {
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| match &case.outcome {
            Outcome::Failed(wrong) => Some(format!("{}: {}", case.id, wrong.join("\n    "))),
            _ => None,
        })
        .collect();
    assert!(
        failed.is_empty(),
        "cel {cel}: {} failed\n{}",
        failed.len(),
        failed.join("\n")
    );
    let mut lacks = BTreeMap::<String, usize>::new();
    for case in cases {
        if let Outcome::Lacks(names) = &case.outcome {
            *lacks.entry(names.join(" ")).or_default() += 1;
        }
    }
    let expected: Vec<_> = LACKS.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(lacks.into_iter().collect::<Vec<_>>(), expected);
    let passed = |unverified| {
        cases
            .iter()
            .filter(|case| case.outcome == Outcome::Passed && case.unverified == unverified)
            .count()
    };
    let waiting: usize = LACKS.iter().map(|(_, count)| count).sum();
    assert_eq!((passed(false), passed(true)), (PASSED, PASSED_UNVERIFIED));
    assert_eq!(PASSED + PASSED_UNVERIFIED + waiting, cases.len());
    assert_eq!(cases.len(), 827);
}

#[test]
fn a_wrong_expectation_fails() {
    // The runner itself: a case that expects something else must not pass.
    let file = "version: 1\ncases:\n- id: a\n  expr: 1 + 1\n  value: 3\n- id: b\n  policy: '{}'\n  expect: {forwarded: false}\n";
    let run = |file| run(file, Options::default(), |_| true, |_| Err(String::new()));
    let cases = run(file).unwrap();
    assert!(
        cases.iter().all(|case| matches!(case.outcome, Outcome::Failed(_))),
        "{cases:?}"
    );
    assert!(run("version: 1\ncases: [{id: a, expect: {}, nonsense: 1}]").is_err());
}
