// SPDX-License-Identifier: Apache-2.0
// The plot of both directions' rates over the last minute, and its small form for a row of a table.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { svg } from "./dom.js";
import { count, rate, t } from "./text.js";

const HEIGHT = 190, SECONDS = 60;
const SPARK = { width: 84, height: 30 };

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Ticks that read well as bits a second: 1, 2 or 5 times a power of ten. */
function ticksTo(high) {
  const bits = high * 8;
  const rough = bits / 3, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * power >= rough) * power;
  return Array.from({ length: Math.floor(bits / step) + 1 }, (_, i) => (i * step) / 8);
}

export class Plot {
  constructor(box) {
    this.box = box;
    this.plot = null;
    this.data = [[], [], []];
  }

  options() {
    const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const line = (name) => ({ stroke: color(`--${name}`), fill: color(`--${name}-soft`), width: 2, points: { show: false } });
    return {
      width: this.box.clientWidth || 300, height: HEIGHT, cursor: { show: false }, legend: { show: false },
      scales: { x: { time: false, range: () => [-SECONDS, 0] }, y: { range: (_, low, high) => [0, Math.max(high * 1.15, 125)] } },
      axes: [{ ...axis, size: 26, splits: () => this.box.clientWidth < 480 ? [-60, -30, 0] : [-60, -45, -30, -15, 0], values: (_, ticks) => ticks.map((s) => s ? t("links.ago", { s: count(-s) }) : t("links.now")) },
        { ...axis, size: 88, splits: (_, i, low, high) => ticksTo(high), values: (_, ticks) => ticks.map(rate) }],
      series: [{}, line("a"), line("b")],
    };
  }

  /** Again from nothing: where the room, the colours or the language are others. */
  make() {
    this.plot?.destroy();
    this.plot = this.box.clientWidth ? new uPlot(this.options(), this.data, this.box) : null;
  }

  show(data) {
    this.data = data;
    if (this.plot) this.plot.setData(data);
    else this.make();
  }
}

export function makeSpark() {
  return svg("svg", { class: "spark", viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("path", { class: "b" }), svg("path", { class: "a" }));
}

/** Both directions on one scale, the newest at the right. */
export function updateSpark(e, [times, sent, received]) {
  const high = Math.max(1, ...sent, ...received);
  const line = (values) => values.map((v, i) => v === null ? "" : `${(SPARK.width * (1 + times[i] / SECONDS)).toFixed(1)} ${(SPARK.height - 1 - (SPARK.height - 3) * v / high).toFixed(1)}`).filter(Boolean);
  for (const [i, values] of [received, sent].entries()) {
    const points = line(values);
    e.children[i].setAttribute("d", points.length > 1 ? `M${points.join("L")}` : "");
  }
}
