// SPDX-License-Identifier: Apache-2.0
// All ports there are on one line, a third for each class, with a mark for each that somebody has.

import { h, setText, svg } from "./dom.js";
import { CLASSES, placeOf, rangeOf } from "./port.js";
import { t } from "./text.js";

const WIDTH = 900, HEIGHT = 34;

export class Strip {
  constructor() {
    this.marks = svg("g", { class: "marks" });
    this.drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      CLASSES.map((c, i) => svg("rect", { class: c, x: (i * WIDTH) / 3 + 1, y: 0, width: WIDTH / 3 - 2, height: HEIGHT })), this.marks);
    this.names = h("ul", null, CLASSES.map((c) => h("li", { class: c }, h("b"), " ", h("span"))));
    this.element = h("div", { class: "strip" }, this.drawing, this.names);
  }

  /** ports: numbers; own: the one that is drawn larger. */
  show(ports, own = null) {
    const all = [...new Set(ports)].sort((a, b) => a - b);
    this.drawing.setAttribute("aria-label", t("strip.label", { n: all.length, ports: all.slice(0, 40).join(", ") }));
    for (const [i, e] of [...this.names.children].entries()) {
      setText(e.children[0], t(`class.${CLASSES[i]}`));
      setText(e.children[1], rangeOf(CLASSES[i]));
    }
    const shape = `${all} ${own}`;
    if (shape === this.shape) return;
    this.shape = shape;
    this.marks.replaceChildren(...all.map((p) => this.mark(p, p === own)));
  }

  mark(port, isOwn) {
    const x = Math.min(WIDTH - 3, Math.max(3, placeOf(port) * WIDTH)).toFixed(1);
    return svg("line", { class: isOwn ? "own" : null, x1: x, x2: x, y1: isOwn ? 0 : 8, y2: isOwn ? HEIGHT : HEIGHT - 8, "vector-effect": "non-scaling-stroke" }, svg("title", null, String(port)));
  }
}
