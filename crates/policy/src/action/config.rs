//! The configuration of an action once it was read: values with their types, and their defaults where they are absent.

use std::time::Duration;

use crate::expr::{Program, Template};
use crate::value::Value;

/// A value that was read.
#[derive(Debug, Clone)]
pub(crate) enum Setting {
    Bool(bool),
    Int(i64),
    Number(f64),
    Duration(Duration),
    Text(Template),
    Program(Box<Program>),
    List(Vec<Item>),
    Map(Vec<(String, Item)>),
    Tree(Tree),
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) setting: Setting,
}

impl Item {
    /// The field of a record.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match &self.setting {
            Setting::Map(fields) => fields.iter().find(|(known, _)| known == name).map(|(_, item)| item),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&Template> {
        match &self.setting {
            Setting::Text(template) => Some(template),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> &[Self] {
        match &self.setting {
            Setting::List(list) => list,
            _ => &[],
        }
    }

    pub(crate) fn duration(&self) -> Option<Duration> {
        match self.setting {
            Setting::Duration(duration) => Some(duration),
            _ => None,
        }
    }
}

/// A value with templates in it.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Value(Value),
    Template(Template),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// The fields that were given.
#[derive(Debug, Default, Clone)]
pub(crate) struct Config {
    pub(crate) fields: Vec<(&'static str, Item)>,
}

impl Config {
    pub(crate) fn get(&self, name: &str) -> Option<&Item> {
        self.fields
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, item)| item)
    }

    pub(crate) fn bool(&self, name: &str, default: bool) -> bool {
        match self.get(name).map(|item| &item.setting) {
            Some(Setting::Bool(value)) => *value,
            _ => default,
        }
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        match self.get(name).map(|item| &item.setting) {
            Some(Setting::Int(value)) => *value,
            _ => default,
        }
    }

    pub(crate) fn number(&self, name: &str, default: f64) -> f64 {
        match self.get(name).map(|item| &item.setting) {
            Some(Setting::Number(value)) => *value,
            _ => default,
        }
    }

    pub(crate) fn duration(&self, name: &str, default: Duration) -> Duration {
        match self.get(name).map(|item| &item.setting) {
            Some(Setting::Duration(value)) => *value,
            _ => default,
        }
    }

    pub(crate) fn template(&self, name: &str) -> Option<&Template> {
        match self.get(name).map(|item| &item.setting) {
            Some(Setting::Text(template)) => Some(template),
            _ => None,
        }
    }

    pub(crate) fn literal(&self, name: &str) -> Option<&str> {
        self.template(name)?.as_literal()
    }

    pub(crate) fn list(&self, name: &str) -> &[Item] {
        match self.get(name).map(|item| &item.setting) {
            Some(Setting::List(list)) => list,
            _ => &[],
        }
    }

    pub(crate) fn templates(&self, name: &str) -> Vec<Template> {
        self.list(name)
            .iter()
            .filter_map(|item| match &item.setting {
                Setting::Text(template) => Some(template.clone()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn map(&self, name: &str) -> &[(String, Item)] {
        match self.get(name).map(|item| &item.setting) {
            Some(Setting::Map(map)) => map,
            _ => &[],
        }
    }

    /// Names of headers with the templates of their values.
    pub(crate) fn headers(&self, name: &str) -> Vec<(String, Template)> {
        let mut out = Vec::new();
        for (name, item) in self.map(name) {
            match &item.setting {
                Setting::Text(template) => out.push((name.to_ascii_lowercase(), template.clone())),
                Setting::List(list) => {
                    for item in list {
                        if let Setting::Text(template) = &item.setting {
                            out.push((name.to_ascii_lowercase(), template.clone()));
                        }
                    }
                }
                _ => {}
            }
        }
        out
    }
}
