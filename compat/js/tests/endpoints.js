// Endpoints: every scheme, forwarding and serving in the process, what is refused, closing.
"use strict";

const assert = require("node:assert/strict");
const http = require("node:http");
const { eventually, test } = require("../harness");
const { Process } = require("../process");
const sdk = require("../sdk");
const { Http, Tcp, closedPort, tlsEcho } = require("../upstream");
const { exactly, fetch, secure, tcp } = require("../visitor");

const web = async (bench, name) => bench.use(await Http.start(name));

/** An https endpoint in a session of its own; `prepare` sets options. */
async function online(bench, upstream, prepare = (endpoint) => endpoint) {
  const session = await sdk.connect(bench);
  return prepare(session.httpEndpoint()).listenAndForward(`http://${upstream.address}`);
}

function said(answer) {
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}

async function offline(server, url) {
  const answer = await fetch(server, url);
  return answer.status === 404 && answer.headers["ngrok-error-code"] === "ERR_NGROK_3200";
}

test("an https url works", async (bench) => {
  const listener = await online(bench, await web(bench));
  assert.match(listener.url(), /^https:\/\//);
  const { path, headers } = said(await fetch(bench.server, listener.url(), "/a?b=c"));
  assert.equal(path, "/a?b=c");
  assert.equal(headers.host, new URL(listener.url()).host);
});

test("an http url works and has no tls", async (bench) => {
  const listener = await online(bench, await web(bench), (endpoint) => endpoint.scheme("http"));
  assert.match(listener.url(), /^http:\/\//);
  assert.equal(said(await fetch(bench.server, listener.url(), "/p")).path, "/p");
});

test("a chosen name is given", async (bench) => {
  const listener = await online(bench, await web(bench), (endpoint) => endpoint.domain("js-chosen.adit.localhost"));
  assert.equal(new URL(listener.url()).hostname, "js-chosen.adit.localhost");
  assert.equal((await fetch(bench.server, listener.url())).status, 200);
});

test("a tcp url works", async (bench) => {
  const upstream = bench.use(await Tcp.start());
  const session = await sdk.connect(bench);
  const listener = await session.tcpEndpoint().listenAndForward(`tcp://${upstream.address}`);
  assert.match(listener.url(), /^tcp:\/\/.*:\d+$/);
  const socket = await tcp(bench.server, listener.url());
  socket.end("over tcp");
  assert.equal(String(await exactly(socket, 100)), "over tcp");
});

test("a tls url passes through to the upstream", async (bench) => {
  const name = "js-tls.adit.localhost";
  const pair = sdk.certificate(bench, name);
  const upstream = bench.use(await tlsEcho(pair));
  const session = await sdk.connect(bench);
  const listener = await session.tlsEndpoint().domain(name).listenAndForward(`tcp://${upstream.address}`);
  const socket = await secure(bench.server, listener.url(), pair.cert);
  socket.write("end to end");
  assert.equal(String(await exactly(socket, 10)), "end to end");
  socket.destroy();
});

test("a tls url ends at the edge with a certificate of its own", async (bench) => {
  const name = "js-edge-tls.adit.localhost";
  const { cert, key } = sdk.certificate(bench, name);
  const upstream = bench.use(await Tcp.start());
  const session = await sdk.connect(bench);
  const endpoint = session.tlsEndpoint().domain(name).termination(cert, key);
  const listener = await endpoint.listenAndForward(`tcp://${upstream.address}`);
  const socket = await secure(bench.server, listener.url(), cert);
  socket.write("decrypted at the edge");
  assert.equal(String(await exactly(socket, 21)), "decrypted at the edge");
  socket.destroy();
});

test("the short forms forward and disconnect", async (bench) => {
  const upstream = await web(bench);
  const given = sdk.options(bench.server, { addr: upstream.address, metadata: "short", force_new_session: true });
  const listener = await sdk.ngrok.forward(given);
  assert.equal((await fetch(bench.server, listener.url())).status, 200);
  await sdk.ngrok.disconnect(listener.url());
  await eventually(() => offline(bench.server, listener.url()), 5_000, "offline after disconnect");
});

test("a server in the process is served", async (bench) => {
  const session = await sdk.connect(bench);
  const here = http.createServer((_, answer) => answer.end("from this process"));
  bench.use({ close: () => (here.closeAllConnections(), here.close()) });
  const listener = await session.httpEndpoint().listen();
  sdk.ngrok.listen(here, listener);
  assert.equal((await fetch(bench.server, listener.url())).text, "from this process");
});

test("the visitors address is visible", async (bench) => {
  const listener = await online(bench, await web(bench));
  const { headers } = said(
    await fetch(bench.server, listener.url(), "/", { headers: { "x-forwarded-for": "192.0.2.1" } }),
  );
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["x-forwarded-proto"], "https");
});

async function proxyHeader(bench, version) {
  let seen;
  const upstream = bench.use(
    await Tcp.start((socket) =>
      socket.once("data", (bytes) => {
        seen = bytes;
        socket.end("thanks");
      }),
    ),
  );
  const session = await sdk.connect(bench);
  const listener = await session.tcpEndpoint().proxyProto(version).listenAndForward(`tcp://${upstream.address}`);
  const socket = await tcp(bench.server, listener.url());
  const source = socket.localPort;
  socket.write("first bytes");
  assert.equal(String(await exactly(socket, 6)), "thanks");
  return { seen, source, port: Number(listener.url().split(":").pop()) };
}

test("proxy protocol 1 reaches the upstream", async (bench) => {
  const { seen, source, port } = await proxyHeader(bench, "1");
  assert.equal(String(seen), `PROXY TCP4 127.0.0.1 127.0.0.1 ${source} ${port}\r\nfirst bytes`);
});

test("proxy protocol 2 reaches the upstream", async (bench) => {
  const { seen, source, port } = await proxyHeader(bench, "2");
  assert.equal(seen.subarray(0, 14).toString("latin1"), "\r\n\r\n\0\r\nQUIT\n\x21\x11");
  assert.deepEqual([...seen.subarray(16, 24)], [127, 0, 0, 1, 127, 0, 0, 1]);
  assert.deepEqual([seen.readUInt16BE(24), seen.readUInt16BE(26)], [source, port]);
  assert.ok(seen.toString("latin1").endsWith("first bytes"));
});

test("a bad host is 326", async (bench) => {
  const session = await sdk.connect(bench);
  const error = await sdk.refused(session.httpEndpoint().domain("1.21 gigawatts").listen());
  assert.equal(error.errorCode, "ERR_NGROK_326", error.message);
});

test("a policy is enforced", async (bench) => {
  const policy = `{"on_http_request":[{"expressions":["req.url.path == '/no'"],"actions":[{"type":"deny","config":{"status_code":418}}]}]}`;
  const listener = await online(bench, await web(bench), (endpoint) => endpoint.trafficPolicy(policy));
  assert.equal((await fetch(bench.server, listener.url(), "/no")).status, 418);
  assert.equal((await fetch(bench.server, listener.url(), "/yes")).status, 200);
});

test("the old options are enforced", async (bench) => {
  const listener = await online(bench, await web(bench), (endpoint) =>
    endpoint
      .basicAuth("user", "long enough")
      .circuitBreaker(0.9)
      .allowCidr("127.0.0.0/8")
      .denyUserAgent("(?i)bot")
      .requestHeader("x-added", "${1}")
      .removeRequestHeader("x-secret")
      .responseHeader("x-from", "edge"),
  );
  const get = (headers) => fetch(bench.server, listener.url(), "/", { headers });
  const authorization = "Basic " + Buffer.from("user:long enough").toString("base64");
  assert.equal((await get({})).status, 401);
  const bot = await get({ authorization, "user-agent": "a Bot" });
  assert.deepEqual([bot.status, bot.headers["ngrok-error-code"]], [403, "ERR_NGROK_3211"]);
  const answer = await get({ authorization, "x-secret": "1" });
  const { headers } = said(answer);
  assert.deepEqual([headers["x-added"], headers["x-secret"], answer.headers["x-from"]], ["${1}", undefined, "edge"]);
  const nobody = await online(bench, await web(bench), (endpoint) => endpoint.allowCidr("192.0.2.0/24"));
  await assert.rejects(fetch(bench.server, nobody.url()), { code: "ECONNRESET" });
});

test("old options and wrong policies are refused not ignored", async (bench) => {
  const session = await sdk.connect(bench);
  for (const [code, prepare] of [
    ["ERR_NGROK_360", (e) => e.basicAuth("user", "short")],
    ["ERR_NGROK_361", (e) => e.circuitBreaker(1.5)],
    ["ERR_NGROK_393", (e) => e.denyCidr("10.0.0.0/8")],
    ["ERR_NGROK_364", (e) => e.webhookVerification("nobody", "secret")],
    ["ERR_NGROK_365", (e) => e.oauth("google")],
    ["ERR_NGROK_385", (e) => e.oidc("https://issuer.example", "id", "secret")],
    ["ERR_NGROK_9026", (e) => e.trafficPolicy('{"on_http_request":[{"actions":[{"type":"denied"}]}]}')],
  ]) {
    const error = await sdk.refused(prepare(session.httpEndpoint()).listen());
    assert.equal(error.errorCode, code, error.message);
  }
});

test("a labelled endpoint is 358", async (bench) => {
  const session = await sdk.connect(bench);
  const error = await sdk.refused(session.labeledListener().label("edge", "edghts_1").listen());
  assert.equal(error.errorCode, "ERR_NGROK_358", error.message);
});

test("close takes the endpoint offline", async (bench) => {
  const session = await sdk.connect(bench);
  const upstream = await web(bench);
  const one = await session.httpEndpoint().listenAndForward(`http://${upstream.address}`);
  const other = await session.httpEndpoint().listenAndForward(`http://${upstream.address}`);
  assert.equal((await fetch(bench.server, one.url())).status, 200);
  await one.close();
  await eventually(() => offline(bench.server, one.url()), 5_000, "offline after close");
  await session.closeListener(other.id());
  await eventually(() => offline(bench.server, other.url()), 5_000, "offline after closeListener");
});

test("the same url twice is 334", async (bench) => {
  const name = "js-once.adit.localhost";
  const other = bench.use(await Process.start(bench.server, (await web(bench)).address, "--domain", name));
  const session = await sdk.connect(bench);
  const error = await sdk.refused(session.httpEndpoint().domain(name).listen());
  assert.equal(error.errorCode, "ERR_NGROK_334", error.message);
  assert.equal((await fetch(bench.server, other.urls.http)).status, 200);
});

test("two pooled processes both serve", async (bench) => {
  const name = "js-pool.adit.localhost";
  const theirs = await web(bench, "theirs");
  const other = bench.use(await Process.start(bench.server, theirs.address, "--domain", name, "--pool"));
  const pooled = (endpoint) => endpoint.domain(name).poolingEnabled(true);
  const listener = await online(bench, await web(bench, "mine"), pooled);
  assert.equal(listener.url(), other.urls.http);
  const seen = new Set();
  const both = async () => seen.add(said(await fetch(bench.server, listener.url())).name).size === 2;
  await eventually(both, 10_000, "both served");
});

test("an upstream that is down is 502 with 8012", async (bench) => {
  const listener = await online(bench, { address: await closedPort() });
  const answer = await fetch(bench.server, listener.url());
  assert.equal(answer.status, 502);
  assert.equal(answer.headers["ngrok-error-code"], "ERR_NGROK_8012", answer.text);
});
