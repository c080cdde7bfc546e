// SPDX-License-Identifier: Apache-2.0
// From flows and ports to a graph: processes of this machine and hosts elsewhere as nodes, connections between them as edges.

const SHOWN = 120; // nodes; those with the most connections

/** A node for the process of a row, or for what cannot be seen. */
function localNode(row) {
  const p = row?.processes?.[0];
  return p ? { id: `p${p.pid}`, kind: "process", name: p.name, pid: p.pid, user: p.user } : { id: "unseen", kind: "unseen", name: "" };
}

function keyOf(address, port, otherAddress, otherPort) {
  return `${address} ${port} ${otherAddress} ${otherPort}`;
}

function isLoopback(address) {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

class Builder {
  constructor(flows, ports, ownPid) {
    this.nodes = new Map();
    this.edges = new Map();
    this.ownPid = ownPid;
    this.listening = new Set(ports.map((p) => p.local_port));
    this.own = new Set(flows.map((f) => f.local_address)); // addresses of this machine
    this.flows = new Map(flows.map((f) => [keyOf(f.local_address, f.local_port, f.remote_address, f.remote_port), f]));
  }

  node(n) {
    if (!this.nodes.has(n.id)) this.nodes.set(n.id, { ...n, listens: [], serves: false, own: n.pid !== undefined && n.pid === this.ownPid, degree: 0 });
    return this.nodes.get(n.id);
  }

  listen(row) {
    const { listens } = this.node(localNode(row));
    if (!listens.includes(row.local_port)) listens.push(row.local_port);
  }

  /** Who is at the other end: a process, where both ends are of this machine. */
  otherNode(flow, other) {
    if (other || isLoopback(flow.remote_address) || this.own.has(flow.remote_address)) return this.node(localNode(other));
    return this.node({ id: `h${flow.remote_address}`, kind: "host", name: flow.remote_address });
  }

  /** Whether the remote end dialled: the kernel's word, or else who of the two listens. */
  comesIn(f) {
    if (f.direction) return f.direction === "in";
    return this.listening.has(f.local_port) && !this.listening.has(f.remote_port);
  }

  /** A connection within the machine is told of at both ends, and counts once: its client's end, where that is there. */
  flow(f) {
    const other = this.flows.get(keyOf(f.remote_address, f.remote_port, f.local_address, f.local_port));
    const isIn = this.comesIn(f);
    if (other && isIn && !this.comesIn(other)) return;
    if (other && isIn === this.comesIn(other) && f.local_port < f.remote_port) return;
    const here = this.node(localNode(f)), there = this.otherNode(f, other);
    const [from, to, port] = isIn ? [there, here, f.local_port] : [here, there, f.remote_port];
    this.edge(from, to, port, f);
  }

  edge(from, to, port, flow) {
    const id = `${from.id}>${to.id}:${port}`;
    const edge = this.edges.get(id) ?? { id, source: from.id, target: to.id, port, protocol: flow.protocol, n: 0, rate: 0 };
    this.edges.set(id, edge);
    edge.n++;
    edge.rate += (flow.sent_rate ?? 0) + (flow.received_rate ?? 0);
    to.serves = true;
    from.degree++;
    to.degree++;
  }
}

/** Edges between the same two nodes lie beside each other: `lane` 0, 1, -1, 2, -2 ... */
function addLanes(edges) {
  const n = new Map();
  for (const e of edges) {
    const pair = [e.source, e.target].sort().join();
    const i = n.get(pair) ?? 0;
    n.set(pair, i + 1);
    e.lane = (i % 2 ? 1 : -1) * Math.ceil(i / 2) * (e.source < e.target ? 1 : -1);
  }
}

/** { nodes, edges, names: of all nodes by id, left: how many nodes are too many to be drawn } */
export function graphOf(flows, ports, ownPid) {
  const b = new Builder(flows, ports, ownPid);
  for (const p of ports) if (p.local_port !== null && p.processes) b.listen(p);
  for (const f of flows) if (f.local_port !== null && f.remote_port !== null) b.flow(f);
  const all = [...b.nodes.values()].sort((x, y) => y.own - x.own || y.degree - x.degree || y.listens.length - x.listens.length);
  const nodes = all.slice(0, SHOWN);
  const drawn = new Set(nodes.map((n) => n.id));
  const list = [...b.edges.values()];
  const edges = list.filter((e) => drawn.has(e.source) && drawn.has(e.target));
  addLanes(edges);
  return { nodes, edges, list, byId: b.nodes, left: all.length - nodes.length };
}
