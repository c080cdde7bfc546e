// SPDX-License-Identifier: Apache-2.0
// Elements. Text is set as text, never as HTML: names of strangers are shown here.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Rows of a table kept in step with a list: rows stay the same elements, so that focus and selection stay. */
export function keepRows(body, list, key, make, update) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let at = body.firstElementChild;
  for (const item of list) {
    const id = String(key(item));
    let row = known.get(id);
    if (!row) {
      row = make(item);
      row.dataset.key = id;
    }
    known.delete(id);
    if (row !== at) body.insertBefore(row, at);
    else at = at.nextElementSibling;
    update(row, item);
  }
  for (const row of known.values()) row.remove();
}
