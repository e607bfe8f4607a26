// A server of Adit of this test run alone: its own data directory, free ports, stopped at the end.
"use strict";

const { spawn } = require("node:child_process");
const { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } = require("node:fs");
const net = require("node:net");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { eventually } = require("./harness");

const listening = (port) =>
  new Promise((done, fail) => {
    const held = net.createServer().once("error", fail);
    held.listen(port, "127.0.0.1", () => done(held));
  });

/** So many neighbouring free ports, below those that systems hand out themselves: the first. */
async function freePorts(count) {
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * (22_000 - count));
    const held = [];
    try {
      for (let port = first; port < first + count; port += 1) held.push(await listening(port));
      return first;
    } catch {
      // Taken: another place.
    } finally {
      for (const one of held) one.close();
    }
  }
}

/** `adit dev --no-agent`. Started again, it has the same directory and the same ports. */
class Server {
  static async start() {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "adit-compat-"));
    server.dataDir = join(server.folder, "data");
    server.listen = { https: "127.0.0.1:0", http: "127.0.0.1:0", admin: "127.0.0.1:0" };
    const first = await freePorts(20);
    server.tcpPorts = `${first}-${first + 19}`;
    await server.start();
    return server;
  }

  async start() {
    const flags = Object.entries(this.listen).map(([name, address]) => `--${name}=${address}`);
    const log = openSync(join(this.folder, "log"), "a");
    const all = ["dev", "--no-agent", "--data-dir", this.dataDir, "--tcp-ports", this.tcpPorts, ...flags];
    this.process = spawn(process.env.ADIT_BIN, all, { stdio: ["ignore", log, log] });
    this.ended = new Promise((done) => this.process.once("exit", (code) => done(code)));
    closeSync(log);
    this.info = await eventually(() => this.said(), 20_000, "dev.json of the server");
    this.https = addressOf(this.info.https_addr);
    this.http = addressOf(this.info.http_addr);
    for (const name of Object.keys(this.listen)) this.listen[name] = this.info[`${name}_addr`];
    this.ca = readFileSync(this.info.ca_file);
  }

  said() {
    if (this.process.exitCode !== null) throw new Error(readFileSync(join(this.folder, "log"), "utf8"));
    const info = JSON.parse(readFileSync(join(this.dataDir, "dev.json"), "utf8"));
    return info.pid === this.process.pid && info;
  }

  /** Where agents connect: by address, since nothing resolves names below .localhost everywhere. */
  get address() {
    return this.info.https_addr;
  }

  get token() {
    return this.info.authtoken;
  }

  get caFile() {
    return this.info.ca_file;
  }

  /** As `kill -9`. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  /** Asks it to drain and stop; does not wait. */
  terminate() {
    this.process.kill("SIGTERM");
  }

  /** True once it has begun to stop (or has stopped). */
  draining() {
    return !existsSync(join(this.dataDir, "dev.json"));
  }

  async close() {
    this.terminate();
    const timer = setTimeout(() => this.process.kill("SIGKILL"), 15_000);
    await this.ended;
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** { host, port } of "host:port". */
function addressOf(text) {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at).replace(/[[\]]/g, ""), port: Number(text.slice(at + 1)) };
}

module.exports = { Server, addressOf, listening };
