// SPDX-License-Identifier: Apache-2.0
// The machine's listening ports, by class, each with its process.

import * as feed from "./feed.js";
import { h, keepRows, setText } from "./dom.js";
import { count, duration, t, translate } from "./text.js";
import { filterBox } from "./filter.js";

export const wants = ["ports"];

const CLASSES = ["system", "user", "dynamic"];
const root = document.getElementById("ports");

function table(name) {
  return h("div", { class: `group ${name}`, "data-class": name },
    h("h3", null, h("span", { "data-text": `class.${name}` }), h("span", { class: "range" }), h("span", { class: "badge" })),
    h("p", { class: "empty", "data-text": "ports.none" }),
    h("div", { class: "table" }, h("table", null,
      h("thead", null, h("tr", null, ["port", "address", "service", "process", "user", "since"].map((c) => h("th", { scope: "col", class: c, "data-text": `ports.${c}` })))),
      h("tbody"))));
}

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "ports.title" }),
    h("p", { class: "lead", "data-text": "ports.lead" }),
    filterBox("ports", "process=nginx port<1024 udp"),
    h("p", { class: "hiddenones", role: "status" }),
    ...CLASSES.map(table),
    h("div", { class: "group other", hidden: true }, h("h3", { "data-text": "ports.other" }),
      h("div", { class: "table" }, h("table", null, h("tbody")))));
}

function keyOf(row) {
  return `${row.protocol} ${row.local ?? row.path} ${row.cookie ?? row.inode} ${row.netns}`;
}

function makeRow() {
  return h("tr", null, h("td", { class: "port" }, h("b"), " ", h("span", { class: "proto" })), h("td", { class: "address" }, h("code"), h("span", { class: "reach" })),
    h("td", { class: "service" }), h("td", { class: "process" }), h("td", { class: "user" }), h("td", { class: "since" }));
}

function updateRow(row, p) {
  const process = p.processes?.[0];
  setText(row.querySelector(".port b"), p.local_port === null ? "" : String(p.local_port));
  setText(row.querySelector(".proto"), p.protocol);
  setText(row.querySelector(".address code"), p.local_address ?? p.path ?? "");
  setText(row.querySelector(".reach"), p.reach ? t(`reach.${p.reach}`) : "");
  row.querySelector(".reach").dataset.reach = p.reach ?? "";
  setText(row.querySelector(".service"), p.service ?? "");
  setText(row.querySelector(".process"), process ? `${process.name} (${process.pid})` + (p.processes.length > 1 ? ` +${p.processes.length - 1}` : "") : t("ports.unseen"));
  row.querySelector(".process").title = process?.command ?? "";
  setText(row.querySelector(".user"), p.user ?? "");
  setText(row.querySelector(".since"), process ? duration(process.age_ns) : "");
}

function show(data) {
  for (const name of CLASSES) {
    const box = root.querySelector(`.group.${name}`);
    const rows = data.ports.filter((p) => p.class === name && p.local_port !== null);
    box.querySelector(".empty").hidden = rows.length > 0;
    box.querySelector(".table").hidden = rows.length === 0;
    setText(box.querySelector(".badge"), count(rows.length));
    keepRows(box.querySelector("tbody"), rows, keyOf, makeRow, updateRow);
  }
  const rest = data.ports.filter((p) => p.local_port === null || !CLASSES.includes(p.class));
  root.querySelector(".other").hidden = rest.length === 0;
  keepRows(root.querySelector(".other tbody"), rest, keyOf, makeRow, updateRow);
  setText(root.querySelector(".hiddenones"), data.hidden ? t("ports.hidden", { n: data.hidden, count: count(data.hidden) }) : "");
}

export function translated() {
  translate(root);
  for (const [name, range] of [["system", "0–1023"], ["user", "1024–49151"], ["dynamic", "49152–65535"]])
    setText(root.querySelector(`.group.${name} .range`), range);
  if (feed.latest("ports")) show(feed.latest("ports"));
}

build();
feed.on("ports", show);
