// SPDX-License-Identifier: Apache-2.0
// The lives of connections as sequence diagrams: the browser on one side, soket on the other, arrows as they happen.

import { h, svg } from "./dom.js";
import { duration, size, t } from "./text.js";

const KEPT = 4;

/** What each happening looks like: arrows from the client (">") or from the server ("<"), and their words. */
function steps(event) {
  switch (event.what) {
    case "opened":
      return [
        { dir: ">", text: "SYN", note: t("life.syn") },
        { dir: "<", text: "SYN + ACK", note: t("life.synack") },
        { dir: ">", text: "ACK", note: t("life.ack", { rtt: duration(event.rtt_ns) }) },
      ];
    case "request":
      return [{ dir: ">", text: `${event.method} ${event.path}`, note: t("life.request", { size: size(event.bytes ?? 0) }), data: true }];
    case "answered":
      return [{ dir: "<", text: String(event.status), note: t("life.answer", { size: size(event.bytes ?? 0) }), data: true }];
    case "closed": {
      const first = event.by === "peer" ? ">" : "<";
      const other = first === ">" ? "<" : ">";
      if (event.by === "failure") return [{ dir: first, text: "RST", note: t("life.reset") }];
      return [
        { dir: first, text: "FIN", note: t(event.by === "peer" ? "life.fin.peer" : "life.fin.us") },
        { dir: other, text: "FIN + ACK", note: t("life.fin.other") },
      ];
    }
    default:
      return [];
  }
}

export class Life {
  constructor(box) {
    this.box = box;
    this.lives = new Map(); // by the connection's number
    this.server = null;
    this.client = null;
  }

  /** `client`: the process that dials, where it is known: the browser, or a relay in between. */
  setEnds(client, server) {
    const fresh = this.server?.port !== server.port || this.client !== client;
    this.client = client;
    this.server = server;
    if (fresh) this.draw();
  }

  clear() {
    for (const [id, life] of this.lives) if (life.closed) this.lives.delete(id);
    this.draw();
  }

  add(event) {
    let life = this.lives.get(event.id);
    if (!life) {
      life = { id: event.id, peer: event.peer, isThis: event.this, events: [], closed: false };
      this.lives.set(event.id, life);
    }
    life.isThis ||= event.this;
    life.closed ||= event.what === "closed";
    life.events.push(event);
    // what repeats is shown as its last few
    if (life.events.length > 9) life.events.splice(1, life.events.length - 9);
    while (this.lives.size > KEPT) {
      const old = [...this.lives.values()].find((l) => !l.isThis);
      if (!old) break;
      this.lives.delete(old.id);
    }
    this.draw();
  }

  draw() {
    if (this.lives.size === 0) {
      this.box.replaceChildren(h("p", { class: "empty" }, t("life.none")));
      return;
    }
    this.box.replaceChildren(...[...this.lives.values()].reverse().map((life) => this.figure(life)));
  }

  figure(life) {
    const rows = life.events.flatMap((e) => steps(e).map((s, i) => ({ ...s, at: i === 0 ? e.at_ns : null })));
    const narrow = (this.box.clientWidth || 640) < 480;
    const width = narrow ? 400 : 640, left = narrow ? 76 : 96, right = width - (narrow ? 60 : 96), top = 46, step = 34;
    const longest = narrow ? 24 : 44;
    const height = top + rows.length * step + 22;
    const start = life.events[0].at_ns;
    const port = life.peer?.split(":").at(-1) ?? "?";
    const arrows = rows.flatMap((row, i) => {
      const y = top + i * step + 14;
      const [x1, x2] = row.dir === ">" ? [left, right] : [right, left];
      const tip = row.dir === ">" ? -9 : 9;
      return [
        svg("line", { class: row.data ? "arrow data" : "arrow", x1, y1: y, x2, y2: y + 8 }),
        svg("path", { class: row.data ? "tip data" : "tip", d: `M${x2} ${y + 8}l${tip} -5v10z` }),
        svg("text", { class: "word", x: width / 2, y: y - 3, "text-anchor": "middle" }, row.text.length > longest ? `${row.text.slice(0, longest - 1)}…` : row.text),
        row.at !== null && svg("text", { class: "time", x: 4, y: y + 4 }, `+${duration(row.at - start)}`),
      ];
    });
    return h("figure", { class: life.closed ? "life closed" : "life" },
      h("figcaption", null, t(life.isThis ? "life.this" : "life.other", { peer: life.peer ?? "" }),
        h("span", { class: "badge" }, t(life.closed ? "life.closed" : "life.alive"))),
      svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": rows.map((r) => `${r.dir === ">" ? t("socket.peer") : t("socket.local")}: ${r.text}`).join("; ") },
        svg("line", { class: "lane", x1: left, y1: 30, x2: left, y2: height - 8 }),
        svg("line", { class: "lane", x1: right, y1: 30, x2: right, y2: height - 8 }),
        svg("text", { class: "head a", x: left, y: 20, "text-anchor": "middle" }, `${this.client ?? t("life.browser")} :${port}`),
        svg("text", { class: "head b", x: right, y: 20, "text-anchor": "middle" }, `soket :${this.server?.port ?? "?"}`),
        ...arrows),
      h("details", null, h("summary", null, t("life.words")), h("ol", null, rows.map((r) => h("li", null, h("b", null, r.text), ` – ${r.note}`)))));
  }
}
