//! The operations that follow from the kinds: at the path that ngrok's clients know, and with Adit's additions below
//! `/adit/`.

use std::sync::LazyLock;

use adit_model::catalogue::KINDS;
use adit_model::{Kind, Surface};
use adit_names::id::Prefix;
use http::Method;

use super::Subject;
use super::create::create;
use super::delete::delete;
use super::get::get;
use super::list::list;
use super::update::update;
use crate::authorize::permission;
use crate::openapi::words::in_operations;
use crate::people;
use crate::query::Parameter;
use crate::route_table::{Access, Handler, Route};

const NONE: &[Parameter] = &[];
const PAGE: &[Parameter] = &[("before_id", false), ("limit", false), ("filter", false)];
const ENDPOINTS: &[Parameter] = &[
    ("before_id", false),
    ("limit", false),
    ("id", true),
    ("url", true),
    ("filter", false),
];
/// The description of bot users has no filter.
const PLAIN_PAGE: &[Parameter] = &[("before_id", false), ("limit", false)];
const WRITE: &[Parameter] = &[("dry_run", false), ("wait", false), ("force", false)];
const UPDATE: &[Parameter] = &[("unset", false), ("dry_run", false), ("wait", false), ("force", false)];

/// All kinds at all their paths.
static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    let mut subjects = Vec::new();
    for kind in KINDS {
        let below_adit = Subject {
            kind,
            additions: true,
            path: format!("/adit/{}", kind.path).leak(),
            list_key: kind.list_key,
            operations: kind.operations,
            prefix: kind.prefix,
        };
        if kind.surface == Surface::Ngrok {
            let ngrok = Subject {
                additions: false,
                path: format!("/{}", kind.path).leak(),
                ..below_adit
            };
            subjects.push(ngrok);
            if kind.prefix == Prefix::ServiceUser {
                subjects.push(Subject {
                    path: "/bot_users",
                    list_key: "bot_users",
                    operations: "BotUsers",
                    prefix: Prefix::Bot,
                    ..ngrok
                });
            }
        }
        subjects.push(below_adit);
    }
    subjects
});

/// A kind at the path that ngrok's clients know.
pub(super) fn ngrok(kind: &Kind) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|s| s.kind.name == kind.name && !s.additions)
}

/// A kind with Adit's additions.
pub(super) fn adit(kind: &Kind) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|s| s.kind.name == kind.name && s.additions)
}

/// The operations of all of them.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    for subject in SUBJECTS.iter() {
        let page = match (subject.prefix, subject.kind.name) {
            (Prefix::Bot, _) => PLAIN_PAGE,
            (_, "endpoint") => ENDPOINTS,
            _ => PAGE,
        };
        of(*subject, page, &mut routes);
    }
    routes
}

fn of(subject: Subject, page: &'static [Parameter], routes: &mut Vec<Route>) {
    let Kind {
        permission: resource,
        operations_allowed,
        ..
    } = subject.kind;
    let one: &'static str = format!("{}/{{id}}", subject.path).leak();
    let adit = if subject.additions { "Adit" } else { "" };
    let operations = in_operations(subject.operations);
    #[rustfmt::skip]
    let all = [
        ('C', Method::POST,   subject.path, "Create", "create", WRITE,  Handler::Later(create)),
        ('L', Method::GET,    subject.path, "List",   "read",   page,   Handler::Later(list)),
        ('R', Method::GET,    one,          "Get",    "read",   NONE,   Handler::Later(get)),
        ('U', Method::PATCH,  one,          "Update", "update", UPDATE, Handler::Later(update)),
        ('D', Method::DELETE, one,          "Delete", "delete", WRITE,  Handler::Later(delete)),
    ];
    for (letter, method, path, name, verb, parameters, handler) in all {
        if operations_allowed.contains(letter) {
            routes.push(Route {
                method,
                path,
                operation: format!("{adit}{operations}{name}").leak(),
                access: Access::With(permission(resource, verb)),
                parameters: people::parameters(subject.kind.name, letter).unwrap_or(parameters),
                handler: people::handler(subject.kind.name, letter).unwrap_or(handler),
                subject: Some(subject),
            });
        }
    }
}
