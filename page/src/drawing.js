// SPDX-License-Identifier: Apache-2.0
// The map's picture: a graph laid out by forces. One unit of it is one pixel, so that words are as large as elsewhere.

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from "d3-force";
import { h, keepRows, setText, svg } from "./dom.js";

const LONGEST = 22; // letters of a name
const NAMED = 28; // more nodes than that: only the busiest have their names beside them
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function radius(n) {
  return n.own ? 15 : n.kind === "host" ? 9 : n.listens.length || n.serves ? 11 : 8;
}

function edgePath(a, b, lane) {
  if (a === b) return `M${a.x - 6} ${a.y - radius(a)}c-22 -44 34 -44 12 0`;
  const mx = (a.x + b.x) / 2, my = (a.y + b.y) / 2, far = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  const bend = 26 * lane;
  return `M${a.x.toFixed(1)} ${a.y.toFixed(1)}Q${(mx - (b.y - a.y) / far * bend).toFixed(1)} ${(my + (b.x - a.x) / far * bend).toFixed(1)} ${b.x.toFixed(1)} ${b.y.toFixed(1)}`;
}

export class Drawing {
  /** onChoose(id): of a node. words: { name(n), sub(n), label(n), kind(n), edge(e) } */
  constructor(onChoose, words) {
    this.onChoose = onChoose;
    this.words = words;
    this.edges = svg("g", { class: "edges" });
    this.nodes = svg("g", { class: "nodes" });
    this.element = svg("svg", { role: "group", "data-label": "map.title" }, this.edges, this.nodes);
    this.box = h("div", { class: "canvas" }, this.element);
    this.graph = { nodes: [], edges: [] };
    this.places = new Map(); // nodes that were there keep their places
    this.shape = "";
  }

  /** The size of the box now, to which what is known of places is brought; true where it is another. */
  measure() {
    const width = Math.max(280, this.box.clientWidth), height = Math.round(Math.min(620, Math.max(420, width * 0.56)));
    const isOther = width !== this.width || height !== this.height;
    if (isOther) for (const at of this.places.values()) Object.assign(at, { x: at.x * width / this.width, y: at.y * height / this.height });
    Object.assign(this, { width, height });
    this.element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return isOther;
  }

  show(graph) {
    const isOther = this.measure();
    const shape = graph.nodes.map((n) => n.id).sort().join() + graph.edges.map((e) => e.id).sort().join();
    this.graph = graph;
    this.byId = new Map(graph.nodes.map((n) => [n.id, n]));
    graph.nodes.forEach((n, i) => this.place(n, i));
    this.isCrowded = graph.nodes.length > NAMED * Math.min(1, this.width / 900);
    keepRows(this.edges, graph.edges, (e) => e.id, () => svg("path", null, svg("title")), (e, edge) => this.updateEdge(e, edge));
    keepRows(this.nodes, graph.nodes, (n) => n.id, (n) => this.makeNode(n), (e, n) => this.updateNode(e, n));
    if (shape !== this.shape || isOther) this.layOut();
    else this.move();
    this.shape = shape;
  }

  place(n, i) {
    const was = this.places.get(n.id);
    const angle = i * 2.399963; // the golden angle: newcomers do not lie on each other
    n.x = was?.x ?? this.width / 2 + (30 + 8 * i) * Math.cos(angle);
    n.y = was?.y ?? this.height / 2 + (20 + 5 * i) * Math.sin(angle);
  }

  layOut() {
    const isNew = this.places.size === 0;
    const room = Math.sqrt(this.width * this.height / Math.max(8, this.graph.nodes.length));
    this.simulation?.stop();
    this.simulation = forceSimulation(this.graph.nodes)
      .force("link", forceLink(this.graph.edges.map((e) => ({ source: e.source, target: e.target }))).id((n) => n.id).distance(room).strength(0.4))
      .force("charge", forceManyBody().strength(-room * 4.5).distanceMax(room * 5))
      .force("x", forceX((n) => n.own ? this.width / 2 : n.x).strength((n) => n.own ? 0.2 : 0))
      .force("cx", forceX(this.width / 2).strength(0.05))
      .force("cy", forceY(this.height / 2).strength(0.05 + 0.05 * this.width / this.height))
      .force("apart", forceCollide((n) => radius(n) + Math.min(40, room * 0.4)))
      .force("walls", () => this.graph.nodes.forEach((n) => this.keepInside(n)))
      .stop();
    if (calm.matches || isNew) this.simulation.tick(260);
    else this.simulation.alpha(0.25).on("tick", () => this.move()).restart();
    this.move();
  }

  /** Within the picture, with room for its name. */
  keepInside(n) {
    const side = Math.min(this.width / 3, Math.max(30, 8 + cut(this.words.name(n), LONGEST).length * 3.6));
    n.x = Math.max(side, Math.min(this.width - side, n.x));
    n.y = Math.max(24, Math.min(this.height - 44, n.y));
  }

  move() {
    this.places.clear();
    for (const n of this.graph.nodes) {
      this.keepInside(n);
      this.places.set(n.id, { x: n.x, y: n.y });
    }
    for (const e of this.nodes.children) {
      const n = this.byId.get(e.dataset.key);
      if (n) e.setAttribute("transform", `translate(${n.x.toFixed(1)} ${n.y.toFixed(1)})`);
    }
    for (const e of this.edges.children) e.setAttribute("d", edgePath(this.byId.get(e.edge.source), this.byId.get(e.edge.target), e.edge.lane));
  }

  makeNode(n) {
    const e = svg("g", { tabindex: "0", role: "button" }, svg("title"), svg("circle", { class: "hit", r: 22 }), svg("circle", { class: "dot" }), svg("text", { "text-anchor": "middle" }), svg("text", { class: "sub", "text-anchor": "middle" }));
    e.addEventListener("click", () => this.onChoose(n.id));
    e.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.onChoose(null);
      else if (event.key === "Enter" || event.key === " ") this.onChoose(n.id);
      else return;
      event.preventDefault();
    });
    return e;
  }

  updateNode(e, n) {
    const r = radius(n), [title, , dot, name, sub] = e.children;
    e.setAttribute("class", this.words.kind(n));
    e.classList.toggle("minor", this.isCrowded && !n.own && this.graph.nodes.indexOf(n) >= NAMED / 2);
    dot.setAttribute("r", r);
    name.setAttribute("y", r + 14);
    sub.setAttribute("y", r + 28);
    setText(name, cut(this.words.name(n), LONGEST));
    setText(sub, this.words.sub(n));
    setText(title, this.words.label(n));
    e.setAttribute("aria-label", this.words.label(n));
  }

  updateEdge(e, edge) {
    e.edge = edge;
    e.setAttribute("stroke-width", Math.min(9, 1.2 + Math.max(0, Math.log10(edge.rate / 100 + 1)) * 1.1).toFixed(1));
    e.setAttribute("class", edge.rate > 0 ? "moves" : "rests");
    setText(e.firstElementChild, this.words.edge(edge));
  }

  /** The chosen node and its neighbours stand out; null: all do. */
  mark(chosen) {
    const near = new Set([chosen]);
    const touches = (e) => e.source === chosen || e.target === chosen;
    for (const e of this.graph.edges) if (touches(e)) near.add(e.source).add(e.target);
    for (const e of this.nodes.children) {
      e.classList.toggle("far", chosen !== null && !near.has(e.dataset.key));
      e.classList.toggle("near", chosen !== null && near.has(e.dataset.key));
      e.setAttribute("aria-pressed", String(e.dataset.key === chosen));
    }
    for (const e of this.edges.children) e.classList.toggle("far", chosen !== null && !touches(e.edge));
  }
}

export function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
