// SPDX-License-Identifier: Apache-2.0
// Every link of this process: both ends, how bytes move, how fast, and an end to it by a click.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import * as feed from "./feed.js";
import { h, keepRows, setText } from "./dom.js";
import { count, duration, onLanguage, rate, size, t, translate } from "./text.js";

export const wants = ["links"];

const SECONDS = 60;
const root = document.getElementById("links");
const before = new Map(); // of each link: what it had moved, and when
const history = { time: [], sent: [], received: [] };
let plot = null;
let sums = null;

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function makePlot() {
  const box = root.querySelector(".plot");
  plot?.destroy();
  plot = null;
  if (root.hidden) return;
  const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  plot = new uPlot({
    width: box.clientWidth || 600,
    height: 180,
    cursor: { y: false },
    legend: { show: false },
    scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, 1000)] } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((s) => t("links.ago", { s: count(Math.abs(s)) })), incrs: [1, 2, 5, 10, 15, 30] },
      { ...axis, size: 84, values: (_, ticks) => ticks.map((v) => rate(v)) },
    ],
    series: [{}, { stroke: color("--a"), fill: color("--a-soft"), width: 2, points: { show: false } }, { stroke: color("--b"), fill: color("--b-soft"), width: 2, points: { show: false } }],
  }, plotData(), box);
}

function plotData() {
  const now = history.time.at(-1) ?? 0;
  return [history.time.map((x) => x - now), history.sent, history.received];
}

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "links.title" }),
    h("p", { class: "lead", "data-text": "links.lead" }),
    h("div", { class: "legend" }, h("span", { class: "a" }), h("span", { class: "b" })),
    h("div", { class: "plot", role: "img", "data-label": "links.plot" }),
    h("p", { class: "empty", hidden: true, "data-text": "links.none" }),
    h("div", { class: "table" }, h("table", null,
      h("thead", null, h("tr", null, ["from", "to", "rate", "bytes", "how", "age"].map((c) => h("th", { scope: "col", class: c, "data-text": `links.${c}` })), h("th", { scope: "col" }, h("span", { class: "hidden", "data-text": "links.end" })))),
      h("tbody"))),
    h("p", { class: "more", role: "status" }));
}

async function end(id, button) {
  button.disabled = true;
  try {
    const answer = await fetch(`links/${id}/end`, { method: "POST" });
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    setText(root.querySelector(".more"), t("links.ended", { id }));
  } catch (error) {
    button.disabled = false;
    setText(root.querySelector(".more"), t("links.not-ended", { id, why: error.message }));
  }
}

function makeRow(link) {
  const button = h("button", { type: "button", class: "danger", onclick: () => end(link.id, button) });
  return h("tr", null,
    h("td", { class: "from" }, h("code"), h("span", { class: "layers" })),
    h("td", { class: "to" }, h("code"), h("span", { class: "layers" })),
    h("td", { class: "rate" }), h("td", { class: "bytes" }), h("td", { class: "how" }), h("td", { class: "age" }), h("td", null, button));
}

function both(a, b) {
  return `→ ${a}\n← ${b}`;
}

function updateRow(row, link, rates) {
  row.classList.toggle("this", link.this);
  setText(row.querySelector(".from code"), link.from);
  setText(row.querySelector(".from .layers"), [...(link.from_layers ?? []), ...(link.this ? [t("links.this")] : [])].join(" · "));
  setText(row.querySelector(".to code"), link.to);
  setText(row.querySelector(".to .layers"), [...(link.to_layers ?? []), ...(link.requests ? [t("links.requests", { n: link.requests, count: count(link.requests) })] : [])].join(" · "));
  setText(row.querySelector(".rate"), both(rate(rates.sent), rate(rates.received)));
  setText(row.querySelector(".bytes"), both(size(link.sent), size(link.received)));
  setText(row.querySelector(".how"), link.kind === "served" ? t("links.served") : (link.mover ?? []).map((m) => m ?? "–").join(" / "));
  setText(row.querySelector(".age"), duration(link.age_ns));
  const button = row.querySelector("button");
  setText(button, t("links.end"));
  button.setAttribute("aria-label", t("links.end.of", { id: link.id }));
}

function ratesOf(link, now) {
  const was = before.get(link.id);
  const seconds = was ? (now - was.now) / 1000 : 0;
  const rates = seconds > 0.05 ? { sent: Math.max(0, link.sent - was.sent) / seconds, received: Math.max(0, link.received - was.received) / seconds }
    : was?.rates ?? { sent: 0, received: 0 };
  before.set(link.id, { now, sent: link.sent, received: link.received, rates });
  return rates;
}

function remember(now, sent, received) {
  history.time.push(now / 1000);
  history.sent.push(sent);
  history.received.push(received);
  while (history.time.length > 2 && history.time.at(-1) - history.time[0] > SECONDS)
    for (const list of Object.values(history)) list.shift();
}

function show(data) {
  const now = performance.now();
  sums = { sent: 0, received: 0 };
  const rates = new Map(data.links.map((l) => [l.id, ratesOf(l, now)]));
  for (const id of before.keys()) if (!rates.has(id)) before.delete(id);
  for (const r of rates.values()) {
    sums.sent += r.sent;
    sums.received += r.received;
  }
  remember(now, sums.sent, sums.received);
  root.querySelector(".empty").hidden = data.links.length > 0;
  root.querySelector(".table").hidden = data.links.length === 0;
  keepRows(root.querySelector("tbody"), data.links, (l) => l.id, makeRow, (row, l) => updateRow(row, l, rates.get(l.id)));
  if (data.total > data.links.length) setText(root.querySelector(".more"), t("links.more", { n: data.total - data.links.length, count: count(data.total - data.links.length) }));
  legend();
  if (!root.hidden) plot ? plot.setData(plotData()) : makePlot();
}

function legend() {
  setText(root.querySelector(".legend .a"), t("links.sent", { rate: rate(sums?.sent ?? 0) }));
  setText(root.querySelector(".legend .b"), t("links.received", { rate: rate(sums?.received ?? 0) }));
}

export function shown() {
  requestAnimationFrame(makePlot);
}

export function translated() {
  translate(root);
  legend();
  const data = feed.latest("links");
  if (data) for (const row of root.querySelectorAll("tbody tr")) {
    const link = data.links.find((l) => String(l.id) === row.dataset.key);
    if (link) updateRow(row, link, before.get(link.id)?.rates ?? { sent: 0, received: 0 });
  }
}

build();
feed.on("links", show);
window.addEventListener("resize", () => plot?.setSize({ width: root.querySelector(".plot").clientWidth, height: 180 }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot && makePlot());
onLanguage(() => plot?.redraw());
