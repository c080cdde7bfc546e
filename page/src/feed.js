// SPDX-License-Identifier: Apache-2.0
// What the server tells, by server-sent events. Only what is looked at is asked for, and nothing while the page is hidden.

const KINDS = ["hello", "socket", "life", "links", "ports", "flows", "trouble"];
const listeners = new Map(KINDS.map((kind) => [kind, new Set()]));
const states = new Set();
const last = new Map();
const filters = { ports: "", flows: "" };
let source = null;
let wanted = ["socket"];
let retry = 0;
let timer = 0;

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

function url() {
  const query = new URLSearchParams({ want: ["hello", "life", ...wanted].join(",") });
  if (filters.ports) query.set("ports", filters.ports);
  if (filters.flows) query.set("flows", filters.flows);
  return `events?${query}`;
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

function open() {
  close();
  if (document.hidden) return;
  const own = new EventSource(url());
  source = own;
  for (const kind of KINDS) {
    own.addEventListener(kind, (event) => {
      if (own !== source) return;
      const data = JSON.parse(event.data);
      if (kind !== "life") last.set(kind, data);
      for (const fn of listeners.get(kind)) fn(data);
    });
  }
  own.addEventListener("open", () => {
    retry = 0;
    tell("live");
  });
  own.addEventListener("error", () => {
    if (own !== source) return;
    tell(retry < 3 ? "waiting" : "gone");
    close();
    retry++;
    timer = setTimeout(open, Math.min(500 * 2 ** retry, 15000));
  });
}

export function want(kinds) {
  if (source && kinds.join() === wanted.join()) return;
  wanted = kinds;
  open();
}

export function setFilter(kind, text) {
  if (filters[kind] === text) return;
  filters[kind] = text;
  open();
}

export function filterOf(kind) {
  return filters[kind];
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
window.addEventListener("pagehide", close);
