// SPDX-License-Identifier: Apache-2.0
// The page's language: words, numbers, sizes, times.

import en from "./lang/en.js";
import id from "./lang/id.js";

const dictionaries = { en, id };
const listeners = new Set();
let language = "en";
let number, three, two, plural;
let units = {};

function remembered() {
  try {
    return localStorage.getItem("language");
  } catch {
    return null; // the browser keeps nothing for this page
  }
}

function remember() {
  try {
    localStorage.setItem("language", language);
  } catch {
    // then it is asked for again next time
  }
}

export function choose(name, isRemembered) {
  language = Object.hasOwn(dictionaries, name) ? name : "en";
  number = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  three = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  two = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  plural = new Intl.PluralRules(language);
  units = Object.fromEntries(["second", "minute", "hour", "day"].map((unit) =>
    [unit, new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 })]));
  document.documentElement.lang = language;
  if (isRemembered) remember();
  for (const fn of listeners) fn();
}

export function chooseFirst() {
  const wanted = [remembered(), ...(navigator.languages ?? [navigator.language])].filter(Boolean).map((w) => w.toLowerCase().split("-")[0]);
  choose(wanted.find((w) => Object.hasOwn(dictionaries, w)) ?? "en", false);
}

export function current() {
  return language;
}

export function onLanguage(fn) {
  listeners.add(fn);
}

/** The text of a key, with {name} filled in; where it is an object, the form that the count `n` asks for. */
export function t(key, values = {}) {
  let text = dictionaries[language][key] ?? en[key] ?? key;
  if (typeof text === "object") text = text[plural.select(values.n ?? 0)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/** Set every element that names its text. */
export function translate(root) {
  for (const e of root.querySelectorAll("[data-text]")) e.textContent = t(e.dataset.text);
  for (const e of root.querySelectorAll("[data-label]")) e.setAttribute("aria-label", t(e.dataset.label));
}

export function count(n) {
  return number.format(n);
}

/** The largest unit in which the number is at least 1. */
function scaled(n, step, names, format) {
  let i = 0;
  while (n >= 1000 && i < names.length - 1) {
    n /= step;
    i++;
  }
  return `${(i ? format : number).format(n)}\u00a0${names[i]}`;
}

export function size(bytes) {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"], three);
}

export function rate(bytesPerSecond) {
  return scaled(bytesPerSecond * 8, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"], three);
}

/** Below a second in the units of science, which are the same everywhere; above in the two largest that are not nought. */
export function duration(ns) {
  if (ns === null || ns === undefined) return "–";
  if (ns < 1e3) return `${count(ns)}\u00a0ns`;
  if (ns < 1e6) return `${three.format(ns / 1e3)}\u00a0µs`;
  if (ns < 1e9) return `${three.format(ns / 1e6)}\u00a0ms`;
  if (ns < 10e9) return `${two.format(ns / 1e9)}\u00a0s`;
  return long(Math.floor(ns / 1e9));
}

function long(s) {
  const parts = s < 60 ? [["second", s]] : s < 3600 ? [["minute", s / 60], ["second", s % 60]]
    : s < 86400 ? [["hour", s / 3600], ["minute", (s % 3600) / 60]] : [["day", s / 86400], ["hour", (s % 86400) / 3600]];
  return parts.map(([unit, n]) => units[unit].format(Math.floor(n))).join(" ");
}
