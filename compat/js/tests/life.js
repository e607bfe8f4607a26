// A session's life: cut, killed server, drain.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { Cut } = require("../cut");
const { eventually, test } = require("../harness");
const sdk = require("../sdk");
const { Server } = require("../server");
const { MIB, Http, Tcp, blocks } = require("../upstream");
const { exactly, fetch, request, tcp } = require("../visitor");

const serves = async (server, url) => (await fetch(server, url)).status === 200;

async function echoes(server, url) {
  const socket = await tcp(server, url);
  socket.write("echo");
  const got = await exactly(socket, 4);
  socket.destroy();
  return String(got) === "echo";
}

test("a cut connection is resumed with the same ids and urls", async (bench) => {
  const cut = bench.use(await Cut.start(bench.server.https));
  const session = await sdk.connect(bench, { address: cut.address });
  const [upstream, edge] = [bench.use(await Http.start()), bench.use(await Tcp.start())];
  const web = await session.httpEndpoint().listenAndForward(`http://${upstream.address}`);
  const raw = await session.tcpEndpoint().listenAndForward(`tcp://${edge.address}`);
  const now = () => [web, raw].map((one) => [one.id(), one.url()]);
  const before = now();
  for (const attempts of [2, 3]) {
    cut.cut();
    await eventually(() => cut.accepted === attempts, 10_000, "the agent connects again");
    // No polling for "online": a visitor may come at once and waits until the endpoint is back.
    assert.ok(await serves(bench.server, web.url()));
    await eventually(() => echoes(bench.server, raw.url()), 5_000, "the tcp endpoint is back on its port");
  }
  assert.deepEqual(now(), before);
});

test("a killed server comes back with the same urls", async (bench) => {
  const server = bench.use(await Server.start());
  const session = await sdk.builder(server).connect();
  const [upstream, edge] = [bench.use(await Http.start()), bench.use(await Tcp.start())];
  const web = [];
  for (let n = 0; n < 5; n += 1) {
    web.push(await session.httpEndpoint().listenAndForward(`http://${upstream.address}`));
  }
  const raw = await session.tcpEndpoint().listenAndForward(`tcp://${edge.address}`);
  for (const one of web) assert.ok(await serves(server, one.url()));
  await server.kill();
  const began = Date.now();
  await server.start();
  for (const one of web) await eventually(() => serves(server, one.url()), 10_000, `${one.url()} is back`);
  await eventually(() => echoes(server, raw.url()), 10_000, `${raw.url()} is back`);
  assert.ok(Date.now() - began < 10_000);
});

test("a drain lets a download complete", async (bench) => {
  const server = bench.use(await Server.start());
  const session = await sdk.builder(server).connect();
  const upstream = bench.use(await Http.start());
  const listener = await session.httpEndpoint().listenAndForward(`http://${upstream.address}`);
  const made = request(server, listener.url(), "/halves");
  made.end();
  const [response] = await once(made, "response");
  const pieces = [];
  let got = 0;
  for await (const piece of response) {
    pieces.push(piece);
    got += piece.length;
    if (got === MIB) {
      server.terminate();
      await eventually(() => server.draining(), 5_000, "the drain begins");
      upstream.release();
    }
  }
  assert.ok(Buffer.concat(pieces).equals(Buffer.concat([...blocks(2)])), `${got} bytes`);
  assert.equal(await server.ended, 0);
});
