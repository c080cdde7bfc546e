// SPDX-License-Identifier: Apache-2.0
// One connection's life as a sequence diagram: the client on one side, the server on the other, and arrows as things happen.

import { h, setText, svg } from "./dom.js";
import { classOf, partsOf } from "./port.js";
import { duration, size, t } from "./text.js";

const TOP = 74, STEP = 36, SLOPE = 9;

/** The arrows of a happening: from the client (">") or from the server ("<"), a word, and a note that explains it. */
function arrowsOf(event) {
  switch (event.what) {
    case "opened":
      return [{ dir: ">", word: "SYN", note: t("life.syn") }, { dir: "<", word: "SYN + ACK", note: t("life.synack") },
        { dir: ">", word: "ACK", note: event.rtt_ns ? t("life.ack", { rtt: duration(event.rtt_ns) }) : t("life.ack.unknown"), at: event.at_ns }];
    case "request":
      return [{ dir: ">", word: `${event.method} ${event.path}`, note: event.bytes ? t("life.request", { size: size(event.bytes) }) : t("life.request.unknown"), at: event.at_ns, isData: true }];
    case "answered":
      return [{ dir: "<", word: String(event.status), note: t("life.answer", { size: size(event.bytes ?? 0) }), at: event.at_ns, isData: true }];
    case "stream":
      return [{ dir: "<", word: t("life.stream"), note: t("life.stream.note"), isData: true, isLive: true }];
    case "earlier":
      return [{ dir: "", word: "…", note: t("life.earlier") }];
    case "more":
      return [{ dir: "", word: "…", note: t("life.more") }];
    case "lost":
      return [{ dir: "", word: t("life.lost"), note: t("life.lost.note") }];
    case "closed":
      return closing(event);
    default:
      return [];
  }
}

function closing(event) {
  if (event.by === "failure") return [{ dir: ">", word: "RST", note: t("life.reset"), at: event.at_ns }];
  const isPeer = event.by === "peer";
  return [{ dir: isPeer ? ">" : "<", word: "FIN", note: t(isPeer ? "life.fin.peer" : "life.fin.us"), at: event.at_ns },
    { dir: isPeer ? "<" : ">", word: "FIN + ACK", note: t("life.fin.other") }];
}

function cut(text, room) {
  const most = Math.max(8, Math.floor(room / 8.2));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

export class Sequence {
  constructor() {
    this.caption = h("span");
    this.badge = h("span", { class: "badge" });
    this.drawing = svg("svg", { role: "img" });
    this.summary = h("summary");
    this.words = h("ol");
    this.figure = h("figure", { class: "life" }, h("figcaption", null, this.caption, this.badge), this.drawing, h("details", null, this.summary, this.words));
    this.shape = "";
    this.n = 0;
  }

  show(life, name, server) {
    const rows = life.events.flatMap(arrowsOf);
    const start = life.events.find((e) => e.at_ns)?.at_ns ?? null;
    for (const row of rows) row.time = row.at && start !== null ? (row.at === start ? "0" : `+${duration(row.at - start)}`) : "";
    this.figure.classList.toggle("closed", life.isClosed);
    setText(this.caption, t(life.isOwn ? "life.this" : "life.other", { peer: life.peer ?? "?" }));
    setText(this.badge, t(life.isClosed ? "life.closed" : "life.alive"));
    setText(this.summary, t("life.words"));
    this.draw(rows, name ?? t("life.client"), partsOf(life.peer)?.port ?? null, server);
  }

  draw(rows, name, client, server) {
    const width = Math.round(Math.min(this.drawing.clientWidth || 420, 640));
    const shape = JSON.stringify([width, name, client, server?.port, rows.map((r) => [r.word, r.note, r.time])]);
    if (shape === this.shape) return;
    const isSame = this.width === width && rows.length > this.n; // then only what is new is drawn as it happens
    const known = isSame ? this.n : rows.length;
    Object.assign(this, { shape, width, n: rows.length });
    const left = 72, right = width - 72, height = TOP + rows.length * STEP + 6;
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.drawing.setAttribute("aria-label", rows.map((r) => `${r.dir === ">" ? t("socket.peer") : r.dir ? t("socket.local") : ""} ${r.word}`).join("; "));
    this.drawing.replaceChildren(
      this.head("a", left, cut(name, 120), client), this.head("b", right, "soket", server?.port ?? null),
      svg("line", { class: "lane a", x1: left, y1: 62, x2: left, y2: height }), svg("line", { class: "lane b", x1: right, y1: 62, x2: right, y2: height }),
      ...rows.map((row, i) => this.arrow(row, TOP + i * STEP, left, right, i - known)));
    this.words.replaceChildren(...rows.map((r) => h("li", null, h("b", null, r.word), ` – ${r.note}`)));
  }

  head(side, x, name, port) {
    return svg("g", { class: `head ${side}` },
      svg("text", { x, y: 16, "text-anchor": "middle" }, name), port !== null && svg("text", { class: "port", x, y: 36, "text-anchor": "middle" }, `:${port}`),
      port !== null && svg("text", { class: `class ${classOf(port)}`, x, y: 54, "text-anchor": "middle" }, t(`class.${classOf(port)}.of`)));
  }

  /** `fresh`: 0 and above for those that are new, in their order. */
  arrow(row, y, left, right, fresh) {
    const [x1, x2] = row.dir === ">" ? [left, right] : [right, left];
    const tip = row.dir === ">" ? -9 : 9;
    const parts = [svg("text", { class: "word", x: (left + right) / 2, y: y + 7, "text-anchor": "middle" }, cut(row.word, right - left - 16)),
      row.time && svg("text", { class: "time", x: left - 8, y: y + SLOPE + 9, "text-anchor": "end" }, row.time)];
    if (row.dir) parts.unshift(svg("line", { x1, y1: y + 13, x2, y2: y + 13 + SLOPE }), svg("path", { d: `M${x2} ${y + 13 + SLOPE}l${tip} -5v10z` }));
    const g = svg("g", { class: `arrow${row.isData ? " data" : ""}${row.isLive ? " live" : ""}${fresh >= 0 ? " fresh" : ""}` }, svg("title", null, row.note), ...parts);
    if (fresh >= 0) g.style.animationDelay = `${Math.min(fresh, 8) * 110}ms`;
    return g;
  }
}
