//! From a name to its addresses.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use hickory_resolver::TokioResolver;

/// Most addresses of a name that are looked at.
pub(crate) const MAX: usize = 16;

/// What a resolver finds; the error is its own text.
pub type Resolved<'r> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, String>> + Send + 'r>>;

/// Finds the addresses of names.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `host`, which is no address itself.
    fn resolve<'r>(&'r self, host: &'r str) -> Resolved<'r>;
}

/// Asks the name servers of the system, and its file of hosts; keeps answers for as long as they say.
#[derive(Clone)]
pub struct SystemResolver {
    resolver: TokioResolver,
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemResolver").finish_non_exhaustive()
    }
}

impl SystemResolver {
    /// As the system is configured now.
    ///
    /// # Errors
    /// If its configuration cannot be read.
    pub fn new() -> Result<Self, String> {
        let builder = TokioResolver::builder_tokio().map_err(|e| e.to_string())?;
        let resolver = builder.build().map_err(|e| e.to_string())?;
        Ok(Self { resolver })
    }
}

impl Resolve for SystemResolver {
    fn resolve<'r>(&'r self, host: &'r str) -> Resolved<'r> {
        Box::pin(async move {
            // Search domains of this machine are no part of a URL.
            let name = format!("{}.", host.trim_end_matches('.'));
            let found = self.resolver.lookup_ip(name).await.map_err(|e| e.to_string())?;
            Ok(found.iter().take(MAX).collect())
        })
    }
}
