// SPDX-License-Identifier: Apache-2.0
// From flows and ports to a graph: processes of this machine and hosts elsewhere as nodes, connections between them as edges.

/** A node for the process of a row, or for what cannot be seen. */
function localNode(row) {
  const p = row.processes?.[0];
  return p ? { id: `p${p.pid}`, kind: "process", name: p.name, pid: p.pid, user: p.user } : { id: "unseen", kind: "unseen", name: "?" };
}

/** Both ends of a connection within this machine are in the list: the other one's key. */
function endKey(address, port) {
  return `${address} ${port}`;
}

/** Whether the remote end dialled: the kernel's word, or else who of the two listens. */
function comesIn(f, ports) {
  if (f.direction) return f.direction === "in";
  return ports.some((p) => p.local_port === f.local_port) && !ports.some((p) => p.local_port === f.remote_port);
}

function addListen(node, port) {
  if (!node.listens.includes(port)) node.listens.push(port);
}

export function graphOf(flows, ports, ownPid) {
  const nodes = new Map(), edges = new Map(), owners = new Map();
  const node = (n) => {
    if (!nodes.has(n.id)) nodes.set(n.id, { ...n, listens: [], own: n.pid === ownPid });
    return nodes.get(n.id);
  };

  for (const f of flows) if (f.local_port !== null) owners.set(endKey(f.local_address, f.local_port) + endKey(f.remote_address, f.remote_port), f);
  for (const p of ports) if (p.local_port !== null && p.processes) addListen(node(localNode(p)), p.local_port);
  const seen = new Set();
  for (const f of flows) {
    if (f.local_port === null || f.remote_port === null) continue;
    const there = endKey(f.local_address, f.local_port) + endKey(f.remote_address, f.remote_port);
    const back = endKey(f.remote_address, f.remote_port) + endKey(f.local_address, f.local_port);
    const other = owners.get(back);
    if (seen.has(back)) continue;
    seen.add(there);
    const a = node(localNode(f));
    const b = other ? node(localNode(other)) : node({ id: `h${f.remote_address}`, kind: "host", name: f.remote_address });
    const [from, to, port] = comesIn(f, ports) ? [b, a, f.local_port] : [a, b, f.remote_port];
    const id = `${from.id}>${to.id}:${port}`;
    const edge = edges.get(id) ?? { id, source: from.id, target: to.id, port, protocol: f.protocol, n: 0, rate: 0 };
    edge.n++;
    edge.rate += (f.sent_rate ?? 0) + (f.received_rate ?? 0);
    edges.set(id, edge);
  }
  const linked = new Set([...edges.values()].flatMap((e) => [e.source, e.target]));
  const kept = [...nodes.values()].filter((n) => linked.has(n.id) || n.listens.length).slice(0, 200);
  const ids = new Set(kept.map((n) => n.id));
  return { nodes: kept, edges: [...edges.values()].filter((e) => ids.has(e.source) && ids.has(e.target)) };
}
