// Login: authority, authtoken, metadata, client information.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("../harness");
const sdk = require("../sdk");
const { Http } = require("../upstream");
const { fetch } = require("../visitor");

// Made like one of the server's, but nobody's.
const UNKNOWN = "2fWHmaP1sGrGoClCTr3KEvTxDPP_4Q8J9z0aB1cD2eF3gH4iJ5kL6mN7oP8q";

test("login with the authority as a file", (bench) => sdk.connect(bench));

test("login with the authority as bytes", async (bench) => {
  const builder = new sdk.ngrok.SessionBuilder().authtoken(bench.server.token).serverAddr(bench.server.address);
  bench.use(await builder.caCert(bench.server.ca).connect());
});

test("a foreign authority fails and the error names tls", async (bench) => {
  const { file } = sdk.certificate(bench, "somebody.else");
  const error = await sdk.refused(sdk.builder(bench.server, { ca: file }).connect());
  assert.match(error.message, /tls/i);
});

test("the embedded authority fails and the error names tls", async (bench) => {
  const builder = new sdk.ngrok.SessionBuilder().authtoken(bench.server.token).serverAddr(bench.server.address);
  assert.match((await sdk.refused(builder.connect())).message, /tls/i);
});

for (const [what, token, code] of [
  ["a malformed authtoken is 105", "not a token", "ERR_NGROK_105"],
  ["an unknown authtoken is 107", UNKNOWN, "ERR_NGROK_107"],
  ["an empty authtoken is 4018", "", "ERR_NGROK_4018"],
]) {
  test(what, async (bench) => {
    const error = await sdk.refused(sdk.builder(bench.server, { token }).connect());
    assert.equal(error.errorCode, code, error.message);
    assert.ok(!token || !error.message.includes(token), "the token is shown");
  });
}

test("the short form names the code too", async (bench) => {
  const error = await sdk.refused(sdk.ngrok.forward(sdk.options(bench.server, { addr: 80, authtoken: UNKNOWN })));
  assert.equal(error.errorCode, "ERR_NGROK_107", error.message);
});

test("metadata client info and heartbeat are accepted", async (bench) => {
  const builder = sdk.builder(bench.server).metadata('{"team": "compat"}').clientInfo("compat suite", "9.9", "a comment");
  const session = bench.use(await builder.heartbeatInterval(2).heartbeatTolerance(3).connect());
  const upstream = bench.use(await Http.start());
  const endpoint = session.httpEndpoint().metadata("of the endpoint").forwardsTo("elsewhere");
  const listener = await endpoint.listenAndForward(`http://${upstream.address}`);
  assert.equal(listener.metadata(), "of the endpoint");
  assert.equal((await fetch(bench.server, listener.url())).status, 200);
});

test("too long metadata is 100", async (bench) => {
  const error = await sdk.refused(sdk.builder(bench.server).metadata("m".repeat(4097)).connect());
  assert.equal(error.errorCode, "ERR_NGROK_100", error.message);
});
