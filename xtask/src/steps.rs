//! Named steps one after the other, each timed; the first that fails ends the run and says how to repeat it alone.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::tally::Tally;

/// One step of a run over the state `S`.
pub(crate) struct Step<S> {
    /// What `--only` and `--skip` call it.
    pub(crate) name: &'static str,
    /// One line for a person.
    pub(crate) about: &'static str,
    /// Does it; what it counts is added up.
    pub(crate) run: fn(&S) -> Counted,
}

/// What a step counted, and how it ended. Counts are kept when the step failed.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) tally: Tally,
    pub(crate) result: Result<()>,
}

impl From<Result<()>> for Counted {
    fn from(result: Result<()>) -> Self {
        Self {
            tally: Tally::default(),
            result,
        }
    }
}

/// Which steps of a table are wanted.
pub(crate) fn choose<'a, S>(steps: &'a [Step<S>], only: &[String], skip: &[String]) -> Result<Vec<&'a Step<S>>> {
    for name in only.iter().chain(skip) {
        if !steps.iter().any(|step| step.name == name) {
            let known: Vec<_> = steps.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; steps: {}", known.join(", "));
        }
    }
    let named = |names: &[String], step: &Step<S>| names.iter().any(|name| name == step.name);
    Ok(steps
        .iter()
        .filter(|step| (only.is_empty() || named(only, step)) && !named(skip, step))
        .collect())
}

/// Runs the steps. The last line printed is the sum, `N passed, N failed`; a step that failed without counting a
/// failed test counts as one.
pub(crate) fn run<S>(command: &str, steps: &[&Step<S>], state: &S) -> Result<()> {
    let mut sum = Tally::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for (i, step) in steps.iter().enumerate() {
        println!("\n== [{}/{}] {}: {}", i + 1, steps.len(), step.name, step.about);
        let start = Instant::now();
        let Counted { mut tally, result } = (step.run)(state);
        let took = start.elapsed();
        times.push((step.name, took));
        if result.is_err() && tally.failed == 0 {
            tally.failed = 1;
        }
        sum.add(tally);
        match result {
            Ok(()) => println!("== {} done in {:.1} s", step.name, took.as_secs_f64()),
            Err(error) => {
                println!("== {} FAILED after {:.1} s: {error:#}", step.name, took.as_secs_f64());
                println!("   repeat it alone: {command} --only {}", step.name);
                failure = Some(step.name);
                break;
            }
        }
    }
    println!();
    for (name, took) in &times {
        println!("{:>9.1} s  {name}", took.as_secs_f64());
    }
    println!("\n{sum}");
    match failure {
        None => Ok(()),
        Some(name) => bail!("step `{name}` failed; repeat it alone: {command} --only {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Step<()>> {
        fn good((): &()) -> Counted {
            Counted {
                tally: Tally { passed: 2, failed: 0 },
                result: Ok(()),
            }
        }
        fn bad((): &()) -> Counted {
            Err(anyhow::anyhow!("broken")).into()
        }
        vec![
            Step {
                name: "good",
                about: "",
                run: good,
            },
            Step {
                name: "bad",
                about: "",
                run: bad,
            },
        ]
    }

    #[test]
    fn only_and_skip_choose_by_name() {
        let table = table();
        let names = |only: &[&str], skip: &[&str]| -> Result<Vec<&str>> {
            let own = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
            Ok(choose(&table, &own(only), &own(skip))?.iter().map(|s| s.name).collect())
        };
        assert_eq!(names(&[], &[]).unwrap(), ["good", "bad"]);
        assert_eq!(names(&["bad"], &[]).unwrap(), ["bad"]);
        assert_eq!(names(&[], &["bad"]).unwrap(), ["good"]);
        assert!(names(&["ugly"], &[]).unwrap_err().to_string().contains("good, bad"));
    }

    #[test]
    fn a_failed_step_ends_the_run_with_an_error() {
        let table = table();
        let steps = choose(&table, &[], &[]).unwrap();
        let error = run("cargo xtask test", &steps, &()).unwrap_err();
        assert!(error.to_string().contains("cargo xtask test --only bad"));
        let steps = choose(&table, &["good".to_owned()], &[]).unwrap();
        run("cargo xtask test", &steps, &()).unwrap();
    }
}
