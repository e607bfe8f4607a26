//! The table as commands: a flag for every field.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Args as _, Command};

use super::operation::{Field, Form, Operation, Resource};
use super::table::RESOURCES;
use super::{Common, ListArgs};

/// Parameters that every operation of a kind has: they have flags of their own.
const COMMON: &[&str] = &["dry_run", "wait", "unset"];

/// What ngrok's command line takes beside what its API describes, by method and path: fields that only older objects
/// had, or that have a newer name. Sent as they are given; the server says what becomes of them.
const OLDER: &[(&str, &str, &[&str])] = &[
    ("POST", "/api_keys", &["owner_email"]),
    (
        "POST",
        "/credentials",
        &["owner_email", "precomputed_token", "scim_user_id"],
    ),
    ("POST", "/ip_policies", &["action"]),
    ("POST", "/reserved_addrs", &["endpoint_configuration_id"]),
    ("PATCH", "/reserved_addrs/{id}", &["endpoint_configuration_id"]),
    (
        "POST",
        "/reserved_domains",
        &[
            "name",
            "http_endpoint_configuration_id",
            "https_endpoint_configuration_id",
        ],
    ),
    (
        "PATCH",
        "/reserved_domains/{id}",
        &[
            "region",
            "http_endpoint_configuration_id",
            "https_endpoint_configuration_id",
        ],
    ),
];
/// The field whose text ngrok's command line also fetches from an address.
const FETCHED: &str = "traffic_policy";

/// Adds `RESOURCE VERB` below `adit api`.
pub(super) fn augment(command: Command) -> Command {
    let mut command = command
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("RESOURCE")
        .help_template("{about-with-newline}\n{usage-heading} {usage}\n{after-help}")
        .after_help(overview(RESOURCES));
    for resource in RESOURCES {
        command = command.subcommand(
            Command::new(resource.name)
                .aliases(resource.aliases.iter().copied())
                .about(verbs(resource))
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand_value_name("VERB")
                .subcommand_help_heading("Verbs")
                // Only those of the resource that is asked for are made.
                .defer(|command| {
                    let resource = RESOURCES.iter().find(|r| r.name == command.get_name());
                    let operations = resource.map(|r| r.operations).unwrap_or_default();
                    command.subcommands(operations.iter().map(verb))
                }),
        );
    }
    command
}

fn verbs(resource: &Resource) -> String {
    let verbs: Vec<_> = resource.operations.iter().map(|o| o.verb).collect();
    verbs.join(", ")
}

/// The resources below their headings.
fn overview(resources: &[Resource]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for resource in resources {
        let mut names = vec![resource.name];
        names.extend(resource.aliases);
        let line = format!("  {:<26} {}", names.join(", "), verbs(resource));
        match groups.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((resource.group, vec![line])),
        }
    }
    groups.sort_by_key(|(group, _)| (*group == "More", *group));
    let mut text = String::new();
    for (group, lines) in groups {
        text.push_str(&format!("\n{group}:\n{}\n", lines.join("\n")));
    }
    text.push_str(
        "\nExamples:\n  adit api credentials create --acl 'bind:*.example.com' --description 'team a'\n  \
         adit api endpoints list --filter 'obj.type == \"agent\"'\n  adit api ip-policies list -o id\n",
    );
    text
}

fn verb(operation: &Operation) -> Command {
    let mut command = Common::augment_args(Command::new(operation.verb));
    if !operation.list.is_empty() {
        command = ListArgs::augment_args(command);
    }
    // Last: the groups above have a description of their own.
    command = command
        .about(operation.about)
        .long_about(None)
        .disable_version_flag(true);
    if !operation.positional.is_empty() {
        command = command.arg(
            Arg::new(path_id(operation.positional))
                .value_name(flag(operation.positional).to_ascii_uppercase())
                .required(true),
        );
    }
    for name in operation.flags {
        command = command.arg(Arg::new(path_id(name)).long(flag(name)).value_name("ID").required(true));
    }
    for field in operation.query.iter().filter(|f| !COMMON.contains(&f.name)) {
        command = command.arg(value(query_id(field), field).required(field.required));
    }
    if operation.method != "GET" {
        command = command.args([
            Arg::new("dry_run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Check everything on the server, change nothing")
                .help_heading("Writing"),
            Arg::new("wait")
                .long("wait")
                .action(ArgAction::SetTrue)
                .help("Wait until every node has the change")
                .help_heading("Writing"),
        ]);
    }
    if matches!(operation.method, "PATCH" | "PUT" | "DELETE") {
        command = command.arg(
            Arg::new("if_match")
                .long("if-match")
                .value_name("REVISION")
                .help("Only if the object has this revision")
                .help_heading("Writing"),
        );
    }
    if operation.method == "PATCH" {
        command = command.arg(
            Arg::new("unset")
                .long("unset")
                .value_name("FIELD")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("Fields to set back to nothing")
                .help_heading("Writing"),
        );
    }
    if !operation.superset.is_empty() {
        command = command.arg(
            Arg::new("adit")
                .long("adit")
                .action(ArgAction::SetTrue)
                .help("Adit's form of the object, with its additions"),
        );
    }
    for name in older(operation) {
        command = command.arg(
            Arg::new(older_id(name))
                .long(flag(name))
                .value_name("TEXT")
                .allow_hyphen_values(true)
                .hide(true),
        );
    }
    with_body(command, operation.body)
}

/// The older fields that an operation takes.
pub(super) fn older(operation: &Operation) -> &'static [&'static str] {
    let of = |(method, path, _): &&(&str, &str, _)| *method == operation.method && *path == operation.path;
    OLDER.iter().find(of).map_or(&[], |(_, _, fields)| fields)
}

fn with_body(mut command: Command, fields: &[Field]) -> Command {
    if fields.is_empty() {
        return command;
    }
    command = command.arg(
        Arg::new("data")
            .long("data")
            .value_name("JSON|@FILE")
            .allow_hyphen_values(true)
            .help("The whole body; flags are set over it")
            .help_heading("Writing"),
    );
    for field in fields {
        let mut instead = vec!["data".to_owned()];
        let mut one = value(body_id(field), field);
        if field.form == Form::Text {
            let file = file_id(field);
            // A key or a policy nearly always comes from a file.
            let usual = ["_pem", "policy", "value"].iter().any(|end| field.name.ends_with(end));
            command = command.arg(
                Arg::new(&file)
                    .long(format!("{}-file", flag(field.name)))
                    .value_name("FILE")
                    .allow_hyphen_values(true)
                    .conflicts_with(body_id(field))
                    .hide(!usual)
                    .help("The same from a file; - is stdin"),
            );
            instead.push(file);
            if field.name == FETCHED {
                let url = url_id(field);
                command = command.arg(
                    Arg::new(&url)
                        .long(format!("{}-url", flag(field.name)))
                        .value_name("URL")
                        .hide(true),
                );
                instead.push(url);
            }
        }
        if field.required {
            one = one.required_unless_present_any(instead);
        }
        command = command.arg(one);
    }
    command.after_help("Each text may be given as a file instead: --<flag>-file FILE, - is stdin")
}

/// A flag that takes what the field holds.
fn value(id: String, field: &Field) -> Arg {
    let mut about = field.about.to_owned();
    if field.addition {
        about.push_str(" [Adit]");
    }
    let arg = Arg::new(id)
        .long(flag(field.name))
        .help(about)
        .allow_hyphen_values(true);
    match field.form {
        Form::Text if !field.choices.is_empty() => {
            // The server decides: a list of today is not what it will know tomorrow.
            let choices: Vec<_> = field.choices.iter().filter(|c| !c.is_empty()).copied().collect();
            arg.value_name(choices.join("|"))
        }
        Form::Text => arg.value_name("TEXT"),
        Form::Flag => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .allow_hyphen_values(false)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool)),
        Form::Integer => arg.value_name("N").value_parser(clap::value_parser!(i64)),
        Form::Number => arg.value_name("N").value_parser(clap::value_parser!(f64)),
        Form::Texts => arg.value_name("A,B").action(ArgAction::Append),
        Form::Integers => arg
            .value_name("N,M")
            .value_delimiter(',')
            .action(ArgAction::Append)
            .value_parser(clap::value_parser!(i64)),
        Form::Map => arg
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .value_parser(ValueParser::new(pair)),
        Form::Objects => arg.value_name("JSON|KEY=VALUE,…").action(ArgAction::Append),
        Form::Json => arg.value_name("JSON"),
    }
}

/// `key=value`; nothing at all is an empty map.
fn pair(text: &str) -> Result<(String, String), String> {
    if text.is_empty() {
        return Ok(Default::default());
    }
    let (key, value) = text.split_once('=').ok_or("a key, =, and its value")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The flag of a field.
fn flag(name: &str) -> String {
    name.replace('_', "-")
}

pub(super) fn body_id(field: &Field) -> String {
    format!("body.{}", field.name)
}

pub(super) fn file_id(field: &Field) -> String {
    format!("file.{}", field.name)
}

pub(super) fn url_id(field: &Field) -> String {
    format!("url.{}", field.name)
}

pub(super) fn older_id(name: &str) -> String {
    format!("older.{name}")
}

pub(super) fn query_id(field: &Field) -> String {
    format!("query.{}", field.name)
}

pub(super) fn path_id(name: &str) -> String {
    format!("path.{name}")
}

/// Whether a parameter of the query has a flag of its own kind.
pub(super) fn is_common(field: &Field) -> bool {
    COMMON.contains(&field.name)
}
