// The SDK in a process of its own: an endpoint for HTTP (and one for TCP), their URLs in a line of JSON, until killed
// or until its input ends. Required, it starts that process.
"use strict";

const { spawn } = require("node:child_process");
const readline = require("node:readline");

class Process {
  /** `given`: upstream, domain, pool, tcpUpstream. */
  static async start(server, given) {
    const { address, caFile, token } = server;
    const told = JSON.stringify({ server: { address, caFile, token }, ...given });
    const started = new Process();
    started.process = spawn(process.execPath, [__filename, told], { stdio: ["pipe", "pipe", "inherit"] });
    started.ended = new Promise((done) => started.process.once("exit", done));
    for await (const line of readline.createInterface({ input: started.process.stdout })) {
      started.urls = JSON.parse(line);
      return started;
    }
    throw new Error("the agent process said nothing");
  }

  async close() {
    this.process.kill("SIGKILL");
    await this.ended;
  }
}

async function main({ server, upstream, domain, pool, tcpUpstream }) {
  const sdk = require("./sdk");
  const session = await sdk.builder(server).connect();
  const endpoint = session.httpEndpoint();
  if (domain) endpoint.domain(domain);
  if (pool) endpoint.poolingEnabled(true);
  const urls = { http: (await endpoint.listenAndForward(`http://${upstream}`)).url() };
  if (tcpUpstream) urls.tcp = (await session.tcpEndpoint().listenAndForward(`tcp://${tcpUpstream}`)).url();
  process.stdout.write(`${JSON.stringify(urls)}\n`);
  process.stdin.resume().once("end", () => process.exit(0));
}

if (require.main === module) {
  main(JSON.parse(process.argv[2])).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { Process };
