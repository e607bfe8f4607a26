//! Field lines: spans into one buffer, with edits as an overlay.
//!
//! A removed field keeps its bytes and is skipped; a new value is appended to
//! the buffer and the span moved. Nothing is shifted and, once the capacities
//! have settled, nothing is allocated.

use crate::known::Known;
use crate::scan;

/// The name of a field: its id, and its bytes as they were sent.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    known: Known,
    bytes: &'a [u8],
}

impl<'a> Name<'a> {
    /// The id; [`Known::Other`] if the name is not in the table.
    #[must_use]
    pub const fn known(self) -> Known {
        self.known
    }

    /// The bytes with their case.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Compares without case.
    #[must_use]
    pub const fn is(self, name: &[u8]) -> bool {
        self.bytes.eq_ignore_ascii_case(name)
    }
}

impl std::fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.bytes.escape_ascii())
    }
}

/// One field line: spans into the list's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: u32,
    pub(crate) value: u32,
    pub(crate) value_len: u32,
    pub(crate) name_len: u16,
    pub(crate) known: Known,
    pub(crate) removed: bool,
}

impl Field {
    pub(crate) fn name<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.name as usize;
        bytes.get(start..start + usize::from(self.name_len)).unwrap_or_default()
    }

    pub(crate) fn value<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.value as usize;
        bytes.get(start..start + self.value_len as usize).unwrap_or_default()
    }
}

/// Field lines in their order: those of a head, or trailers.
#[derive(Clone, Default)]
pub struct FieldList {
    pub(crate) bytes: Vec<u8>,
    pub(crate) list: Vec<Field>,
}

impl FieldList {
    /// An empty list; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            list: Vec::new(),
        }
    }

    /// Becomes a copy of another list, in the memory that is here.
    pub(crate) fn copy_from(&mut self, from: &Self) {
        self.bytes.clone_from(&from.bytes);
        self.list.clone_from(&from.list);
    }

    /// Forgets all fields, keeps the capacity.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.list.clear();
    }

    /// Number of fields that are not removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.iter().filter(|field| !field.removed).count()
    }

    /// Whether every field is removed, or there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.iter().all(|field| field.removed)
    }

    /// All fields in order: name and value. Values have no white space at
    /// their ends.
    pub fn fields(&self) -> impl Iterator<Item = (Name<'_>, &[u8])> {
        self.list.iter().filter(|field| !field.removed).map(|field| {
            let name = Name {
                known: field.known,
                bytes: field.name(&self.bytes),
            };
            (name, field.value(&self.bytes))
        })
    }

    /// Value of the first field `known`.
    #[must_use]
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.get_all(known).next()
    }

    /// Values of all fields `known`, in order.
    pub fn get_all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.list
            .iter()
            .filter(move |field| field.known == known && !field.removed)
            .map(|field| field.value(&self.bytes))
    }

    /// Value of the first field of this name, compared without case.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&[u8]> {
        self.find_all(name).next()
    }

    /// Values of all fields of this name, in order.
    pub fn find_all<'a, 'n>(&'a self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let known = Known::of(name);
        self.list
            .iter()
            .filter(move |field| !field.removed && self.is_named(field, known, name))
            .map(|field| field.value(&self.bytes))
    }

    /// Whether one of the comma-separated elements of the fields `known` is
    /// `token`, compared without case.
    #[must_use]
    pub fn contains_token(&self, known: Known, token: &[u8]) -> bool {
        self.get_all(known)
            .flat_map(token_list)
            .any(|element| element.eq_ignore_ascii_case(token))
    }

    /// Appends a field. White space at the ends of `value` is left away.
    ///
    /// Returns false, and changes nothing, if `name` is not a token or `value`
    /// holds a control byte: no caller can inject a line.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> bool {
        match self.store(name, value) {
            Some(field) => {
                self.list.push(field);
                true
            }
            None => false,
        }
    }

    /// As [`FieldList::push`], before all other fields: for `Host`.
    pub fn push_front(&mut self, name: &[u8], value: &[u8]) -> bool {
        match self.store(name, value) {
            Some(field) => {
                self.list.insert(0, field);
                true
            }
            None => false,
        }
    }

    /// Gives the field `name` one value: the first such field keeps place and
    /// spelling, further ones are removed; without one the field is appended.
    /// Returns false, and changes nothing, as [`FieldList::push`].
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        let known = Known::of(name);
        let first = self
            .list
            .iter()
            .position(|field| !field.removed && self.is_named(field, known, name));
        let Some(first) = first else {
            return self.push(name, value);
        };
        let value = scan::trim(value);
        if !scan::is_text(value) {
            return false;
        }
        let Some(at) = self.append(value) else {
            return false;
        };
        for i in first..self.list.len() {
            let same = self
                .list
                .get(i)
                .is_some_and(|field| !field.removed && self.is_named(field, known, name));
            let Some(field) = self.list.get_mut(i).filter(|_| same) else {
                continue;
            };
            if i == first {
                field.value = at;
                field.value_len = value.len() as u32;
            } else {
                field.removed = true;
            }
        }
        true
    }

    /// Removes all fields `known`; returns how many.
    pub fn remove(&mut self, known: Known) -> usize {
        let mut removed = 0;
        for field in self
            .list
            .iter_mut()
            .filter(|field| field.known == known && !field.removed)
        {
            field.removed = true;
            removed += 1;
        }
        removed
    }

    /// Removes all fields of this name, compared without case; returns how many.
    pub fn remove_name(&mut self, name: &[u8]) -> usize {
        let before = self.len();
        self.retain(|_, own, _| !own.eq_ignore_ascii_case(name));
        before - self.len()
    }

    /// Keeps the fields for which `keep(id, name, value)` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(Known, &[u8], &[u8]) -> bool) {
        let Self { bytes, list } = self;
        for field in list.iter_mut().filter(|field| !field.removed) {
            field.removed = !keep(field.known, field.name(bytes), field.value(bytes));
        }
    }

    /// Bytes held, by capacity.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.bytes.capacity() + self.list.capacity() * size_of::<Field>()
    }

    /// Whether `field` is called `name`, whose id is `known`.
    fn is_named(&self, field: &Field, known: Known, name: &[u8]) -> bool {
        field.known == known && (known != Known::Other || field.name(&self.bytes).eq_ignore_ascii_case(name))
    }

    /// Checks and stores name and value, without entering the field.
    fn store(&mut self, name: &[u8], value: &[u8]) -> Option<Field> {
        let value = scan::trim(value);
        if !scan::is_token(name) || !scan::is_text(value) {
            return None;
        }
        let name_len = u16::try_from(name.len()).ok()?;
        let known = Known::of(name);
        let name = self.append(name)?;
        let at = self.append(value)?;
        Some(Field {
            name,
            value: at,
            value_len: value.len() as u32,
            name_len,
            known,
            removed: false,
        })
    }

    /// Appends to the buffer; returns where, or `None` beyond 4 GiB.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Option<u32> {
        let at = u32::try_from(self.bytes.len()).ok()?;
        u32::try_from(self.bytes.len() + bytes.len()).ok()?;
        self.bytes.extend_from_slice(bytes);
        Some(at)
    }
}

/// Shows names only: values may be secrets.
impl std::fmt::Debug for FieldList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fields().map(|(name, _)| name)).finish()
    }
}

/// Elements of a comma-separated list (RFC 9110 5.6.1), trimmed, empty ones
/// left away. Does not know quoted strings: for lists of tokens.
pub fn token_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&b| b == b',')
        .map(scan::trim)
        .filter(|element| !element.is_empty())
}
