// SPDX-License-Identifier: Apache-2.0
// The rates of links over the last minute, from the counts that the server tells.

const KEPT = 61; // one each second

export class History {
  constructor() {
    this.times = []; // seconds
    this.links = new Map(); // by number: { sent, received } as lists, in step with the end of `times`
    this.all = { sent: [], received: [] };
    this.counts = new Map();
  }

  /** The links as they are at `now` seconds. */
  add(now, links) {
    const seconds = now - (this.times.at(-1) ?? now);
    if (this.times.length && seconds < 0.2) return; // asked anew: the counts are the same
    this.push(this.times, now);
    const sum = { sent: 0, received: 0 };
    for (const link of links) {
      const rates = this.ratesOf(link, seconds);
      const own = this.links.get(link.id) ?? { sent: [], received: [] };
      this.links.set(link.id, own);
      for (const way of ["sent", "received"]) {
        sum[way] += rates[way];
        this.push(own[way], rates[way]);
      }
    }
    for (const way of ["sent", "received"]) this.push(this.all[way], sum[way]);
    this.forget(links);
  }

  /** Of a link that was not there before, all that it has moved was moved since, as far as its age says so. */
  ratesOf(link, seconds) {
    const before = this.counts.get(link.id) ?? (link.age_ns / 1e9 < seconds ? { sent: 0, received: 0 } : link);
    this.counts.set(link.id, { sent: link.sent, received: link.received });
    const rate = (way) => seconds > 0 ? Math.max(0, link[way] - before[way]) / seconds : 0;
    return { sent: rate("sent"), received: rate("received") };
  }

  push(list, value) {
    list.push(value);
    if (list.length > KEPT) list.shift();
  }

  forget(links) {
    const there = new Set(links.map((l) => l.id));
    for (const id of this.links.keys()) {
      if (there.has(id)) continue;
      this.links.delete(id);
      this.counts.delete(id);
    }
  }

  last(id) {
    const own = this.links.get(id);
    return { sent: own?.sent.at(-1) ?? 0, received: own?.received.at(-1) ?? 0 };
  }

  lastOfAll() {
    return { sent: this.all.sent.at(-1) ?? 0, received: this.all.received.at(-1) ?? 0 };
  }

  /** [seconds before now, sent, received] of one link, or of all; null where the link was not there yet. */
  series(id) {
    const own = id === null ? this.all : this.links.get(id) ?? { sent: [], received: [] };
    const now = this.times.at(-1) ?? 0;
    const pad = Array(this.times.length - own.sent.length).fill(null);
    return [this.times.map((x) => x - now), [...pad, ...own.sent], [...pad, ...own.received]];
  }
}
