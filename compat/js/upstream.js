// Services that the agent puts online.
"use strict";

const { createHash, randomBytes } = require("node:crypto");
const { once } = require("node:events");
const http = require("node:http");
const net = require("node:net");
const tls = require("node:tls");

const MIB = 1 << 20;
const block = randomBytes(MIB);

/** A body of so many MiB of which no two blocks are equal. */
function* blocks(mib) {
  for (let number = 0; number < mib; number += 1) {
    const one = Buffer.from(block);
    one.writeUInt32BE(number);
    yield one;
  }
}

function digestOf(mib) {
  const digest = createHash("sha256");
  for (const one of blocks(mib)) digest.update(one);
  return digest.digest("hex");
}

/** Writes what `pieces` gives, no faster than it is taken. */
async function pour(pieces, sink) {
  for (const piece of pieces) if (!sink.write(piece)) await once(sink, "drain");
}

/** Answers any path with what it was asked; `/mib/N`, `/halves`, and `POST` for a digest of the body. */
class Http {
  static async start(name = "") {
    const upstream = new Http();
    upstream.name = name;
    upstream.goOn = new Promise((done) => {
      upstream.release = done;
    });
    upstream.server = http.createServer((asked, answer) => {
      upstream.answer(asked, answer).catch(() => answer.destroy());
    });
    await started(upstream.server);
    return upstream;
  }

  async answer(asked, answer) {
    if (asked.method === "POST") {
      const digest = createHash("sha256");
      for await (const piece of asked) digest.update(piece);
      answer.end(digest.digest("hex"));
    } else if (asked.url.startsWith("/mib/")) {
      const mib = Number(asked.url.slice(5));
      answer.setHeader("content-length", mib * MIB);
      await pour(blocks(mib), answer);
      answer.end();
    } else if (asked.url === "/halves") {
      // Half of two MiB; the other half when the test says so.
      const [first, second] = blocks(2);
      answer.setHeader("content-length", 2 * MIB);
      answer.write(first);
      await this.goOn;
      answer.end(second);
    } else {
      answer.end(JSON.stringify({ path: asked.url, name: this.name, headers: asked.headers }));
    }
  }

  get address() {
    return addressOf(this.server);
  }

  close() {
    this.release();
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Whatever `serve` makes of an accepted socket; echoes by default. */
class Tcp {
  static async start(serve = (socket) => socket.pipe(socket), make = net.createServer) {
    const upstream = new Tcp();
    upstream.sockets = new Set();
    upstream.server = make((socket) => {
      upstream.sockets.add(socket);
      socket.on("error", () => {});
      serve(socket);
    });
    await started(upstream.server);
    return upstream;
  }

  get address() {
    return addressOf(this.server);
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** An upstream that terminates TLS itself and echoes. */
const tlsEcho = (pair) => Tcp.start(undefined, (serve) => tls.createServer(pair, serve));

/** The address of a port where nobody listens. */
async function closedPort() {
  const held = await started(net.createServer());
  const address = addressOf(held);
  held.close();
  await once(held, "close");
  return address;
}

async function started(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const addressOf = (server) => `127.0.0.1:${server.address().port}`;

module.exports = { MIB, Http, Tcp, blocks, closedPort, digestOf, pour, tlsEcho };
