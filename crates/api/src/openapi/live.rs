//! Schemas of what is live, which has no descriptor: tunnels, sessions of agents, and bodies of commands.

use serde_json::{Map, Value, json};

/// The schema with this name.
pub(super) fn schema(name: &str) -> Option<Value> {
    let fields = FIELDS.iter().find(|(n, _)| *n == name).map(|(_, fields)| *fields)?;
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, form, about)| {
            let mut schema = match *form {
                "ref" => json!({"$ref": "#/components/schemas/Ref"}),
                "ref?" => json!({"oneOf": [{"$ref": "#/components/schemas/Ref"}, {"type": "null"}]}),
                "refs" => json!({"type": "array", "items": {"$ref": "#/components/schemas/Ref"}}),
                "texts" => json!({"type": "array", "items": {"type": "string"}}),
                "map" => json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "time" => json!({"type": "string", "format": "date-time"}),
                "text?" => json!({"type": ["string", "null"]}),
                "integer?" => json!({"type": ["integer", "null"]}),
                "object?" => json!({"type": ["object", "null"]}),
                "object" | "array" | "boolean" | "integer" => json!({ "type": form }),
                _ => json!({"type": "string"}),
            };
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), (*about).into());
            }
            ((*name).to_owned(), schema)
        })
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !BODIES.contains(&name) {
        schema["required"] = fields.iter().map(|(name, ..)| *name).collect::<Vec<_>>().into();
    }
    Some(schema)
}

/// Those that are bodies of requests: nothing in them is required.
const BODIES: &[&str] = &[
    "Item",
    "TunnelSessionsUpdate",
    "AditEndpointsDisable",
    "AditAuthorize",
    "AditMeUpdate",
    "AditSessionsCreate",
    "AditSetup",
    "AditPasswordReset",
    "AditInvitationsAccept",
    "AditMePasswordUpdate",
    "AditMeVerify",
    "AditMeTotpCreate",
    "AditPolicyCheck",
    "AditPolicyTest",
    "AditPolicyExplain",
    "AditPolicyConvert",
];

type Shape = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

#[rustfmt::skip]
static FIELDS: &[Shape] = &[
    ("Root", &[
        ("uri", "text", "This."),
        ("subresource_uris", "map", "Where everything is, by name."),
    ]),
    ("Item", &[("id", "text", "The id in the path, again.")]),
    ("TunnelSessionsUpdate", &[
        ("id", "text", "The id in the path, again."),
        ("version", "text", "Version to update to; the newest if nothing is given."),
    ]),
    ("AditEndpointsDisable", &[
        ("id", "text", "The id in the path, again."),
        ("message", "text", "What its agent is told."),
    ]),
    ("AditSessionsCreate", &[
        ("email", "text", "Your e-mail address."),
        ("password", "text", "Your password; without it the ways to sign in are answered."),
        ("totp", "text", "The code that your authenticator shows, if it is asked for."),
        ("recovery_code", "text", "A recovery code in its place."),
    ]),
    ("AditSetup", &[("password", "text", "The password, 12 to 1024 bytes.")]),
    ("AditPasswordReset", &[
        ("token", "text", "What the link has behind #reset=."),
        ("password", "text", "The new password, 12 to 1024 bytes."),
    ]),
    ("AditInvitationsAccept", &[
        ("token", "text", "What the link has behind #invitation=."),
        ("password", "text", "Your password; who is no user yet chooses one."),
        ("name", "text", "Your name, if you are no user yet."),
        ("totp", "text", "The code that your authenticator shows, if it is asked for."),
        ("recovery_code", "text", "A recovery code in its place."),
    ]),
    ("AditMePasswordUpdate", &[
        ("current_password", "text", "The one that you have."),
        ("password", "text", "The new one, 12 to 1024 bytes."),
    ]),
    ("AditMeVerify", &[
        ("password", "text", "Your password."),
        ("totp", "text", "The code that your authenticator shows, in its place."),
    ]),
    ("AditMeTotpCreate", &[
        ("code", "text", "The code that your authenticator shows; without it a new secret is answered."),
    ]),
    ("AditRecoveryCodes", &[("recovery_codes", "texts", "Each is good once.")]),
    ("AditPasswordLink", &[
        ("link", "text", "The link; hand it to the user."),
        ("expires_at", "time", "Until when it is good."),
    ]),
    ("AditSession", &[
        ("id", "text", "Its id, ses_…."),
        ("uri", "text", "Where it is."),
        ("user", "ref", "Whose it is."),
        ("created_at", "time", "When its user signed in."),
        ("last_seen", "time", "When it was last used, to a minute."),
        ("expires_at", "time", "When it ends if it is not used."),
        ("ip", "text", "Where its user signed in from."),
        ("user_agent", "text", "The browser."),
        ("current", "boolean", "Whether it is the one that asks."),
    ]),
    ("AditMeUpdate", &[
        ("name", "text", "Your name."),
        ("locale", "text", "Language of the dashboard, as en or de-DE."),
    ]),
    ("AditAuthorize", &[
        ("operation", "text", "Name of the operation, as IpPoliciesCreate."),
        ("object", "text", "Id of the object that it is about."),
        ("as", "text", "A member or service user, by id or e-mail; you if nothing is given."),
    ]),
    ("AditPolicyCheck", &[
        ("traffic_policy", "text", "The document, YAML or JSON."),
        ("url", "text", "URL of the endpoint that it is for; https if nothing is given."),
        ("binding", "text", "public, internal or kubernetes; follows from the URL if nothing is given."),
        ("type", "text", "agent or cloud; agent if nothing is given."),
    ]),
    ("AditPolicyReport", &[
        ("valid", "boolean", "Whether it would be accepted."),
        ("terminating", "boolean", "Whether a rule ends every request."),
        ("adit_only", "boolean", "Whether only Adit understands it."),
        ("adit_only_at", "array", "Where: path, line, column, message."),
        ("phases", "texts", "Phases in which it has rules."),
        ("errors", "array", "What is wrong: code, path, line, column, end_column, message, fix."),
        ("warnings", "array", "What is allowed and probably not meant: code, path, line, column, message."),
        ("cost", "object", "Steps that its expressions may take: total, largest, at (the path of the dearest), limit (of one)."),
    ]),
    ("AditPolicyTest", &[
        ("cases", "text", "A case file, as adit policy test reads it."),
        ("traffic_policy", "text", "The document that a policy_file of a case stands for."),
    ]),
    ("AditPolicyTested", &[
        ("passed", "integer", "Cases that came out as expected."),
        ("failed", "integer", "Cases that did not."),
        ("skipped", "object", "Cases that were not run, by what is lacking."),
        ("unverified", "object", "Cases with the tag unverified, apart: passed, failed."),
        ("cases", "array", "Each case: id, unverified, outcome, details."),
    ]),
    ("AditPolicyExplain", &[
        ("traffic_policy", "text", "The document, YAML or JSON; with endpoint in the place of its own policy."),
        ("type", "text", "agent or cloud; agent if nothing is given."),
        ("endpoint", "text", "Id ep_… or URL of the endpoint that is asked, with its guardrails and those that it forwards to."),
        ("effects", "boolean", "Whether requests that policies send are sent, by the server's guarded client."),
        ("request", "object", "method, url, headers, body, client: ip, country, cert, identity, tls; of a connection url and client."),
        ("upstream_status", "integer", "Status of the service's answer; 200 if nothing is given."),
    ]),
    ("AditPolicyExplanation", &[
        ("layers", "array", "The policies that it came to: endpoint, endpoint_id, guardrail, name, dry_run, broken."),
        ("rules", "array", "Every rule of them: layer, path, id, name, outcome, why, expression, values, would, actions (type, outcome, config, effects, results)."),
        ("forwarded", "object?", "The request as the service gets it."),
        ("forwarded_to", "text?", "The internal endpoint that it was forwarded to."),
        ("response", "object?", "Status, headers and begin of the body of the answer."),
        ("closed", "boolean", "Whether the connection was closed."),
        ("vars", "object", "Variables."),
        ("logs", "array", "What was logged."),
        ("errors", "array", "Expressions and templates that failed."),
        ("cost", "object", "Elements that each phase used, and how many it may."),
        ("notes", "texts", "What was taken to be so because it is not known."),
    ]),
    ("AditGuardrailAffected", &[
        ("endpoints", "array", "The endpoints that it is about now and that you may read, each with what it lacks of what is required."),
        ("hidden", "integer", "How many others it is about: of other organisations, or such that you may not read."),
        ("truncated", "boolean", "Whether there may be more: not all endpoints were looked at, or not all are shown."),
        ("would_refuse", "object?", "How often it would have refused on this node since it began, or in the hours asked for, and the last time; null before it is made."),
    ]),
    ("AditGuardrailPreview", &[
        ("name", "text", "Its name; it may be missing."),
        ("scope", "object", "Whom it is about; as of a guardrail."),
        ("policy", "text", "What happens to visitors, as YAML or JSON."),
        ("require", "array", "What the own policies of endpoints must have; as of a guardrail."),
        ("exceptions", "array", "Rules that do not hold for an endpoint."),
        ("installation", "boolean", "Whether it is about the endpoints of all organisations."),
    ]),
    ("AditPolicyConvert", &[
        ("traffic_policy", "text", "The old document."),
        ("url", "text", "URL of the endpoint that it is for; https if nothing is given."),
        ("binding", "text", "public, internal or kubernetes; follows from the URL if nothing is given."),
        ("type", "text", "agent or cloud; agent if nothing is given."),
    ]),
    ("AditPolicyConverted", &[("traffic_policy", "text", "The document in the form of today.")]),
    ("Tunnel", &[
        ("id", "text", "Its id, tn_…."),
        ("public_url", "text", "URL at which it is reached."),
        ("started_at", "time", "When it was started."),
        ("metadata", "text", "Data of the agent's own."),
        ("proto", "text", "http, https, tcp or tls."),
        ("region", "text", "Region of the node that the agent is connected to."),
        ("tunnel_session", "ref", "The session that offers it."),
        ("endpoint", "ref?", "The endpoint that it is."),
        ("labels", "map", "Labels, of tunnels that have them in place of a URL."),
        ("backends", "refs", "Always empty."),
        ("forwards_to", "text", "Where the agent says that it forwards to."),
    ]),
    ("TunnelSession", &[
        ("id", "text", "Its id, ts_…."),
        ("agent_version", "text", "Version of the agent or of the application that it is part of."),
        ("credential", "ref", "The authtoken that it logged in with."),
        ("ip", "text", "Address that it came from."),
        ("metadata", "text", "Data of the agent's own."),
        ("os", "text", "Operating system of the agent's machine."),
        ("region", "text", "Region of the node that it is connected to."),
        ("started_at", "time", "When it was started."),
        ("transport", "text", "Protocol between agent and server."),
        ("uri", "text", "Where it is."),
    ]),
    ("AuditEntry", &[
        ("position", "integer", "Its place in the whole log."),
        ("organization_id", "text", "Whose chain it is in."),
        ("chain", "text", "config or live."),
        ("seq", "integer", "Its number in the chain."),
        ("origin", "object?", "Node, generation and number, of activity."),
        ("event_id", "text", "Its id, ev_…."),
        ("event_type", "text", "What happened."),
        ("at", "time", "When."),
        ("principal_id", "text?", "Which user or service user did it."),
        ("subject", "text?", "His e-mail address or name."),
        ("source", "text", "Through what."),
        ("credential_id", "text?", "With which key or authtoken."),
        ("ip", "text?", "From where."),
        ("user_agent", "text?", "With what program."),
        ("operation_id", "text?", "In which request."),
        ("node", "text", "On which node."),
        ("object_kind", "text?", "What kind of object it concerns."),
        ("object_id", "text?", "Which object."),
        ("revision", "integer?", "The object's revision since then."),
        ("before", "object?", "The object before."),
        ("after", "object?", "The object since then, or what was recorded."),
        ("prev_hash", "text", "Hash of the entry before it."),
        ("hash", "text", "Its hash."),
    ]),
    ("AditTunnelSession", &[
        ("id", "text", "Its id, ts_…."),
        ("agent_version", "text", "Version of the agent or of the application that it is part of."),
        ("credential", "ref", "The authtoken that it logged in with."),
        ("ip", "text", "Address that it came from."),
        ("metadata", "text", "Data of the agent's own."),
        ("os", "text", "Operating system of the agent's machine."),
        ("region", "text", "Region of the node that it is connected to."),
        ("started_at", "time", "When it was started."),
        ("transport", "text", "Protocol between agent and server."),
        ("uri", "text", "Where it is."),
        ("hostname", "text", "Name of the agent's machine."),
        ("arch", "text", "Processor of the agent's machine."),
        ("client_type", "text", "What kind of program the agent is."),
        ("user_agent", "texts", "The products that it is made of."),
        ("node", "text", "Node that it is connected to."),
        ("legs", "array", "Its connections."),
        ("heartbeat", "object", "How often it shows that it lives."),
        ("commands", "object", "The commands that it takes."),
        ("endpoints", "refs", "What it offers."),
    ]),
];
