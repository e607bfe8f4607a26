"""Every kind of resource that is stored, led through its life by ngrok's client: created, read, updated, listed over
several pages, filtered, deleted."""

import subprocess

import ngrok
from harness import test


def policy(bench, api):
    made = api.ip_policies.create(description="of a test")
    bench.callback(lambda: api.ip_policies.delete(made.id))
    return made


def vault(bench, api):
    made = api.vaults.create(name="py-for-secrets")
    bench.callback(lambda: api.vaults.delete(made.id))
    return made


def self_signed(authority):
    """A certificate and its key, as PEM."""
    made = subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout - -out - "
        "-subj /CN=py.example.com -addext subjectAltName=DNS:py.example.com -addext basicConstraints=critical,CA:"
        f"{str(authority).upper()}".split(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    start = made.index("-----BEGIN CERTIFICATE-----")
    end = made.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----\n")
    return made[start:end], (made[:start] + made[end:]).strip() + "\n"


def life(bench, service, create, update, one=False):
    """`create(n)` gives the fields of the n-th object, `update` those that are changed."""
    given = create(0)
    if "ip_policy_ids" in given:
        # This client sends an empty list for what it is not given.
        update = {**update, "ip_policy_ids": given["ip_policy_ids"]}
    first = service.create(**given)
    left = [first.id]

    def cleanup():
        for id in left:
            service.delete(id)

    bench.callback(cleanup)

    def shows(object, fields):
        for name, value in fields.items():
            # What is given as an id comes back as a reference; secrets do not come back.
            if name.endswith("_ids"):
                seen = [ref.id for ref in getattr(object, name[: -len("_ids")].replace("policy", "policies"))]
            elif name.endswith("_id") and hasattr(object, name[: -len("_id")]):
                seen = getattr(object, name[: -len("_id")]).id
            elif name in ("value", "private_key_pem"):
                continue
            else:
                seen = getattr(object, name)
            assert seen == value, (name, seen, value)

    shows(first, given)
    assert first.uri.endswith(first.id) and first.created_at, vars(first)
    shows(service.get(first.id), given)
    changed = service.update(first.id, **update)
    shows(changed, {**given, **update})
    shows(service.get(first.id), {**given, **update})
    if not one:
        left += [service.create(**create(n)).id for n in range(1, 5)]
    seen = [object.id for object in service.list(limit="2")]
    assert len(seen) == len(set(seen)) and seen == sorted(seen, reverse=True), seen
    assert set(left) <= set(seen), (left, seen)
    for id in list(left):
        service.delete(id)
        left.remove(id)
        for again in (service.get, service.delete):
            try:
                again(id)
            except ngrok.NotFoundError:
                continue
            raise AssertionError(f"{id} is still there")


def name_of(kind):
    return f"{kind}_live_from_create_to_delete"


def kinds(client):
    """Makes a test for each kind; `client` gives a client of a server."""

    def kind(name, create, update, one=False):
        def run(bench):
            api = client(bench.server)
            life(bench, getattr(api, name), create(bench, api), update, one)

        run.__name__ = name_of(name)
        test(run)

    plain = {"description": "changed", "metadata": '{"of": "a test"}'}
    kind("api_keys", lambda b, a: lambda n: {"description": f"key {n}"}, plain)
    kind(
        "credentials",
        lambda b, a: lambda n: {"description": f"credential {n}", "acl": ["bind:*.py.adit.localhost"]},
        {"acl": []},
    )
    kind("ip_policies", lambda b, a: lambda n: {"description": f"policy {n}"}, plain)

    def rules(bench, api):
        of = policy(bench, api).id
        return lambda n: {"cidr": f"10.{n}.0.0/16", "ip_policy_id": of, "action": "deny"}

    kind("ip_policy_rules", rules, {"cidr": "2001:db8::/32", **plain})

    def restrictions(bench, api):
        of = policy(bench, api).id
        return lambda n: {"type": "endpoints", "enforced": False, "ip_policy_ids": [of]}

    kind("ip_restrictions", restrictions, plain, one=True)
    kind("service_users", lambda b, a: lambda n: {"name": f"py service {n}"}, {"active": False})
    kind("bot_users", lambda b, a: lambda n: {"name": f"py bot {n}"}, {"active": False})
    kind("reserved_domains", lambda b, a: lambda n: {"domain": f"py-life-{n}.adit.localhost"}, plain)
    kind("reserved_addrs", lambda b, a: lambda n: {"description": f"address {n}"}, plain)
    kind("agent_ingresses", lambda b, a: lambda n: {"domain": f"py-ingress-{n}.example.com"}, plain)

    def certificates(bench, api):
        chain, key = self_signed(False)
        return lambda n: {"certificate_pem": chain, "private_key_pem": key, "description": f"certificate {n}"}

    kind("tls_certificates", certificates, plain)

    def authorities(bench, api):
        chain, _ = self_signed(True)
        return lambda n: {"ca_pem": chain, "description": f"authority {n}"}

    kind("certificate_authorities", authorities, plain)
    kind("vaults", lambda b, a: lambda n: {"name": f"py-{n}"}, {"name": "py-renamed", **plain})

    def secrets(bench, api):
        of = vault(bench, api).id
        return lambda n: {"name": f"py-{n}", "value": "hidden", "vault_id": of}

    kind("secrets", secrets, {"value": "other", **plain})


def others(client):
    """What is not the same for all kinds."""

    @test
    def a_token_is_shown_once(bench):
        api = client(bench.server)
        made = api.credentials.create(description="once")
        bench.callback(lambda: api.credentials.delete(made.id))
        assert made.token and api.credentials.get(made.id).token is None
        assert all(one.token is None for one in api.credentials.list())

    @test
    def a_filter_selects(bench):
        api = client(bench.server)
        made = [api.ip_policies.create(description=text) for text in ("py filter a", "py filter b")]
        for one in made:
            bench.callback(lambda id=one.id: api.ip_policies.delete(id))
        found = list(api.ip_policies.list(filter='obj.description == "py filter b"'))
        assert [one.id for one in found] == [made[1].id], found

    @test
    def what_a_body_gets_wrong_is_named(bench):
        api = client(bench.server)
        of = policy(bench, api).id
        try:
            api.ip_policy_rules.create(cidr="nonsense", ip_policy_id=of, action="deny")
        except ngrok.Error as error:
            assert (error.http_status_code, error.error_code) == (400, "ERR_NGROK_1406"), vars(error)
            assert error.details["field"] == "cidr", error.details
        else:
            raise AssertionError("it was made")
