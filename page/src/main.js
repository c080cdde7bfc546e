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

const sections = { socket, links, ports, map, learn };
const names = Object.keys(sections);
const tabs = new Map(names.map((n) => [n, document.getElementById(`tab-${n}`)]));
let shown = null;

function show(name, focus) {
  if (!sections[name]) name = "socket";
  shown = name;
  for (const n of names) {
    const isIt = n === name;
    tabs.get(n).setAttribute("aria-selected", String(isIt));
    tabs.get(n).tabIndex = isIt ? 0 : -1;
    document.getElementById(n).hidden = !isIt;
  }
  if (focus) tabs.get(name).focus();
  sections[name].shown?.();
  feed.want(sections[name].wants);
}

function go(name) {
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  show(name, true);
}

for (const [name, tab] of tabs) tab.addEventListener("click", () => go(name));
document.getElementById("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const at = names.indexOf(shown);
  if (step) go(names[(at + step + names.length) % names.length]);
  else if (event.key === "Home") go(names[0]);
  else if (event.key === "End") go(names.at(-1));
  else return;
  event.preventDefault();
});
window.addEventListener("hashchange", () => show(location.hash.slice(1)));

const language = document.getElementById("language");
language.addEventListener("change", () => choose(language.value, true));

let state = "waiting";
function sayState() {
  const e = document.getElementById("connection");
  e.className = state;
  setText(e, t(`state.${state}`));
}
feed.onState((s) => {
  state = s;
  sayState();
});
feed.on("hello", (hello) => setText(document.getElementById("command"), `${hello.command}`));

onLanguage(() => {
  language.value = current();
  translate(document);
  sayState();
  for (const s of Object.values(sections)) s.translated();
});

chooseFirst();
show(location.hash.slice(1) || "socket");
