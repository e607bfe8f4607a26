// Bodies, WebSocket, an HTTP/2 upstream, a message that breaks off.
"use strict";

const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const { once } = require("node:events");
const http2 = require("node:http2");
const { WebSocket, WebSocketServer } = require("ws");
const { test } = require("../harness");
const { Process } = require("../process");
const sdk = require("../sdk");
const { MIB, Http, blocks, digestOf, pour } = require("../upstream");
const { fetch, request } = require("../visitor");

const BODY = 100; // MiB
const AT_ONCE = 4;
const many = (one) => Promise.all(Array.from({ length: AT_ONCE }, one));

async function online(bench, upstream) {
  const session = await sdk.connect(bench);
  return session.httpEndpoint().listenAndForward(`http://${upstream.address}`);
}

test("four downloads of 100 mib at once are equal", async (bench) => {
  const listener = await online(bench, bench.use(await Http.start()));
  const got = await many(async () => {
    const made = request(bench.server, listener.url(), `/mib/${BODY}`);
    made.end();
    const [response] = await once(made, "response");
    const digest = createHash("sha256");
    for await (const piece of response) digest.update(piece);
    return digest.digest("hex");
  });
  assert.deepEqual(got, Array(AT_ONCE).fill(digestOf(BODY)));
});

test("four uploads of 100 mib at once are equal", async (bench) => {
  const listener = await online(bench, bench.use(await Http.start()));
  const got = await many(async () => {
    const headers = { "content-length": BODY * MIB };
    const made = request(bench.server, listener.url(), "/", { method: "POST", headers });
    const answered = once(made, "response");
    await pour(blocks(BODY), made);
    made.end();
    const [response] = await answered;
    let said = "";
    for await (const piece of response) said += piece;
    return said;
  });
  assert.deepEqual(got, Array(AT_ONCE).fill(digestOf(BODY)));
});

test("websocket echo of 10 mb", async (bench) => {
  const upstream = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 0 });
  await once(upstream, "listening");
  bench.use(upstream);
  upstream.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  const listener = await online(bench, { address: `127.0.0.1:${upstream.address().port}` });
  const { host, hostname } = new URL(listener.url());
  const visitor = new WebSocket(`wss://${bench.server.address}/`, {
    ca: bench.server.ca,
    servername: hostname,
    headers: { host },
    maxPayload: 0,
  });
  await once(visitor, "open");
  const messages = [0, 1, 125, 126, 65_535, 65_536].map((size) => randomBytes(size));
  messages.push(...Array.from({ length: 10 }, () => randomBytes(1_000_000)));
  let next = 0;
  const all = new Promise((done, fail) => {
    visitor.on("close", () => fail(new Error(`closed after ${next} messages`)));
    visitor.on("message", (data) => {
      if (!data.equals(messages[next])) return fail(new Error(`message ${next} differs`));
      next += 1;
      if (next === messages.length) done();
    });
  });
  for (const message of messages) visitor.send(message);
  await all;
  visitor.removeAllListeners("close");
  visitor.close();
  await once(visitor, "close");
});

test("an http2 upstream is spoken to in http2", async (bench) => {
  const upstream = http2.createServer();
  upstream.on("stream", (stream, headers) => {
    stream.respond({ ":status": 200, "content-type": "text/plain" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "7" }));
    stream.end(`${headers[":method"]} ${headers[":path"]}`);
  });
  const sessions = new Set();
  upstream.on("session", (one) => sessions.add(one));
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  bench.use({ close: () => (sessions.forEach((one) => one.destroy()), upstream.close()) });
  const session = await sdk.connect(bench);
  const endpoint = session.httpEndpoint().appProtocol("http2");
  const listener = await endpoint.listenAndForward(`http://127.0.0.1:${upstream.address().port}`);
  const { host, hostname } = new URL(listener.url());
  const visitor = http2.connect(`https://${bench.server.address}`, { ca: bench.server.ca, servername: hostname });
  for (const path of ["/one", "/two"]) {
    const asked = visitor.request({ ":path": path, ":authority": host, te: "trailers" });
    const trailers = once(asked, "trailers");
    let text = "";
    for await (const piece of asked) text += piece;
    assert.equal(text, `GET ${path}`);
    assert.equal((await trailers)[0]["x-sum"], "7");
  }
  visitor.close();
  const plain = await fetch(bench.server, listener.url(), "/over-http1");
  assert.equal(plain.text, "GET /over-http1");
});

test("an agent killed in mid response breaks the message", async (bench) => {
  const upstream = bench.use(await Http.start());
  const other = bench.use(await Process.start(bench.server, upstream.address));
  const made = request(bench.server, other.urls.http, "/halves");
  made.end();
  const [response] = await once(made, "response");
  let got = 0;
  await assert.rejects(async () => {
    for await (const piece of response) {
      got += piece.length;
      if (got === MIB) other.process.kill("SIGKILL");
    }
  });
  assert.equal(got, MIB);
});
