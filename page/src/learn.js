// SPDX-License-Identifier: Apache-2.0
// What the words mean, each with an example that lives on this machine now.

import * as feed from "./feed.js";
import { h, setText } from "./dom.js";
import { CLASSES, addressOf, rangeOf } from "./port.js";
import { Strip } from "./strip.js";
import { count, t, translate } from "./text.js";

export const wants = ["ports", "flows"];

const TOPICS = ["socket", "endpoint", "port", "classes", "roles", "versus", "protocols"];
const root = document.getElementById("learn");
const strip = new Strip();

function scale() {
  return [strip.element, h("ul", { class: "scale" }, CLASSES.map((c) => h("li", { class: c },
    h("b", null, h("span", { "data-text": `class.${c}` }), " ", h("span", { class: "range" }, rangeOf(c))), h("span", { "data-text": `learn.class.${c}` }))))];
}

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "learn.title" }),
    h("p", { class: "lead", "data-text": "learn.lead" }),
    h("div", { class: "cards" }, TOPICS.map((topic) => h("article", { class: topic },
      h("h3", { "data-text": `learn.${topic}.title` }),
      h("p", { "data-text": `learn.${topic}.text` }),
      topic === "classes" && scale(),
      h("p", { class: "example" }, h("b", { "data-text": "learn.here" }), " ", h("span"))))));
}

/** The facts are null or empty until they have come. */
const examples = {
  socket: ({ s }) => s && t("example.socket", { a: addressOf(s.peer.ip, s.peer.port), b: addressOf(s.local.ip, s.local.port) }),
  endpoint: ({ s }) => s && t("example.endpoint", { text: `${s.scheme ?? "tcp"}://${addressOf(s.local.ip, s.local.port)}` }),
  port: ({ ports }) => {
    const p = ports.find((x) => x.service && x.processes) ?? ports.find((x) => x.processes);
    return p && t(p.service ? "example.port.service" : "example.port", { port: p.local_port, name: p.processes[0].name, service: p.service });
  },
  roles: ({ s }) => s && t("example.roles", { client: s.peer.process?.name ?? t("life.client"), server: s.local.process?.name ?? "soket", port: s.local.port, lent: s.peer.port }),
  classes: ({ ports, s }) => {
    const of = (c) => count(new Set(ports.filter((p) => p.class === c).map((p) => p.local_port)).size);
    return s && ports.length > 0 && t("example.classes", { system: of("system"), user: of("user"), dynamic: of("dynamic"), port: s.peer.port });
  },
  versus: ({ s, flows }) => {
    const n = s ? flows.filter((f) => f.local_port === s.local.port && f.local_address === s.local.ip).length : 0;
    return n > 0 && t("example.versus", { port: s.local.port, n, count: count(n) });
  },
  protocols: ({ ports }) => ports.length > 0 && t("example.protocols", { tcp: count(ports.filter((p) => p.protocol === "tcp").length), udp: count(ports.filter((p) => p.protocol === "udp").length) }),
};

function unfiltered(kind) {
  const data = feed.latest(kind);
  return data && !data.filter ? data[kind] : [];
}

function show() {
  if (root.hidden) return;
  const facts = { s: feed.latest("socket"), ports: unfiltered("ports").filter((p) => p.local_port !== null), flows: unfiltered("flows") };
  for (const topic of TOPICS) {
    const text = examples[topic](facts);
    const e = root.querySelector(`.${topic} .example`);
    e.hidden = !text;
    setText(e.lastElementChild, text || "");
  }
  strip.show(facts.ports.map((p) => p.local_port), facts.s?.local.port);
}

export const shown = show;

export function translated() {
  translate(root);
  show();
}

build();
for (const kind of ["socket", "ports", "flows"]) feed.on(kind, show);
