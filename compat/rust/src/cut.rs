//! A TCP proxy between agent and server that the test cuts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::broadcast;

use crate::upstream::Serving;

/// Passes bytes on. `cut()` resets every connection, as a network that fails; new ones are accepted.
pub struct Cut {
    serving: Serving,
    resets: broadcast::Sender<()>,
    accepted: Arc<AtomicUsize>,
}

impl Cut {
    pub async fn before(target: &str) -> Result<Self> {
        let (resets, _) = broadcast::channel(1);
        let accepted = Arc::new(AtomicUsize::new(0));
        let (each, counted, target) = (resets.clone(), accepted.clone(), target.to_owned());
        let serving = crate::upstream::tcp(move |mut near| {
            counted.fetch_add(1, Ordering::SeqCst);
            let (mut reset, target) = (each.subscribe(), target.clone());
            async move {
                let mut far = TcpStream::connect(target).await?;
                near.set_nodelay(true)?;
                far.set_nodelay(true)?;
                tokio::select! {
                    copied = copy_bidirectional(&mut near, &mut far) => {
                        copied?;
                    }
                    _ = reset.recv() => {
                        near.set_zero_linger()?;
                        far.set_zero_linger()?;
                    }
                }
                Ok(())
            }
        })
        .await?;
        Ok(Self {
            serving,
            resets,
            accepted,
        })
    }

    pub fn address(&self) -> &str {
        &self.serving.address
    }

    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub fn cut(&self) {
        // Nobody listening means that there is nothing to cut.
        let _ = self.resets.send(());
    }
}
