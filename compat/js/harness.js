// Small named tests: `ok NAME`, `FAILED NAME: reason`, and a count at the end.
"use strict";

const tests = [];

const test = (name, run) => tests.push({ name: name.replaceAll(" ", "_"), run });

/** Polls until `check()` gives something true, and returns that; an exception of it counts as "not yet". */
async function eventually(check, within, what) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      last = `last answer: ${value}`;
    } catch (error) {
      last = `last error: ${error.message}`;
    }
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${what} (${last})`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** One test's things, undone in the opposite order; and the server that all share. */
class Bench {
  constructor(server) {
    this.server = server;
    this.undo = [];
  }

  /** Closes `thing` at the end of the test. */
  use(thing) {
    this.undo.push(() => thing.close());
    return thing;
  }

  async close() {
    for (const undo of this.undo.reverse()) await undo();
  }
}

/** Runs the tests whose names contain one of `chosen` (all, if there is none). */
async function run(server, chosen) {
  let passed = 0;
  let failed = 0;
  for (const { name, run } of tests) {
    if (chosen.length && !chosen.some((part) => name.includes(part))) continue;
    const began = Date.now();
    const bench = new Bench(server);
    let timer;
    try {
      const tooLong = new Promise((_, fail) => {
        timer = setTimeout(() => fail(new Error("the test took more than 90 s")), 90_000);
      });
      await Promise.race([run(bench), tooLong]);
      await bench.close();
      passed += 1;
      console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${String(error.message).replaceAll("\n", " ").slice(0, 1500)}`);
      if (process.env.ADIT_COMPAT_TRACE) console.log(error.stack);
      await bench.close().catch(() => {});
    } finally {
      clearTimeout(timer);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

module.exports = { eventually, run, test };
