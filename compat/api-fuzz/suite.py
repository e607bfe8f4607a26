"""Schemathesis of PyPI, as it is, over the document that the server serves: requests that the description allows and
requests that it does not, to every operation. No answer may be a failure of the server, each must be what the
description says, each error must have the one form of errors, what asks for a key is refused to whoever has none or a
wrong one, and what one organisation has does not exist for an administrator of another. ADIT_FUZZ_REQUESTS [1500] is
how many are made, ADIT_FUZZ_SEED [0] makes others of them."""

import collections
import os
import re
import sys
import time
import urllib.parse
import warnings
from importlib.metadata import version

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python"))

import hypothesis
import requests
import schemathesis
import urllib3
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from server import Server

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]

# Each so many requests the same is asked by strangers.
EVERY = 7


class Api:
    """The server's API, reached by address: its name does not resolve everywhere."""

    def __init__(self, server):
        self.server = server
        self.base = server.info["api_url"]
        self.key = server.info["api_key"]
        self.address = server.info["https_addr"].rsplit(":", 1)[0]
        self.session = requests.Session()
        # The environment's authorities and proxies are for other servers.
        self.session.trust_env = False
        self.session.verify = server.ca_file
        self.session.headers.update({"Authorization": f"Bearer {self.key}", "Ngrok-Version": "2"})
        self.own = set()
        self.known = {}

    def get(self, path):
        answer = self.session.get(self.base + path)
        answer.raise_for_status()
        return answer.json()

    def post(self, path, body):
        answer = self.session.post(self.base + path, json=body)
        answer.raise_for_status()
        return answer.json()

    def seed(self):
        """Makes some of what references need, and keeps in mind what must not be deleted: the fuzzer's own key and
        whom it belongs to."""
        for path, key in (("/api_keys", "keys"), ("/adit/users", "users"), ("/adit/members", "members")):
            answer = self.session.get(self.base + path)
            if answer.status_code == 200:
                self.own |= {one["id"] for one in answer.json()[key]}
        if self.session.get(self.base + "/ip_policies").status_code == 404:
            return
        policy = self.post("/ip_policies", {"description": "seed"})["id"]
        self.known["ip_policies"] = [policy]
        self.known["ip_policy_rules"] = [
            self.post("/ip_policy_rules", {"ip_policy_id": policy, "cidr": "10.0.0.0/8", "action": "deny"})["id"]
        ]
        for path in ("api_keys", "credentials"):
            self.known[path] = [self.post(f"/{path}", {"description": "seed"})["id"]]

    def key_elsewhere(self):
        """The key of an administrator of another organisation, who came by the invitation to it."""
        made = self.post("/adit/organizations", {"name": "foreign", "admin_email": "chief@foreign.example.com"})
        link = urllib.parse.urlsplit(made["invitation_link"])
        origin = f"{link.scheme}://{link.netloc}"
        knows(link.hostname, self.address)
        browser = requests.Session()
        browser.trust_env = False
        browser.verify = self.session.verify
        browser.headers.update({"Origin": origin, "Sec-Fetch-Site": "same-origin"})
        token = re.split("[/=]", made["invitation_link"])[-1]
        asked = {"token": token, "password": "correct horse battery", "name": "Chief"}
        accepted = browser.post(f"{origin}/api/adit/invitations/accept", json=asked)
        accepted.raise_for_status()
        browser.headers["Adit-CSRF"] = accepted.json()["session"]["csrf"]
        made = browser.post(f"{origin}/api/api_keys", json={})
        made.raise_for_status()
        return made.json()["token"]


class Key(requests.auth.AuthBase):
    """Shows a key with a request, whatever the request says of it."""

    def __init__(self, key):
        self.key = key

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self.key}"
        return request


class From(requests.adapters.HTTPAdapter):
    """Connects from an address of its own."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **more):
        super().init_poolmanager(*args, source_address=(self.address, 0), **more)


def stranger(number, authorities):
    """A client at another address: whoever fails too often to say who he is has to wait, and not the fuzzer."""
    session = requests.Session()
    session.trust_env = False
    session.verify = authorities
    session.mount("https://", From(f"127.0.{1 + number // 250}.{1 + number % 250}"))
    return session


def knows(name, address):
    """Makes `name` this machine."""
    import socket

    asked = socket.getaddrinfo

    def answer(host, *rest, **more):
        return asked(address if host == name else host, *rest, **more)

    socket.getaddrinfo = answer


def problems(answer):
    """What is wrong with the form of an error (every one that is reachable has it)."""
    if answer.status_code < 400 or answer.request.method == "HEAD":
        return None
    error = answer.json()
    if set(error) != {"status_code", "error_code", "msg", "details"}:
        return f"keys {sorted(error)}"
    if error["status_code"] != answer.status_code or not error["error_code"].startswith("ERR_"):
        return "status or code"
    if not all(isinstance(value, str) for value in error["details"].values()):
        return f"details that are no texts: {error['details']}"
    if [error["details"].get("operation_id")] != answer.headers.get("ngrok-operation-id"):
        return "another operation id"
    return None


class Fuzz:
    def __init__(self, api, wanted):
        self.api = api
        self.wanted = wanted
        self.made = 0
        self.statuses = collections.Counter()
        self.strangers = 0
        self.stranger = None
        self.foreign_key = None
        self.foreigners = 0
        self.failures = {}
        # Operations that ask for no key.
        self.open = set()

    def run(self):
        document = self.api.get("/adit/openapi.json")
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=self.api.base)
        operations = [result.ok() for result in schema.get_all_operations()]
        for path, methods in document["paths"].items():
            self.open |= {f"{name.upper()} {path}" for name, one in methods.items() if one.get("security") == []}
        each = max(2, self.wanted // (2 * len(operations)))
        seed = int(os.environ.get("ADIT_FUZZ_SEED", "0"))
        while self.made < self.wanted:
            before = self.made
            seed += 1
            for operation in operations:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    self.one(operation, mode, min(each, max(1, self.wanted - self.made)), seed)
                    if self.made >= self.wanted:
                        return
            if self.made == before:
                raise SystemExit("the description has nothing to ask")

    def one(self, operation, mode, count, seed):
        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
            verbosity=hypothesis.Verbosity.quiet,
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def ask(case, data):
            self.ask(case, data)

        try:
            ask()
        except hypothesis.errors.Unsatisfiable:
            # There is nothing wrong to be said to an operation without parameters.
            pass

    def ask(self, case, data):
        kind = case.operation.path.removeprefix("/adit").split("/")[1]
        ids = self.api.known.setdefault(kind, [])
        if case.path_parameters and "id" in case.path_parameters and ids and data.draw(st.booleans()):
            case.path_parameters["id"] = data.draw(st.sampled_from(ids))
        if case.path_parameters and case.path_parameters.get("id") in self.api.own:
            return
        self.made += 1
        place = f"{case.method} {case.operation.path}"
        try:
            # The key is not what is to be guessed: put in last, it is there where the case leaves it out, too.
            answer = case.call(session=self.api.session, verify=self.api.session.verify, auth=Key(self.api.key))
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            # What no client can send is no request.
            if isinstance(error, (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError)):
                self.made -= 1
                return
            self.fail(place, f"no answer: {error!r}"[:300])
            return
        if answer.status_code == 429:
            # It says when to go on; nothing was learned.
            self.made -= 1
            time.sleep(min(60, int(answer.headers["retry-after"][0])))
            return
        self.statuses[answer.status_code] += 1
        if self.made % 1000 == 0:
            print(f"-- {self.made} of {self.wanted} requests", file=sys.stderr, flush=True)
        if answer.status_code == 201 and isinstance(answer.json(), dict):
            ids.append(answer.json().get("id"))
            del ids[:-20]
        wrong = problems(answer)
        if wrong:
            self.fail(place, f"the form of an error: {wrong}")
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Exception, schemathesis.errors.SchemathesisError, BaseExceptionGroup) as failure:
            self.fail(place, f"{failure}")

        if self.made % EVERY == 0 and place not in self.open:
            self.without_key(place, answer.request)
        if case.path_parameters and case.path_parameters.get("id") in ids:
            self.from_elsewhere(place, answer.request)

    def from_elsewhere(self, place, asked):
        """The same request by the administrator of another organisation: there is no such object."""
        request = asked.copy()
        request.headers["Authorization"] = f"Bearer {self.foreign_key}"
        answer = self.api.session.send(request, allow_redirects=False)
        self.foreigners += 1
        # What is wrong with the request may be told first; operators' objects are refused to all others.
        if answer.status_code not in (400, 403, 404):
            self.fail(place, f"{answer.status_code} to another organisation: {answer.text[:200]}")

    def without_key(self, place, asked):
        """The same request by a stranger. What is wrong with it otherwise is not told to him: 401 comes first."""
        for key in (None, "Bearer", f"Bearer {self.api.key}x", f"Basic {self.api.key}"):
            request = asked.copy()
            request.headers.pop("Authorization", None)
            if key:
                request.headers["Authorization"] = key
            if self.strangers % 20 == 0:
                self.stranger = stranger(self.strangers // 20, self.api.session.verify)
            answer = self.stranger.send(request, allow_redirects=False)
            self.strangers += 1
            if answer.status_code != 401:
                self.fail(place, f"{answer.status_code} to a stranger with {key!r}: {answer.text[:200]}")

    def fail(self, place, why):
        key = (place, " ".join(why.split())[:80])
        if key not in self.failures:
            self.failures[key] = why
            print(f"FAILED {place}: {' '.join(why.split())[:1500]}", flush=True)


def main():
    wanted = int(os.environ.get("ADIT_FUZZ_REQUESTS", "1500"))
    print(f"-- schemathesis {version('schemathesis')} of PyPI, {wanted} requests", flush=True)
    warnings.filterwarnings("ignore")
    with Server() as server:
        api = Api(server)
        knows(urllib.parse.urlsplit(api.base).hostname, api.address)
        api.seed()
        fuzz = Fuzz(api, wanted)
        fuzz.foreign_key = api.key_elsewhere()
        began = time.monotonic()
        fuzz.run()
        took = time.monotonic() - began
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(fuzz.statuses.items()))
        print(
            f"-- {fuzz.made} requests in {took:.0f} s; {statuses}; {fuzz.strangers} by strangers, "
            f"{fuzz.foreigners} of another organisation",
            flush=True,
        )
        if api.session.get(api.base + "/api_keys").status_code != 200:
            fuzz.fail("all", "the fuzzer lost its key")
        if not fuzz.strangers:
            fuzz.fail("all", "nobody asked without a key")
        if not fuzz.foreigners:
            fuzz.fail("all", "nobody asked from another organisation")
        alive = api.session.get(api.base + "/").status_code == 200
        if not alive:
            fuzz.fail("all", "the server does not answer any more")
    places = {place for place, _ in fuzz.failures}
    print(f"{0 if places else 1} passed, {len(places)} failed", flush=True)
    return 1 if places else 0


if __name__ == "__main__":
    sys.exit(main())
