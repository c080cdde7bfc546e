// SPDX-License-Identifier: Apache-2.0
// Ports, their three classes (RFC 6335), and socket addresses as text.

export const CLASSES = ["system", "user", "dynamic"];
const FIRST = { system: 0, user: 1024, dynamic: 49152 };
const LAST = { system: 1023, user: 49151, dynamic: 65535 };
const LENT = 32768; // where Linux begins to lend ports to clients; /proc/sys/net/ipv4/ip_local_port_range

export function classOf(port) {
  return port <= LAST.system ? "system" : port <= LAST.user ? "user" : "dynamic";
}

export function rangeOf(name) {
  return `${FIRST[name]}–${LAST[name]}`;
}

/** Where a port is on a scale from 0 to 1 on which each class has a third. */
export function placeOf(port) {
  const name = classOf(port);
  return (CLASSES.indexOf(name) + (port - FIRST[name]) / (LAST[name] - FIRST[name] + 1)) / 3;
}

/** A user port by its number, but lent by the kernel to a client. */
export function isLent(port) {
  return port >= LENT;
}

export function addressOf(ip, port) {
  return `${ip?.includes(":") ? `[${ip}]` : ip ?? "?"}:${port ?? "?"}`;
}

/** The parts of "tcp://127.0.0.1:80" or "127.0.0.1:80"; null where there is no port. */
export function partsOf(text) {
  const match = /^(?:([\w+-]+):\/\/)?(?:\[([^\]]+)\]|([^\s:/]+)):(\d{1,5})$/.exec(text ?? "");
  return match && { scheme: match[1] ?? "tcp", ip: match[2] ?? match[3], port: Number(match[4]) };
}
