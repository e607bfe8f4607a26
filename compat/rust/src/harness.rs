//! Small named tests: `ok NAME`, `FAILED NAME: reason`, and a count at the end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::server::Server;

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A test gets the server that all share; what it makes itself ends when it is dropped.
#[derive(Clone, Copy)]
pub struct Test {
    pub name: &'static str,
    pub run: fn(Arc<Server>) -> Running,
}

/// Tests from functions of this module: `async fn(Arc<Server>) -> Result<()>`.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub const TESTS: &[$crate::harness::Test] = &[$($crate::harness::Test {
            name: stringify!($name),
            run: |server| Box::pin($name(server)),
        }),*];
    };
}
pub(crate) use tests;

const LONGEST: Duration = Duration::from_secs(90);

/// Runs the tests whose names contain one of `chosen` (all, if there is none).
pub async fn run(tests: &[Test], server: &Arc<Server>, chosen: &[String]) -> bool {
    let (mut passed, mut failed) = (0, 0);
    for test in tests {
        if !chosen.is_empty() && !chosen.iter().any(|part| test.name.contains(part)) {
            continue;
        }
        let began = Instant::now();
        // A task of its own, so that a panic is a failure too.
        let task = tokio::spawn((test.run)(server.clone()));
        let abort = task.abort_handle();
        let result = match tokio::time::timeout(LONGEST, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(anyhow!("{panic}")),
            Err(_) => {
                abort.abort();
                Err(anyhow!("the test took too long"))
            }
        };
        match result {
            Ok(()) => {
                passed += 1;
                println!("ok {} ({:.1} s)", test.name, began.elapsed().as_secs_f32());
            }
            Err(error) => {
                failed += 1;
                let reason = format!("{error:#}").replace('\n', " ");
                println!("FAILED {}: {reason:.1500}", test.name);
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    failed == 0
}

/// Polls until `check` succeeds.
pub async fn eventually<T, F>(within: Duration, what: &str, mut check: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + within;
    loop {
        match check().await {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() > deadline => {
                return Err(error.context(format!("not within {within:?}: {what}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
