// SPDX-License-Identifier: Apache-2.0
// This socket: the connection that the page came through.

import * as feed from "./feed.js";
import { h, setText } from "./dom.js";
import { count, duration, size, t, translate } from "./text.js";
import { Lives } from "./lives.js";
import { showWay } from "./way.js";

export const wants = [];

const FACTS = ["state", "rtt", "sent", "received", "age", "requests", "retransmits", "congestion", "tls"];
const root = document.getElementById("socket");
let lives = null;

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "socket.title" }),
    h("p", { class: "lead" }),
    h("ol", { class: "way" }),
    h("dl", { class: "facts" }, FACTS.map((f) => h("div", { class: f }, h("dt", { "data-text": `fact.${f}` }), h("dd")))),
    h("h3", { "data-text": "life.title" }),
    h("p", { class: "lead", "data-text": "life.lead" }),
    h("p", { class: "buttons" }, h("button", { type: "button", id: "open-one", class: "main", onclick: openOne, "data-text": "life.open" }),
      h("button", { type: "button", id: "clear", onclick: () => lives.clear(), "data-text": "life.clear" })),
    h("div", { id: "lives" }));
  lives = new Lives(root.querySelector("#lives"));
}

async function sayHello() {
  try {
    await fetch("hello?close=1", { cache: "no-store" });
  } catch {
    // that the server is not there is said at the top of the page
  }
}

/** A connection that the server ends after its answer. The browser may have taken one that it had: then another, which is new. */
async function openOne() {
  const before = lives.nOpened;
  await sayHello();
  setTimeout(() => lives.nOpened === before && sayHello(), 400);
}

function fact(name, text) {
  const row = root.querySelector(`.facts .${name}`);
  row.hidden = text === null;
  setText(row.querySelector("dd"), text ?? "");
}

function showFacts(s) {
  fact("state", s.state?.toUpperCase() ?? null);
  fact("rtt", s.rtt_ns ? t("fact.rtt.of", { rtt: duration(s.rtt_ns), min: duration(s.rtt_min_ns) }) : null);
  fact("sent", size(s.sent ?? 0));
  fact("received", size(s.received ?? 0));
  fact("age", duration(s.age_ns));
  fact("requests", s.requests === undefined ? null : count(s.requests));
  fact("retransmits", count(s.retransmits ?? 0));
  fact("congestion", s.congestion ? t("fact.congestion.of", { name: s.congestion, cwnd: count(s.cwnd ?? 0), mss: count(s.mss ?? 0) }) : null);
  fact("tls", s.tls ?? null);
}

function show(s) {
  setText(root.querySelector(".lead"), t(s?.chain?.length ? "socket.lead.relay" : "socket.lead"));
  root.querySelector(".facts").hidden = !s;
  if (!s) return;
  showWay(root.querySelector(".way"), s, feed.latest("links")?.links ?? []);
  showFacts(s);
  lives.own(s);
}

export function shown() {
  lives.fit();
}

export function translated() {
  translate(root);
  show(feed.latest("socket"));
  lives.draw();
}

build();
feed.on("socket", show);
feed.on("links", () => show(feed.latest("socket")));
feed.on("life", (event) => lives.add(event));
feed.onState((state) => state !== "live" && lives.lost());
window.addEventListener("resize", () => lives.fit());
