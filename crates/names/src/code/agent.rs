//! Codes that never cross the wire: the agent's configuration, and what "adit diagnose" finds
//! (agent protocol 7.4).

use super::table;

table! {
    NGROK_8000 ngrok 8000 0 Network later
        "The name {host} could not be resolved: {error}."
        "DNS does not answer, or does not know it."
        "Check the connect address and the resolver.";
    NGROK_8001 ngrok 8001 0 Network later
        "There is no connection to the internet: {error}."
        "Neither the server nor other hosts can be reached."
        "Check the network.";
    NGROK_8002 ngrok 8002 0 Network later
        "No TCP connection to {host}: {error}."
        "A firewall blocks it, or nothing listens."
        "Allow outgoing connections to the connect address.";
    NGROK_8003 ngrok 8003 0 Network no
        "No TLS connection to {host}: {error}."
        "The certificate is not trusted, or something in between answers instead."
        "Configure connect_cas, or have the connect address excepted from inspection.";
    NGROK_8004 ngrok 8004 0 Network later
        "No session with {host}: {error}."
        "TLS works, but what answers does not speak the agent protocol."
        "Check the connect address and proxies in between.";
    NGROK_8005 ngrok 8005 0 Network later
        "The proxy's name could not be resolved: {error}."
        "DNS does not know it."
        "Check proxy_url.";
    NGROK_8006 ngrok 8006 0 Network later
        "No connection to the proxy {url}: {error}."
        "The proxy refuses or cannot be reached."
        "Check proxy_url and its credentials.";
    NGROK_8007 ngrok 8007 0 Network later
        "None of the servers could be reached by TCP."
        "A firewall blocks outgoing connections."
        "Allow outgoing connections to the connect addresses.";
    NGROK_8008 ngrok 8008 0 Network later
        "None of the servers completed a TLS handshake."
        "Something in between ends TLS."
        "Have the connect addresses excepted from inspection, or configure connect_cas.";
    NGROK_8009 ngrok 8009 0 Network later
        "None of the servers started a session."
        "Something in between lets only HTTP through."
        "Try transport: websocket.";
    NGROK_8010 ngrok 8010 0 Network later
        "Only the resolver {resolver} returns {ip} for {host}."
        "The resolvers disagree; one of them may be wrong."
        "Check the resolvers.";
    NGROK_8011 ngrok 8011 0 Network later
        "IPv6 does not work here."
        "It may be disabled, or its routes are broken."
        "Repair or disable IPv6; IPv4 is used meanwhile.";
    ADIT_1501 adit 1501 0 Local no
        "The configuration file {file} cannot be used: {error}."
        "It cannot be read, or line and column named are not valid."
        "Correct the file; \"adit config check\" shows the same.";
    ADIT_1502 adit 1502 0 Local no
        "Unknown key {key} in {file}."
        "Keys are checked, so that a misspelt one does not pass unnoticed."
        "Correct the key; the nearest known one is named.";
    ADIT_1503 adit 1503 0 Local no
        "The file has no endpoint named {name}."
        "Endpoints are started by their name."
        "Use one of the names in the file, or --all.";
    ADIT_1504 adit 1504 0 Local no
        "The address {address} of the local API is in use."
        "Another agent or program listens there."
        "Stop it, or set web_addr.";
    ADIT_1505 adit 1505 0 Local no
        "The upstream {upstream} cannot be used: {error}."
        "Upstreams are a port, host:port or URL."
        "Correct the upstream.";
}
