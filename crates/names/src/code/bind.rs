//! Answers to binds, patches and unbinds (agent protocol 7.3, edge 2.2).

use super::table;

table! {
    NGROK_301 ngrok 301 0 Invalid no
        "The bind message is not valid: {error}."
        "A field is missing, has another type, or a value that is not allowed."
        "Correct the named field; for SDKs, update them.";
    NGROK_307 ngrok 307 0 Name no
        "The address {address} is not reserved for the organisation."
        "This server gives out only reserved TCP addresses."
        "Reserve the address, or ask for any free port with tcp://.";
    NGROK_308 ngrok 308 0 Credential no
        "The credential {credential} may not bind the address {address}."
        "Its ACL has no rule that matches."
        "Use a credential that may, or add a rule such as bind:{address}.";
    NGROK_309 ngrok 309 0 Name no
        "The address {address} is reserved for another organisation."
        "TCP addresses belong to whoever reserved them."
        "Ask for another port, or use a credential of the owner.";
    NGROK_316 ngrok 316 0 Credential no
        "The credential {credential} may not bind the name {name}."
        "Its ACL has no rule that matches."
        "Use a credential that may, or add a rule such as bind:{name}.";
    NGROK_318 ngrok 318 0 Name no
        "The wildcard domain {domain} is not reserved."
        "Wildcards must be reserved before they can be bound."
        "Reserve the domain {domain} for the organisation.";
    NGROK_319 ngrok 319 0 Name no
        "The domain {domain} is not reserved."
        "Domains of your own must be reserved and verified before they can be bound."
        "Reserve the domain, or bind a name below the base domain.";
    NGROK_320 ngrok 320 0 Name no
        "The domain {domain} belongs to another organisation."
        "It, or a domain above it, is reserved by somebody else."
        "Bind another name, or use a credential of the owner.";
    NGROK_321 ngrok 321 0 Name no
        "The wildcard domain {domain} must be reserved exactly; {match} is reserved, which is not the same."
        "A reserved name does not include the wildcards that match it."
        "Reserve the domain {domain}.";
    NGROK_324 ngrok 324 0 Limit no
        "The session already has {max} endpoints, its limit."
        "The server limits the endpoints of one session."
        "Start a second agent, or raise agents.max_endpoints.";
    NGROK_326 ngrok 326 0 Name no
        "Invalid character {character} in the domain name {domain}."
        "Host names have only a-z, 0-9, '-' and '.', and perhaps '*' as first label."
        "Remove the character; addresses cannot be bound as names.";
    NGROK_327 ngrok 327 0 Name no
        "The domain name {domain} has an empty label."
        "It starts with a dot or has two in a row."
        "Remove the extra dot.";
    NGROK_328 ngrok 328 0 Name no
        "The part {part} of the domain name {domain} has an invalid first character."
        "Labels start with a letter or a digit."
        "Change the first character.";
    NGROK_329 ngrok 329 0 Name no
        "The part {part} of the domain name {domain} has an invalid last character."
        "Labels end with a letter or a digit."
        "Change the last character.";
    NGROK_330 ngrok 330 0 Name no
        "The domain name {domain} has '--' in positions 3 and 4 of a label."
        "Only internationalised names, which start with xn--, have it there."
        "Remove one of the hyphens.";
    NGROK_331 ngrok 331 0 Name no
        "The domain {domain} cannot be public: its suffix {suffix} is not known."
        "It is in no public suffix list, below no base domain and not among the private suffixes."
        "Check the spelling, or have the operator add the suffix to domains.private_suffixes.";
    NGROK_332 ngrok 332 0 Invalid no
        "The protocol {protocol} is not supported."
        "Endpoints are https, http, tls or tcp, with Adit's agent also udp."
        "Ask for one of these.";
    NGROK_333 ngrok 333 0 Invalid no
        "No endpoint of this session has the id {id}."
        "It was never bound here, or another session holds it."
        "Use the id from the answer to the bind.";
    NGROK_334 ngrok 334 400 Name later
        "The endpoint {url} is already online."
        "Another endpoint without pooling has this URL."
        "Stop the other one, bind another URL, or start both with pooling enabled.";
    NGROK_335 ngrok 335 0 Invalid no
        "The bind token is not one of this server."
        "The client sent a token from another server and named no URL."
        "Bind again without the token; agents do so after a restart.";
    NGROK_341 ngrok 341 0 Name no
        "The IP policy {id} does not exist."
        "The bind refers to a policy that the organisation does not have."
        "Use the id of an existing policy, or a restrict-ips action.";
    NGROK_347 ngrok 347 0 Name no
        "The domain name {domain} has invalid punycode: {error}."
        "An internationalised label cannot be decoded, or not in its own form."
        "Write the name in its own letters, or correct the xn-- form.";
    NGROK_350 ngrok 350 0 Limit no
        "The agents of this credential already have {max} endpoints, its limit."
        "The organisation limits the endpoints of one credential."
        "Stop an endpoint that is not needed, or use another credential.";
    NGROK_354 ngrok 354 0 Name no
        "The domain {domain} lies more than one label below the base domain and is not reserved."
        "Such names need a certificate of their own."
        "Reserve it, or bind a name one label below the base domain.";
    NGROK_355 ngrok 355 0 Name no
        "The domain name {domain} has an underscore."
        "Host names have no underscores."
        "Use a hyphen instead.";
    NGROK_356 ngrok 356 0 Credential no
        "The credential {credential} may not bind random ports."
        "Its ACL has no wildcard rule for them."
        "Ask for an allowed address, or add a rule such as bind:tcp://*.";
    NGROK_358 ngrok 358 0 Invalid no
        "Labelled endpoints are not offered by this server."
        "They belong to edges, which endpoints with a URL have replaced."
        "Use \"endpoints\" with a url, and pooling where several agents serve one name.";
    NGROK_359 ngrok 359 0 Invalid no
        "Invalid basic-auth credential: the user name is empty."
        "A user name is needed."
        "Give each credential a user name.";
    NGROK_360 ngrok 360 0 Invalid no
        "Invalid basic-auth credential: the password has {length} characters, 8 to 128 are allowed."
        "Shorter passwords are guessed, longer ones are cut by some clients."
        "Choose another password.";
    NGROK_361 ngrok 361 0 Invalid no
        "Invalid circuit breaker: the error threshold {value} is not between 0.0 and 1.0."
        "The threshold is a share of requests."
        "Give a number from 0.0 to 1.0.";
    NGROK_362 ngrok 362 0 Invalid no
        "Invalid IP restriction: {cidr} is not a CIDR range."
        "Rules name networks such as 203.0.113.0/24."
        "Correct the range.";
    NGROK_363 ngrok 363 0 Invalid no
        "No webhook provider was given."
        "The verification needs to know who signs."
        "Name one of the supported providers.";
    NGROK_364 ngrok 364 0 Invalid no
        "The webhook provider {provider} is not supported."
        "Each provider signs in its own way."
        "Name one of the supported providers.";
    NGROK_365 ngrok 365 0 Invalid no
        "The OAuth provider {provider} is not supported."
        "Providers are configured in this server."
        "Name one of the supported providers.";
    NGROK_370 ngrok 370 0 Invalid no
        "The added request header {value} is not of the form key:value."
        "Name and value are separated by a colon."
        "Correct the header.";
    NGROK_371 ngrok 371 0 Invalid no
        "The added response header {value} is not of the form key:value."
        "Name and value are separated by a colon."
        "Correct the header.";
    NGROK_372 ngrok 372 0 Invalid no
        "{name} is not a valid request header name."
        "It has characters that header names cannot have."
        "Correct the name.";
    NGROK_373 ngrok 373 0 Invalid no
        "{name} is not a valid response header name."
        "It has characters that header names cannot have."
        "Correct the name.";
    NGROK_374 ngrok 374 0 Invalid no
        "{value} is not a valid header value: {error}."
        "Values have no control characters."
        "Correct the value.";
    NGROK_375 ngrok 375 0 Invalid no
        "The header {name} is added twice in different spellings."
        "Header names do not differ by case."
        "Add it once.";
    NGROK_376 ngrok 376 0 Invalid no
        "{count} headers are added, at most {max} are allowed."
        "Every exchange carries them."
        "Add fewer.";
    NGROK_377 ngrok 377 0 Invalid no
        "The name of the header {name} is longer than {max} bytes."
        "Header names are limited."
        "Shorten the name.";
    NGROK_378 ngrok 378 0 Invalid no
        "The value of the header {name} is longer than {max} bytes."
        "Header values are limited."
        "Shorten the value.";
    NGROK_383 ngrok 383 0 Invalid no
        "An OAuth client id was given without a client secret."
        "An application of your own needs both."
        "Give both or neither.";
    NGROK_384 ngrok 384 0 Invalid no
        "An OAuth client secret was given without a client id."
        "An application of your own needs both."
        "Give both or neither.";
    NGROK_385 ngrok 385 0 Invalid no
        "The OpenID Connect client id is missing."
        "The provider knows the application by it."
        "Set client_id.";
    NGROK_386 ngrok 386 0 Invalid no
        "The OpenID Connect client secret is missing."
        "The application proves itself with it."
        "Set client_secret.";
    NGROK_387 ngrok 387 0 Invalid no
        "The OpenID Connect issuer URL is missing."
        "The provider is found by it."
        "Set issuer_url.";
    NGROK_388 ngrok 388 0 Invalid no
        "{count} OpenID Connect scopes are asked for, at most {max} are allowed."
        "The number of scopes is limited."
        "Ask for fewer.";
    NGROK_389 ngrok 389 0 Invalid no
        "No OAuth application for the provider {provider} is configured."
        "A shared application of a service does not exist on your own server."
        "Configure an OAuth application for the provider in Adit, or pass client_id and client_secret.";
    NGROK_390 ngrok 390 0 Invalid no
        "OAuth scopes need an application of your own."
        "Only its owner decides what it asks for."
        "Pass client_id and client_secret, or leave the scopes out.";
    NGROK_393 ngrok 393 0 Invalid no
        "The IP restriction denies networks but allows none, so all traffic would be denied."
        "What no rule allows is denied."
        "Add 0.0.0.0/0 and ::/0 to the allowed networks.";
    NGROK_396 ngrok 396 0 Name no
        "A part of the domain name {domain} is longer than 63 characters."
        "DNS does not carry longer labels."
        "Shorten the label.";
    NGROK_397 ngrok 397 0 Name no
        "The domain name {domain} is longer than 253 characters."
        "DNS does not carry longer names."
        "Shorten the name.";
    NGROK_398 ngrok 398 0 Invalid no
        "The header {name} cannot be removed without a replacement."
        "Requests need it."
        "Add a header of the same name, or do not remove it.";
    NGROK_399 ngrok 399 0 Credential no
        "The credential {credential} may not bind the label {label}."
        "Its ACL has no rule that matches."
        "Use a credential that may, or add a rule such as bind:{label}.";
    NGROK_448 ngrok 448 400 Name no
        "The domain {domain} is not a fully qualified domain name."
        "It has no dot."
        "Write the whole name, or use it as a subdomain.";
    NGROK_9021 ngrok 9021 0 Invalid no
        "Two different addresses were given: at most one of subdomain, hostname and domain may be set."
        "It would not be clear which is meant."
        "Set one of them.";
    NGROK_9025 ngrok 9025 0 Invalid no
        "Both Policy and TrafficPolicy were given."
        "Policy is the old form of the same thing."
        "Use TrafficPolicy.";
    NGROK_9026 ngrok 9026 0 Invalid no
        "The traffic policy is invalid: {error}."
        "It is checked before anything is changed."
        "Correct the named line; \"adit policy check\" shows the same.";
    NGROK_9028 ngrok 9028 0 Invalid no
        "An internal endpoint needs a host name."
        "There are no random internal names."
        "Give a URL that ends in .internal.";
    NGROK_9029 ngrok 9029 0 Invalid no
        "The URL {url} does not end in .internal."
        "The binding \"internal\" is for such names."
        "Give a URL that ends in .internal, or another binding.";
    NGROK_9030 ngrok 9030 0 Invalid no
        "The URL {url} has an invalid port."
        "Ports go from 1 to 65535."
        "Correct the port.";
    NGROK_9031 ngrok 9031 0 Invalid no
        "The URL {url} has too many labels before .internal."
        "At most 5 are allowed."
        "Shorten the name.";
    NGROK_9032 ngrok 9032 0 Invalid no
        "The domain {domain} could not be read: {error}."
        "It is not of the form that the binding needs."
        "Correct the domain.";
    NGROK_9033 ngrok 9033 0 Invalid no
        "The port in {domain} is not a number."
        "Behind the colon stands a port."
        "Correct the port.";
    NGROK_9034 ngrok 9034 0 Invalid no
        "Malformed URL: {error}."
        "Endpoint URLs are scheme://host:port."
        "Correct the URL.";
    NGROK_9035 ngrok 9035 0 Invalid no
        "Invalid port for the scheme {scheme}, allowed: {allowed}."
        "Only the listeners' public ports can be used."
        "Leave the port out, or use an allowed one.";
    NGROK_9036 ngrok 9036 0 Invalid no
        "Invalid scheme {scheme}, allowed: {allowed}."
        "The scheme decides how visitors are served, and must fit the protocol asked for."
        "Use an allowed scheme.";
    NGROK_9037 ngrok 9037 0 Invalid no
        "Invalid URL {url}, {part} {value} is not allowed."
        "An endpoint serves all paths of its name."
        "Remove the part from the URL.";
    NGROK_9038 ngrok 9038 0 Invalid no
        "Invalid URL, a trailing '/' is not allowed. Did you mean {url}?"
        "An endpoint URL has no path."
        "Remove the slash.";
    NGROK_9039 ngrok 9039 0 Invalid no
        "A kubernetes endpoint needs a host name."
        "It is reached as service.namespace."
        "Give a URL such as http://service.namespace.";
    NGROK_9041 ngrok 9041 0 Invalid no
        "Kubernetes endpoints are http or tcp, not {scheme}."
        "The operator carries only these."
        "Use http or tcp.";
    NGROK_15001 ngrok 15001 0 Invalid no
        "The webhook secret has {size} bytes, at most {max} are allowed."
        "Secrets are limited."
        "Use a shorter secret.";
    NGROK_15003 ngrok 15003 0 Invalid no
        "The upstream protocol {protocol} is not valid."
        "It is http1 or http2."
        "Use one of these, or leave it out.";
    NGROK_15005 ngrok 15005 400 Invalid no
        "The binding {binding} is not valid."
        "One binding is given: public, internal or kubernetes."
        "Give one of these.";
    NGROK_15006 ngrok 15006 400 Invalid no
        "The binding {binding} was given more than once."
        "One binding is given."
        "Give it once.";
    NGROK_15007 ngrok 15007 0 Invalid no
        "The webhook secret is missing."
        "Signatures are checked with it."
        "Set the secret.";
    NGROK_15008 ngrok 15008 0 Invalid no
        "Invalid basic-auth credential: the user name has {length} characters, at most {max} are allowed."
        "User names are limited."
        "Use a shorter one.";
    NGROK_15010 ngrok 15010 0 Name later
        "The binding {binding} refers to a Kubernetes operator that does not exist."
        "No operator of the organisation has registered."
        "Install the operator, then start the endpoint again.";
    NGROK_15011 ngrok 15011 0 Invalid no
        "Invalid basic-auth credential: the user name {user} cannot be sent: {error}."
        "RFC 7617 section 2 forbids colons and control characters."
        "Choose another user name.";
    NGROK_15012 ngrok 15012 0 Invalid no
        "Invalid basic-auth credential: the password of {user} cannot be sent: {error}."
        "RFC 7617 section 2 forbids control characters."
        "Choose another password.";
    ADIT_1201 adit 1201 0 Limit later
        "No free port is left in {range}."
        "All ports of the range are bound or reserved, or no range is configured."
        "Stop an endpoint that is not needed, or widen tcp_ports or udp_ports.";
    ADIT_1202 adit 1202 0 Access later
        "The endpoint {url} waits for approval."
        "The organisation lets a second person approve public endpoints."
        "Ask somebody who may to approve it.";
    ADIT_1203 adit 1203 0 Access no
        "The guardrail {guardrail} forbids this endpoint."
        "The organisation set rules that no endpoint can lift."
        "Change the endpoint as the guardrail asks, or have the guardrail changed.";
    ADIT_1204 adit 1204 0 Invalid no
        "The {field} in the bind cannot be used: {error}."
        "Certificate and key must be PEM and belong together."
        "Correct the file.";
    ADIT_1205 adit 1205 0 Invalid no
        "{feature} needs Adit's own agent."
        "The protocol of other agents has no message for it."
        "Use the adit agent for this endpoint.";
    ADIT_1206 adit 1206 0 Internal later
        "Whether {url} is free cannot be decided now."
        "The nodes cannot reach each other."
        "Try again; agents do so by themselves.";
    ADIT_1210 adit 1210 0 Access no
        "The endpoint was stopped by an administrator."
        "Somebody stopped it through the API or the dashboard."
        "Ask the administrators of the organisation.";
    ADIT_1211 adit 1211 0 Access no
        "The endpoint's time has ended."
        "It was started with an end."
        "Start it again if it is still needed.";
    ADIT_1212 adit 1212 0 Credential no
        "The credential of this session was revoked."
        "Somebody revoked it, or disabled its owner."
        "Use another credential.";
    ADIT_1213 adit 1213 0 Name no
        "The name was lost to another agent while parts of the cluster could not reach each other."
        "Both had bound it; one had to give way."
        "Bind another name, or stop the other agent.";
}
