// What the API shows of a session, and commands that it gives to one.
"use strict";

const assert = require("node:assert/strict");
const { eventually, test } = require("../harness");
const sdk = require("../sdk");
const { Http } = require("../upstream");
const { fetch } = require("../visitor");

const CODES = { stop: ["805", "807"], restart: ["804", "808"], update: ["806", "809"] };

/** { status, said } of an answer of the API. */
async function api({ server }, method, path) {
  const headers = { authorization: `Bearer ${server.info.api_key}`, "ngrok-version": "2" };
  const body = method === "POST" ? "{}" : undefined;
  if (body) Object.assign(headers, { "content-type": "application/json", "content-length": body.length });
  const got = await fetch(server, server.info.api_url, path, { method, headers, body });
  return { status: got.status, said: got.text && JSON.parse(got.text) };
}

const sessions = async (bench) => (await api(bench, "GET", "/tunnel_sessions")).said.tunnel_sessions.map((s) => s.id);

/** Connects; this SDK does not tell the id of a session, but the new one is known. */
async function found(bench, builder) {
  const before = await sessions(bench);
  const session = bench.use(await builder.connect());
  const id = await eventually(
    async () => (await sessions(bench)).find((one) => !before.includes(one)),
    5_000,
    "the session in the API",
  );
  return { session, id };
}

test("metadata and client info are visible in the api", async (bench) => {
  const builder = sdk.builder(bench.server).metadata('{"team": "compat"}').clientInfo("compat-suite", "9.9", "a comment");
  const { session, id } = await found(bench, builder);
  const upstream = bench.use(await Http.start());
  const listener = await session.httpEndpoint().metadata("of the endpoint").listenAndForward(`http://${upstream.address}`);
  const shown = (await api(bench, "GET", `/tunnel_sessions/${id}`)).said;
  assert.equal(shown.metadata, '{"team": "compat"}');
  assert.equal(shown.agent_version, "9.9");
  const more = (await api(bench, "GET", `/adit/tunnel_sessions/${id}`)).said;
  assert.ok(more.user_agent[0].startsWith("compat-suite/9.9"), String(more.user_agent));
  assert.ok(more.user_agent.some((product) => product.includes("a comment")), String(more.user_agent));
  const [endpoint] = (await api(bench, "GET", `/endpoints?url=${listener.url()}`)).said.endpoints;
  assert.equal(endpoint.metadata, "of the endpoint");
  assert.equal(endpoint.tunnel_session.id, id);
});

test("stop restart and update reach the handler", async (bench) => {
  const asked = [];
  const builder = sdk
    .builder(bench.server)
    .handleStopCommand(() => asked.push("stop"))
    .handleRestartCommand(() => asked.push("restart"))
    .handleUpdateCommand(() => asked.push("update"));
  const { session, id } = await found(bench, builder);
  const upstream = bench.use(await Http.start());
  const listener = await session.httpEndpoint().listenAndForward(`http://${upstream.address}`);
  for (const command of Object.keys(CODES)) {
    const got = await api(bench, "POST", `/tunnel_sessions/${id}/${command}`);
    assert.deepEqual(got, { status: 204, said: "" });
    await eventually(() => asked.at(-1) === command, 5_000, `${command} reaches the handler`);
  }
  // What the program does then is its own affair: this one goes on.
  assert.equal((await fetch(bench.server, listener.url())).status, 200);
});

test("without a handler commands are unsupported", async (bench) => {
  const { id } = await found(bench, sdk.builder(bench.server));
  for (const [command, [code]] of Object.entries(CODES)) {
    const { status, said } = await api(bench, "POST", `/tunnel_sessions/${id}/${command}`);
    assert.deepEqual([status, said.error_code], [400, `ERR_NGROK_${code}`]);
    // What this SDK declared at its login.
    assert.match(said.msg, /the agent has not defined a callback for this operation/);
  }
});
