//! Answers of the API (control plane 1).

use super::table;

table! {
    NGROK_200 ngrok 200 401 Visitor no
        "The request has no API key."
        "The API answers only who shows one."
        "Send the field Authorization: Bearer KEY.";
    NGROK_201 ngrok 201 401 Visitor no
        "The authorization scheme {scheme} is not known."
        "Keys come as Bearer, or as password with Basic."
        "Send the field Authorization: Bearer KEY.";
    NGROK_202 ngrok 202 401 Visitor no
        "The API key is malformed."
        "A key has two parts with an underscore between them."
        "Copy the whole key.";
    NGROK_203 ngrok 203 401 Visitor no
        "The API key is not valid."
        "Nobody has it, or it was deleted."
        "Make a new key.";
    NGROK_206 ngrok 206 401 Visitor no
        "This is an authtoken, not an API key."
        "Authtokens are for agents; it came with Basic authentication."
        "Use an API key.";
    NGROK_207 ngrok 207 401 Visitor no
        "This is an authtoken, not an API key; it came as Bearer."
        "Authtokens are for agents."
        "Use an API key.";
    NGROK_208 ngrok 208 401 Visitor no
        "This is the id of an API key, not the key."
        "The key itself is shown once, when it is made."
        "Use the key, or make a new one.";
    NGROK_210 ngrok 210 415 Visitor no
        "The content type {type} is not supported."
        "The API reads JSON in UTF-8 without content encoding."
        "Send Content-Type: application/json.";
    NGROK_211 ngrok 211 400 Visitor no
        "A {method} request has no body."
        "What it asks for stands in its path and query."
        "Leave the body out.";
    NGROK_212 ngrok 212 400 Visitor later
        "The body could not be read."
        "The connection broke, or the body came too slowly."
        "Try again.";
    NGROK_213 ngrok 213 400 Visitor no
        "The body is not JSON: {error}."
        "It is read strictly, as RFC 8259 writes it, to a depth of 32 and without repeated keys."
        "Correct the body.";
    NGROK_214 ngrok 214 400 Visitor no
        "The field {field} is not supported here."
        "Unknown fields are refused, so that a misspelt one does not pass unnoticed."
        "Use the supported fields: they are named in details.";
    NGROK_215 ngrok 215 400 Visitor no
        "The field {field} has a wrong value: {error}."
        "Its type or range is another."
        "Correct the value.";
    NGROK_216 ngrok 216 400 Visitor no
        "The request has a body, but no Content-Type."
        "The API reads JSON and guesses nothing."
        "Send Content-Type: application/json.";
    NGROK_217 ngrok 217 400 Visitor no
        "The API version {version} does not exist."
        "There is version 2."
        "Send the field Ngrok-Version: 2.";
    NGROK_218 ngrok 218 400 Visitor no
        "The request does not name an API version."
        "The field Ngrok-Version is required."
        "Send the field Ngrok-Version: 2.";
    NGROK_225 ngrok 225 429 Limit later
        "Too many requests of this API key are being answered at once."
        "A key may have only so many at a time, so that none can keep the others waiting."
        "Wait for answers before asking on.";
    NGROK_226 ngrok 226 429 Limit later
        "Too many requests: the limit of {limit} in {seconds} seconds is reached."
        "Each key and each address may ask only so often."
        "Try again after the time in the field Retry-After.";
    NGROK_227 ngrok 227 400 Visitor no
        "{value} is not the id of a {kind}."
        "Ids of that kind begin with {prefix}."
        "Give an id of that kind.";
    NGROK_230 ngrok 230 400 Visitor no
        "The query string is malformed: {error}."
        "It is decoded strictly."
        "Correct the URL.";
    NGROK_231 ngrok 231 400 Visitor no
        "The query parameter {name} is not known here."
        "Unknown names are refused, so that a misspelt one does not pass unnoticed."
        "Use the supported parameters: they are named in details.";
    NGROK_232 ngrok 232 400 Visitor no
        "The query parameter {name} occurs twice."
        "Which one is meant cannot be known."
        "Give it once.";
    NGROK_233 ngrok 233 400 Visitor no
        "The limit {value} is out of range."
        "A page has 1 to 100 objects."
        "Give a limit from 1 to 100.";
    NGROK_244 ngrok 244 400 Visitor no
        "The limit {value} is not a number."
        "A page has 1 to 100 objects."
        "Give a limit from 1 to 100.";
    NGROK_250 ngrok 250 400 Visitor no
        "The filter cannot be used: {error}."
        "Filters are expressions over one object, obj."
        "Correct the filter.";
    NGROK_6514 ngrok 6514 404 Visitor no
        "There is no backend with the id {id}."
        "Backends were replaced by cloud endpoints."
        "Make a cloud endpoint with a traffic policy.";
    NGROK_7000 ngrok 7000 404 Visitor no
        "There is no edge with the id {id}."
        "Edges were replaced by cloud endpoints."
        "Make a cloud endpoint with a traffic policy.";
    NGROK_10000 ngrok 10000 500 Internal later
        "Internal error."
        "A fault of this server."
        "Try again; if it persists, give the operation id to the operator.";
    ADIT_2001 adit 2001 404 Visitor no
        "There is no {kind} with the id {id}."
        "It never was, or is no more."
        "List what there is.";
    ADIT_2002 adit 2002 405 Visitor no
        "The method {method} is not allowed on this path."
        "The path has others."
        "Use one of the methods named in details.";
    ADIT_2003 adit 2003 404 Visitor no
        "The path {path} does not exist."
        "Paths are exact and case-sensitive."
        "Correct the path.";
    ADIT_2004 adit 2004 413 Visitor no
        "The body is too large."
        "It may have the number of bytes named in details."
        "Send less.";
    ADIT_2006 adit 2006 412 Visitor no
        "The object has another revision than the one in If-Match."
        "Somebody has changed it since it was read."
        "Read it again, then repeat the change with its new ETag.";
    ADIT_2007 adit 2007 409 Visitor no
        "The idempotency key was used before: {reason}."
        "One key stands for one request, for 24 hours."
        "Repeat the very same request, or use a new key.";
    ADIT_2008 adit 2008 403 Visitor no
        "The API key may not do this: {permission} is missing."
        "What a key may do follows from the roles of its owner."
        "Use another key, or have the role extended.";
    ADIT_2009 adit 2009 400 Visitor no
        "{operation} is described, but not part of this release."
        "It belongs to what is built later, or was replaced."
        "Use what details name as replacement, where they do.";
    ADIT_2012 adit 2012 503 Internal later
        "Nothing can be changed now: {reason}."
        "The store is away, read-only, full, or newer than this node."
        "Try again in a few seconds; if it persists, tell the operator.";
    ADIT_2014 adit 2014 503 Internal later
        "Too many changes are waiting."
        "All changes pass one gate, and this one did not reach it in time."
        "Try again in a few seconds.";
    ADIT_2018 adit 2018 400 Visitor no
        "The endpoint {id} belongs to an agent."
        "It is as its agent offers it, and ends with it."
        "Stop or change the agent.";
    ADIT_2301 adit 2301 404 Visitor no
        "That part of the log is gone."
        "Entries are kept for a time, then removed; the oldest one that is there is named in details."
        "Ask from that one on.";
}
