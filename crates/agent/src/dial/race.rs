//! One TCP connection out of several addresses (RFC 8305): they are tried in turn, the next one when the one
//! before failed or has not answered for 250 ms; the first that connects wins, the others are dropped.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

const STAGGER: Duration = Duration::from_millis(250);

/// Connects to one of `addresses`, each within `each`. The error is the last address's, with all in its text.
pub(crate) async fn connect(addresses: &[SocketAddr], each: Duration) -> io::Result<TcpStream> {
    let Some((first, rest)) = addresses.split_first() else {
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no address"));
    };
    // The first address stands alone: nearly always it is the one, and then nothing is allocated.
    let mut attempted = std::pin::pin!(attempt(*first, each));
    if rest.is_empty() {
        return attempted.await;
    }
    tokio::select! {
        biased;
        done = &mut attempted => match done {
            Ok(stream) => return Ok(stream),
            Err(error) => return Box::pin(Race::over(rest, each, vec![(*first, error)])).await,
        },
        () = tokio::time::sleep(STAGGER) => {}
    }
    // Rare, and large: boxed.
    Box::pin(beside(attempted, *first, rest, each)).await
}

/// The first address goes on while the others start.
async fn beside(
    mut attempted: Pin<&mut impl Future<Output = io::Result<TcpStream>>>,
    first: SocketAddr,
    rest: &[SocketAddr],
    each: Duration,
) -> io::Result<TcpStream> {
    let mut others = Race::over(rest, each, Vec::new());
    tokio::select! {
        done = &mut attempted => match done {
            Ok(stream) => Ok(stream),
            Err(error) => {
                others.failures.insert(0, (first, error));
                others.await
            }
        },
        done = &mut others => match done {
            Ok(stream) => Ok(stream),
            Err(error) => {
                attempted.await.map_err(|last| io::Error::new(last.kind(), format!("{error}; {first}: {last}")))
            }
        },
    }
}

async fn attempt(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(connected) => connected?,
        Err(_) => {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer in {} s", limit.as_secs_f32()),
            ));
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

struct Race<'a> {
    waiting: std::slice::Iter<'a, SocketAddr>,
    running: Vec<(SocketAddr, Attempt)>,
    each: Duration,
    stagger: Pin<Box<Sleep>>,
    failures: Vec<(SocketAddr, io::Error)>,
}

impl<'a> Race<'a> {
    fn over(addresses: &'a [SocketAddr], each: Duration, failures: Vec<(SocketAddr, io::Error)>) -> Self {
        Self {
            waiting: addresses.iter(),
            running: Vec::with_capacity(addresses.len()),
            each,
            stagger: Box::pin(tokio::time::sleep(STAGGER)),
            failures,
        }
    }

    /// Starts the next address; the one after it has to wait again.
    fn start_next(&mut self) -> bool {
        let Some(&address) = self.waiting.next() else {
            return false;
        };
        self.running.push((address, Box::pin(attempt(address, self.each))));
        self.stagger.as_mut().reset(Instant::now() + STAGGER);
        true
    }

    fn failure(&mut self) -> io::Error {
        let kind = self
            .failures
            .last()
            .map_or(io::ErrorKind::Other, |(_, error)| error.kind());
        let texts: Vec<String> = self
            .failures
            .iter()
            .map(|(address, error)| format!("{address}: {error}"))
            .collect();
        io::Error::new(kind, texts.join("; "))
    }
}

impl Future for Race<'_> {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let race = &mut *self;
        loop {
            let mut n = 0;
            while let Some((address, future)) = race.running.get_mut(n) {
                match future.as_mut().poll(cx) {
                    Poll::Pending => n += 1,
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        race.failures.push((*address, error));
                        drop(race.running.swap_remove(n));
                    }
                }
            }
            if race.running.is_empty() {
                if !race.start_next() {
                    return Poll::Ready(Err(race.failure()));
                }
            } else if race.waiting.len() == 0 || race.stagger.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            } else {
                race.start_next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_address_is_used_when_the_first_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        let stream = connect(&[refusing, good], Duration::from_secs(3)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(stream.nodelay().unwrap());
        let error = connect(&[refusing, refusing], Duration::from_secs(3))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string().matches("refused").count(), 2);
    }
}
