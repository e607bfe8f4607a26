// A TCP proxy between agent and server that the test cuts.
"use strict";

const net = require("node:net");
const { once } = require("node:events");

/** Passes bytes on to `target`. `cut()` resets every connection, as a network that fails; new ones are accepted. */
class Cut {
  static async start(target) {
    const cut = new Cut();
    cut.pairs = new Set();
    cut.accepted = 0;
    cut.server = net.createServer((near) => {
      const far = net.connect(target);
      cut.accepted += 1;
      cut.pairs.add([near, far]);
      for (const [one, other] of [[near, far], [far, near]]) {
        one.setNoDelay(true);
        one.on("error", () => other.resetAndDestroy());
        one.pipe(other);
      }
    });
    cut.server.listen(0, "127.0.0.1");
    await once(cut.server, "listening");
    return cut;
  }

  get address() {
    return `127.0.0.1:${this.server.address().port}`;
  }

  cut() {
    for (const pair of this.pairs) {
      for (const one of pair) one.unpipe();
      for (const one of pair) one.resetAndDestroy();
    }
    this.pairs.clear();
  }

  close() {
    this.server.close();
    this.cut();
  }
}

module.exports = { Cut };
