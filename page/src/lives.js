// SPDX-License-Identifier: Apache-2.0
// The lives of connections that are shown: the page's own first, then the newest of the others.

import { h } from "./dom.js";
import { t } from "./text.js";
import { Sequence } from "./sequence.js";

const KEPT = 6;
const LONGEST = 8; // happenings of one life; of more, those in the middle are left out

export class Lives {
  constructor(box) {
    this.box = box;
    this.lives = new Map(); // by the connection's number, oldest first
    this.server = null;
    this.client = null; // the name of the process that dials, where it is known: the browser, or a relay in between
    this.nOpened = 0;
    this.none = h("p", { class: "empty", "data-text": "life.none" });
    box.append(this.none);
  }

  /** The page's own connection: it was opened before it could be told of, so its handshake is known from its socket. */
  own(s) {
    const client = s.peer.process?.name ?? null;
    const isOther = this.server?.port !== s.local.port || this.client !== client;
    Object.assign(this, { server: s.local, client });
    if (isOther) this.fit();
    if (this.lives.get(s.id)?.isOwn) return;
    this.lost();
    const life = this.find({ id: s.id, peer: `${s.peer.ip?.includes(":") ? `[${s.peer.ip}]` : s.peer.ip}:${s.peer.port}` });
    life.isOwn = true;
    if (!life.events.some((e) => e.what === "opened")) life.events.unshift({ what: "opened", rtt_ns: s.rtt_min_ns, at_ns: null });
    if (!life.events.some((e) => e.what === "request")) life.events.push({ what: "request", method: "GET", path: "/events", bytes: null, at_ns: null }, { what: "stream" });
    this.draw();
  }

  /** The connection that was the page's own has gone. */
  lost() {
    for (const life of this.lives.values()) {
      if (!life.isOwn || life.isClosed) continue;
      life.isOwn = false;
      life.isClosed = true;
      life.events.push({ what: "lost", at_ns: null });
      this.update(life);
    }
  }

  find({ id, peer }) {
    if (!this.lives.has(id)) this.lives.set(id, { id, peer, events: [], isOwn: false, isClosed: false, sequence: new Sequence() });
    return this.lives.get(id);
  }

  add(event) {
    const isNew = !this.lives.has(event.id);
    const life = this.find(event);
    if (isNew && event.what !== "opened") life.events.push({ what: "earlier" });
    if (event.what === "opened") this.nOpened++;
    if (life.isClosed) return;
    life.isClosed = event.what === "closed";
    life.events.push(event);
    if (life.events.length > LONGEST) life.events.splice(1, life.events.length - LONGEST, { what: "more" });
    this.keep();
    this.draw();
  }

  /** Those that have ended go first, then the oldest; never the page's own. */
  keep() {
    while (this.lives.size > KEPT) {
      const others = [...this.lives.values()].filter((l) => !l.isOwn);
      this.lives.delete((others.find((l) => l.isClosed) ?? others[0]).id);
    }
  }

  clear() {
    for (const [id, life] of this.lives) if (life.isClosed) this.lives.delete(id);
    this.draw();
  }

  update(life) {
    life.sequence.show(life, this.client, this.server);
  }

  /** Figures stay the same elements: what is open in them stays open. */
  draw() {
    const order = [...this.lives.values()].reverse().sort((a, b) => b.isOwn - a.isOwn);
    this.none.hidden = order.length > 0;
    this.none.textContent = t("life.none");
    const figures = new Set(order.map((l) => l.sequence.figure));
    for (const e of [...this.box.children]) if (e !== this.none && !figures.has(e)) e.remove();
    let at = this.none.nextElementSibling;
    for (const life of order) {
      const { figure } = life.sequence;
      if (figure === at) at = at.nextElementSibling;
      else this.box.insertBefore(figure, at);
      this.update(life);
    }
  }

  /** The room may have changed. */
  fit() {
    for (const life of this.lives.values()) this.update(life);
  }
}

