//! The two names under which the API is found: its own, where keys are shown, and the dashboard's, where a browser
//! shows the cookie of a session (control plane 3.3). Neither takes what belongs to the other.

use adit_names::code::ErrorCode;
use http::header::{self, HeaderMap};

use crate::Api;
use crate::error::ApiError;

/// Below this path of the dashboard's host is the API.
const BELOW: &str = "/api";

/// Where a request came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Surface {
    /// `api.<base>`: for programs. No cookie is read there, so pages of all origins may use it.
    #[default]
    Api,
    /// `dashboard.<base>`: for the dashboard's own pages.
    Dashboard,
}

impl Surface {
    /// The path of the API that a path means here.
    ///
    /// # Errors
    /// 404 `ERR_ADIT_2003`.
    pub(crate) fn path(self, path: &str) -> Result<&str, ApiError> {
        let below = match self {
            Self::Api => Some(path),
            Self::Dashboard => path.strip_prefix(BELOW).filter(|rest| rest.starts_with('/')),
        };
        below.ok_or_else(|| ApiError::new(ErrorCode::ADIT_2003, &[("path", path)]))
    }
}

impl Api {
    /// Where a request came in. A connection to the API is for the API: whoever asks for another host on it was misled.
    ///
    /// # Errors
    /// 421 `ERR_ADIT_4210`.
    pub(crate) fn surface(&self, uri: &http::Uri, headers: &HeaderMap) -> Result<Surface, ApiError> {
        let field = headers.get(header::HOST).and_then(|v| v.to_str().ok());
        let authority = uri.authority().map(http::uri::Authority::as_str).or(field);
        let host = authority.map(|a| a.rsplit_once(':').map_or(a, |(host, _)| host).trim_end_matches('.'));
        match host {
            Some(host) if host.eq_ignore_ascii_case(&self.host) => Ok(Surface::Api),
            Some(host) if host.eq_ignore_ascii_case(host_of(&self.dashboard)) => Ok(Surface::Dashboard),
            _ => Err(ApiError::new(ErrorCode::ADIT_4210, &[])),
        }
    }
}

/// The host of a URL without a path.
pub(crate) fn host_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.split(':').next().unwrap_or(authority)
}
