// SPDX-License-Identifier: Apache-2.0
// The page's language: words, numbers, sizes, times.

import en from "./lang/en.js";
import id from "./lang/id.js";

const dictionaries = { en, id };
const listeners = new Set();
let language = "en";
let number, decimal, plural;

function remembered() {
  try {
    return localStorage.getItem("language");
  } catch {
    return null; // the browser keeps nothing for this page
  }
}

export function choose(name, remember) {
  language = dictionaries[name] ? name : "en";
  number = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  decimal = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  plural = new Intl.PluralRules(language);
  document.documentElement.lang = language;
  if (remember) {
    try {
      localStorage.setItem("language", language);
    } catch {
      // then it is asked for again next time
    }
  }
  for (const fn of listeners) fn();
}

export function chooseFirst() {
  const wanted = [remembered(), ...(navigator.languages ?? [navigator.language])];
  choose(wanted.filter(Boolean).map((w) => w.toLowerCase().split("-")[0]).find((w) => dictionaries[w]) ?? "en", false);
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

export function size(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${(i ? decimal : number).format(n)} ${units[i]}`;
}

export function rate(bytesPerSecond) {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
  let n = bytesPerSecond * 8, i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${decimal.format(i ? n : Math.round(n))} ${units[i]}`;
}

export function duration(ns) {
  if (ns === null || ns === undefined) return "–";
  if (ns < 1e6) return `${decimal.format(ns / 1e3)} µs`;
  if (ns < 1e9) return `${decimal.format(ns / 1e6)} ms`;
  const s = ns / 1e9;
  if (s < 60) return `${decimal.format(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} ${t("unit.hours")} ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} ${t("unit.days")} ${Math.floor((s % 86400) / 3600)} ${t("unit.hours")}`;
}
