// SPDX-License-Identifier: Apache-2.0
// The way from the browser to the server: a card for each that holds a socket of it, and a wire between two.

import { h, keepRows, setText } from "./dom.js";
import { classOf, isLent, partsOf } from "./port.js";
import { duration, t } from "./text.js";

/** The last connection is known in full; of the links before it the ends are. */
export function stationsOf(s, links) {
  const chain = (s.chain ?? []).map((id) => links.find((l) => l.id === id) ?? { id });
  const wire = { scheme: s.scheme ?? "tcp", rtt: s.rtt_ns };
  if (chain.length === 0) return [{ role: "peer", end: s.peer, wire }, { role: "local", end: s.local }];
  const first = partsOf(chain[0].from);
  return [
    { role: "browser", end: first && { ...first, class: classOf(first.port) }, wire: { scheme: first?.scheme ?? "tcp" } },
    ...chain.map((link, i) => ({ role: "relay", link: link.id, end: i === chain.length - 1 ? s.peer : null,
      wire: i === chain.length - 1 ? wire : { scheme: partsOf(link.to)?.scheme ?? "tcp" } })),
    { role: "local", end: s.local },
  ];
}

function makeStation(station) {
  return h("li", { class: `station end ${station.role}` },
    h("div", { class: "card" },
      h("p", { class: "who" }), h("p", { class: "address" }, h("span", { class: "ip" }), h("span", { class: "port" })),
      h("p", { class: "class" }), h("p", { class: "process" })),
    station.wire && h("div", { class: "wire" }, h("span")));
}

function classText(station) {
  const { end } = station;
  if (!end) return "";
  const isClient = station.role !== "local";
  const text = t(isClient && end.class === "user" && isLent(end.port) ? "class.user.lent" : isClient && end.class === "dynamic" ? "class.dynamic.lent" : `class.${end.class}.of`);
  return end.service ? `${text} · ${end.service}` : text;
}

function processText({ role, end, link }) {
  if (role === "browser") return "";
  if (role === "relay") return t("socket.link", { id: link });
  return end.process ? t("socket.process", end.process) : t("socket.unknown");
}

function updateStation(e, station) {
  const { end, wire, role } = station;
  e.dataset.class = end?.class ?? "";
  setText(e.querySelector(".who"), t(`socket.${role}`));
  setText(e.querySelector(".ip"), end ? (end.ip?.includes(":") ? `[${end.ip}]` : end.ip ?? "?") : "");
  setText(e.querySelector(".port"), end ? `:${end.port ?? "?"}` : "");
  setText(e.querySelector(".class"), classText(station));
  setText(e.querySelector(".process"), processText(station));
  if (wire) setText(e.querySelector(".wire span"), wire.scheme.toUpperCase() + (wire.rtt ? ` · ${duration(wire.rtt)}` : ""));
}

export function showWay(list, s, links) {
  const stations = stationsOf(s, links).map((station, i) => ({ ...station, key: `${i}${station.role}` }));
  list.dataset.n = stations.length;
  list.classList.toggle("chain", stations.length > 2);
  keepRows(list, stations, (station) => station.key, makeStation, updateStation);
}
