// SPDX-License-Identifier: Apache-2.0
// The machine's listening ports, by class, each with its process.

import * as feed from "./feed.js";
import { h, keepRows, setText } from "./dom.js";
import { count, duration, t, translate } from "./text.js";
import { filterBox } from "./filter.js";
import { CLASSES, rangeOf } from "./port.js";
import { Strip } from "./strip.js";

export const wants = ["ports"];
export const filtered = ["ports"];

const COLUMNS = ["port", "address", "service", "process", "user", "since"];
const GROUPS = [...CLASSES, "other"]; // other: unix sockets and whatever else has no port
const root = document.getElementById("ports");
const strip = new Strip();

function group(name) {
  return h("section", { class: `group ${name}`, "aria-labelledby": `ports-${name}` },
    h("h3", { id: `ports-${name}` }, h("span", { "data-text": name === "other" ? "ports.other" : `class.${name}` }),
      name !== "other" && h("span", { class: "range" }, rangeOf(name)), h("span", { class: "badge" })),
    h("div", { class: "table" }, h("table", { role: "table" },
      h("thead", null, h("tr", null, COLUMNS.map((c) => h("th", { scope: "col", role: "columnheader", class: c, "data-text": `ports.${c}` })))), h("tbody", { role: "rowgroup" }))));
}

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "ports.title" }),
    h("p", { class: "lead", "data-text": "ports.lead" }),
    filterBox("ports", ["tcp", "udp", "user=me", "class=system", "address=any", "3000-3999"]),
    strip.element,
    h("p", { class: "hiddenones" }),
    h("p", { class: "empty", hidden: true, "data-text": "ports.none" }),
    ...GROUPS.map(group));
}

function keyOf(row) {
  return `${row.protocol} ${row.local ?? row.path} ${row.cookie ?? row.inode} ${row.netns}`;
}

function makeRow() {
  return h("tr", { role: "row" }, h("td", { role: "cell", class: "port" }, h("b"), " ", h("span", { class: "proto" })), h("td", { role: "cell", class: "address" }, h("code"), h("span", { class: "reach" })),
    h("td", { role: "cell", class: "service" }), h("td", { role: "cell", class: "process" }, h("span"), " ", h("span", { class: "dim" })), h("td", { role: "cell", class: "user" }), h("td", { role: "cell", class: "since" }));
}

function updateRow(row, p) {
  const process = p.processes?.[0];
  const cell = (name, text) => setText(row.querySelector(name), text);
  const reach = row.querySelector(".reach");
  row.classList.toggle("own", process?.pid === feed.latest("hello")?.pid && Boolean(process));
  cell(".port b", p.local_port === null ? "" : String(p.local_port));
  cell(".proto", p.protocol);
  cell(".address code", p.local_address ?? p.path ?? "");
  setText(reach, p.reach ? t(`reach.${p.reach}`) : "");
  reach.dataset.reach = p.reach ?? "";
  cell(".service", p.service ?? "");
  cell(".process span", process ? process.name : t("ports.unseen"));
  cell(".process .dim", process ? String(process.pid) + (p.processes.length > 1 ? ` +${p.processes.length - 1}` : "") : "");
  row.querySelector(".process").title = process?.command ?? "";
  cell(".user", p.user ?? "");
  cell(".since", process ? duration(process.age_ns) : "");
}

function groupOf(p) {
  return p.local_port === null || !CLASSES.includes(p.class) ? "other" : p.class;
}

function byPort(a, b) {
  return a.local_port - b.local_port || a.protocol.localeCompare(b.protocol);
}

function showGroup(name, rows) {
  const box = root.querySelector(`.group.${name}`);
  box.hidden = rows.length === 0;
  setText(box.querySelector(".badge"), count(rows.length));
  keepRows(box.querySelector("tbody"), rows, keyOf, makeRow, updateRow);
}

function show(data) {
  if (!data || root.hidden || data.filter !== feed.filterOf("ports")) return;
  for (const name of GROUPS) showGroup(name, data.ports.filter((p) => groupOf(p) === name).sort(byPort));
  strip.show(data.ports.filter((p) => p.local_port !== null).map((p) => p.local_port), feed.latest("socket")?.local.port);
  root.querySelector(".empty").hidden = data.ports.length > 0;
  const left = (data.total ?? 0) - data.ports.length;
  setText(root.querySelector(".hiddenones"), [data.hidden ? t("ports.hidden", { n: data.hidden, count: count(data.hidden) }) : "",
    left > 0 ? t("ports.more", { n: left, count: count(left) }) : ""].filter(Boolean).join(" "));
}

export function shown() {
  show(feed.latest("ports"));
}

export function translated() {
  translate(root);
  show(feed.latest("ports"));
}

build();
feed.on("ports", show);
