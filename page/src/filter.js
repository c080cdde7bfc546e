// SPDX-License-Identifier: Apache-2.0
// A box for a filter, as soket ports and soket flows take it; what is wrong with it is shown where it is wrong.

import * as feed from "./feed.js";
import { h, setText } from "./dom.js";
import { t } from "./text.js";

export function filterBox(kind, example) {
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const input = h("input", { type: "search", id: `filter-${kind}`, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    placeholder: example, "aria-describedby": `trouble-${kind}`, value: feed.filterOf(kind) });
  trouble.id = `trouble-${kind}`;
  let timer = 0;
  const apply = () => {
    clearTimeout(timer);
    trouble.hidden = true;
    input.removeAttribute("aria-invalid");
    feed.setFilter(kind, input.value.trim());
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 400);
  });
  feed.on("trouble", (data) => {
    if (data.of !== kind) return;
    const at = data.at ?? null;
    input.setAttribute("aria-invalid", "true");
    trouble.hidden = false;
    trouble.replaceChildren(h("span", null, data.text));
    if (at !== null) trouble.prepend(h("code", null, input.value.trim().slice(0, at), h("mark", null, input.value.trim().slice(at) || " ")), h("br"));
    if (data.hint) trouble.append(h("br"), h("span", { class: "dim" }, data.hint));
  });
  feed.on(kind, () => {
    trouble.hidden = true;
    input.removeAttribute("aria-invalid");
  });
  const label = h("label", { for: input.id, "data-text": `${kind}.filter` });
  setText(label, t(`${kind}.filter`));
  return h("form", { class: "filter", role: "search", onsubmit: (e) => { e.preventDefault(); apply(); } }, label, input, trouble);
}
