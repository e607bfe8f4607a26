//! Streams, remote commands and updates (agent protocol 7.4).

use super::table;

table! {
    NGROK_800 ngrok 800 0 Invalid no
        "Unknown stream type: {type}."
        "The client speaks a newer or another protocol."
        "Update server or client.";
    NGROK_801 ngrok 801 0 Invalid no
        "The {message} message is not valid: {error}."
        "A field is missing, has another type, or the JSON is broken."
        "Update the agent or SDK; if it is current, report the fault to its makers.";
    NGROK_802 ngrok 802 0 Internal later
        "Internal error. Request {request}."
        "A fault of this server."
        "Try again; if it persists, give the request id to the operator.";
    NGROK_803 ngrok 803 0 Offline later
        "The server is shutting down and takes no new requests."
        "It is being stopped or updated."
        "Try again; agents reconnect by themselves.";
    NGROK_804 ngrok 804 400 Command no
        "The agent cannot be restarted from here: {reason}."
        "It said so when it logged in."
        "Restart it where it runs.";
    NGROK_805 ngrok 805 400 Command no
        "The agent cannot be stopped from here: {reason}."
        "It said so when it logged in."
        "Stop it where it runs, or revoke its credential.";
    NGROK_806 ngrok 806 400 Command no
        "The agent cannot be updated from here: {reason}."
        "It said so when it logged in."
        "Update it where it runs.";
    NGROK_807 ngrok 807 400 Command no
        "The agent failed to stop: {error}."
        "The agent answered with an error."
        "Look into its log.";
    NGROK_808 ngrok 808 400 Command no
        "The agent failed to restart: {error}."
        "The agent answered with an error."
        "Look into its log.";
    NGROK_809 ngrok 809 400 Command no
        "The agent failed to update: {error}."
        "The agent answered with an error."
        "Look into its log.";
    NGROK_810 ngrok 810 503 Command later
        "The agent could not be asked, or did not answer in time."
        "It is reconnecting, or the connection broke."
        "Try again when the session is online.";
    NGROK_813 ngrok 813 0 Invalid no
        "The message {message} is not part of protocol version {version}."
        "The client asked for an older version."
        "Update the client.";
    ADIT_1301 adit 1301 503 Limit later
        "The agent of this endpoint has no free stream."
        "It serves as many connections as it can at once."
        "Try again shortly; owners: start more agents with pooling, or use Adit's own agent.";
    ADIT_1302 adit 1302 502 Agent later
        "The agent refused the connection at every try."
        "It is stopping, or its queue is full."
        "Try again; owners: look into the agent's log.";
    ADIT_1303 adit 1303 502 Agent no
        "The connection to the agent was lost before the response began."
        "Whether the application handled the request is not known."
        "Check before you repeat a request that changes something.";
    ADIT_1401 adit 1401 0 Command no
        "The signature of the update does not fit."
        "The file was changed or does not come from this server."
        "Do not install it; tell the operator.";
    ADIT_1402 adit 1402 0 Command no
        "The update {version} is not newer than what runs."
        "The version asked for is the current or an older one."
        "Nothing to do; name a version with --version to change that.";
}

/// Stands in for a row that does not exist, which cannot happen: codes are made with their row.
pub(super) static INTERNAL: super::Entry = super::Entry {
    code: super::ErrorCode::NGROK_802,
    text: "ERR_NGROK_802",
    status: 500,
    class: super::Class::Internal,
    retryable: true,
    what: "Internal error.",
    why: "A fault of this server.",
    fix: "Try again.",
};
