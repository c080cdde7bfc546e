// SPDX-License-Identifier: Apache-2.0
// The peer of the benches of WebSocket: npm's `ws` as a relay from ws://127.0.0.1:L to tcp://127.0.0.1:D, as its users write it.
// usage: node ws_relay.js L D
"use strict";
const net = require("net");
const { WebSocketServer } = require("/usr/share/nodejs/ws");

const [listen, dial] = process.argv.slice(2).map(Number);
new WebSocketServer({ host: "127.0.0.1", port: listen, perMessageDeflate: false }).on("connection", (ws) => {
	const tcp = net.connect({ host: "127.0.0.1", port: dial, noDelay: true });
	ws.on("message", (data) => tcp.write(data));
	ws.on("close", () => tcp.end());
	ws.on("error", () => tcp.destroy());
	tcp.on("data", (data) => ws.send(data));
	tcp.on("close", () => ws.close());
	tcp.on("error", () => ws.terminate());
});
