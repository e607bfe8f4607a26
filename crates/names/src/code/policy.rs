//! Traffic Policy: what is refused when a document is written, and what fails when it runs (traffic policy 1.5, 7.4).

use super::table;

table! {
    NGROK_2200 ngrok 2200 400 Invalid no
        "The expression at {path} cannot be used: {error}."
        "Its syntax, a name, a number of arguments or its phase is wrong."
        "Correct the expression; known names are in the reference of Traffic Policy.";
    NGROK_2201 ngrok 2201 400 Invalid no
        "The action type {type} is not known."
        "Actions are named exactly."
        "Use one of the documented types.";
    NGROK_2202 ngrok 2202 400 Invalid no
        "The action {type} cannot stand in {phase}."
        "Each action works in certain phases."
        "Move it to a phase that has it.";
    NGROK_2203 ngrok 2203 400 Invalid no
        "The configuration of {path} is wrong: {error}."
        "A field is unknown or has the wrong type."
        "Use the documented fields.";
    NGROK_2204 ngrok 2204 400 Invalid no
        "A value at {path} cannot be used: {error}."
        "A field of the configuration is malformed."
        "Correct the field.";
    NGROK_2205 ngrok 2205 400 Invalid no
        "The action {type} does not work on {protocol} endpoints."
        "Each action works with certain protocols."
        "Remove it, or use another protocol.";
    NGROK_2206 ngrok 2206 400 Invalid no
        "The rule {path} has no action."
        "A rule without actions does nothing."
        "Give it at least one action.";
    NGROK_2207 ngrok 2207 400 Invalid no
        "The action at {path} is never reached."
        "An action before it in the rule ends the chain."
        "Remove it, or move it before.";
    NGROK_2208 ngrok 2208 400 Invalid no
        "The header name at {path} is too long."
        "Names have at most 256 bytes."
        "Shorten it.";
    NGROK_2209 ngrok 2209 400 Invalid no
        "The header value at {path} is too long."
        "Values have at most 8,192 bytes."
        "Shorten it.";
    NGROK_2210 ngrok 2210 400 Invalid no
        "The header name at {path} is malformed."
        "Names are tokens of RFC 9110."
        "Use letters, digits and hyphens.";
    NGROK_2211 ngrok 2211 400 Invalid no
        "The header value at {path} is malformed."
        "Values have no control characters."
        "Remove line breaks and other control characters.";
    NGROK_2212 ngrok 2212 400 Invalid no
        "There are too many headers at {path}."
        "The number of entries is limited."
        "Remove some.";
    NGROK_2214 ngrok 2214 400 Invalid no
        "The compression algorithm at {path} is not known."
        "Algorithms are gzip, deflate, br, compress and zstd."
        "Use one of them.";
    NGROK_2215 ngrok 2215 400 Invalid no
        "The number at {path} is outside of its range."
        "Each number has limits."
        "Use a number within them.";
    NGROK_2216 ngrok 2216 400 Invalid no
        "There is no IP policy {id}."
        "It was deleted, or belongs to somebody else."
        "Use the id of an existing one.";
    NGROK_2217 ngrok 2217 400 Invalid no
        "The range at {path} is not a CIDR."
        "Ranges are written 192.0.2.0/24, without host bits."
        "Correct the range.";
    NGROK_2218 ngrok 2218 400 Invalid no
        "There are too many entries at {path}."
        "The number of entries is limited."
        "Remove some.";
    NGROK_2219 ngrok 2219 400 Invalid no
        "The header at {path} cannot be changed."
        "It frames or routes the message, or tells who the visitor is."
        "Leave it out.";
    NGROK_2221 ngrok 2221 400 Invalid no
        "The text at {path} is too long."
        "Its length is limited."
        "Shorten it.";
    NGROK_2222 ngrok 2222 400 Invalid no
        "The value at {path} is not one of the allowed ones."
        "The field has a list of values."
        "Use one of them.";
    NGROK_2223 ngrok 2223 400 Invalid no
        "The value at {path} is empty."
        "It needs at least one entry."
        "Give one, or leave the field out.";
    NGROK_2224 ngrok 2224 400 Invalid no
        "The template at {path} cannot be used: {error}."
        "The expression inside is wrong, or not closed."
        "Correct the expression between the braces.";
    NGROK_2225 ngrok 2225 400 Invalid no
        "The duration at {path} is too long."
        "It has an upper limit."
        "Use a shorter one.";
    NGROK_2226 ngrok 2226 400 Invalid no
        "The URL at {path} cannot be used: {error}."
        "Its form or its host is not what the field needs."
        "Correct the URL.";
    NGROK_2227 ngrok 2227 400 Invalid no
        "The identity provider at {path} cannot be discovered: {error}."
        "Its discovery document does not answer."
        "Check the issuer URL.";
    NGROK_2228 ngrok 2228 400 Invalid no
        "The text at {path} is not PEM."
        "Certificates and keys are given in PEM form."
        "Paste the whole PEM block.";
    NGROK_2230 ngrok 2230 400 Invalid no
        "The phase {phase} is not known here."
        "Phases are fixed, and some exist only for HTTP."
        "Use a phase of this protocol.";
    NGROK_2231 ngrok 2231 400 Invalid no
        "The entries at {path} are not unique."
        "Each may stand there once."
        "Remove the duplicates.";
    NGROK_2234 ngrok 2234 400 Invalid no
        "The field {path} is missing."
        "It is required."
        "Give it.";
    NGROK_2235 ngrok 2235 400 Invalid no
        "The policy may leave a request unanswered."
        "A cloud endpoint has no upstream of its own."
        "Add a last rule without expressions that ends with forward-internal, custom-response or deny.";
    NGROK_2237 ngrok 2237 400 Invalid no
        "The text at {path} is too short."
        "It has a least length."
        "Use a longer one.";
    NGROK_2239 ngrok 2239 400 Invalid no
        "Two login actions have the same auth_id {id}."
        "Their sessions would be mixed up."
        "Give each its own auth_id.";
    NGROK_2240 ngrok 2240 400 Invalid no
        "The field {path} is missing beside the other."
        "The two are given together."
        "Give both, or neither.";
    NGROK_2241 ngrok 2241 400 Invalid no
        "The cookie domain at {path} is not one of the endpoint's."
        "Cookies are set for the own host or a domain above it."
        "Use such a domain.";
    NGROK_2242 ngrok 2242 400 Invalid no
        "The cookie domain at {path} is not in its ASCII form."
        "International names are written in Punycode there."
        "Use the Punycode form.";
    NGROK_2243 ngrok 2243 400 Invalid no
        "The cookie domain at {path} is not a domain."
        "It is a host name without port."
        "Use a domain name.";
    NGROK_2244 ngrok 2244 400 Invalid no
        "There are too many query parameters at {path}."
        "There may be 32."
        "Remove some.";
    NGROK_2245 ngrok 2245 400 Invalid no
        "A query parameter at {path} is too long."
        "Keys have at most 128 bytes, values 8,192."
        "Shorten it.";
    NGROK_2249 ngrok 2249 500 Internal no
        "The variables of the policy take too much memory."
        "Together they may have 1 MiB."
        "Store less in variables.";
    NGROK_2250 ngrok 2250 400 Invalid no
        "The value at {path} is nested too deeply."
        "Variables nest 16 levels."
        "Flatten it.";
    NGROK_2252 ngrok 2252 400 Invalid no
        "The variables at {path} have the wrong form."
        "They are a list of mappings with one key each."
        "Write - name: value.";
    NGROK_2257 ngrok 2257 400 Invalid no
        "The user at {path} cannot be used."
        "RFC 7617 forbids colons and control characters in it, and it has at most 128 bytes."
        "Use another user name.";
    NGROK_2258 ngrok 2258 400 Invalid no
        "The password at {path} cannot be used."
        "RFC 7617 forbids control characters in it."
        "Use another password.";
    NGROK_2261 ngrok 2261 400 Invalid no
        "The regular expression at {path} cannot be used: {error}."
        "The syntax is RE2, without look-around and back-references."
        "Correct the pattern.";
    NGROK_2262 ngrok 2262 400 Invalid no
        "Internal HTTP endpoints have no phase on_tcp_connect."
        "They are reached by forwarded requests, not by connections."
        "Remove the phase.";
    NGROK_2264 ngrok 2264 400 Invalid no
        "The document has too many rules."
        "There may be 256."
        "Remove some.";
    NGROK_2265 ngrok 2265 400 Invalid no
        "The rule {path} has too many actions or expressions."
        "There may be 32 of each."
        "Split the rule.";
    NGROK_3406 ngrok 3406 401 Access no
        "A token is missing."
        "The request's body has no member of the name that the endpoint's policy asks for."
        "Send the token.";
    NGROK_3408 ngrok 3408 401 Access no
        "A token is missing."
        "The request has no header of the name that the endpoint's policy asks for."
        "Send the token.";
    NGROK_3411 ngrok 3411 400 Visitor no
        "The body cannot be read as JSON."
        "The endpoint's policy looks for a token in it."
        "Send well-formed JSON.";
    NGROK_3412 ngrok 3412 400 Visitor no
        "The body cannot be read as a form."
        "The endpoint's policy looks for a token in it."
        "Send a well-formed form.";
    NGROK_3413 ngrok 3413 401 Access no
        "The token does not begin with the prefix that is asked for."
        "The endpoint's policy compares it exactly."
        "Send the prefix, then the token.";
    NGROK_3414 ngrok 3414 401 Access no
        "A token cannot be read from a body of this type."
        "Tokens are read from JSON and from forms."
        "Send one of these content types.";
    NGROK_3415 ngrok 3415 401 Access no
        "A token cannot be read from the body of this request."
        "Tokens are read from bodies of POST, PUT and PATCH."
        "Use one of these methods.";
    NGROK_3416 ngrok 3416 401 Access no
        "The token is malformed."
        "It is not a JSON Web Token of three parts and at most 16 KiB."
        "Send the whole token.";
    NGROK_3422 ngrok 3422 503 Internal later
        "Tokens cannot be verified now."
        "The keys of their issuer could not be fetched."
        "Try again later.";
    NGROK_3601 ngrok 3601 502 Upstream no
        "The response to an outgoing request was too large."
        "Its size is limited by max_response_bytes."
        "Raise the limit, or answer with less.";
    NGROK_3602 ngrok 3602 504 Upstream later
        "An outgoing request took too long."
        "The action has a time limit."
        "Raise the timeout, or answer faster.";
    NGROK_3604 ngrok 3604 400 Invalid no
        "A response with status {status} has no body."
        "HTTP does not allow one there."
        "Remove the body, or use another status.";
    NGROK_3700 ngrok 3700 403 Access no
        "The request was refused by the web application firewall."
        "Its anomaly score reached the threshold of the endpoint's policy."
        "The event names the rules that matched.";
    NGROK_3701 ngrok 3701 500 Internal no
        "The web application firewall could not inspect the message."
        "The engine failed, or the body could not be read."
        "The event has the cause.";
    NGROK_3702 ngrok 3702 403 Access no
        "The response was held back by the web application firewall."
        "Its anomaly score reached the threshold of the endpoint's policy."
        "The event names the rules that matched.";
    NGROK_3900 ngrok 3900 500 Internal no
        "A value of the policy could not be made."
        "An expression inside a template failed for this request."
        "Make the expression safe for absent values; the event names action and field.";
    NGROK_3901 ngrok 3901 500 Internal no
        "A pattern of the policy could not be used."
        "A template gave something that is not a regular expression."
        "Escape inserted values with regexEscape.";
    NGROK_3902 ngrok 3902 500 Internal no
        "The body could not be buffered."
        "An action of the policy needs it whole."
        "The event has the cause.";
    NGROK_3903 ngrok 3903 413 Visitor no
        "The body is too large for the endpoint's policy."
        "An action of the policy needs it whole."
        "Send less, or raise max_body of the action.";
    NGROK_3905 ngrok 3905 500 Internal no
        "A header could not be changed along with its body."
        "An action of the policy replaced the body."
        "The event has the cause.";
    ADIT_2201 adit 2201 400 Invalid no
        "There is no secret {name} in the vault {vault}."
        "It was deleted, or is spelt differently."
        "Create it, or correct the reference.";
    ADIT_2202 adit 2202 400 Invalid no
        "The document exceeds a limit: {error}."
        "Size, number of rules, actions and expressions, and cost of expressions are limited."
        "Make it smaller.";
    ADIT_2203 adit 2203 400 Invalid no
        "The document takes too long to compile."
        "Compiling has a budget of time and memory."
        "Make it smaller, or its patterns simpler.";
    ADIT_2210 adit 2210 400 Invalid no
        "The action {type} is not built into this server."
        "It needs a part that this server does not have."
        "Use another action, or a server that has it.";
    ADIT_2250 adit 2250 400 Access no
        "The endpoint does not meet what the guardrail {name} requires: {error}."
        "The organisation's security role decides what every endpoint must have."
        "Change the endpoint's policy.";
    ADIT_4290 adit 4290 429 Visitor later
        "Too many requests."
        "A rate limit of the endpoint's policy was reached."
        "Wait as long as Retry-After says.";
    ADIT_4291 adit 4291 503 Visitor later
        "Too many requests are open."
        "A limit of the endpoint's policy was reached."
        "Try again shortly.";
    ADIT_5201 adit 5201 500 Internal no
        "A guardrail could not be evaluated."
        "One of its expressions failed, and guardrails fail closed."
        "The organisation's administrators find the cause in the event.";
    ADIT_5202 adit 5202 413 Visitor no
        "The body is too large to be looked at."
        "An expression of the endpoint's policy needs it, and may see 64 KiB."
        "Send less.";
    ADIT_5203 adit 5203 502 Upstream no
        "An outgoing call was refused."
        "Its target is not one that policies of this server may reach."
        "Call an internal endpoint, or ask the operator to allow the target.";
    ADIT_5204 adit 5204 500 Internal no
        "The policy used up its elements or time."
        "Each phase has a budget."
        "Make its expressions iterate over less.";
}
