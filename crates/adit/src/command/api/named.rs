//! Objects by what people call them: where an id is wanted, the domain, address, URL, name or e-mail of exactly one
//! object works as well, and on a terminal the beginning of its id. Looked for once the server knows no such id.

use serde_json::Value;

use super::client::{Client, Request};
use super::operation::{Operation, Resource};
use crate::exit::Failure;

/// The fields by which people know objects.
const NAMES: &[&str] = &["domain", "addr", "url", "name", "email"];
/// The shortest beginning of an id that is taken for it.
const SHORTEST: usize = 8;
/// Characters of an id behind its prefix.
const RANDOM: usize = 27;
/// How many pages are looked through.
const PAGES: usize = 100;
/// How many candidates an error names.
const SHOWN: usize = 10;

/// The list in which the object of this operation is to be found, if `text` is not an id already.
pub(super) fn list_of(resource: &Resource, operation: &Operation, text: &str) -> Option<&'static str> {
    if operation.positional != "id" || is_id(text) {
        return None;
    }
    let (parent, _) = operation.path.split_once("/{id}")?;
    let list = resource
        .operations
        .iter()
        .find(|o| o.path == parent && !o.list.is_empty())?;
    Some(list.path)
}

fn is_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(prefix, random)| {
        prefix.bytes().all(|b| b.is_ascii_lowercase())
            && random.len() == RANDOM
            && random.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// The id of the object that is called `text`, if there is one and the list may be read.
pub(super) async fn find(
    client: &mut Client,
    list: &str,
    text: &str,
    beginnings: bool,
) -> Result<Option<String>, Failure> {
    let mut request = Request::get(format!("{list}?limit=100"));
    let mut found: Vec<(String, String)> = Vec::new();
    for page in 0.. {
        if page == PAGES {
            let most = PAGES * 100;
            return Err(
                Failure::usage(format!("there are more than {most} objects: {text:?} may mean several"))
                    .fix("give the id"),
            );
        }
        let answer = client.ask(&request).await?;
        if answer.status != 200 {
            return Ok(None);
        }
        let page: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let arrays = page.as_object().into_iter().flatten();
        let objects = arrays.filter_map(|(_, value)| value.as_array()).flatten();
        for object in objects {
            let Some(id) = object.get("id").and_then(Value::as_str) else {
                continue;
            };
            let names = NAMES.iter().filter_map(|name| object.get(name)?.as_str());
            let begins = beginnings && text.len() >= SHORTEST && id.starts_with(text);
            if let Some(name) = names.clone().find(|name| *name == text) {
                found.push((id.to_owned(), name.to_owned()));
            } else if begins {
                found.push((id.to_owned(), names.clone().next().unwrap_or_default().to_owned()));
            }
        }
        match page.get("next_page_uri").and_then(Value::as_str) {
            Some(next) => request.target = client.next(next)?,
            None => break,
        }
    }
    match found.as_slice() {
        [] => Ok(None),
        [(id, _)] => Ok(Some(id.clone())),
        several => {
            let lines: Vec<_> = several
                .iter()
                .take(SHOWN)
                .map(|(id, name)| format!("{id}  {name}"))
                .collect();
            Err(Failure::usage(format!("{text:?} means {} objects", several.len()))
                .fix(format!("give the id of one:\n{}", lines.join("\n"))))
        }
    }
}
