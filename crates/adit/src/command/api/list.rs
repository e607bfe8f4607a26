//! Lists in pages: one, or all of them one after the other.

use serde_json::Value;

use super::client::{Client, Request};
use super::show::{self, Show};
use crate::exit::{Exit, Failure};
use crate::output::failure::Form;

/// What a list is, and how much of it is wanted.
#[derive(Debug)]
pub(crate) struct Listing<'l> {
    /// Where the objects stand in an answer; `*`: in its one array.
    pub(crate) key: &'l str,
    /// What they are called.
    pub(crate) what: &'l str,
    /// Until the last page.
    pub(crate) all: bool,
    /// By which column.
    pub(crate) sort: Option<&'l str>,
    /// The form of a refusal.
    pub(crate) form: Form,
}

impl Listing<'_> {
    /// Asks for the pages and prints them.
    pub(crate) async fn run(&self, client: &mut Client, mut request: Request, show: &Show) -> Result<Exit, Failure> {
        let mut whole = Value::Null;
        let mut objects: Vec<Value> = Vec::new();
        let mut key = self.key.to_owned();
        loop {
            let answer = client.ask(&request).await?;
            let mut page = show::body(&answer, self.form)?.unwrap_or_default();
            if key == "*" {
                let mut fields = page.as_object().into_iter().flatten();
                let array = fields.find(|(_, value)| value.is_array());
                key = array.map_or(key, |(name, _)| name.clone());
            }
            let Some(Value::Array(found)) = page.get_mut(&key).map(Value::take) else {
                let what = format!("{} does not answer with a list", client.base.authority);
                return Err(Failure::failed(what).fix("check the address: --api-url"));
            };
            let next = page.get("next_page_uri").and_then(Value::as_str).map(str::to_owned);
            if whole.is_null() {
                whole = page;
            }
            if self.all && show.page_by_page() && self.sort.is_none() {
                if !show.objects(&found)? {
                    return Ok(Exit::Done);
                }
            } else {
                objects.extend(found);
            }
            match next {
                Some(next) if self.all => request.target = client.next(&next)?,
                Some(_) => {
                    show.note("there are more: --all, or --before-id with the last id");
                    break;
                }
                None => break,
            }
        }
        if let Some(column) = self.sort {
            show::sort(&mut objects, column);
        }
        if let Some(map) = whole.as_object_mut() {
            if self.all {
                map.insert("next_page_uri".to_owned(), Value::Null);
            }
            map.insert(key.clone(), Value::Array(objects));
        }
        show.list(&whole, &key, self.what)
    }
}
