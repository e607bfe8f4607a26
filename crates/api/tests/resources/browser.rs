//! A browser at the dashboard: it keeps a cookie and shows what goes with it.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::place::{Answer, Place};

pub(crate) const DASHBOARD: &str = "https://dashboard.adit.example.com:8443";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A browser.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) ip: IpAddr,
    /// `name=value`; empty before the sign-in.
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl Browser {
    /// One of the n-th address.
    pub(crate) fn at(n: u8) -> Self {
        Self {
            ip: Ipv4Addr::new(198, 51, 100, n).into(),
            cookie: String::new(),
            csrf: String::new(),
        }
    }

    /// A request as a page of the dashboard makes it.
    pub(crate) fn request(&self, method: &str, path: &str, body: &Value) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api{path}"))
            .header("host", "dashboard.adit.example.com:8443")
            .header("sec-fetch-site", "same-origin")
            .header("user-agent", "Firefox");
        if method != "GET" {
            request = request.header("origin", DASHBOARD);
        }
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie).header("adit-csrf", &self.csrf);
        }
        let mut bytes = Bytes::new();
        if !body.is_null() {
            request = request.header("content-type", "application/json");
            bytes = body.to_string().into();
        }
        request.body(Full::from(bytes)).unwrap()
    }

    /// Asks, and keeps the cookie of the answer.
    pub(crate) async fn ask(&mut self, place: &Place, method: &str, path: &str, body: Value) -> Answer {
        let answer = place.send_from(self.ip, self.request(method, path, &body)).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some(cookie) = answer.header("set-cookie").split(';').next().filter(|c| !c.is_empty()) {
            cookie.clone_into(&mut self.cookie);
        }
        if let Some(csrf) = answer.json["session"]["csrf"].as_str() {
            csrf.clone_into(&mut self.csrf);
        }
        if !answer.header("adit-csrf").is_empty() {
            answer.header("adit-csrf").clone_into(&mut self.csrf);
        }
    }

    pub(crate) async fn sign_in(&mut self, place: &Place, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.ask(place, "POST", "/adit/sessions", body).await
    }
}

/// Gives a user this password by the link of an administrator.
pub(crate) async fn give_password(place: &Place, key: &str, user: &str, password: &str) {
    let path = format!("/adit/users/{user}/reset_password");
    let made = place.ask_as(key, "POST", &path, Value::Null).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let body = json!({"token": token_of(&made.json["link"]), "password": password});
    let answer = Browser::at(250).ask(place, "POST", "/adit/password_reset", body).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}

/// What is behind the `=` of a link.
pub(crate) fn token_of(link: &Value) -> String {
    let link = link.as_str().unwrap();
    assert!(link.starts_with(&format!("{DASHBOARD}/#")), "{link}");
    link.split_once('=').unwrap().1.to_owned()
}

/// A browser in which our administrator has just signed in.
pub(crate) async fn signed_in(place: &Place) -> Browser {
    give_password(place, &place.ours.key, &place.ours.user.to_string(), PASSWORD).await;
    let mut browser = Browser::at(1);
    let answer = browser.sign_in(place, "a1@example.com", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    browser
}

/// Changes what is kept of the only session there is.
pub(crate) async fn change_session(place: &Place, change: impl Fn(&mut adit_store::Item)) {
    let work = place.store.work();
    let sessions = work.list("session", None, "", 10).await.unwrap();
    let [session] = sessions.as_slice() else {
        panic!("{} sessions", sessions.len());
    };
    let mut session = session.clone();
    change(&mut session);
    work.put("session", &session).await.unwrap();
}
