// SPDX-License-Identifier: Apache-2.0
// Every link of this process: both ends, how bytes move, how fast, and an end to it by a click.

import * as feed from "./feed.js";
import { h, keepRows, setText } from "./dom.js";
import { count, duration, rate, size, t, translate } from "./text.js";
import { History } from "./history.js";
import { makeSpark, Plot, updateSpark } from "./plot.js";

export const wants = [];

const COLUMNS = ["from", "to", "plotted", "rate", "bytes", "how", "age"];
const root = document.getElementById("links");
const history = new History();
let plot = null;
let chosen = null; // the link whose rates are plotted; null: the sum of all

function build() {
  root.replaceChildren(
    h("h2", { "data-text": "links.title" }),
    h("p", { class: "lead", "data-text": "links.lead" }),
    h("div", { class: "plotted" },
      h("div", { class: "legend" }, h("b"), h("span", { class: "a" }), h("span", { class: "b" }), h("button", { type: "button", id: "plot-all", onclick: () => choose(null), "data-text": "links.all" })),
      h("div", { class: "plot", role: "img", "data-label": "links.plot" })),
    h("p", { class: "empty", hidden: true, "data-text": "links.none" }),
    h("div", { class: "table as-cards", tabindex: "0", role: "region", "data-label": "links.title" }, h("table", { role: "table" },
      h("thead", null, h("tr", null, COLUMNS.map((c) => h("th", { scope: "col", role: "columnheader", class: c, "data-text": `links.${c}` })), h("th", { scope: "col" }, h("span", { class: "hidden", "data-text": "links.end" })))),
      h("tbody", { role: "rowgroup" }))),
    h("p", { class: "more" }), h("p", { class: "said", role: "status" }));
  plot = new Plot(root.querySelector(".plot"));
}

async function end(id, button) {
  button.disabled = true;
  try {
    const answer = await fetch(`links/${id}/end`, { method: "POST" });
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    setText(root.querySelector(".said"), t(answer.ok ? "links.ended" : "links.ended.before", { id }));
  } catch (error) {
    button.disabled = false;
    const isOwn = feed.latest("links")?.links.find((l) => l.id === id)?.this;
    setText(root.querySelector(".said"), isOwn ? t("links.ended", { id }) : t("links.not-ended", { id, why: error.message }));
  }
}

function choose(id) {
  chosen = chosen === id ? null : id;
  show(feed.latest("links"));
}

function makeRow(link) {
  const button = h("button", { type: "button", class: "danger", onclick: () => end(link.id, button) });
  return h("tr", { role: "row" },
    h("td", { role: "cell", class: "from" }, h("code"), h("span", { class: "layers" })),
    h("td", { role: "cell", class: "to" }, h("code"), h("span", { class: "layers" })),
    h("td", { role: "cell", class: "plotted" }, h("button", { type: "button", class: "pick", onclick: () => choose(link.id) }, makeSpark())),
    h("td", { role: "cell", class: "rate" }), h("td", { role: "cell", class: "bytes" }), h("td", { role: "cell", class: "how" }), h("td", { role: "cell", class: "age" }), h("td", { role: "cell", class: "end-it" }, button));
}

function both(a, b) {
  return `→ ${a}\n← ${b}`;
}

function fromWords(link) {
  return [...(link.from_layers ?? []), link.state !== "open" && t(`links.state.${link.state}`), link.this && t("links.this")].filter(Boolean).join(" · ");
}

function toWords(link) {
  return [...(link.to_layers ?? []), link.requests !== null && link.requests !== undefined && t("links.requests", { n: link.requests, count: count(link.requests) })].filter(Boolean).join(" · ");
}

function how(link) {
  const movers = link.mover ?? [];
  return movers.some(Boolean) ? both(movers[0] ?? "–", movers[1] ?? "–") : t("links.served");
}

function updateRow(row, link) {
  const rates = history.last(link.id);
  const cell = (name, text) => setText(row.querySelector(name), text);
  row.classList.toggle("this", link.this);
  row.classList.toggle("chosen", link.id === chosen);
  cell(".from code", link.from);
  cell(".from .layers", fromWords(link));
  cell(".to code", link.to);
  cell(".to .layers", toWords(link));
  cell(".rate", both(rate(rates.sent), rate(rates.received)));
  cell(".bytes", both(size(link.sent), size(link.received)));
  cell(".how", how(link));
  cell(".age", duration(link.age_ns));
  cell(".danger", t("links.end"));
  row.querySelector(".danger").setAttribute("aria-label", t("links.end.of", { id: link.id }));
  const pick = row.querySelector(".pick");
  pick.setAttribute("aria-label", t("links.plot.of", { id: link.id }));
  pick.setAttribute("aria-pressed", String(link.id === chosen));
  updateSpark(pick.firstElementChild, history.series(link.id));
}

function showPlot() {
  const rates = chosen === null ? history.lastOfAll() : history.last(chosen);
  setText(root.querySelector(".legend b"), chosen === null ? t("links.sum") : t("links.number", { id: chosen }));
  setText(root.querySelector(".legend .a"), t("links.sent", { rate: rate(rates.sent) }));
  setText(root.querySelector(".legend .b"), t("links.received", { rate: rate(rates.received) }));
  root.querySelector("#plot-all").hidden = chosen === null;
  plot.show(history.series(chosen));
}

function show(data) {
  if (!data || root.hidden) return;
  if (!history.links.has(chosen)) chosen = null;
  const older = data.total - data.links.length;
  root.querySelector(".empty").hidden = data.links.length > 0;
  root.querySelector(".table").hidden = data.links.length === 0;
  keepRows(root.querySelector("tbody"), data.links, (l) => l.id, makeRow, updateRow);
  setText(root.querySelector(".more"), older > 0 ? t("links.more", { n: older, count: count(older) }) : "");
  showPlot();
}

function remake() {
  if (!root.hidden) plot.make();
}

export function shown() {
  requestAnimationFrame(() => {
    remake();
    show(feed.latest("links"));
  });
}

export function translated() {
  translate(root);
  remake();
  show(feed.latest("links"));
}

build();
feed.on("links", (data) => {
  history.add(performance.now() / 1000, data.links);
  show(data);
});
window.addEventListener("resize", remake);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", remake);
