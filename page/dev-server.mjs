// SPDX-License-Identifier: Apache-2.0
// The page with a machine that is made up, to work on it without soket: node page/dev-server.mjs [port=8099] [links=4] [flows=14]
// [ports=12] [relayed=1] [hostile=1] [empty=1]. What is changed in page/src is bundled at each load.

import { bundle } from "./fixture/bundle.mjs";
import { PageServer } from "./fixture/server.mjs";

const options = Object.fromEntries(process.argv.slice(2).map((word) => word.split("=")).map(([key, value]) => [key, Number(value)]));
const server = new PageServer({ ...options, ...(options.empty && { links: 0, flows: 0, ports: 0 }) });
await server.start(options.port ?? 0);
server.server.prependListener("request", async (request) => {
  if (request.url.endsWith("/")) server.assets = await bundle();
});
console.log(server.url);
