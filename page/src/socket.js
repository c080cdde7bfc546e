// SPDX-License-Identifier: Apache-2.0
// This socket: the connection that the page came through.

import * as feed from "./feed.js";
import { h, setText } from "./dom.js";
import { count, duration, size, t, translate } from "./text.js";
import { Life } from "./life.js";

export const wants = ["socket", "links"];

const root = document.getElementById("socket");
let life = null;

function endCard(side) {
  return h("div", { class: `end ${side}` },
    h("p", { class: "who", "data-text": `socket.${side}` }),
    h("p", { class: "address" }, h("span", { class: "ip" }), h("span", { class: "colon" }, ":"), h("span", { class: "port" })),
    h("p", { class: "class" }), h("p", { class: "process" }));
}

const facts = ["state", "rtt", "sent", "received", "age", "requests", "retransmits", "congestion", "tls"];

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "socket.title" }),
    h("p", { class: "lead", "data-text": "socket.lead" }),
    h("div", { class: "ends" }, endCard("peer"),
      h("div", { class: "wire", "aria-hidden": "true" }, h("span", { class: "rtt-badge" })), endCard("local")),
    h("div", { class: "chain", hidden: true }, h("h3", { "data-text": "socket.chain" }), h("ol")),
    h("dl", { class: "facts" }, facts.map((f) => h("div", { class: f }, h("dt", { "data-text": `fact.${f}` }), h("dd")))),
    h("h3", { "data-text": "life.title" }),
    h("p", { "data-text": "life.lead" }),
    h("p", { class: "buttons" }, h("button", { type: "button", id: "open-one", onclick: openOne, "data-text": "life.open" }),
      h("button", { type: "button", id: "open-reset", class: "quiet", onclick: () => life.clear(), "data-text": "life.clear" })),
    h("div", { id: "life" }));
  life = new Life(root.querySelector("#life"));
}

async function openOne() {
  try {
    await fetch("hello?close=1", { cache: "no-store" });
  } catch {
    // the state at the top of the page tells that the server is not there
  }
}

function processOf(end) {
  return end.process ? t("socket.process", { name: end.process.name, pid: end.process.pid }) : t("socket.unknown");
}

function showEnd(side, end) {
  const e = root.querySelector(`.end.${side}`);
  setText(e.querySelector(".ip"), end.ip?.includes(":") ? `[${end.ip}]` : end.ip ?? "");
  setText(e.querySelector(".port"), String(end.port ?? ""));
  setText(e.querySelector(".class"), t(side === "peer" && end.class === "user" && end.port >= 32768 ? "class.user.lent" : `class.${end.class}.of`) + (end.service ? ` · ${end.service}` : ""));
  setText(e.querySelector(".process"), processOf(end));
  e.dataset.class = end.class;
}

function fact(name, text) {
  const row = root.querySelector(`.facts .${name}`);
  row.hidden = text === null;
  setText(row.querySelector("dd"), text ?? "");
}

function showChain(s) {
  const box = root.querySelector(".chain");
  const links = feed.latest("links")?.links ?? [];
  const of = (s.chain ?? []).map((id) => links.find((l) => l.id === id) ?? { id });
  box.hidden = of.length === 0;
  box.querySelector("ol").replaceChildren(
    ...of.map((l) => h("li", null, l.from ? h("span", null, h("code", null, l.from), " → ", h("code", null, l.to))
      : t("links.number", { id: l.id }))),
    h("li", null, h("code", null, `${s.peer.ip}:${s.peer.port}`), " → ", h("code", null, `${s.local.ip}:${s.local.port}`)));
}

function show(s) {
  showEnd("peer", s.peer);
  showEnd("local", s.local);
  setText(root.querySelector(".rtt-badge"), `${s.scheme?.toUpperCase() ?? "TCP"} · ${duration(s.rtt_ns)}`);
  fact("state", s.state?.toUpperCase() ?? null);
  fact("rtt", s.rtt_ns ? `${duration(s.rtt_ns)} (${t("fact.rtt.min", { min: duration(s.rtt_min_ns) })})` : null);
  fact("sent", size(s.sent ?? 0));
  fact("received", size(s.received ?? 0));
  fact("age", duration(s.age_ns));
  fact("requests", s.requests === undefined ? null : count(s.requests));
  fact("retransmits", count(s.retransmits ?? 0));
  fact("congestion", s.congestion ? t("fact.congestion.of", { name: s.congestion, cwnd: count(s.cwnd ?? 0), mss: count(s.mss ?? 0) }) : null);
  fact("tls", s.tls ?? null);
  showChain(s);
  life.setEnds(s.peer.process?.name ?? null, s.local);
}

export function translated() {
  translate(root);
  const s = feed.latest("socket");
  if (s) show(s);
  life.draw();
}

build();
feed.on("socket", show);
feed.on("links", () => feed.latest("socket") && showChain(feed.latest("socket")));
feed.on("life", (event) => life.add(event));
