// SPDX-License-Identifier: Apache-2.0
// The map: who talks with whom on this machine, and beyond it.

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from "d3-force";
import * as feed from "./feed.js";
import { h, keepRows, setText, svg } from "./dom.js";
import { count, rate, t, translate } from "./text.js";
import { filterBox } from "./filter.js";
import { graphOf } from "./graph.js";

export const wants = ["flows", "ports"];

const WIDTH = 960, HEIGHT = 560;
const root = document.getElementById("map");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const places = new Map(); // nodes that were there keep their places
let graph = { nodes: [], edges: [] };
let drawing, simulation, chosen = null;

function build() {
  drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-labelledby": "map-title" },
    svg("g", { class: "edges" }), svg("g", { class: "nodes" }));
  root.replaceChildren(
    h("h2", { id: "map-title", "data-text": "map.title" }),
    h("p", { class: "lead", "data-text": "map.lead" }),
    filterBox("flows", "process=firefox state=established 'rtt>100ms'"),
    h("ul", { class: "key" }, ["own", "server", "client", "host"].map((k) => h("li", { class: k }, h("i"), h("span", { "data-text": `map.${k}` })))),
    h("div", { class: "canvas" }, drawing),
    h("p", { class: "empty", hidden: true, "data-text": "map.none" }),
    h("h3", { "data-text": "map.list" }),
    h("div", { class: "table" }, h("table", null,
      h("thead", null, h("tr", null, ["client", "server", "port", "n", "rate"].map((c) => h("th", { scope: "col", class: c, "data-text": `map.col.${c}` })))),
      h("tbody"))));
}

function radius(n) {
  return n.own ? 15 : n.listens.length ? 12 : n.kind === "host" ? 10 : 9;
}

function kindOf(n) {
  return n.own ? "own" : n.kind === "host" ? "host" : n.listens.length ? "server" : n.kind === "unseen" ? "unseen" : "client";
}

function nameOf(n) {
  return n.kind === "unseen" ? t("map.unseen") : n.kind === "process" ? `${n.name} (${n.pid})` : n.name;
}

function place(n, i) {
  const was = places.get(n.id);
  const angle = i * 2.399963; // the golden angle: newcomers do not lie on each other
  return Object.assign(n, was ? { x: was.x, y: was.y } : { x: WIDTH / 2 + (60 + 9 * i) * Math.cos(angle), y: HEIGHT / 2 + (40 + 6 * i) * Math.sin(angle) });
}

function simulate() {
  simulation?.stop();
  const edges = graph.edges.map((e) => ({ ...e }));
  simulation = forceSimulation(graph.nodes)
    .force("link", forceLink(edges).id((n) => n.id).distance(90).strength(0.5))
    .force("charge", forceManyBody().strength(-220))
    .force("x", forceX(WIDTH / 2).strength(0.06))
    .force("y", forceY(HEIGHT / 2).strength(0.1))
    .force("apart", forceCollide((n) => radius(n) + 22))
    .stop();
  if (calm.matches || places.size === 0) simulation.tick(250);
  else simulation.alpha(0.3).on("tick", move).restart();
  move();
}

function move() {
  const at = new Map();
  for (const n of graph.nodes) {
    n.x = Math.max(40, Math.min(WIDTH - 40, n.x));
    n.y = Math.max(24, Math.min(HEIGHT - 34, n.y));
    at.set(n.id, n);
    places.set(n.id, { x: n.x, y: n.y });
  }
  for (const g of drawing.querySelectorAll(".nodes > g")) {
    const n = at.get(g.dataset.key);
    if (n) g.setAttribute("transform", `translate(${n.x.toFixed(1)} ${n.y.toFixed(1)})`);
  }
  fit();
  for (const line of drawing.querySelectorAll(".edges > line")) {
    const e = line.edge, a = at.get(e.source), b = at.get(e.target);
    if (!a || !b) continue;
    line.setAttribute("x1", a.x.toFixed(1));
    line.setAttribute("y1", a.y.toFixed(1));
    line.setAttribute("x2", b.x.toFixed(1));
    line.setAttribute("y2", b.y.toFixed(1));
  }
}

/** Few nodes are shown larger. */
function fit() {
  if (graph.nodes.length === 0) return;
  const xs = graph.nodes.map((n) => n.x), ys = graph.nodes.map((n) => n.y);
  const narrow = drawing.clientWidth < 500;
  const width = Math.min(WIDTH, Math.max(narrow ? 300 : 520, Math.max(...xs) - Math.min(...xs) + 160));
  const height = Math.min(HEIGHT, Math.max(narrow ? 300 : 300, Math.max(...ys) - Math.min(...ys) + 130));
  const x = (Math.max(...xs) + Math.min(...xs) - width) / 2, y = (Math.max(...ys) + Math.min(...ys) - height) / 2 + 8;
  drawing.setAttribute("viewBox", `${x.toFixed(0)} ${y.toFixed(0)} ${width.toFixed(0)} ${height.toFixed(0)}`);
}

function choose(id) {
  chosen = chosen === id ? null : id;
  mark();
}

function mark() {
  const near = new Set([chosen]);
  for (const e of graph.edges) if (e.source === chosen || e.target === chosen) near.add(e.source).add(e.target);
  for (const g of drawing.querySelectorAll(".nodes > g")) {
    g.classList.toggle("far", chosen !== null && !near.has(g.dataset.key));
    g.setAttribute("aria-pressed", String(g.dataset.key === chosen));
  }
  for (const line of drawing.querySelectorAll(".edges > line"))
    line.classList.toggle("far", chosen !== null && line.edge.source !== chosen && line.edge.target !== chosen);
  for (const row of root.querySelectorAll("tbody tr")) row.hidden = chosen !== null && row.edge.source !== chosen && row.edge.target !== chosen;
}

function makeNode(n) {
  const g = svg("g", { tabindex: "0", role: "button" }, svg("title"), svg("circle"), svg("text", { "text-anchor": "middle" }), svg("text", { class: "sub", "text-anchor": "middle" }));
  g.addEventListener("click", () => choose(n.id));
  g.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(n.id);
    } else if (event.key === "Escape") choose(chosen);
  });
  return g;
}

function updateNode(g, n) {
  const r = radius(n), [title, circle, name, sub] = g.children;
  const listens = n.listens.length ? `:${n.listens.slice(0, 3).join(" :")}${n.listens.length > 3 ? " …" : ""}` : "";
  g.setAttribute("class", kindOf(n));
  circle.setAttribute("r", r);
  name.setAttribute("y", r + 14);
  sub.setAttribute("y", r + 27);
  setText(name, n.kind === "unseen" ? t("map.unseen") : n.name);
  setText(sub, listens);
  setText(title, `${nameOf(n)} ${listens}`);
  g.setAttribute("aria-label", `${nameOf(n)} ${t(`map.${kindOf(n) === "unseen" ? "client" : kindOf(n)}`)} ${listens}`);
}

function makeEdge() {
  return svg("line", null, svg("title"));
}

function updateEdge(line, e) {
  line.edge = e;
  line.setAttribute("stroke-width", Math.min(9, 1.2 + Math.log10(1 + e.rate / 100)).toFixed(1));
  line.setAttribute("class", e.rate > 0 ? "moves" : "rests");
  setText(line.firstElementChild, `:${e.port} · ${t("map.connections", { n: e.n, count: count(e.n) })} · ${rate(e.rate)}`);
}

function updateRow(row, e, names) {
  row.edge = e;
  const cells = [names.get(e.source), names.get(e.target), `${e.port} ${e.protocol}`, count(e.n), rate(e.rate)];
  [...row.children].forEach((cell, i) => setText(cell, cells[i]));
}

function show() {
  const flows = feed.latest("flows"), ports = feed.latest("ports");
  if (!flows) return;
  const shape = graph.nodes.map((n) => n.id).join() + graph.edges.map((e) => e.id).join();
  graph = graphOf(flows.flows, feed.filterOf("flows") ? [] : ports?.ports ?? [], feed.latest("hello")?.pid);
  graph.nodes.forEach(place);
  if (!graph.nodes.some((n) => n.id === chosen)) chosen = null;
  const names = new Map(graph.nodes.map((n) => [n.id, nameOf(n)]));
  root.querySelector(".empty").hidden = graph.nodes.length > 0;
  root.querySelector(".canvas").hidden = graph.nodes.length === 0;
  keepRows(drawing.querySelector(".edges"), graph.edges, (e) => e.id, makeEdge, updateEdge);
  keepRows(drawing.querySelector(".nodes"), graph.nodes, (n) => n.id, makeNode, updateNode);
  keepRows(root.querySelector("tbody"), [...graph.edges].sort((a, b) => b.rate - a.rate || b.n - a.n), (e) => e.id,
    () => h("tr", null, ["client", "server", "port", "n", "rate"].map((c) => h("td", { class: c }))), (row, e) => updateRow(row, e, names));
  if (graph.nodes.map((n) => n.id).join() + graph.edges.map((e) => e.id).join() !== shape) simulate();
  else move();
  mark();
}

export function translated() {
  translate(root);
  show();
}

build();
feed.on("flows", show);
feed.on("ports", show);
