// The SDK under test: `@ngrok/ngrok` of npm as it is.
"use strict";

const { execFileSync } = require("node:child_process");
const { mkdtempSync, readFileSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const ngrok = require("@ngrok/ngrok");

/** A builder that leads to `server`. */
function builder(server, { address = server.address, token = server.token, ca = server.caFile } = {}) {
  return new ngrok.SessionBuilder().authtoken(token).serverAddr(address).rootCas(ca);
}

/** A session that the test's end closes. */
async function connect(bench, given) {
  return bench.use(await builder(bench.server, given).connect());
}

/** The error of a promise that must fail. */
async function refused(promise) {
  let made;
  try {
    made = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${made} where a refusal was due`);
}

/** The options of `ngrok.forward` that lead to this server. */
const options = (server, given) => ({
  authtoken: server.token,
  server_addr: server.address,
  root_cas: server.caFile,
  ...given,
});

/** A self-signed certificate for `name`: { cert, key }, and `file` of the certificate. */
function certificate(bench, name) {
  const folder = mkdtempSync(join(tmpdir(), "adit-compat-"));
  bench.use({ close: () => rmSync(folder, { recursive: true }) });
  const [chain, key] = [join(folder, "chain.pem"), join(folder, "key.pem")];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  made.push("-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-keyout", key, "-out", chain);
  execFileSync("openssl", made, { stdio: "ignore" });
  return { cert: readFileSync(chain), key: readFileSync(key), file: chain };
}

const version = require("@ngrok/ngrok/package.json").version;

module.exports = { builder, certificate, connect, ngrok, options, refused, version };
