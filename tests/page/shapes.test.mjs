// SPDX-License-Identifier: Apache-2.0
// What the page makes of the events, without a browser: ports, the way, the graph, rates.
import assert from "node:assert/strict";
import test from "node:test";

import { Machine } from "../../page/fixture/machine.mjs";
import { graphOf } from "../../page/src/graph.js";
import { History } from "../../page/src/history.js";
import { classOf, partsOf, placeOf } from "../../page/src/port.js";

function row(local, remote, direction, process, rate = 0) {
  const [la, lp] = local.split(" "), [ra, rp] = remote.split(" ");
  return { protocol: "tcp", local_address: la, local_port: Number(lp), remote_address: ra, remote_port: Number(rp), direction, sent_rate: rate, received_rate: 0,
    processes: process ? [{ pid: process, name: `p${process}` }] : null };
}

test("classes of ports are those of RFC 6335", () => {
  assert.deepEqual([0, 1023, 1024, 49151, 49152, 65535].map(classOf), ["system", "system", "user", "user", "dynamic", "dynamic"]);
  const places = [0, 1023, 1024, 49151, 49152, 65535].map(placeOf);
  assert.deepEqual([...places].sort((a, b) => a - b), places);
  assert.ok(places[0] === 0 && places[1] < 1 / 3 && Math.abs(places[2] - 1 / 3) < 1e-9 && places[5] < 1);
});

test("socket addresses are read from endpoints", () => {
  assert.deepEqual(partsOf("tcp://127.0.0.1:80"), { scheme: "tcp", ip: "127.0.0.1", port: 80 });
  assert.deepEqual(partsOf("ws+tls+tcp://[::1]:443"), { scheme: "ws+tls+tcp", ip: "::1", port: 443 });
  assert.deepEqual(partsOf("127.0.0.1:80"), { scheme: "tcp", ip: "127.0.0.1", port: 80 });
  for (const none of ["", null, undefined, "unix:/run/x.sock", "echo:", "::1", "tcp://a:b:c", "x".repeat(10000)]) assert.equal(partsOf(none), null);
});

test("a connection within the machine is one edge, from its client to its server", () => {
  const both = [row("127.0.0.1 40000", "127.0.0.1 80", "out", 1, 100), row("127.0.0.1 80", "127.0.0.1 40000", "in", 2, 100)];
  for (const flows of [both, [...both].reverse()]) {
    const { edges, nodes } = graphOf(flows, [], 2);
    assert.deepEqual(edges.map((e) => [e.source, e.target, e.port, e.n, e.rate]), [["p1", "p2", 80, 1, 100]]);
    assert.deepEqual(nodes.map((n) => n.own), [true, false]);
  }
});

test("where nobody knows who dialled, who listens is the server", () => {
  const flows = [row("127.0.0.1 40000", "127.0.0.1 80", null, 1), row("127.0.0.1 80", "127.0.0.1 40000", null, 2)];
  const { edges } = graphOf(flows, [{ local_port: 80, processes: [{ pid: 2, name: "p2" }] }], 9);
  assert.deepEqual(edges.map((e) => [e.source, e.target, e.port]), [["p1", "p2", 80]]);
});

test("an address of this machine is no other host, even where its end is not seen", () => {
  const { nodes } = graphOf([row("127.0.0.1 40000", "127.0.0.1 80", "out", 1), row("10.0.0.2 40001", "10.0.0.2 81", "out", 1), row("10.0.0.2 40002", "192.0.2.1 82", "out", 1)], [], 9);
  assert.deepEqual(nodes.map((n) => n.kind).sort(), ["host", "process", "unseen"]);
});

test("connections of the same two and port are counted, and other ports lie beside", () => {
  const { edges } = graphOf([row("127.0.0.1 40000", "192.0.2.1 80", "out", 1, 5), row("127.0.0.1 40001", "192.0.2.1 80", "out", 1, 7), row("127.0.0.1 40002", "192.0.2.1 81", "out", 1)], [], 9);
  assert.deepEqual(edges.map((e) => [e.port, e.n, e.rate]), [[80, 2, 12], [81, 1, 0]]);
  assert.notEqual(edges[0].lane, edges[1].lane);
});

test("of too many nodes the busiest are drawn, this soket among them, and the rest is counted", () => {
  const machine = new Machine({ flows: 1500, ports: 300 });
  const { flows } = machine.flows(0, "");
  const graph = graphOf(flows, machine.ports(0, "").ports, 7001);
  assert.equal(graph.nodes.length, 120);
  assert.ok(graph.left > 0 && graph.left + 120 === graph.byId.size && graph.nodes[0].own);
  const drawn = new Set(graph.nodes.map((n) => n.id));
  assert.ok(graph.edges.every((e) => drawn.has(e.source) && drawn.has(e.target)));
  assert.ok(graph.list.every((e) => graph.byId.has(e.source) && graph.byId.has(e.target)));
});

test("a flow without ports or processes does no harm", () => {
  const { nodes, edges } = graphOf([{ ...row("127.0.0.1 1", "127.0.0.1 2", null, null), local_port: null }, row("127.0.0.1 5", "127.0.0.1 5", null, null)], [{ local_port: null, processes: null }], 1);
  assert.deepEqual([nodes.map((n) => n.id), edges.map((e) => [e.source, e.target])], [["unseen"], [["unseen", "unseen"]]]);
});

test("rates come from counts, and a link that is gone is forgotten", () => {
  const h = new History();
  const link = (id, sent, received) => ({ id, sent, received, age_ns: 100e9 });
  h.add(10, [link(1, 1000, 0), link(2, 0, 0)]);
  h.add(11, [link(1, 3000, 500), link(2, 100, 0)]);
  assert.deepEqual([h.last(1), h.last(2), h.lastOfAll()], [{ sent: 2000, received: 500 }, { sent: 100, received: 0 }, { sent: 2100, received: 500 }]);
  h.add(13, [link(1, 3000, 500)]);
  assert.deepEqual([h.last(1), h.last(2)], [{ sent: 0, received: 0 }, { sent: 0, received: 0 }]);
  assert.ok(!h.links.has(2) && !h.counts.has(2));
});

test("a link that has just begun shows what it moved, and counts never go backwards", () => {
  const h = new History();
  h.add(10, []);
  h.add(11, [{ id: 1, sent: 700, received: 0, age_ns: 5e8 }]);
  assert.equal(h.last(1).sent, 700);
  h.add(12, [{ id: 1, sent: 10, received: 0, age_ns: 5e8 }]);
  assert.equal(h.last(1).sent, 0);
});

test("a minute is kept, in step, with gaps where a link was not there yet", () => {
  const h = new History();
  for (let s = 0; s < 200; s++) h.add(s, s < 195 ? [] : [{ id: 1, sent: s, received: 0, age_ns: 1e15 }]);
  const [times, sent, received] = h.series(1);
  assert.deepEqual([times.length, sent.length, received.length], [61, 61, 61]);
  assert.deepEqual([times[0], times.at(-1), sent[0], sent.at(-1)], [-60, 0, null, 1]);
  assert.equal(h.series(null)[1].length, 61);
  assert.deepEqual(h.series(77)[1].filter((v) => v !== null), []);
});
