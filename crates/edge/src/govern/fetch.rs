//! Requests of policies (traffic policy 4.10, 7.3): to internal endpoints of the organisation over the edge's own road
//! and never by their name, to everybody else through the guarded client.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_names::code::ErrorCode;
use adit_outbound::{Call, Client, Failure, Purpose, Who};
use adit_policy::{Answer as FetchAnswer, EffectFault as Fault, Fetch};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::chain::Chain;
use super::inside;
use super::run::Scene;
use crate::secure::Conn;

/// Bytes of a key set.
const KEYS_MAX: usize = 1 << 20;
/// How long it may take.
const KEYS_TIME: Duration = Duration::from_secs(5);

/// On whose behalf a policy asks.
pub(super) struct Origin {
    pub(super) conn: Arc<Conn>,
    pub(super) organization: String,
    /// The endpoint, for the bound on its requests.
    pub(super) who: Who,
    pub(super) request_id: String,
    /// How many policies have asked one through the other.
    pub(super) depth: u8,
}

impl Origin {
    pub(super) fn of(chain: &Chain, scene: &Scene<'_>, conn: &Arc<Conn>) -> Option<Self> {
        let facts = chain.facts_at(scene.at, scene.guardrail.is_some() && scene.response.is_none())?;
        let mut hasher = DefaultHasher::new();
        // A guardrail asks for the one whose it is: what it asks inside is never answered by those that it restrains.
        let organization = match scene.guardrail {
            Some(guardrail) => &*guardrail.organization,
            None => &facts.organization_id,
        };
        (organization, &facts.url).hash(&mut hasher);
        Some(Self {
            conn: conn.clone(),
            organization: organization.to_owned(),
            who: hasher.finish(),
            request_id: chain.received.as_ref().map_or_else(String::new, |r| r.id.clone()),
            depth: chain.depth,
        })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// 3601 too large, 3602 out of time, 3603 a loop, `ADIT_5203` refused by the guard, 3006 not reached.
    pub(super) async fn fetch(&self, purpose: Purpose, fetch: Fetch) -> Result<FetchAnswer, Fault> {
        if !fetch.delay.is_zero() {
            tokio::time::sleep(fetch.delay).await;
        }
        let began = Instant::now();
        let url: Uri = fetch.url.parse().map_err(|_| refused("the URL is broken"))?;
        let mut answer = if is_internal(&url) {
            inside::call(self, url, fetch).await?
        } else {
            self.outside(purpose, fetch).await?
        };
        answer.took = began.elapsed();
        Ok(answer)
    }

    /// Fetches a key set; whoever needs the same one meanwhile waits for this.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch); an answer with another status than 200 is none.
    pub(super) async fn keys(&self, url: String) -> Result<Vec<u8>, Fault> {
        let inside = url.parse().is_ok_and(|url| is_internal(&url));
        let whose = if inside { self.organization.as_str() } else { "" };
        let text = self
            .conn
            .node
            .key_fetches
            .once(whose, &url, || self.key_set(&url))
            .await?;
        Ok(text.to_vec())
    }

    async fn key_set(&self, url: &str) -> Result<Bytes, Fault> {
        let agent = concat!("adit/", env!("CARGO_PKG_VERSION"));
        let fetch = Fetch {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: vec![
                ("user-agent".to_owned(), agent.to_owned()),
                (
                    "accept".to_owned(),
                    "application/jwk-set+json, application/json".to_owned(),
                ),
            ],
            body: Vec::new(),
            delay: Duration::ZERO,
            timeout: KEYS_TIME,
            max_response: KEYS_MAX,
        };
        let answer = self.fetch(Purpose::Service, fetch).await?;
        if answer.status != 200 {
            return Err(Fault {
                code: ErrorCode::NGROK_3006,
                message: format!("the answer has the status {}", answer.status),
            });
        }
        Ok(answer.body.into())
    }

    async fn outside(&self, purpose: Purpose, fetch: Fetch) -> Result<FetchAnswer, Fault> {
        let client = self.conn.node.outbound.load_full();
        outside(&client, self.who, purpose, fetch).await
    }
}

/// Sends a request of a policy to somebody who is no internal endpoint; `who` is on whose behalf. The wait before it and the
/// time that it took are the caller's to see to.
///
/// # Errors
/// 3601 too large, 3602 out of time, `ADIT_5203` refused by the guard, 3006 not reached.
pub async fn outside(client: &Client, who: Who, purpose: Purpose, fetch: Fetch) -> Result<FetchAnswer, Fault> {
    let mut headers = HeaderMap::new();
    for (name, value) in &fetch.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("a header has no name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused("a header has no value"))?;
        headers.append(name, value);
    }
    let call = Call {
        purpose,
        who,
        method: Method::from_bytes(fetch.method.as_bytes()).map_err(|_| refused("there is no such method"))?,
        url: fetch.url,
        headers,
        body: fetch.body.into(),
        // Each hop is the policy's to follow.
        max_redirects: 0,
        timeout: fetch.timeout,
        max_body: fetch.max_response,
    };
    let answer = client.call(call).await.map_err(|failure| fault_of(&failure))?;
    Ok(FetchAnswer {
        status: answer.status.as_u16(),
        headers: fields(&answer.headers),
        body: answer.body.into(),
        resolved_ip: Some(answer.peer),
        took: Duration::ZERO,
    })
}

/// Fields as policies have them.
pub(super) fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn refused(why: &str) -> Fault {
    Fault {
        code: ErrorCode::ADIT_5203,
        message: why.to_owned(),
    }
}

/// What a failure of the client is to a policy.
pub(super) fn fault_of(failure: &Failure) -> Fault {
    let code = match failure {
        Failure::Timeout(_) => ErrorCode::NGROK_3602,
        Failure::TooLarge(_) => ErrorCode::NGROK_3601,
        Failure::Resolve { .. } | Failure::Connect { .. } | Failure::Tls { .. } | Failure::Broken(_) => {
            ErrorCode::NGROK_3006
        }
        Failure::Url(_)
        | Failure::Header(_)
        | Failure::Internal(_)
        | Failure::Refused { .. }
        | Failure::Port(_)
        | Failure::External(_)
        | Failure::Own(_)
        | Failure::TooManyRedirects(_)
        | Failure::Busy => ErrorCode::ADIT_5203,
    };
    Fault {
        code,
        message: failure.to_string(),
    }
}

/// Names below `.internal` are endpoints of whoever asks.
fn is_internal(url: &Uri) -> bool {
    let host = url
        .host()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_ascii_lowercase();
    host == "internal" || host.ends_with(".internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_internal_never_leave() {
        for (url, is) in [
            ("http://a.internal", true),
            ("https://A.b.INTERNAL:8443/x?y", true),
            ("http://a.internal./", true),
            ("http://internal/", true),
            ("http://a.internal.example.com", false),
            ("http://ainternal/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_internal(&url.parse().unwrap()), is, "{url}");
        }
    }

    #[test]
    fn failures_have_the_codes_of_the_language() {
        for (failure, code) in [
            (Failure::Timeout(KEYS_TIME), ErrorCode::NGROK_3602),
            (Failure::TooLarge(1), ErrorCode::NGROK_3601),
            (Failure::Port(22), ErrorCode::ADIT_5203),
            (Failure::External("a".to_owned()), ErrorCode::ADIT_5203),
            (Failure::Broken("x".to_owned()), ErrorCode::NGROK_3006),
        ] {
            assert_eq!(fault_of(&failure).code, code, "{failure}");
        }
    }
}
