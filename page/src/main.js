// SPDX-License-Identifier: Apache-2.0
// The page: sections as tabs, the language, and whether the server is there.

import * as feed from "./feed.js";
import { choose, chooseFirst, current, onLanguage, t, translate } from "./text.js";
import { setText } from "./dom.js";
import * as socket from "./socket.js";
import * as links from "./links.js";
import * as ports from "./ports.js";
import * as map from "./map.js";
import * as learn from "./learn.js";
import "./style.css";

// Each has `wants` and `filtered`, for feed.want(); translated(), for a new language; and shown(), where it must know that.
const sections = { socket, links, ports, map, learn };
const names = Object.keys(sections);
const tabs = new Map(names.map((n) => [n, document.getElementById(`tab-${n}`)]));
let shown = "socket";
let state = "waiting";

function show(name, isFocused) {
  shown = Object.hasOwn(sections, name) ? name : "socket";
  for (const n of names) {
    tabs.get(n).setAttribute("aria-selected", String(n === shown));
    tabs.get(n).tabIndex = n === shown ? 0 : -1;
    document.getElementById(n).hidden = n !== shown;
  }
  if (isFocused) tabs.get(shown).focus();
  tabs.get(shown).scrollIntoView({ block: "nearest", inline: "nearest" });
  sections[shown].shown?.();
  feed.want(sections[shown].wants, sections[shown].filtered);
}

function named() {
  return location.hash.startsWith("#/") ? location.hash.slice(2) : "";
}

function go(name) {
  history.replaceState(null, "", `#/${name}`); // not the section's own id, to which the browser would scroll
  show(name, true);
}

function turn(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) go(names[(names.indexOf(shown) + step + names.length) % names.length]);
  else if (event.key === "Home") go(names[0]);
  else if (event.key === "End") go(names.at(-1));
  else return;
  event.preventDefault();
}

function say() {
  const hello = feed.latest("hello");
  const e = document.getElementById("connection");
  e.className = state;
  setText(e, t(`state.${state}`));
  document.getElementById("gone").hidden = state !== "gone";
  document.body.classList.toggle("stale", state === "gone");
  setText(document.getElementById("command"), hello?.command ?? "");
  document.title = hello ? `${state === "gone" ? "× " : ""}soket · ${hello.host}` : "soket";
}

for (const [name, tab] of tabs) tab.addEventListener("click", () => go(name));
document.getElementById("tabs").addEventListener("keydown", turn);
window.addEventListener("hashchange", () => show(named()));
document.getElementById("again").addEventListener("click", feed.start);
const language = document.getElementById("language");
language.addEventListener("change", () => choose(language.value, true));

feed.onState((s) => {
  state = s;
  say();
});
feed.on("hello", say);
onLanguage(() => {
  language.value = current();
  translate(document);
  say();
  for (const s of Object.values(sections)) s.translated();
});

chooseFirst();
show(named());
feed.start();
