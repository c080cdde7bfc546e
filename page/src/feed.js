// SPDX-License-Identifier: Apache-2.0
// What the server tells, by server-sent events.
//
// How it works: one stream stays open as long as the page is seen, and is the socket that the page shows. A second one asks for
// ports and flows, and only while a section shows them; it is opened anew when the section or a filter changes. A page that
// has been hidden for a while asks for nothing. Where the first stream fails, both are closed and tried again, ever more seldom.

import { Stream } from "./stream.js";

const MAIN = ["hello", "socket", "life", "links"];
const DETAIL = ["ports", "flows", "trouble"];
const PATIENCE = 10_000; // a look at another tab and back leaves the connection as it is
const listeners = new Map([...MAIN, ...DETAIL].map((kind) => [kind, new Set()]));
const states = new Set();
const last = new Map();
const filters = { ports: "", flows: "" };
let detail = { kinds: [], filtered: [] };
let retry = 0, retryTimer = 0, hideTimer = 0, detailTimer = 0;

/** From now on fn(data) for each event of that kind, and at once for the last one. */
export function on(kind, fn) {
  listeners.get(kind).add(fn);
  if (last.has(kind)) fn(last.get(kind));
}

export function latest(kind) {
  return last.get(kind);
}

/** fn("live" | "waiting" | "gone") */
export function onState(fn) {
  states.add(fn);
}

function tell(state) {
  for (const fn of states) fn(state);
}

function receive(kind, data) {
  if (kind !== "life" && kind !== "trouble") last.set(kind, data);
  for (const fn of listeners.get(kind)) fn(data);
}

const main = new Stream(MAIN, receive, () => {
  retry = 0;
  tell("live");
  openDetail();
}, failed);
const more = new Stream(DETAIL, receive, () => {}, () => {
  clearTimeout(detailTimer);
  detailTimer = setTimeout(openDetail, 2000);
});

function failed() {
  close();
  tell(retry++ < 1 ? "waiting" : "gone");
  retryTimer = setTimeout(open, Math.min(500 * 2 ** retry, 15_000));
}

function openDetail() {
  const query = { want: detail.kinds.join(",") };
  for (const kind of detail.filtered) if (filters[kind]) query[kind] = filters[kind];
  if (detail.kinds.length === 0) more.close();
  else if (main.isOpen) more.open(query);
}

function close() {
  clearTimeout(retryTimer);
  main.close();
  more.close();
}

function open() {
  clearTimeout(hideTimer);
  if (document.hidden || main.isAsked) return;
  clearTimeout(retryTimer);
  main.open({ want: MAIN.join(",") });
}

/** Ask for these of "ports" and "flows"; for those in `filtered` as their filter says, for the others without. */
export function want(kinds, filtered = []) {
  detail = { kinds, filtered };
  openDetail();
}

export function setFilter(kind, text) {
  if (filters[kind] === text) return;
  filters[kind] = text;
  last.delete(kind);
  openDetail();
}

export function filterOf(kind) {
  return filters[kind];
}

/** Begin; again at once, where the page waits for the next attempt. */
export function start() {
  open();
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(hideTimer);
  if (document.hidden) hideTimer = setTimeout(close, PATIENCE);
  else open();
});
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", open);
