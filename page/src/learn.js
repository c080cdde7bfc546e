// SPDX-License-Identifier: Apache-2.0
// What the words mean, each with an example that lives on this machine now.

import * as feed from "./feed.js";
import { h, setText } from "./dom.js";
import { t, translate } from "./text.js";

export const wants = ["socket", "ports", "flows"];

const root = document.getElementById("learn");
const TOPICS = ["socket", "endpoint", "port", "classes", "versus", "protocols", "roles"];

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "learn.title" }),
    h("p", { class: "lead", "data-text": "learn.lead" }),
    h("div", { class: "cards" }, TOPICS.map((topic) => h("article", { class: topic },
      h("h3", { "data-text": `learn.${topic}.title` }),
      h("p", { "data-text": `learn.${topic}.text` }),
      topic === "classes" && h("ul", { class: "scale" }, ["system", "user", "dynamic"].map((c) => h("li", { class: c }, h("b", { "data-text": `class.${c}` }), h("span", { "data-text": `learn.class.${c}` })))),
      h("p", { class: "example", "aria-live": "off" })))));
}

function addressOf(ip, port) {
  return `${ip?.includes(":") ? `[${ip}]` : ip}:${port}`;
}

const examples = {
  socket: ({ s }) => s && t("example.socket", { a: addressOf(s.peer.ip, s.peer.port), b: addressOf(s.local.ip, s.local.port) }),
  endpoint: ({ s }) => s && t("example.endpoint", { text: `tcp://${addressOf(s.local.ip, s.local.port)}` }),
  port: ({ ports }) => {
    const p = ports.find((x) => x.service && x.processes) ?? ports.find((x) => x.processes);
    return p && t(p.service ? "example.port.service" : "example.port", { port: p.local_port, name: p.processes[0].name, service: p.service });
  },
  classes: ({ ports, s }) => {
    const of = (c) => ports.filter((p) => p.class === c && p.local_port !== null).length;
    return s && t("example.classes", { system: of("system"), user: of("user"), dynamic: of("dynamic"), port: s.peer.port });
  },
  versus: ({ s, flows }) => {
    if (!s) return null;
    const n = flows.filter((f) => f.local_port === s.local.port).length;
    return t("example.versus", { port: s.local.port, n: Math.max(n, 1) });
  },
  protocols: ({ ports }) => t("example.protocols", { tcp: ports.filter((p) => p.protocol === "tcp").length, udp: ports.filter((p) => p.protocol === "udp").length }),
  roles: ({ s }) => s && t("example.roles", { client: s.peer.process?.name ?? t("life.browser"), server: s.local.process?.name ?? "soket", port: s.local.port, lent: s.peer.port }),
};

function show() {
  const facts = { s: feed.latest("socket"), ports: (feed.latest("ports")?.ports ?? []).filter((p) => p.local_port !== null), flows: feed.latest("flows")?.flows ?? [] };
  for (const topic of TOPICS) {
    const text = examples[topic](facts);
    const e = root.querySelector(`.${topic} .example`);
    e.hidden = !text;
    setText(e, text ?? "");
  }
}

export function translated() {
  translate(root);
  show();
}

build();
for (const kind of ["socket", "ports", "flows"]) feed.on(kind, show);
