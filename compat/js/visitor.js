// Visitors: HTTP by node itself, raw TLS, raw TCP. They connect by address and name the host themselves.
"use strict";

const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const tls = require("node:tls");
const { once } = require("node:events");

/** A request to the endpoint `url`: the ClientRequest, not yet ended. */
function request(server, url, path = "/", { method = "GET", headers = {} } = {}) {
  const { protocol, host, hostname } = new URL(url);
  const common = { path, method, agent: false, headers: { host, ...headers } };
  if (protocol === "http:") return http.request({ ...server.http, ...common });
  return https.request({ ...server.https, ...common, servername: hostname, ca: server.ca });
}

/** The whole answer: { status, headers, body, text }. */
async function fetch(server, url, path, { body, ...options } = {}) {
  const made = request(server, url, path, options);
  made.end(body);
  const [response] = await once(made, "response");
  const pieces = [];
  for await (const piece of response) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  return { status: response.statusCode, headers: response.headers, body: whole, text: whole.toString() };
}

/** A TLS connection to a tls:// endpoint, with the authorities that the visitor trusts. */
async function secure(server, url, ca) {
  const socket = tls.connect({ ...server.https, servername: new URL(url).hostname, ca });
  await once(socket, "secureConnect");
  return socket;
}

/** A connection to a tcp:// endpoint; its name is this machine's. */
async function tcp(server, url) {
  const socket = net.connect({ host: server.https.host, port: Number(url.split(":").pop()) });
  await once(socket, "connect");
  return socket;
}

/** `count` bytes, or what came before the end. */
async function exactly(socket, count) {
  let got = Buffer.alloc(0);
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    got = Buffer.concat([got, piece]);
    if (got.length >= count) break;
  }
  return got.subarray(0, count);
}

module.exports = { exactly, fetch, request, secure, tcp };
