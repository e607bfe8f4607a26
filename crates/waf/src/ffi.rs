//! The C interface of libmodsecurity 3, as safe types. The only file with `unsafe`; every block says why it is sound.
//!
//! The engine is made for servers with many threads that share it and its rules: both are written while they are
//! loaded and read from then on, while each transaction belongs to one thread. The types here keep it so.
#![allow(unsafe_code, reason = "libmodsecurity is a C library; this file alone calls it")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Error;

/// Opaque objects of the library.
#[repr(C)]
struct CEngine {
    _private: [u8; 0],
}
#[repr(C)]
struct CRules {
    _private: [u8; 0],
}
#[repr(C)]
struct CTransaction {
    _private: [u8; 0],
}

// modsecurity/modsecurity.h, rules_set.h, transaction.h of 3.0.9.
#[link(name = "modsecurity")]
unsafe extern "C" {
    fn msc_init() -> *mut CEngine;
    fn msc_set_log_cb(engine: *mut CEngine, callback: Option<unsafe extern "C" fn(*mut c_void, *const c_void)>);
    fn msc_cleanup(engine: *mut CEngine);
    fn msc_create_rules_set() -> *mut CRules;
    fn msc_rules_merge(to: *mut CRules, from: *mut CRules, error: *mut *const c_char) -> c_int;
    fn msc_rules_add_file(rules: *mut CRules, file: *const c_char, error: *mut *const c_char) -> c_int;
    fn msc_rules_add(rules: *mut CRules, text: *const c_char, error: *mut *const c_char) -> c_int;
    fn msc_rules_cleanup(rules: *mut CRules) -> c_int;
    fn msc_new_transaction(engine: *mut CEngine, rules: *mut CRules, data: *mut c_void) -> *mut CTransaction;
    fn msc_process_connection(
        t: *mut CTransaction,
        client: *const c_char,
        client_port: c_int,
        server: *const c_char,
        server_port: c_int,
    ) -> c_int;
    fn msc_process_uri(
        t: *mut CTransaction,
        uri: *const c_char,
        method: *const c_char,
        version: *const c_char,
    ) -> c_int;
    fn msc_add_n_request_header(
        t: *mut CTransaction,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> c_int;
    fn msc_process_request_headers(t: *mut CTransaction) -> c_int;
    fn msc_append_request_body(t: *mut CTransaction, body: *const u8, len: usize) -> c_int;
    fn msc_process_request_body(t: *mut CTransaction) -> c_int;
    fn msc_add_n_response_header(
        t: *mut CTransaction,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> c_int;
    fn msc_process_response_headers(t: *mut CTransaction, status: c_int, protocol: *const c_char) -> c_int;
    fn msc_append_response_body(t: *mut CTransaction, body: *const u8, len: usize) -> c_int;
    fn msc_process_response_body(t: *mut CTransaction) -> c_int;
    fn msc_transaction_cleanup(t: *mut CTransaction);
}

/// Most lines that are kept of what the engine says of one message.
const MAX_LINES: usize = 1_024;
/// Longest line that is kept of what the engine says, in bytes.
const MAX_LINE: usize = 8_192;

/// What the engine says of one transaction.
#[derive(Debug, Default)]
struct Lines(Vec<String>);

/// Called by the engine on the thread that works on the transaction.
unsafe extern "C" fn said(data: *mut c_void, text: *const c_void) {
    if data.is_null() || text.is_null() {
        return;
    }
    // SAFETY: `data` is what `Transaction::new` gave: a `Lines` that lives in a box of the transaction, which no
    // reference of ours points to while the library runs.
    let lines = unsafe { &mut *data.cast::<Lines>() };
    // SAFETY: without other flags the library hands over a text that ends with zero and lives for the call.
    let text = unsafe { CStr::from_ptr(text.cast::<c_char>()) };
    if lines.0.len() < MAX_LINES {
        let bytes = text.to_bytes();
        let bytes = bytes.get(..bytes.len().min(MAX_LINE)).unwrap_or_default();
        lines.0.push(String::from_utf8_lossy(bytes).into_owned());
    }
}

/// The engine.
#[derive(Debug)]
pub(crate) struct Engine(NonNull<CEngine>);

// SAFETY: it is written in `new` alone; transactions of several threads only read it.
unsafe impl Send for Engine {}
// SAFETY: likewise.
unsafe impl Sync for Engine {}

impl Engine {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: takes nothing and gives an object or null.
        let engine = unsafe { msc_init() };
        let engine = NonNull::new(engine).ok_or(Error::Failed("the engine cannot be made"))?;
        // SAFETY: the engine lives, and the function is there as long as the program.
        unsafe { msc_set_log_cb(engine.as_ptr(), Some(said)) };
        Ok(Self(engine))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: made by `msc_init`, freed once; transactions hold it by an `Arc`.
        unsafe { msc_cleanup(self.0.as_ptr()) };
    }
}

/// The library's reader of rules keeps its state in global variables, and ends the program when two threads meet there.
static READER: Mutex<()> = Mutex::new(());

fn reader() -> MutexGuard<'static, ()> {
    READER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rules.
#[derive(Debug)]
pub(crate) struct Rules(NonNull<CRules>);

// SAFETY: they are written through `&mut` alone; transactions of several threads only read them.
unsafe impl Send for Rules {}
// SAFETY: likewise.
unsafe impl Sync for Rules {}

impl Rules {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: takes nothing and gives an object or null.
        let rules = unsafe { msc_create_rules_set() };
        NonNull::new(rules)
            .map(Self)
            .ok_or(Error::Failed("a set of rules cannot be made"))
    }

    /// Adds rules that are written here.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), Error> {
        let text = CString::new(text).map_err(|_| Error::Rules("they hold a zero byte".to_owned()))?;
        let mut error = ptr::null();
        let _alone = reader();
        // SAFETY: the set lives and is ours alone, the text ends with zero, `error` is a place for a pointer.
        let added = unsafe { msc_rules_add(self.0.as_ptr(), text.as_ptr(), &raw mut error) };
        outcome(added, error)
    }

    /// Adds those of a file.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), Error> {
        let text = path.to_str().and_then(|path| CString::new(path).ok());
        let text = text.ok_or_else(|| Error::Rules(format!("{} is no path", path.display())))?;
        // A path that cannot be read would end the program as well.
        let readable = std::fs::File::open(path).and_then(|file| is_file(&file.metadata()?));
        if let Err(error) = readable {
            return Err(Error::Rules(format!("{}: {error}", path.display())));
        }
        let mut error = ptr::null();
        let _alone = reader();
        // SAFETY: as in `add`.
        let added = unsafe { msc_rules_add_file(self.0.as_ptr(), text.as_ptr(), &raw mut error) };
        outcome(added, error)
    }

    /// Adds those of another set, which share their memory.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Error> {
        let mut error = ptr::null();
        // SAFETY: both sets live; the library reads the other one and writes this one, which is ours alone.
        let merged = unsafe { msc_rules_merge(self.0.as_ptr(), other.0.as_ptr(), &raw mut error) };
        outcome(merged, error)
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        // SAFETY: made by `msc_create_rules_set`, freed once; transactions hold it by an `Arc`.
        unsafe { msc_rules_cleanup(self.0.as_ptr()) };
    }
}

fn is_file(metadata: &std::fs::Metadata) -> std::io::Result<()> {
    if metadata.is_file() {
        Ok(())
    } else {
        Err(std::io::Error::other("it is not a file"))
    }
}

/// A negative number is a failure, with its text.
fn outcome(number: c_int, error: *const c_char) -> Result<(), Error> {
    if number >= 0 {
        return Ok(());
    }
    if error.is_null() {
        return Err(Error::Rules("the engine does not say why".to_owned()));
    }
    // SAFETY: the library gives a text that ends with zero. It is left to it: its allocator is not ours to call, and a
    // failure ends the loading.
    let text = unsafe { CStr::from_ptr(error) };
    Err(Error::Rules(text.to_string_lossy().chars().take(1_024).collect()))
}

/// One exchange that is looked at.
pub(crate) struct Transaction {
    it: NonNull<CTransaction>,
    /// Where the engine writes; owned here, by the address that it was given.
    lines: NonNull<Lines>,
    _rules: Arc<Rules>,
    _engine: Arc<Engine>,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transaction")
    }
}

const NO_TEXT: Error = Error::Failed("a zero byte in the message");

/// Whether a step went well: the library says 1 for that.
fn step(number: c_int, what: &'static str) -> Result<(), Error> {
    if number == 1 { Ok(()) } else { Err(Error::Failed(what)) }
}

impl Transaction {
    pub(crate) fn new(engine: &Arc<Engine>, rules: &Arc<Rules>) -> Result<Self, Error> {
        let lines = NonNull::from(Box::leak(Box::<Lines>::default()));
        // SAFETY: engine and rules live as long as the transaction, which holds both; `lines` is freed behind it.
        let it = unsafe { msc_new_transaction(engine.0.as_ptr(), rules.0.as_ptr(), lines.as_ptr().cast()) };
        match NonNull::new(it) {
            Some(it) => Ok(Self {
                it,
                lines,
                _rules: rules.clone(),
                _engine: engine.clone(),
            }),
            None => {
                // SAFETY: leaked above, and nobody else has it.
                drop(unsafe { Box::from_raw(lines.as_ptr()) });
                Err(Error::Failed("a transaction cannot be made"))
            }
        }
    }

    /// What was said since it was asked last.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        // SAFETY: the library writes there only within its own calls, none of which is running: `self` is ours alone.
        let lines = unsafe { self.lines.as_mut() };
        std::mem::take(&mut lines.0)
    }

    pub(crate) fn connection(&mut self, client: (&str, u16), server: (&str, u16)) -> Result<(), Error> {
        let (client_ip, server_ip) = (text(client.0)?, text(server.0)?);
        // SAFETY: the transaction lives; both texts end with zero and live for the call.
        let done = unsafe {
            msc_process_connection(
                self.it.as_ptr(),
                client_ip.as_ptr(),
                client.1.into(),
                server_ip.as_ptr(),
                server.1.into(),
            )
        };
        step(done, "the connection")
    }

    pub(crate) fn uri(&mut self, target: &str, method: &str, version: &str) -> Result<(), Error> {
        let (target, method, version) = (text(target)?, text(method)?, text(version)?);
        // SAFETY: the transaction lives; the texts end with zero and live for the call.
        let done = unsafe { msc_process_uri(self.it.as_ptr(), target.as_ptr(), method.as_ptr(), version.as_ptr()) };
        step(done, "the target")
    }

    pub(crate) fn request_fields(&mut self, fields: &[(&[u8], &[u8])]) -> Result<(), Error> {
        for (name, value) in fields {
            // SAFETY: the transaction lives; the library copies so many bytes.
            let done = unsafe {
                msc_add_n_request_header(self.it.as_ptr(), name.as_ptr(), name.len(), value.as_ptr(), value.len())
            };
            step(done, "a field of the request")?;
        }
        // SAFETY: the transaction lives.
        step(
            unsafe { msc_process_request_headers(self.it.as_ptr()) },
            "the head of the request",
        )
    }

    pub(crate) fn request_body(&mut self, body: &[u8]) -> Result<(), Error> {
        if !body.is_empty() {
            // SAFETY: the transaction lives; the library copies so many bytes.
            let done = unsafe { msc_append_request_body(self.it.as_ptr(), body.as_ptr(), body.len()) };
            step(done, "the body of the request")?;
        }
        // SAFETY: the transaction lives.
        step(
            unsafe { msc_process_request_body(self.it.as_ptr()) },
            "the body of the request",
        )
    }

    pub(crate) fn response_fields(
        &mut self,
        status: u16,
        version: &str,
        fields: &[(&[u8], &[u8])],
    ) -> Result<(), Error> {
        for (name, value) in fields {
            // SAFETY: the transaction lives; the library copies so many bytes.
            let done = unsafe {
                msc_add_n_response_header(self.it.as_ptr(), name.as_ptr(), name.len(), value.as_ptr(), value.len())
            };
            step(done, "a field of the response")?;
        }
        let protocol = text(&format!("HTTP/{version}"))?;
        // SAFETY: the transaction lives; the text ends with zero and lives for the call.
        let done = unsafe { msc_process_response_headers(self.it.as_ptr(), status.into(), protocol.as_ptr()) };
        step(done, "the head of the response")
    }

    pub(crate) fn response_body(&mut self, body: &[u8]) -> Result<(), Error> {
        if !body.is_empty() {
            // SAFETY: the transaction lives; the library copies so many bytes.
            let done = unsafe { msc_append_response_body(self.it.as_ptr(), body.as_ptr(), body.len()) };
            step(done, "the body of the response")?;
        }
        // SAFETY: the transaction lives.
        step(
            unsafe { msc_process_response_body(self.it.as_ptr()) },
            "the body of the response",
        )
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // SAFETY: made by `msc_new_transaction`, freed once. It may still write lines, which are freed behind it.
        unsafe { msc_transaction_cleanup(self.it.as_ptr()) };
        // SAFETY: leaked in `new`; the only one who had it besides is gone.
        drop(unsafe { Box::from_raw(self.lines.as_ptr()) });
    }
}

fn text(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| NO_TEXT)
}
