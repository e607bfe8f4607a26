//! Fields, names and references of the resources that the API keeps (control plane 2 and 3).

use super::table;

table! {
    NGROK_223 ngrok 223 400 Invalid no
        "{value} is not an id."
        "Ids are a prefix, an underscore and 27 letters and digits."
        "Give the id of the object.";
    NGROK_228 ngrok 228 400 Invalid no
        "{value} is not the id of a certificate authority."
        "Such ids begin with ca_."
        "Give the id of a certificate authority.";
    NGROK_229 ngrok 229 400 Invalid no
        "{value} is not the id of an IP policy."
        "Such ids begin with ipp_."
        "Give the id of an IP policy.";
    NGROK_241 ngrok 241 400 Invalid no
        "{value} is not a timestamp."
        "Timestamps are written as RFC 3339 has them."
        "Write it like 2026-11-24T15:00:00Z.";
    NGROK_243 ngrok 243 400 Invalid no
        "{value} is not an id that is allowed in {field}."
        "Its prefix must be one of {prefix}."
        "Give the id of such an object.";
    NGROK_248 ngrok 248 400 Invalid no
        "Endpoints of the type {value} cannot be made here."
        "Agents bring their endpoints themselves; only cloud endpoints are made through the API."
        "Leave the type out, or set it to cloud.";
    NGROK_249 ngrok 249 400 Invalid no
        "The URL {value} cannot be used: {error}."
        "An endpoint has a scheme, a host and, for tcp, a port."
        "Correct the URL.";
    NGROK_402 ngrok 402 400 Name no
        "Only the first label of {domain} may be a *."
        "Certificates and routes know no other wildcards."
        "Put the * in front, or write the name out.";
    NGROK_403 ngrok 403 400 Name no
        "The first label of {domain} has a * and more."
        "A wildcard is a whole label."
        "Use *.example.com, or write the name out.";
    NGROK_404 ngrok 404 400 Name no
        "The name {domain} is kept for this server."
        "Its own services answer below it."
        "Reserve another name.";
    NGROK_406 ngrok 406 400 Name no
        "The character {character} cannot be in the domain {domain}."
        "Names have only a-z, 0-9, hyphens and dots, and a first label *."
        "Correct the name.";
    NGROK_407 ngrok 407 400 Name no
        "The label {label} of {domain} begins with a hyphen."
        "Labels begin with a letter or a digit."
        "Correct the name.";
    NGROK_408 ngrok 408 400 Name no
        "The label {label} of {domain} ends with a hyphen."
        "Labels end with a letter or a digit."
        "Correct the name.";
    NGROK_409 ngrok 409 400 Name no
        "The domain {domain} has an empty label."
        "Two dots stand side by side, or one in front."
        "Correct the name.";
    NGROK_410 ngrok 410 400 Name no
        "The domain {domain} has '--' in positions 3 and 4 of a label."
        "Only internationalised labels (xn--) have that."
        "Choose another name.";
    NGROK_411 ngrok 411 400 Name no
        "The domain {domain} cannot be reached over the internet: its suffix {suffix} is not known."
        "It is in no public suffix list, below no base domain and not among the private suffixes."
        "Check the spelling, or have the operator add the suffix to domains.private_suffixes.";
    NGROK_413 ngrok 413 400 Name no
        "The domain is already reserved by your organisation."
        "A name is reserved once."
        "Use the existing reservation.";
    NGROK_414 ngrok 414 400 Name no
        "The domain is reserved by another organisation."
        "It, or a name above or below it, belongs to somebody else."
        "Choose another name.";
    NGROK_416 ngrok 416 400 Name no
        "A wildcard for all names on {suffix} cannot be reserved."
        "It is a public suffix; the names below it belong to many."
        "Reserve a wildcard below a name of your own.";
    NGROK_417 ngrok 417 400 Name no
        "The domain conflicts with a domain of another organisation."
        "A name below it belongs to somebody else."
        "Choose another name.";
    NGROK_420 ngrok 420 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_421 ngrok 421 400 Invalid no
        "The metadata has {size} bytes, at most {max} are allowed."
        "Metadata is kept with the object and shown in events."
        "Shorten it, or keep the data elsewhere and store a reference.";
    NGROK_422 ngrok 422 400 Invalid no
        "The update of the reserved domain gives no value."
        "A change needs at least one field."
        "Give the fields that shall change.";
    NGROK_423 ngrok 423 400 Name no
        "The domain {domain} has {size} bytes, at most {max} are allowed."
        "DNS does not carry longer names."
        "Shorten the name.";
    NGROK_429 ngrok 429 400 Name no
        "The domain {domain} has invalid punycode."
        "An internationalised label cannot be decoded, or not in its own form."
        "Write the name in its own letters, or correct the xn-- form.";
    NGROK_430 ngrok 430 400 Name no
        "The domain is in use by another organisation."
        "An endpoint is online there."
        "Choose another name.";
    NGROK_434 ngrok 434 400 Invalid no
        "Both a certificate and a policy for automatic certificates are given."
        "A domain has one source of certificates."
        "Give one of them.";
    NGROK_435 ngrok 435 400 Invalid no
        "The authority {value} is not known."
        "Automatic certificates come from one of {supported}."
        "Name one of these.";
    NGROK_436 ngrok 436 400 Invalid no
        "The certificate of a domain with automatic certificates cannot be detached."
        "It would be attached again at the next renewal."
        "Detach the policy instead.";
    NGROK_438 ngrok 438 400 Name no
        "The domain {domain} has an underscore."
        "Host names have no underscores."
        "Use a hyphen instead.";
    NGROK_439 ngrok 439 400 Invalid no
        "Names below the base domain have no certificate policy."
        "The certificate of the base domain covers them."
        "Leave certificate_management_policy out.";
    NGROK_440 ngrok 440 400 Invalid no
        "Names below the base domain have no certificate of their own."
        "The certificate of the base domain covers them."
        "Leave certificate_id out.";
    NGROK_446 ngrok 446 400 Name no
        "The domain is used by an endpoint."
        "It would lose its name."
        "Delete the endpoints named in details first.";
    NGROK_447 ngrok 447 400 Invalid no
        "There are no automatic certificates directly below {suffix}."
        "The suffix is shared by many, and authorities limit what it gets."
        "Upload a certificate, or use another name.";
    NGROK_449 ngrok 449 400 Invalid no
        "Both 'name' and 'domain' are given."
        "They are the old and the new field for the same."
        "Give domain.";
    NGROK_450 ngrok 450 400 Name no
        "Names below {suffix} cannot be reserved here."
        "The label is kept for this server."
        "Reserve another name.";
    NGROK_456 ngrok 456 400 Invalid no
        "The place {value} is given twice in resolves_to."
        "A name resolves to each place once."
        "Give it once.";
    NGROK_459 ngrok 459 400 Invalid no
        "{value} is no place that a domain can resolve to."
        "It is \"global\" or a region of a node."
        "Give one of these.";
    NGROK_500 ngrok 500 400 Invalid no
        "The region {value} is not known."
        "Regions are accepted for old clients and have no effect: {supported}."
        "Leave the region out.";
    NGROK_503 ngrok 503 400 Limit later
        "No address is free."
        "All ports of tcp_ports are reserved or in use, or there is no such range."
        "Delete a reservation, or have the range made larger.";
    NGROK_504 ngrok 504 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_505 ngrok 505 400 Invalid no
        "The metadata has {size} bytes, at most {max} are allowed."
        "Metadata is kept with the object and shown in events."
        "Shorten it, or keep the data elsewhere and store a reference.";
    NGROK_506 ngrok 506 400 Invalid no
        "The update of the reserved address gives no value."
        "A change needs at least one field."
        "Give the fields that shall change.";
    NGROK_511 ngrok 511 400 Name no
        "The domain {domain} has a CNAME record of a former owner."
        "Whoever reserved it would get visitors that were meant for somebody else."
        "Delete the record, or prove ownership by the TXT record.";
    NGROK_512 ngrok 512 400 Name no
        "The domain {domain} has address records of a former owner."
        "Whoever reserved it would get visitors that were meant for somebody else."
        "Delete the record, or prove ownership by the TXT record.";
    NGROK_513 ngrok 513 400 Name no
        "A label of the domain {domain} is longer than 63 characters."
        "DNS does not carry longer labels."
        "Shorten the label.";
    NGROK_514 ngrok 514 400 Name no
        "The domain {domain} is longer than 253 characters."
        "DNS does not carry longer names."
        "Shorten the name.";
    NGROK_600 ngrok 600 400 Invalid no
        "The rule {value} of the ACL cannot be used: {error}."
        "Rules are * or bind: with a name, an address or a label."
        "Correct the rule.";
    NGROK_601 ngrok 601 400 Invalid no
        "{id} is the default authtoken of its owner."
        "It is not deleted but replaced, so that its owner always has one."
        "Reset it: POST /adit/me/authtoken/reset.";
    NGROK_604 ngrok 604 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_605 ngrok 605 400 Invalid no
        "The metadata has {size} bytes, at most {max} are allowed."
        "Metadata is kept with the object and shown in events."
        "Shorten it, or keep the data elsewhere and store a reference.";
    NGROK_606 ngrok 606 400 Invalid no
        "The update of the credential gives no value."
        "A change needs at least one field."
        "Give the fields that shall change.";
    NGROK_627 ngrok 627 400 Invalid no
        "The owner of a credential cannot be changed."
        "It is set when the credential is made."
        "Make a new credential.";
    NGROK_628 ngrok 628 400 Invalid no
        "The owner of an API key cannot be changed."
        "It is set when the key is made."
        "Make a new key.";
    NGROK_631 ngrok 631 400 Invalid no
        "More than one of owner_id, owner_email and scim_user_id is given."
        "They name the same in three ways."
        "Give one of them.";
    NGROK_638 ngrok 638 400 Invalid no
        "A token cannot be given."
        "The server makes it, so that nobody else knows it."
        "Leave precomputed_token out.";
    NGROK_1231 ngrok 1231 400 Name no
        "There already is an open invitation for this e-mail address."
        "One invitation is enough."
        "Withdraw it first, or send its link again.";
    NGROK_1400 ngrok 1400 400 Invalid no
        "The update of the IP policy gives no value."
        "A change needs at least one field."
        "Give the fields that shall change.";
    NGROK_1401 ngrok 1401 400 Invalid no
        "The update of the IP policy rule gives no value."
        "A change needs at least one field."
        "Give the fields that shall change.";
    NGROK_1402 ngrok 1402 404 Name no
        "There is no such IP policy."
        "It never was, or is no more."
        "List what there is.";
    NGROK_1404 ngrok 1404 404 Name no
        "There is no such IP policy rule."
        "It never was, or is no more."
        "List what there is.";
    NGROK_1406 ngrok 1406 400 Invalid no
        "{value} is not a range of addresses."
        "Ranges are written as CIDR: an address, a slash and a number of bits."
        "Write it like 203.0.113.0/24 or 2001:db8::/32.";
    NGROK_1408 ngrok 1408 400 Name no
        "The IP policy already has a rule for this range."
        "A range is allowed or denied once."
        "Change the existing rule.";
    NGROK_1409 ngrok 1409 400 Invalid no
        "The range {value} does not begin at its lowest address. Did you mean {suggestion}?"
        "Bits behind the mask are set."
        "Write the lowest address.";
    NGROK_1413 ngrok 1413 400 Invalid no
        "The range {value} has no mask. Did you mean {suggestion}?"
        "An address alone is not a range."
        "Add the number of bits.";
    NGROK_1414 ngrok 1414 400 Name no
        "There is no IP policy with the id in ip_policy_id."
        "A rule belongs to a policy of the organisation."
        "Give the id of an existing policy.";
    NGROK_1419 ngrok 1419 400 Access no
        "The rule is the last one of a policy that an enforced IP restriction uses."
        "Nobody could get in any more."
        "Detach the policy from the restriction first.";
    NGROK_1420 ngrok 1420 400 Name no
        "The IP policy is used by an IP restriction."
        "The restriction would admit other addresses than before."
        "Detach it from the restrictions named in details first.";
    NGROK_1421 ngrok 1421 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_1422 ngrok 1422 400 Invalid no
        "The action of a rule is 'allow' or 'deny'."
        "Another one, or none, was given."
        "Give one of these.";
    NGROK_1423 ngrok 1423 400 Invalid no
        "An IP policy has no action."
        "Each of its rules has one."
        "Give the action with the rules.";
    NGROK_1800 ngrok 1800 400 Limit no
        "{size} IP policies are given, at most {max} are allowed."
        "Every connection is checked against all of them."
        "Put the rules into fewer policies.";
    NGROK_1801 ngrok 1801 400 Name no
        "There is no IP policy with an id in ip_policy_ids."
        "Policies of the organisation are used."
        "Give the ids of existing policies.";
    NGROK_1802 ngrok 1802 400 Name no
        "There already is an IP restriction of this type."
        "There is one for each type."
        "Change the existing one.";
    NGROK_1803 ngrok 1803 400 Invalid no
        "The type {value} of the IP restriction is not known."
        "Types are {supported}."
        "Give one of these.";
    NGROK_1804 ngrok 1804 400 Invalid no
        "An IP restriction needs at least one IP policy."
        "Without one nobody would be let in."
        "Give the ids of policies in ip_policy_ids.";
    NGROK_1900 ngrok 1900 400 Invalid no
        "The certificate cannot be used: {error}."
        "It is not of a form that visitors accept."
        "Correct the certificate.";
    NGROK_1901 ngrok 1901 400 Invalid no
        "No private key in PEM was found."
        "The server needs the key to answer with the certificate."
        "Give the key in private_key_pem.";
    NGROK_1902 ngrok 1902 400 Invalid no
        "The private key is encrypted."
        "The server does not know its password."
        "Decrypt it: openssl pkey -in key.pem -out plain.pem.";
    NGROK_1903 ngrok 1903 400 Invalid no
        "The private key cannot be used: {error}."
        "Keys are PKCS#8, PKCS#1 or SEC1: RSA with 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519."
        "Give another key.";
    NGROK_1908 ngrok 1908 400 Invalid no
        "The authority {value} is not known."
        "Automatic certificates come from one of {supported}."
        "Name one of these.";
    NGROK_1909 ngrok 1909 400 Invalid no
        "The type {value} of private keys is not known."
        "Keys are made as {supported}."
        "Name one of these.";
    NGROK_1910 ngrok 1910 400 Invalid no
        "The PEM data has headers."
        "They are not part of certificates."
        "Remove the lines between BEGIN and the data.";
    NGROK_1911 ngrok 1911 400 Invalid no
        "The PEM data has a block of the type {value}."
        "Only blocks of the type CERTIFICATE belong here."
        "Remove the block.";
    NGROK_1912 ngrok 1912 400 Invalid no
        "{size} certificates are given, one is allowed."
        "Each certificate authority is an object of its own."
        "Give them one by one.";
    NGROK_1913 ngrok 1913 400 Invalid no
        "The certificate is not that of a certificate authority."
        "Its basic constraints do not say so (RFC 5280 section 4.2.1.9)."
        "Give the certificate of the authority itself.";
    NGROK_1914 ngrok 1914 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_1915 ngrok 1915 400 Invalid no
        "The metadata has {size} bytes, at most {max} are allowed."
        "Metadata is kept with the object and shown in events."
        "Shorten it, or keep the data elsewhere and store a reference.";
    NGROK_1916 ngrok 1916 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_1917 ngrok 1917 400 Invalid no
        "The metadata has {size} bytes, at most {max} are allowed."
        "Metadata is kept with the object and shown in events."
        "Shorten it, or keep the data elsewhere and store a reference.";
    NGROK_1919 ngrok 1919 400 Invalid no
        "No certificate is given."
        "The field is empty."
        "Give the certificate in PEM.";
    NGROK_1920 ngrok 1920 400 Invalid no
        "The certificate is not PEM: {error}."
        "PEM has lines BEGIN and END with base64 between them."
        "Give the certificate in PEM.";
    NGROK_1921 ngrok 1921 400 Limit no
        "The PEM data has {size} bytes, at most {max} are allowed."
        "The size is limited."
        "Leave out what is not needed.";
    NGROK_1922 ngrok 1922 400 Invalid no
        "No certificate was found in the PEM data."
        "It has no block BEGIN CERTIFICATE."
        "Give the certificate in PEM.";
    NGROK_1923 ngrok 1923 400 Invalid no
        "Certificate and private key do not belong together."
        "Their public keys differ."
        "Give the key that the certificate was made for.";
    NGROK_1924 ngrok 1924 400 Invalid no
        "The private key is a certificate."
        "The two files may have been swapped."
        "Give the key in private_key_pem.";
    NGROK_1925 ngrok 1925 400 Invalid no
        "The certificate is a private key."
        "The two files may have been swapped."
        "Give the certificate in certificate_pem.";
    NGROK_1926 ngrok 1926 400 Invalid no
        "The certificates stand in the wrong order: {order}. {invalid} has not been signed by {intermediate}."
        "The leaf comes first, and each next certificate has signed the one before."
        "Give them in the right order: details name it if there is one.";
    NGROK_1965 ngrok 1965 400 Name no
        "There is no TLS certificate with the id in certificate_id."
        "A domain uses certificates of the organisation."
        "Give the id of an existing certificate.";
    NGROK_1966 ngrok 1966 400 Name no
        "The certificate is managed by a policy for automatic certificates."
        "It would be ordered again."
        "Detach the policy from the domain.";
    NGROK_2236 ngrok 2236 400 Invalid no
        "The traffic policy could not be read: {error}."
        "It is YAML or JSON: a mapping of phases to lists of rules."
        "Correct the place named in details.";
    NGROK_4003 ngrok 4003 400 Invalid no
        "The name of the organisation is empty."
        "It is shown wherever the organisation is."
        "Give a name.";
    NGROK_4004 ngrok 4004 400 Invalid no
        "The name of the organisation has {size} bytes, at most {max} are allowed."
        "It is shown in lists."
        "Shorten it.";
    NGROK_4101 ngrok 4101 400 Name no
        "There already is a user with this e-mail address."
        "An address belongs to one user."
        "Invite the user instead.";
    NGROK_4103 ngrok 4103 400 Invalid no
        "{value} is not an e-mail address."
        "It has a name, an @ and a domain."
        "Correct the address.";
    NGROK_4104 ngrok 4104 400 Invalid no
        "The name of the user is empty."
        "It is shown wherever the user is."
        "Give a name.";
    NGROK_4105 ngrok 4105 400 Invalid no
        "The name of the user has {size} bytes, at most {max} are allowed."
        "It is shown in lists."
        "Shorten it.";
    NGROK_4109 ngrok 4109 400 Invalid no
        "The name of the service user is empty."
        "Service users are told apart by their names."
        "Give a name.";
    NGROK_4110 ngrok 4110 400 Invalid no
        "The name of the service user has {size} bytes, at most {max} are allowed."
        "It is shown in lists."
        "Shorten it.";
    NGROK_4112 ngrok 4112 400 Name no
        "There already is a service user with this name."
        "Names are unique in an organisation, whatever their case."
        "Choose another name.";
    NGROK_6601 ngrok 6601 400 Name no
        "The user already is a member of the organisation."
        "There is one membership for each user."
        "Change the existing one.";
    NGROK_6700 ngrok 6700 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_6701 ngrok 6701 400 Invalid no
        "The metadata has {size} bytes, at most {max} are allowed."
        "Metadata is kept with the object and shown in events."
        "Shorten it, or keep the data elsewhere and store a reference.";
    NGROK_6704 ngrok 6704 400 Name no
        "The domain {domain} cannot be used for an agent ingress: {error}."
        "It must be a host name."
        "Correct the name.";
    NGROK_6705 ngrok 6705 400 Name no
        "The domain {domain} lies below a base domain of this server."
        "An agent ingress has a name of your own."
        "Use a name of another domain.";
    NGROK_6706 ngrok 6706 400 Name no
        "There already is an agent ingress, or a reserved domain, with this name."
        "A name is used once."
        "Choose another name.";
    NGROK_6708 ngrok 6708 400 Invalid no
        "More than one source of certificates is given."
        "An agent ingress has one."
        "Give one of certificate_id, certificate_management_policy and authority.";
    NGROK_18001 ngrok 18001 400 Invalid no
        "The URL of the cloud endpoint is missing."
        "An endpoint is reached under it."
        "Give scheme and host in url.";
    NGROK_18002 ngrok 18002 400 Invalid no
        "The traffic policy of the cloud endpoint is invalid: {error}."
        "It is checked before anything is changed."
        "Correct the policy.";
    NGROK_18003 ngrok 18003 400 Invalid no
        "The URL {value} has no usable port."
        "Schemes other than http, https and tls have no usual one."
        "Write the port in the URL.";
    NGROK_18004 ngrok 18004 400 Invalid no
        "The update of the cloud endpoint gives no value."
        "A change needs at least one field."
        "Give the fields that shall change.";
    NGROK_18005 ngrok 18005 400 Invalid no
        "The scheme of a cloud endpoint cannot be changed."
        "Visitors reach it under its URL."
        "Make a new endpoint.";
    NGROK_18006 ngrok 18006 400 Name no
        "No domain or address of the organisation matches the URL."
        "A cloud endpoint stands on a reserved name, or on a free one below the base domain."
        "Reserve the domain or address first.";
    NGROK_18007 ngrok 18007 400 Invalid no
        "The bindings of the cloud endpoint cannot be used: {error}."
        "An endpoint has one binding: public, internal or kubernetes."
        "Give the one that fits the URL.";
    NGROK_18009 ngrok 18009 400 Name no
        "There already is a cloud endpoint with this URL."
        "Only endpoints with pooling share a URL."
        "Change the existing one, or enable pooling for both.";
    NGROK_18011 ngrok 18011 400 Invalid no
        "The cloud endpoint has no traffic policy."
        "Without one nothing would answer."
        "Give it in traffic_policy.";
    NGROK_18012 ngrok 18012 400 Invalid no
        "The description has {size} bytes, at most {max} are allowed."
        "Descriptions are shown in lists."
        "Shorten it.";
    NGROK_18013 ngrok 18013 400 Invalid no
        "The metadata has {size} bytes, at most {max} are allowed."
        "Metadata is kept with the object and shown in events."
        "Shorten it, or keep the data elsewhere and store a reference.";
    NGROK_18016 ngrok 18016 400 Name no
        "Pooling is enabled, but another endpoint has the URL without it."
        "All endpoints of a URL must agree."
        "Enable pooling for the other one first.";
    NGROK_18017 ngrok 18017 400 Name no
        "Pooling is disabled, but other endpoints have the URL."
        "All endpoints of a URL must agree."
        "Enable pooling, or delete the others.";
    NGROK_18022 ngrok 18022 400 Invalid no
        "The scheme of the URL {value} is missing or not known."
        "Endpoints are https, http, tls or tcp."
        "Write one of these in front of the host.";
    NGROK_18023 ngrok 18023 400 Invalid no
        "The port of the URL {value} is not one of this server: {error}."
        "Only the listeners' public ports can be used."
        "Leave the port out, or use an allowed one.";
    NGROK_23000 ngrok 23000 400 Invalid no
        "The vault name {value} cannot be used."
        "It has only letters, digits and the characters _ / . and -."
        "Choose another name.";
    NGROK_23001 ngrok 23001 400 Invalid no
        "The vault name is empty."
        "Policies name vaults."
        "Give a name.";
    NGROK_23002 ngrok 23002 400 Invalid no
        "The vault name has {size} characters, at most {max} are allowed."
        "Policies name vaults."
        "Shorten it.";
    NGROK_23003 ngrok 23003 400 Name no
        "The vault has secrets."
        "They would be lost."
        "Delete them first.";
    NGROK_23004 ngrok 23004 400 Name no
        "There already is a vault with this name."
        "Names are unique in an organisation."
        "Choose another name.";
    NGROK_24000 ngrok 24000 400 Invalid no
        "The secret name {value} cannot be used."
        "It has only letters, digits and the characters _ / . and -."
        "Choose another name.";
    NGROK_24001 ngrok 24001 400 Invalid no
        "The secret name is empty."
        "Policies name secrets."
        "Give a name.";
    NGROK_24002 ngrok 24002 400 Invalid no
        "The secret name has {size} characters, at most {max} are allowed."
        "Policies name secrets."
        "Shorten it.";
    NGROK_24003 ngrok 24003 400 Invalid no
        "The secret has no value."
        "A policy would read nothing."
        "Give the value.";
    NGROK_24004 ngrok 24004 400 Limit no
        "The value of the secret has {size} bytes, at most {max} are allowed."
        "The size is limited."
        "Store less.";
    NGROK_24005 ngrok 24005 400 Name no
        "The vault already has a secret with this name."
        "Names are unique in a vault."
        "Choose another name.";
    NGROK_24006 ngrok 24006 404 Name no
        "There is no vault with the id in vault_id."
        "A secret lies in a vault of the organisation."
        "Give the id of an existing vault.";
    NGROK_24008 ngrok 24008 400 Invalid no
        "No vault is named."
        "A secret lies in one."
        "Give vault_id or vault_name.";
    NGROK_24009 ngrok 24009 400 Name no
        "There is no vault with the name {value}."
        "A secret lies in a vault of the organisation."
        "Give the name of an existing vault.";
    ADIT_2011 adit 2011 400 Name no
        "The object is used by others."
        "They would no longer work."
        "Change or delete the objects named in details first.";
    ADIT_2013 adit 2013 400 Limit no
        "The field {field} has {size}, at most {max} are allowed."
        "Lengths and numbers are limited."
        "Give less.";
    ADIT_2017 adit 2017 400 Invalid no
        "The URL of a cloud endpoint cannot be changed."
        "Visitors reach it under its URL."
        "Make a new endpoint.";
    ADIT_2019 adit 2019 400 Invalid no
        "The certificate does not cover the domain {domain}."
        "It has other names: {names}."
        "Use a certificate with this name.";
    ADIT_2021 adit 2021 400 Name no
        "There already is a role with this name."
        "Names are unique in an organisation."
        "Choose another name.";
    ADIT_2022 adit 2022 400 Name no
        "The pool of this URL already has settings."
        "There is one object for each URL."
        "Change the existing one.";
    ADIT_2023 adit 2023 400 Name no
        "The object refers to another one that does not exist."
        "The field has an id that the organisation does not have."
        "Give the id of an existing object.";
    ADIT_2024 adit 2024 400 Name no
        "The address is already reserved."
        "An address belongs to one reservation."
        "Ask for another port, or for any.";
    ADIT_2402 adit 2402 400 Name no
        "There already is a guardrail with this name."
        "Names are unique in an organisation."
        "Choose another name.";
}
