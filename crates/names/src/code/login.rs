//! Answers to a login (agent protocol 7.2).

use super::table;

table! {
    NGROK_100 ngrok 100 0 Invalid no
        "The metadata is {size} bytes long, at most 4096 are allowed."
        "Metadata is kept with every session and endpoint and shown in events."
        "Shorten the metadata, or keep the data elsewhere and store a reference.";
    NGROK_105 ngrok 105 0 Credential no
        "The authtoken {token} does not look like an authtoken of this server."
        "Its length or characters do not fit, and no stored credential equals it."
        "Copy the whole authtoken from the dashboard, or make a new one with \"adit api credentials create\".";
    NGROK_106 ngrok 106 0 Credential no
        "The authtoken {token} is an ngrok token, but this server is Adit."
        "Tokens of ngrok's service are unknown to a server of your own."
        "Make an authtoken on this server and configure it in the agent.";
    NGROK_107 ngrok 107 0 Credential no
        "The authtoken {token} is well-formed but not known to this server."
        "It was deleted, belongs to another server, or was mistyped."
        "Check that the connect address and the authtoken belong to the same server, or make a new authtoken.";
    NGROK_108 ngrok 108 0 Limit later
        "The organisation already has {max} sessions, its limit."
        "The operator limits how many agents may be connected at the same time."
        "Stop an agent that is not needed, run several endpoints in one agent, or raise agents.max_sessions.";
    NGROK_109 ngrok 109 0 Invalid no
        "The login message is not valid: {error}."
        "The client sent JSON that does not have the form of the protocol."
        "Update the agent or SDK; if it is current, report the fault to its makers.";
    NGROK_111 ngrok 111 0 Invalid no
        "The heartbeat interval {value} is too short, at least 1s is required."
        "Every session costs the server a beat per interval."
        "Set heartbeat_interval to 1s or more.";
    NGROK_112 ngrok 112 0 Invalid no
        "The heartbeat tolerance {value} is too short, at least 1s is required."
        "A shorter tolerance takes ordinary delays of the network for a lost connection."
        "Set heartbeat_tolerance to 1s or more.";
    NGROK_115 ngrok 115 0 Access no
        "The address {ip} is not allowed by the organisation's IP restriction for agents."
        "The organisation admits agents only from listed networks."
        "Connect from a listed network, or have the restriction changed.";
    NGROK_116 ngrok 116 0 Access no
        "The address {ip} is not allowed by the IP rules of this credential."
        "The credential may be used only from listed networks."
        "Connect from a listed network, use another credential, or have its rules changed.";
    NGROK_118 ngrok 118 0 Access no
        "The organisation may not use the agent ingress {ingress}."
        "The ingress belongs to another organisation."
        "Use the default connect address, or an ingress of your organisation.";
    NGROK_121 ngrok 121 0 Credential no
        "The {product} version {version} is too old, at least {minimum} is required."
        "The organisation requires newer agents."
        "Update the agent or SDK.";
    NGROK_122 ngrok 122 0 Access no
        "This credential may not log in at the agent ingress {ingress}."
        "The ingress admits only certain credentials, or the credential's organisation logs in only elsewhere."
        "Use a credential that the ingress admits, or another connect address.";
    NGROK_124 ngrok 124 0 Invalid no
        "The user agent is not valid: {error}."
        "It has control characters or more than 1024 bytes."
        "Shorten the client information that the program gives to the SDK.";
    NGROK_126 ngrok 126 0 Access no
        "The agent ingress {ingress} is not available from the address {ip}."
        "The ingress has IP policies."
        "Connect from an allowed network, or have the policies changed.";
    NGROK_127 ngrok 127 0 Access no
        "The organisation may not use the agent ingress from the address {ip}."
        "The organisation's rules limit where its agents log in from."
        "Connect from an allowed network, or have the rules changed.";
    NGROK_128 ngrok 128 0 Internal later
        "Something went wrong while logging in; please try again. Request {request}."
        "The server could not finish the login now."
        "Try again; if it persists, give the request id to the operator.";
    NGROK_300 ngrok 300 0 Credential no
        "The credential {credential} has been revoked."
        "Somebody revoked or deleted it, or its owner was disabled."
        "Use another credential.";
    NGROK_348 ngrok 348 0 Limit later
        "The credential already has {max} sessions, its limit."
        "The operator limits the sessions of one credential."
        "Stop an agent that uses it, or use another credential.";
    NGROK_742 ngrok 742 503 Offline later
        "The server is draining connections; please reconnect."
        "It is being stopped or updated."
        "Nothing: agents reconnect by themselves, visitors try again.";
    NGROK_743 ngrok 743 503 Limit later
        "The server is shedding load; please try again shortly."
        "It has more work than it can do in time."
        "Try again in a few seconds; operators: see the metrics for lag and memory.";
    NGROK_811 ngrok 811 0 Invalid no
        "No common protocol version: asked {asked}, this server speaks 3 and 2."
        "The client is much older or much newer than the server."
        "Update the older of the two.";
    NGROK_812 ngrok 812 0 Invalid no
        "The message is larger than {max} bytes."
        "Messages of a session are limited to 1 MiB."
        "Make the traffic policy or metadata smaller.";
    NGROK_4018 ngrok 4018 0 Credential no
        "The agent gave no authtoken."
        "A session needs a credential."
        "Set authtoken in the configuration, ADIT_AUTHTOKEN, or pass it to the SDK.";
    NGROK_9024 ngrok 9024 0 Limit no
        "The session may not have a leg number {leg}, at most {max} legs are allowed."
        "The server limits the connections of one session."
        "Lower the number of legs, or raise agents.max_legs.";
    NGROK_15014 ngrok 15014 0 Credential no
        "The credential {credential} may not start agent sessions."
        "It lacks the scope for it."
        "Use a credential that may, or have its scopes changed.";
    ADIT_1101 adit 1101 0 Invalid no
        "A {message} was sent before the login."
        "Before a session is logged in, only a login or a question about the server is answered."
        "A fault of the client: update the agent or SDK.";
    ADIT_1102 adit 1102 0 Invalid no
        "The connection is logged in already."
        "One connection is one leg of one session."
        "A fault of the client: open a new connection for a new session.";
    ADIT_1103 adit 1103 0 Agent later
        "The leg {leg} has no session here."
        "Its cookie is missing, has expired or belongs to a session that has ended."
        "Log in as leg 0 first; agents do so by themselves.";
    ADIT_1104 adit 1104 0 Credential no
        "A client certificate is required here, or the one given does not fit the credential."
        "The agent ingress asks for mutual TLS."
        "Set connect_cert and connect_key to a certificate that the ingress trusts.";
    ADIT_1105 adit 1105 0 Internal later
        "The credential cannot be checked at the moment."
        "The store is not reachable and this server has not seen the credential before."
        "Try again; operators: check the database.";
    ADIT_1106 adit 1106 0 Access no
        "The organisation is suspended."
        "The operator of this server suspended it: its agents may not connect."
        "Ask the operator.";
}
