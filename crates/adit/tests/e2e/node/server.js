// An upstream that parses with Node's own HTTP server and says what it understood.
//
// Every request is answered with JSON: number among all requests seen, method, target, the raw header list, the body
// and the trailers. Bytes are Latin-1 text, so that nothing is lost. `/stats` in the header X-Ask tells the counts,
// of errors too: a client error here is a message that should never have been sent.
"use strict";
const http = require("node:http");

const latin1 = (text) => Buffer.from(text, "latin1").toString("latin1");
let requests = 0;
let errors = [];

const server = http.createServer({ maxHeaderSize: 512 * 1024, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const stats = request.headers["x-ask"] === "stats";
    if (!stats) requests += 1;
    const told = stats
      ? { requests, errors }
      : {
          number: requests,
          method: request.method,
          target: latin1(request.url),
          headers: request.rawHeaders.map(latin1),
          body: Buffer.concat(pieces).toString("latin1"),
          trailers: request.rawTrailers.map(latin1),
        };
    const text = Buffer.from(JSON.stringify(told));
    response.writeHead(200, { "content-type": "application/json", "content-length": text.length });
    // HEAD has no body: it goes into a field instead.
    if (request.method === "HEAD") response.end();
    else response.end(text);
  });
});
server.maxHeadersCount = 0;
server.on("clientError", (error, socket) => {
  // A connection that is reset says nothing about the message.
  if (error.code !== "ECONNRESET") errors.push(`${error.code}: ${error.rawPacket ? error.rawPacket.toString("latin1") : ""}`);
  socket.destroy();
});
server.on("upgrade", (request, socket) => socket.destroy());
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
