//! Answers to visitors about endpoints (edge 10.2).

use super::table;

table! {
    NGROK_702 ngrok 702 429 Limit later
        "The agent session takes too many new connections."
        "The operator limits connections of one session."
        "Try again later, or have the limit raised.";
    NGROK_703 ngrok 703 429 Limit later
        "The organisation takes too many new connections."
        "The operator limits connections of an organisation."
        "Try again later, or have the limit raised.";
    NGROK_734 ngrok 734 429 Limit later
        "The organisation has used up its requests for this minute."
        "The operator limits requests of an organisation."
        "Try again in a minute, or have the limit raised.";
    NGROK_724 ngrok 724 502 Offline no
        "Nothing is configured to answer requests for {url}."
        "The endpoint's traffic policy ended without an action that answers."
        "Owners: let the policy end with a forwarding or answering action.";
    NGROK_741 ngrok 741 500 Internal later
        "Internal server error."
        "A fault of this server."
        "Try again; if it persists, give the request id to the operator.";
    NGROK_3002 ngrok 3002 0 Visitor no
        "The TLS handshake failed: {error}."
        "Client and server found no common terms, or the client did not accept the certificate."
        "Check the client's TLS versions and trusted authorities.";
    NGROK_3003 ngrok 3003 0 Visitor no
        "The client sent no server name."
        "Endpoints share one address and are told apart by the name in the TLS handshake."
        "Use a client that sends SNI, and a name instead of an address.";
    NGROK_3004 ngrok 3004 502 Upstream no
        "The application returned an invalid or incomplete HTTP response."
        "It speaks HTTPS or another protocol where HTTP was expected, or ended the response early."
        "Owners: check the scheme of the upstream URL and the application's log.";
    NGROK_3005 ngrok 3005 504 Upstream later
        "No connection to the application could be made in time."
        "It does not accept connections, or a firewall drops them."
        "Owners: check that the application runs and is reachable from the agent.";
    NGROK_3006 ngrok 3006 502 Upstream later
        "The application refused the connection."
        "Nothing listens at the upstream address."
        "Owners: start the application, or correct the upstream address.";
    NGROK_3007 ngrok 3007 502 Upstream later
        "The way to the application failed."
        "A gateway between agent and application returned an error."
        "Owners: look into the agent's log.";
    NGROK_3008 ngrok 3008 504 Upstream later
        "No application answered in time."
        "A response time-out is configured and ran out."
        "Try again; owners: raise the time-out, or look into the application.";
    NGROK_3009 ngrok 3009 502 Upstream later
        "The application answered with status 0."
        "That is not an HTTP response."
        "Owners: look into the application.";
    NGROK_3010 ngrok 3010 502 Upstream no
        "The application answered with the unknown status {status}."
        "HTTP statuses go from 100 to 599."
        "Owners: correct the application.";
    NGROK_3200 ngrok 3200 404 Offline later
        "The endpoint {host} is offline."
        "No agent serves this name at the moment, or the name is mistyped."
        "Check the address; owners: start the agent and look at its log.";
    NGROK_3202 ngrok 3202 503 Upstream later
        "The circuit breaker of this endpoint is open."
        "Too many requests to the application failed."
        "Try again shortly; owners: look into the application.";
    NGROK_3203 ngrok 3203 403 Access no
        "The address {ip} is blocked by the endpoint's IP rules."
        "The owner admits only certain networks."
        "Connect from an admitted network, or ask the owner.";
    NGROK_3204 ngrok 3204 403 Access no
        "The webhook signature is missing or wrong."
        "The endpoint takes only requests that its provider signed."
        "Owners: check the provider and the secret.";
    NGROK_3205 ngrok 3205 403 Access no
        "The address {ip} is blocked by the organisation's IP restriction."
        "The organisation admits only certain networks."
        "Connect from an admitted network, or ask the organisation.";
    NGROK_3206 ngrok 3206 400 Visitor no
        "A WebSocket request was expected."
        "The endpoint turns WebSockets into TCP connections."
        "Connect with a WebSocket client.";
    NGROK_3208 ngrok 3208 403 Access no
        "The organisation of this endpoint is suspended."
        "The operator suspended it."
        "Ask the operator of this server.";
    NGROK_3210 ngrok 3210 502 Agent later
        "The connection could not be forwarded to the agent."
        "The stream to the agent or to another node failed."
        "Try again; if it persists, look into the server's log.";
    NGROK_3211 ngrok 3211 403 Access no
        "The endpoint does not serve this user agent."
        "The owner refuses certain clients."
        "Use another client, or ask the owner.";
    NGROK_3213 ngrok 3213 403 Visitor no
        "The origin of this upgrade request is not allowed."
        "The endpoint takes WebSockets only from certain pages."
        "Owners: allow the origin.";
    NGROK_3214 ngrok 3214 508 Upstream no
        "More than {max} redirects were followed."
        "The application redirects in a circle."
        "Owners: correct the redirects.";
    NGROK_3401 ngrok 3401 401 Access no
        "The request lacks valid credentials."
        "The endpoint asks for a login."
        "Send credentials that the endpoint accepts.";
    NGROK_3403 ngrok 3403 403 Access no
        "The request is forbidden."
        "The endpoint's rules do not admit it."
        "Ask the owner.";
    NGROK_3603 ngrok 3603 508 Upstream no
        "A loop was detected."
        "The request passed this server too often."
        "Owners: check what the endpoint forwards to.";
    NGROK_6030 ngrok 6030 502 Offline later
        "Several endpoints have the URL {url}, but not all of them with pooling."
        "Pooling was turned off for one of them."
        "Owners: enable pooling on all, or stop the others.";
    NGROK_8012 ngrok 8012 502 Upstream later
        "The agent could not connect to the application at {upstream}."
        "Nothing listens there, or the agent cannot reach it."
        "Owners: start the application, or correct the upstream address.";
    ADIT_4031 adit 4031 403 Access later
        "The endpoint waits for approval."
        "The organisation lets a second person approve public endpoints."
        "Ask the owner to have it approved.";
    ADIT_4210 adit 4210 421 Visitor later
        "This connection is not for the host {host}."
        "It was opened for another name, whose TLS settings differ."
        "Clients open a new connection by themselves.";
    ADIT_5030 adit 5030 503 Internal later
        "The configuration of this endpoint is not usable."
        "A change could not be applied, and there is no earlier form to fall back to."
        "Owners: correct the change that the dashboard names.";
    ADIT_5031 adit 5031 503 Internal later
        "This node is cut off from the cluster and cannot tell who owns the name."
        "A name that is not reserved may have been given to somebody else meanwhile."
        "Try again; operators: restore the connection between the nodes.";
}
