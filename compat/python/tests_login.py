"""Login: authority, authtoken, metadata, client information."""

import subprocess
import tempfile

import ngrok

import sdk
from harness import test
from upstream import Http
from visitor import fetch

# Made like one of the server's, but nobody's.
UNKNOWN = "2fWHmaP1sGrGoClCTr3KEvTxDPP_4Q8J9z0aB1cD2eF3gH4iJ5kL6mN7oP8q"


def _foreign_authority(bench):
    """A certificate authority that signed nothing of the server."""
    folder = bench.enter_context(tempfile.TemporaryDirectory())
    made = f"{folder}/ca.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=somebody else", "-keyout", f"{folder}/key.pem", "-out", made]
    subprocess.run(command, check=True, capture_output=True)
    return made


@test
def login_with_the_authority_as_a_file(bench):
    bench.callback(sdk.run, sdk.connect(bench.server).close)


@test
def login_with_the_authority_as_bytes(bench):
    with open(bench.server.ca_file, "rb") as file:
        pem = bytearray(file.read())
    builder = ngrok.SessionBuilder().authtoken(bench.server.token).server_addr(bench.server.address).ca_cert(pem)
    sdk.run(sdk.run(builder.connect).close)


@test
def a_foreign_authority_fails_and_the_error_names_tls(bench):
    error = sdk.refused(sdk.builder(bench.server, ca=_foreign_authority(bench)).connect)
    assert "tls" in str(error).lower(), error


@test
def the_embedded_authority_fails_and_the_error_names_tls(bench):
    builder = ngrok.SessionBuilder().authtoken(bench.server.token).server_addr(bench.server.address)
    error = sdk.refused(builder.connect)
    assert "tls" in str(error).lower(), error


def _refused_token(bench, token, code):
    error = sdk.refused(sdk.builder(bench.server, token=token).connect)
    assert sdk.code(error) == code, error.args
    assert not token or token not in str(error), "the token is shown"


@test
def a_malformed_authtoken_is_105(bench):
    _refused_token(bench, "not a token", "ERR_NGROK_105")


@test
def an_unknown_authtoken_is_107(bench):
    _refused_token(bench, UNKNOWN, "ERR_NGROK_107")


@test
def an_empty_authtoken_is_4018(bench):
    _refused_token(bench, "", "ERR_NGROK_4018")


@test
def metadata_client_info_and_heartbeat_are_accepted(bench):
    builder = sdk.builder(bench.server).metadata("{\"team\": \"compat\"}").client_info("compat suite", "9.9", "a comment")
    session = sdk.run(builder.heartbeat_interval(2).heartbeat_tolerance(3).connect)
    bench.callback(sdk.run, session.close)
    listener = sdk.http(session, bench.use(Http()).address, metadata="of the endpoint", forwards_to="elsewhere")
    assert listener.metadata() == "of the endpoint"
    assert fetch(bench.server, listener.url()).status == 200


@test
def too_long_metadata_is_100(bench):
    error = sdk.refused(sdk.builder(bench.server).metadata("m" * 4097).connect)
    assert sdk.code(error) == "ERR_NGROK_100", error.args
