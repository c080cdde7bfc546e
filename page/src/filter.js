// SPDX-License-Identifier: Apache-2.0
// A box for a filter, as soket ports and soket flows take it; what is wrong with it is shown where it is wrong.

import * as feed from "./feed.js";
import { h } from "./dom.js";

const PAUSE = 400; // ms without a key, until the server is asked

/** The text before and from a place that is told in bytes of UTF-8. */
export function splitAt(text, at) {
  const bytes = new TextEncoder().encode(text);
  const decode = (part) => new TextDecoder().decode(part);
  return [decode(bytes.slice(0, at)), decode(bytes.slice(at))];
}

function troubleParts(text, data) {
  const parts = [h("b", null, data.text), data.hint && h("span", { class: "dim" }, data.hint)];
  if (data.at === null || data.at === undefined) return parts;
  const [before, from] = splitAt(text, data.at);
  const [word, rest] = [from.split(" ")[0] || "\u00a0", from.slice(from.split(" ")[0].length)];
  return [h("code", null, before, h("mark", null, word), rest), ...parts];
}

/** examples: filters that a click puts into the box. */
export function filterBox(kind, examples) {
  const id = `filter-${kind}`;
  const trouble = h("p", { class: "trouble", role: "alert", id: `trouble-${kind}`, hidden: true });
  const input = h("input", { type: "search", id, spellcheck: "false", autocapitalize: "off", autocomplete: "off", maxlength: "500", "aria-describedby": trouble.id });
  let timer = 0;

  const calm = () => {
    trouble.hidden = true;
    input.removeAttribute("aria-invalid");
  };
  const apply = () => {
    clearTimeout(timer);
    calm();
    feed.setFilter(kind, input.value.trim());
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, PAUSE);
  });
  feed.on("trouble", (data) => {
    if (data.of !== kind) return;
    input.setAttribute("aria-invalid", "true");
    trouble.replaceChildren(...troubleParts(feed.filterOf(kind), data).filter(Boolean));
    trouble.hidden = false;
  });
  feed.on(kind, (data) => data.filter === feed.filterOf(kind) && calm());

  const put = (text) => {
    input.value = text;
    apply();
    input.focus();
  };
  return h("form", { class: "filter", role: "search", onsubmit: (e) => { e.preventDefault(); apply(); } },
    h("label", { for: id, "data-text": `${kind}.filter` }), input,
    h("p", { class: "examples" }, h("span", { "data-text": "filter.examples" }), examples.map((text) => h("button", { type: "button", class: "chip", onclick: () => put(text) }, text))), trouble);
}
