//! Commands to agents (agent protocol 5.7). 204 says that the agent has agreed; what it does then takes its time.

use adit_cluster::{Command, CommandError, SessionFacts, Target};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use adit_store::Fact;
use serde_json::{Map, Value, json};

use super::{Endpoints, Kind, TunnelSessions, as_kind, found, owner};
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Answer;

/// The permission for commands to sessions.
const CONTROL: &str = "sessions:control";
/// Longest version or message in bytes.
const MAX_TEXT: usize = 255;

/// `POST /tunnel_sessions/{id}/stop`.
pub(crate) fn stop<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        Fields::of(call, &["id"])?;
        to_session(call, Command::Stop).await
    })
}

/// `POST /tunnel_sessions/{id}/restart`.
pub(crate) fn restart<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        Fields::of(call, &["id"])?;
        to_session(call, Command::Restart).await
    })
}

/// `POST /tunnel_sessions/{id}/update`.
pub(crate) fn update<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let fields = Fields::of(call, &["id", "version"])?;
        let command = Command::Update {
            version: fields.text("version")?.to_owned(),
            permit_major_version: false,
        };
        to_session(call, command).await
    })
}

/// `POST /adit/endpoints/{id}/disable`: the endpoint of an agent ends, its agent is told why.
pub(crate) fn disable<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let fields = Fields::of(call, &["id", "message"])?;
        let message = fields.text("message")?.to_owned();
        found::<Endpoints>(call)?;
        let id = as_kind(&call.id, Prefix::Tunnel);
        give(call, Endpoints::NAME, Target::Endpoint { id, message }).await
    })
}

async fn to_session(call: &Call<'_>, command: Command) -> Result<Reply, ApiError> {
    let session = found::<TunnelSessions>(call)?;
    controls(call, &session.facts)?;
    let id = session.facts.id.clone();
    let name = match &command {
        Command::Stop => "stop",
        Command::Restart => "restart",
        Command::Update { .. } => "update",
    };
    let answer = give(
        call,
        TunnelSessions::NAME,
        Target::Session {
            id: id.clone(),
            command,
        },
    )
    .await;
    let result = answer
        .as_ref()
        .map_or_else(|error| error.code().as_str(), |_| "accepted");
    let fact = Fact {
        event_type: "agent_session_command.v0",
        object: Some(("tunnel_session".to_owned(), id.clone())),
        after: json!({"session": id, "command": name, "result": result}),
    };
    call.api
        .record
        .fact(call.caller.organization, call.caller.actor(), fact);
    answer
}

/// Whether the caller may command this session: all of them, or those of his own authtokens.
fn controls(call: &Call<'_>, session: &SessionFacts) -> Result<(), ApiError> {
    let owner = owner(call.api, session);
    let reach = call.caller.reach(CONTROL);
    if reach.covers(call.caller.principal, owner, "tunnel_session", || Value::Null) {
        return Ok(());
    }
    Err(call.caller.lacks(CONTROL))
}

async fn give(call: &Call<'_>, kind: &str, target: Target) -> Result<Reply, ApiError> {
    match call.api.told.commands.give(target).await {
        Ok(()) => Ok(Reply::Done),
        // It ended meanwhile.
        Err(CommandError::NotFound) => Err(ApiError::new(ErrorCode::ADIT_2001, &[("kind", kind), ("id", &call.id)])),
        Err(CommandError::Refused { code, text }) => Err(ApiError::with_text(code, text)),
    }
}

/// The fields of a command's body, of which all may be missing.
struct Fields<'c>(Option<&'c Map<String, Value>>);

impl<'c> Fields<'c> {
    /// Only `known` fields; `id` only as the path has it.
    fn of(call: &'c Call<'_>, known: &[&str]) -> Result<Self, ApiError> {
        let wrong = |field: &str, error: &str| {
            ApiError::new(ErrorCode::NGROK_215, &[("field", field), ("error", error)]).detail("field", field)
        };
        let fields = match &call.body {
            None => return Ok(Self(None)),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(wrong("", "it is not an object")),
        };
        if let Some(field) = fields.keys().find(|f| !known.contains(&f.as_str())) {
            return Err(ApiError::new(ErrorCode::NGROK_214, &[("field", field)])
                .detail("field", field.chars().take(64).collect::<String>())
                .detail("supported", known.join(" ")));
        }
        let same = match fields.get("id") {
            None | Some(Value::Null) => true,
            Some(id) => id == "" || *id == call.id.as_str(),
        };
        if !same {
            return Err(wrong("id", "it is not the one in the path"));
        }
        Ok(Self(Some(fields)))
    }

    /// A text; empty if it is not there.
    fn text(&self, name: &str) -> Result<&'c str, ApiError> {
        let error = match self.0.and_then(|f| f.get(name)) {
            None | Some(Value::Null) => return Ok(""),
            Some(Value::String(text)) if text.len() > MAX_TEXT => "it is longer than 255 bytes",
            Some(Value::String(text)) if text.chars().any(char::is_control) => "it has control characters",
            Some(Value::String(text)) => return Ok(text),
            Some(_) => "it is not a string",
        };
        Err(ApiError::new(ErrorCode::NGROK_215, &[("field", name), ("error", error)]).detail("field", name))
    }
}
