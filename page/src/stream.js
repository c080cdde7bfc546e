// SPDX-License-Identifier: Apache-2.0
// One stream of server-sent events, which can be opened again and again with other questions.

export class Stream {
  /** onEvent(kind, data), onOpen(), onFail(): of the stream that is open now, never of one that was closed before. */
  constructor(kinds, onEvent, onOpen, onFail) {
    Object.assign(this, { kinds, onEvent, onOpen, onFail, source: null, isOpen: false });
  }

  get isAsked() {
    return this.source !== null;
  }

  open(query) {
    this.close();
    const source = new EventSource(`events?${new URLSearchParams(query)}`);
    const own = (fn) => (event) => source === this.source && fn(event);
    this.source = source;
    for (const kind of this.kinds) source.addEventListener(kind, own((event) => this.onEvent(kind, JSON.parse(event.data))));
    source.addEventListener("open", own(() => {
      this.isOpen = true;
      this.onOpen();
    }));
    source.addEventListener("error", own(() => {
      this.close(); // the browser would try again too, but at a pace that cannot be chosen
      this.onFail();
    }));
  }

  close() {
    this.source?.close();
    this.source = null;
    this.isOpen = false;
  }
}
