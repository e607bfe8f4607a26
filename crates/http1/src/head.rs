//! The head of a message: start line and fields, reusable, editable.

use crate::field::{Field, FieldList, Name};
use crate::framing;
use crate::known::Known;
use crate::refuse::{Refusal, RefusalKind};
use crate::scan;
use crate::status::reason_phrase;
use crate::target::{self, Form};

/// HTTP version of a received message. What is sent is always HTTP/1.1: the
/// version on a line is the sender's own (RFC 9110 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, and every later HTTP/1.x.
    #[default]
    Http11,
    /// A head that came over HTTP/2.
    Http2,
}

/// Which start line a head has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Line {
    #[default]
    None,
    Request,
    Response,
}

/// A piece of the head's buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) at: u32,
    pub(crate) len: u32,
}

impl Span {
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        let at = self.at as usize;
        bytes.get(at..at + self.len as usize).unwrap_or_default()
    }
}

/// How far a head was parsed that is not complete yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Whether there is anything to resume.
    pub(crate) active: bool,
    /// Where the field lines begin; 0 while the start line is not parsed.
    pub(crate) block: usize,
}

/// Start line and fields of a request or response.
///
/// Owns a copy of its bytes; [`Head::clear`] and parsing anew keep the
/// capacity, so that a connection that serves one message after the other
/// allocates nothing. An empty head holds no memory.
#[derive(Clone, Default)]
pub struct Head {
    pub(crate) fields: FieldList,
    pub(crate) method: Span,
    pub(crate) target: Span,
    /// Length 0 with `at` 0: none was received, the standard one is written.
    pub(crate) reason: Option<Span>,
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) form: Form,
    pub(crate) line: Line,
    pub(crate) progress: Progress,
}

impl Head {
    /// An empty head; allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Becomes a copy of another head, in the memory that is here.
    pub fn copy_from(&mut self, from: &Self) {
        let Self {
            fields,
            method,
            target,
            reason,
            status,
            version,
            form,
            line,
            progress,
        } = from;
        self.fields.copy_from(fields);
        (self.method, self.target, self.reason) = (*method, *target, *reason);
        (self.status, self.version, self.form) = (*status, *version, *form);
        (self.line, self.progress) = (*line, *progress);
    }

    /// Forgets everything, keeps the capacity.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.reset();
    }

    /// Forgets everything and gives the memory back: for idle connections.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// Bytes held, by capacity, for the node's budget.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.fields.memory()
    }

    /// All but the field list to its default.
    fn reset(&mut self) {
        let fields = std::mem::take(&mut self.fields);
        *self = Self {
            fields,
            ..Self::default()
        };
    }

    /// Begins a request: from HTTP/2, or one of our own. Fields are pushed
    /// after it, [`Head::check_request`] then applies the rules of a parsed one.
    ///
    /// # Errors
    /// [`RefusalKind::Method`], [`RefusalKind::Target`] or
    /// [`RefusalKind::TargetAuthority`]; the head is empty then.
    pub fn start_request(&mut self, method: &[u8], target: &[u8], version: Version) -> Result<(), Refusal> {
        self.clear();
        if !scan::is_token(method) {
            return Err(Refusal::request(RefusalKind::Method));
        }
        let form = target::form(method, target).map_err(Refusal::request)?;
        let (Some(at), Some(target_at)) = (self.fields.append(method), self.fields.append(target)) else {
            return Err(Refusal::request(RefusalKind::HeadTooLarge));
        };
        self.method = Span {
            at,
            len: method.len() as u32,
        };
        self.target = Span {
            at: target_at,
            len: target.len() as u32,
        };
        self.form = form;
        self.version = version;
        self.line = Line::Request;
        Ok(())
    }

    /// Begins a response with the standard reason phrase of `status`.
    pub fn start_response(&mut self, status: u16) {
        self.clear();
        self.line = Line::Response;
        self.status = status;
    }

    /// Applies to a request what [`Head::parse_request`] demands beyond the
    /// form of its lines: one valid `Host` (HTTP/1.0 may do without), agreeing
    /// with the target's authority; body framing that leaves one reading.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn check_request(&self) -> Result<(), Refusal> {
        target::check_host(self).map_err(Refusal::request)?;
        framing::request_framing(self).map(|_| ())
    }

    /// Method of a request, with its case; empty for a response.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.fields.bytes)
    }

    /// Target of a request, byte for byte; empty for a response.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.fields.bytes)
    }

    /// Form of the target.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Version received.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Status of a response; 0 for a request.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Reason phrase of a response.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match self.reason {
            Some(span) => span.of(&self.fields.bytes),
            None => reason_phrase(self.status).as_bytes(),
        }
    }

    /// Replaces the target.
    ///
    /// # Errors
    /// As [`Head::start_request`]; the target is unchanged then.
    pub fn set_target(&mut self, target: &[u8]) -> Result<(), Refusal> {
        let form = target::form(self.method(), target).map_err(Refusal::request)?;
        let Some(at) = self.fields.append(target) else {
            return Err(Refusal::request(RefusalKind::TargetTooLong));
        };
        self.target = Span {
            at,
            len: target.len() as u32,
        };
        self.form = form;
        Ok(())
    }

    /// Replaces the method.
    ///
    /// # Errors
    /// [`RefusalKind::Method`] if it is not a token, [`RefusalKind::Target`] if
    /// the target does not fit to it; the method is unchanged then.
    pub fn set_method(&mut self, method: &[u8]) -> Result<(), Refusal> {
        if !scan::is_token(method) {
            return Err(Refusal::request(RefusalKind::Method));
        }
        target::form(method, self.target()).map_err(Refusal::request)?;
        let Some(at) = self.fields.append(method) else {
            return Err(Refusal::request(RefusalKind::HeadTooLarge));
        };
        self.method = Span {
            at,
            len: method.len() as u32,
        };
        Ok(())
    }

    /// Replaces the status, and the reason phrase by the standard one.
    pub const fn set_status(&mut self, status: u16) {
        self.status = status;
        self.reason = None;
    }

    /// All fields in order: name and value. Values have no white space at
    /// their ends.
    pub fn fields(&self) -> impl Iterator<Item = (Name<'_>, &[u8])> {
        self.fields.fields()
    }

    /// The fields as a list.
    #[must_use]
    pub const fn field_list(&self) -> &FieldList {
        &self.fields
    }

    /// The fields as a list, to edit.
    pub const fn field_list_mut(&mut self) -> &mut FieldList {
        &mut self.fields
    }

    /// Value of the first field `known`.
    #[must_use]
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.fields.get(known)
    }

    /// Values of all fields `known`, in order.
    pub fn get_all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.fields.get_all(known)
    }

    /// Whether there is a field `known`.
    #[must_use]
    pub fn contains(&self, known: Known) -> bool {
        self.get(known).is_some()
    }

    /// Value of the first field of this name, compared without case.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields.find(name)
    }

    /// Values of all fields of this name, in order.
    pub fn find_all<'a, 'n>(&'a self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields.find_all(name)
    }

    /// [`FieldList::contains_token`].
    #[must_use]
    pub fn contains_token(&self, known: Known, token: &[u8]) -> bool {
        self.fields.contains_token(known, token)
    }

    /// [`FieldList::push`]: appends a field; false if it is not valid.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.fields.push(name, value)
    }

    /// [`FieldList::push_front`]: the same before all others.
    pub fn push_front(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.fields.push_front(name, value)
    }

    /// [`FieldList::set`]: one value for this name; false if it is not valid.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.fields.set(name, value)
    }

    /// [`FieldList::remove`]: removes all fields `known`.
    pub fn remove(&mut self, known: Known) -> usize {
        self.fields.remove(known)
    }

    /// [`FieldList::remove_name`]: removes all fields of this name.
    pub fn remove_name(&mut self, name: &[u8]) -> usize {
        self.fields.remove_name(name)
    }

    /// [`FieldList::retain`]: keeps the fields for which `keep` is true.
    pub fn retain(&mut self, keep: impl FnMut(Known, &[u8], &[u8]) -> bool) {
        self.fields.retain(keep);
    }

    /// Joins several `Cookie` fields by `; ` into the first: HTTP/2 sends
    /// crumbs, HTTP/1 has one field (RFC 9113 8.2.3).
    pub fn join_cookies(&mut self) {
        let FieldList { bytes, list } = &mut self.fields;
        let is_cookie = |field: &&mut Field| field.known == Known::Cookie && !field.removed;
        if list.iter_mut().filter(is_cookie).count() < 2 {
            return;
        }
        let Ok(at) = u32::try_from(bytes.len()) else {
            return;
        };
        let mut first = None;
        for (i, field) in list.iter_mut().enumerate() {
            if field.known != Known::Cookie || field.removed {
                continue;
            }
            if first.is_some() {
                bytes.extend_from_slice(b"; ");
            }
            let start = field.value as usize;
            bytes.extend_from_within(start..start + field.value_len as usize);
            field.removed = first.is_some();
            first.get_or_insert(i);
        }
        let len = bytes.len() - at as usize;
        if let Some(field) = first.and_then(|i| list.get_mut(i)) {
            field.value = at;
            field.value_len = len as u32;
        }
    }
}

/// Shows the start line's kind and the names only: the rest may be secret.
impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head")
            .field("line", &self.line)
            .field("version", &self.version)
            .field("status", &self.status)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
