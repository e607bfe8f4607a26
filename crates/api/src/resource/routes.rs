//! The operations that follow from the kinds: at the path that ngrok's clients know, and with Adit's additions below
//! `/adit/`.

use adit_model::catalogue::KINDS;
use adit_model::{Kind, Surface};
use adit_names::id::Prefix;
use http::Method;

use super::Subject;
use crate::authorize::permission;
use crate::openapi::words::in_operations;
use crate::query::Parameter;
use crate::route_table::{Access, Handler, Route};

const NONE: &[Parameter] = &[];
const PAGE: &[Parameter] = &[("before_id", false), ("limit", false), ("filter", false)];
/// The description of bot users has no filter.
const PLAIN_PAGE: &[Parameter] = &[("before_id", false), ("limit", false)];
const WRITE: &[Parameter] = &[("dry_run", false), ("wait", false)];
const UPDATE: &[Parameter] = &[("unset", false), ("dry_run", false), ("wait", false)];

/// All of them.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = Vec::new();
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
            of(ngrok, PAGE, &mut routes);
            if kind.prefix == Prefix::ServiceUser {
                let bots = Subject {
                    path: "/bot_users",
                    list_key: "bot_users",
                    operations: "BotUsers",
                    prefix: Prefix::Bot,
                    ..ngrok
                };
                of(bots, PLAIN_PAGE, &mut routes);
            }
        }
        of(below_adit, PAGE, &mut routes);
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
        ('C', Method::POST,   subject.path, "Create", "create", WRITE),
        ('L', Method::GET,    subject.path, "List",   "read",   page),
        ('R', Method::GET,    one,          "Get",    "read",   NONE),
        ('U', Method::PATCH,  one,          "Update", "update", UPDATE),
        ('D', Method::DELETE, one,          "Delete", "delete", WRITE),
    ];
    for (letter, method, path, name, verb, parameters) in all {
        if operations_allowed.contains(letter) {
            routes.push(Route {
                method,
                path,
                operation: format!("{adit}{operations}{name}").leak(),
                access: Access::With(permission(resource, verb)),
                parameters,
                handler: Handler::Now(|_| {
                    Err(crate::error::ApiError::new(
                        adit_names::code::ErrorCode::ADIT_2012,
                        &[("reason", "there is no store")],
                    ))
                }),
                subject: Some(subject),
            });
        }
    }
}
