// The suite: `suite.js [PART_OF_A_NAME…]`, with ADIT_BIN.
"use strict";

const harness = require("./harness");
const sdk = require("./sdk");
const { Server } = require("./server");

for (const part of ["login", "endpoints", "traffic", "life", "api"]) require(`./tests/${part}`);

(async () => {
  console.log(`-- @ngrok/ngrok ${sdk.version} of npm, node ${process.version}`);
  const shared = await Server.start();
  const well = await harness.run(shared, process.argv.slice(2));
  await shared.close();
  process.exit(well ? 0 : 1);
})();
