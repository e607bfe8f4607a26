//! Protocol errors of visitors, answered with a short plain text (edge 10.3).

use super::table;

table! {
    ADIT_4000 adit 4000 400 Visitor no
        "The request is malformed."
        "A line or field of the head does not follow RFC 9112."
        "Correct the client.";
    ADIT_4001 adit 4001 400 Visitor no
        "The length of the request is ambiguous."
        "Content-Length and Transfer-Encoding contradict each other, or one of them is repeated or malformed."
        "Send exactly one of them.";
    ADIT_4002 adit 4002 400 Visitor no
        "The Host of the request is missing, repeated or invalid."
        "Endpoints are found by it."
        "Send exactly one valid Host.";
    ADIT_4003 adit 4003 400 Visitor no
        "The chunked body is malformed."
        "A chunk size or line end does not follow RFC 9112 section 7.1."
        "Correct the client.";
    ADIT_4004 adit 4004 400 Visitor no
        "The path of the request is ambiguous."
        "It has encoded dots or slashes, which this endpoint refuses."
        "Send the path in its plain form.";
    ADIT_4005 adit 4005 400 Visitor no
        "This port speaks TLS; use https."
        "A plain HTTP request came to it."
        "Use https:// in the address.";
    ADIT_4050 adit 4050 405 Visitor no
        "The method is not allowed."
        "CONNECT and TRACE are not served."
        "Use another method.";
    ADIT_4080 adit 4080 408 Visitor later
        "The request took too long to arrive."
        "Head or body were slower than the limits allow."
        "Try again on a better connection.";
    ADIT_4130 adit 4130 413 Visitor no
        "The body is too large."
        "The endpoint limits it, or an action has to read it whole."
        "Send less.";
    ADIT_4140 adit 4140 414 Visitor no
        "The target of the request is too long."
        "It is limited by limits.http.uri_max."
        "Send the data in the body.";
    ADIT_4170 adit 4170 417 Visitor no
        "The expectation cannot be met."
        "Only 100-continue is known."
        "Leave the Expect field out.";
    ADIT_4310 adit 4310 431 Visitor no
        "The head of the request is too large."
        "Size or number of its fields are over the limits."
        "Send fewer or smaller fields; often cookies are the cause.";
    ADIT_5010 adit 5010 501 Upstream no
        "The upgrade cannot be done with this upstream."
        "The upstream protocol of the endpoint has no way for it."
        "Owners: set the upstream protocol to http1.";
    ADIT_5050 adit 5050 505 Visitor no
        "The HTTP version is not supported."
        "HTTP/1.0, HTTP/1.1 and HTTP/2 are served here."
        "Use one of these.";
}
