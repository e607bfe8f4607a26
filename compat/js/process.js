// The SDK in a process of its own: an endpoint for HTTP (and one for TCP), their URLs in a line of JSON, until killed
// or until its input ends. Required, it starts that process.
"use strict";

const { spawn } = require("node:child_process");
const readline = require("node:readline");
const { parseArgs } = require("node:util");

class Process {
  /** `more`: `--domain NAME`, `--pool`, `--tcp-upstream ADDRESS`. */
  static async start(server, upstream, ...more) {
    const flags = ["--server", server.address, "--ca", server.caFile, "--token", server.token, "--upstream", upstream];
    const started = new Process();
    const command = [__filename, ...flags, ...more];
    started.process = spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
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

async function main() {
  const text = { type: "string" };
  const options = { server: text, ca: text, token: text, upstream: text, domain: text, "tcp-upstream": text };
  const { values } = parseArgs({ options: { ...options, pool: { type: "boolean" } } });
  const { server, ca, token, upstream, domain, pool, "tcp-upstream": tcpUpstream } = values;
  const sdk = require("./sdk");
  const session = await sdk.builder({ address: server, caFile: ca, token }).connect();
  const endpoint = session.httpEndpoint();
  if (domain) endpoint.domain(domain);
  if (pool) endpoint.poolingEnabled(true);
  const urls = { http: (await endpoint.listenAndForward(`http://${upstream}`)).url() };
  if (tcpUpstream) urls.tcp = (await session.tcpEndpoint().listenAndForward(`tcp://${tcpUpstream}`)).url();
  process.stdout.write(`${JSON.stringify(urls)}\n`);
  process.stdin.resume().once("end", () => process.exit(0));
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { Process };
