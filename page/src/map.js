// SPDX-License-Identifier: Apache-2.0
// The map: who talks with whom on this machine, and beyond it; as a picture, and as a list that says the same.

import * as feed from "./feed.js";
import { h, keepRows, setText } from "./dom.js";
import { count, rate, t, translate } from "./text.js";
import { Drawing } from "./drawing.js";
import { filterBox } from "./filter.js";
import { graphOf } from "./graph.js";

export const wants = ["flows", "ports"];
export const filtered = ["flows"];

const COLUMNS = ["client", "server", "port", "n", "rate"];
const LISTED = 300; // rows of the list
const root = document.getElementById("map");
let graph = null;
let chosen = null;

function nameOf(n) {
  return n.kind === "unseen" ? t("map.unseen") : n.name;
}

function fullNameOf(n) {
  return n.kind === "process" ? `${n.name} (${n.pid})` : nameOf(n);
}

function kindOf(n) {
  return n.own ? "own" : n.kind !== "process" ? n.kind : n.listens.length || n.serves ? "server" : "client";
}

function portsOf(n) {
  return n.listens.length ? `:${n.listens.slice(0, 2).join(" :")}${n.listens.length > 2 ? ` +${n.listens.length - 2}` : ""}` : "";
}

const drawing = new Drawing(choose, {
  name: nameOf,
  sub: portsOf,
  kind: kindOf,
  label: (n) => [fullNameOf(n), n.kind === "unseen" ? "" : t(`map.${kindOf(n)}`), portsOf(n), t("map.connections", { n: n.degree, count: count(n.degree) })].filter(Boolean).join(", "),
  edge: (e) => `:${e.port} · ${t("map.connections", { n: e.n, count: count(e.n) })} · ${rate(e.rate)}`,
});

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "map.title" }),
    h("p", { class: "lead", "data-text": "map.lead" }),
    filterBox("flows", ["user=me", "state=established", "direction=in", "rtt>10ms"]),
    h("ul", { class: "key" }, ["own", "server", "client", "host", "unseen"].map((k) => h("li", { class: k }, h("i"), h("span", { "data-text": `map.${k}` })))),
    drawing.box,
    h("p", { class: "empty", hidden: true, "data-text": "map.none" }),
    h("p", { class: "more" }),
    h("h3", null, h("span", { "data-text": "map.list" }), " ", h("button", { type: "button", class: "chip", id: "map-all", hidden: true, onclick: () => choose(null), "data-text": "map.all" })),
    h("div", { class: "table" }, h("table", null,
      h("thead", null, h("tr", null, COLUMNS.map((c) => h("th", { scope: "col", class: c, "data-text": `map.col.${c}` })))), h("tbody"))));
}

function choose(id) {
  chosen = chosen === id ? null : id;
  showGraph();
}

function updateRow(row, e) {
  const cells = [fullNameOf(graph.byId.get(e.source)), fullNameOf(graph.byId.get(e.target)), `${e.port} ${e.protocol}`, count(e.n), rate(e.rate)];
  [...row.children].forEach((cell, i) => setText(cell, cells[i]));
}

function showList() {
  const list = graph.list.filter((e) => chosen === null || e.source === chosen || e.target === chosen).sort((a, b) => b.rate - a.rate || b.n - a.n).slice(0, LISTED);
  keepRows(root.querySelector("tbody"), list, (e) => e.id, () => h("tr", null, COLUMNS.map((c) => h("td", { class: c }))), updateRow);
  root.querySelector(".table").hidden = list.length === 0;
}

function showGraph() {
  if (!graph.byId.has(chosen)) chosen = null;
  const flows = feed.latest("flows");
  const left = flows.total - flows.flows.length;
  root.querySelector(".empty").hidden = graph.nodes.length > 0;
  drawing.box.hidden = root.querySelector("h3").hidden = graph.nodes.length === 0;
  root.querySelector("#map-all").hidden = chosen === null;
  setText(root.querySelector(".more"), [left > 0 ? t("map.more.flows", { n: left, count: count(left) }) : "",
    graph.left > 0 ? t("map.more.nodes", { n: graph.left, count: count(graph.left) }) : ""].filter(Boolean).join(" "));
  if (graph.nodes.length) drawing.show(graph);
  drawing.mark(chosen);
  showList();
}

function show() {
  const flows = feed.latest("flows"), ports = feed.latest("ports");
  if (root.hidden || !flows || flows.filter !== feed.filterOf("flows")) return;
  const listening = flows.filter || !ports || ports.filter ? [] : ports.ports;
  graph = graphOf(flows.flows, listening, feed.latest("hello")?.pid);
  showGraph();
}

export function shown() {
  requestAnimationFrame(show);
}

export function translated() {
  translate(root);
  show();
}

build();
feed.on("flows", show);
feed.on("ports", show);
window.addEventListener("resize", () => requestAnimationFrame(show));
