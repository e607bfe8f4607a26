//! Writes the table as Rust.

use std::fmt::Write as _;

use super::document::{Field, Operation, Resource};

pub(super) fn table(resources: &[Resource]) -> String {
    let mut out = String::from(
        "//! All operations. Written by `cargo xtask api-table` from `crates/api/openapi.json`: do not edit.\n\n\
         use super::operation::{Field, Form, Operation, Resource};\n\n\
         #[rustfmt::skip]\n\
         pub(crate) static RESOURCES: &[Resource] = &[\n",
    );
    for resource in resources {
        let _ = writeln!(
            out,
            "    Resource {{ name: {:?}, aliases: &{:?}, group: {:?}, operations: &[",
            resource.name, resource.aliases, resource.group
        );
        for operation in &resource.operations {
            one(&mut out, operation);
        }
        out.push_str("    ] },\n");
    }
    out.push_str("];\n");
    out
}

fn one(out: &mut String, o: &Operation) {
    let _ = writeln!(
        out,
        "        // {}\n        Operation {{ verb: {:?}, about: {:?},",
        o.id, o.verb, o.about
    );
    let _ = writeln!(
        out,
        "            method: {:?}, path: {:?}, positional: {:?}, flags: &{:?}, superset: {:?}, list: {:?},",
        o.method, o.path, o.positional, o.flags, o.superset, o.list
    );
    let _ = writeln!(out, "            query: {},", fields(&o.query));
    let _ = writeln!(out, "            body: {} }},", fields(&o.body));
}

fn fields(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "&[]".to_owned();
    }
    let mut out = String::from("&[\n");
    for f in fields {
        let _ = writeln!(
            out,
            "                Field {{ name: {:?}, form: Form::{}, required: {}, addition: {}, choices: &{:?}, about: {:?} }},",
            f.name, f.form, f.required, f.addition, f.choices, f.about
        );
    }
    out.push_str("            ]");
    out
}
