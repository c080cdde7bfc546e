// SPDX-License-Identifier: Apache-2.0
// The page in a browser, on a machine that is made up (page/fixture): more than a real one has, and worse.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";

import { chromium } from "../../page/node_modules/playwright-core/index.mjs";
import { PageServer } from "../../page/fixture/server.mjs";

const SECTIONS = ["socket", "links", "ports", "map", "learn"];
let browser;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
});
after(() => browser.close());

/** fn(page, server, complaints): with a server of these options and the page open on it; what the console says fails the test. */
async function withPage(options, fn, look = {}) {
  const server = await new PageServer({ tick: 200, ...options }).start();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", ...look });
  const complaints = [];
  try {
    context.setDefaultTimeout(20000);
    const page = await context.newPage();
    page.on("console", (m) => ["error", "warning"].includes(m.type()) && complaints.push(m.text()));
    page.on("pageerror", (e) => complaints.push(e.message));
    page.on("dialog", (d) => complaints.push(`dialog ${d.message()}`) && d.dismiss());
    await page.goto(server.url);
    await page.locator("#connection.live").waitFor();
    await fn(page, server, complaints);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
    await server.stop();
  }
}

async function go(page, name) {
  await page.click(`#tab-${name}`);
  await page.locator(`#${name}:not([hidden])`).waitFor();
}

async function until(what, condition) {
  for (let i = 0; i < 400; i++) {
    if (await condition()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`waited for: ${what}`);
}

/** The console tells of connections that were refused or cut: where the test cuts them, that is no fault of the page. */
function forgive(complaints) {
  complaints.splice(0, complaints.length, ...complaints.filter((c) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)/.test(c)));
}

const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

for (const [locale, look] of [["en-US", { colorScheme: "light" }], ["id-ID", { colorScheme: "dark", viewport: { width: 360, height: 740 } }]])
  test(`names that strangers chose are text and nothing else (${locale})`, () => withPage({ hostile: true, links: 20, flows: 60, ports: 40, relayed: true }, async (page) => {
    for (const name of SECTIONS) {
      await go(page, name);
      if (name === "ports") await page.locator("#ports .system tbody tr").first().waitFor();
      if (name === "map") await page.locator("#map tbody tr").first().waitFor();
      assert.equal(await sideways(page), 0, name);
      const raw = await page.evaluate(() => [...document.querySelectorAll("[data-text]")].filter((e) => e.textContent === "" || e.textContent === e.dataset.text).map((e) => e.dataset.text));
      assert.deepEqual(raw, []);
    }
    assert.ok((await page.locator("#map").textContent()).includes("<img src=x onerror=alert(1)>"));
    assert.equal(await page.locator("img, script:not([src])").count(), 0);
  }, { locale, ...look }));

test("five hundred links, a thousand flows and three hundred ports are shown, and what is not is said", () => withPage({ links: 600, flows: 1500, ports: 300, tick: 1000 }, async (page) => {
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((e) => { window.longest = Math.max(window.longest, e.duration); })).observe({ entryTypes: ["longtask"] });
  });
  await go(page, "links");
  await until("500 rows", async () => await page.locator("#links tbody tr").count() === 500);
  assert.match(await page.locator("#links .more").textContent(), /^101 older links/);
  await go(page, "ports");
  await until("301 rows", async () => await page.locator("#ports tbody tr").count() === 301);
  await go(page, "map");
  await until("nodes", async () => await page.locator(".nodes > g").count() === 120);
  assert.match(await page.locator("#map .more").textContent(), /connections are not drawn.*in the list only/);
  await page.waitForTimeout(2500);
  assert.ok(await page.evaluate(() => window.longest) < 4000, `a task of ${await page.evaluate(() => window.longest)} ms`);
}));

test("with nothing to show every section says so", () => withPage({ empty: true, links: 0, flows: 0, ports: 0 }, async (page) => {
  for (const name of ["links", "ports", "map"]) {
    await go(page, name);
    await page.locator(`#${name} .empty:not([hidden])`).waitFor();
    assert.equal(await page.locator(`#${name} table:visible`).count(), 0, name);
  }
}));

test("the page says that the server has gone, and goes on when it is back", () => withPage({}, async (page, server, complaints) => {
  await go(page, "ports");
  await page.locator("#ports tbody tr").first().waitFor();
  const { port } = server;
  await server.stop();
  await page.locator("#gone:not([hidden])").waitFor();
  assert.equal(await page.locator("#connection").textContent(), "soket has gone");
  assert.ok(await page.title().then((t) => t.startsWith("×")));
  assert.ok(await page.locator("#ports tbody tr").count() > 0, "what was seen last stays");
  Object.assign(server, { connections: new Map(), readers: new Set() });
  await server.start(port);
  await page.click("#again");
  await page.locator("#connection.live").waitFor();
  await page.locator("#gone").waitFor({ state: "hidden" });
  await until("ports are asked for again", () => server.requests.at(-1)?.includes("want=ports"));
  forgive(complaints);
}));

test("the socket that is shown stays the same while sections change, and only what is looked at is asked for", () => withPage({}, async (page, server) => {
  const own = () => page.locator(".way .port").first().textContent();
  await until("the socket", async () => /^:\d+$/.test(await own()));
  const first = await own();
  for (const name of ["links", "ports", "map", "learn", "socket"]) await go(page, name);
  await until("the second stream is closed", () => server.readers.size === 1);
  await page.waitForTimeout(500);
  assert.equal(await own(), first);
  const asked = server.requests.filter((r) => r.includes("events")).map((r) => decodeURIComponent(r.split("want=")[1]));
  assert.deepEqual(asked, ["hello,socket,life,links", "ports", "flows,ports", "ports,flows"]);
}));

test("a page that nobody sees asks for nothing, after a while", () => withPage({}, async (page, server) => {
  const see = (hidden) => page.evaluate((h) => {
    Object.defineProperty(document, "hidden", { value: h, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await page.clock.install();
  await page.clock.resume();
  await see(true);
  await page.clock.fastForward(5000);
  await see(false);
  await page.clock.fastForward(20000);
  assert.equal(server.readers.size, 1, "a short look away changes nothing");
  await see(true);
  await page.clock.fastForward(10500);
  await until("no reader", () => server.readers.size === 0);
  await see(false);
  await until("a reader", () => server.readers.size === 1);
}));

test("a whole life is drawn, and what was unfolded stays so", () => withPage({}, async (page, server) => {
  await page.locator(".life").first().locator("summary").click();
  await page.click("#open-one");
  await page.locator(".life.closed").first().waitFor();
  const words = await page.locator(".life.closed").first().locator(".word").allTextContents();
  assert.deepEqual(words.slice(-4), ["GET /hello", "200", "FIN", "FIN + ACK"]);
  assert.ok(await page.locator(".life").first().locator("details").evaluate((d) => d.open));
  assert.match(await page.locator(".life").first().locator("svg").first().getAttribute("aria-label"), /SYN \+ ACK/);
  assert.ok(server.requests.some((r) => r.startsWith("GET hello?close=1")));
  await page.click("#clear");
  assert.equal(await page.locator(".life").count(), 1);
}));

test("when the page's own link is ended, its life is over and another begins", () => withPage({}, async (page, server, complaints) => {
  await go(page, "links");
  const row = page.locator("#links tr.this");
  await row.waitFor();
  const from = await row.locator(".from code").textContent();
  await row.locator(".danger").click();
  await until("another socket", async () => await page.locator("#links tr.this").count() === 1 && await row.locator(".from code").textContent() !== from);
  await go(page, "socket");
  assert.ok((await page.locator(".life.closed").allTextContents()).some((t) => t.includes(from.replace("tcp://", ""))));
  assert.ok(server.requests.some((r) => /^POST links\/\d+\/end$/.test(r)));
  forgive(complaints);
}));

test("one link's plot is chosen and left again", () => withPage({}, async (page) => {
  await go(page, "links");
  const pick = page.locator("#links tbody tr").nth(1).locator(".pick");
  await pick.click();
  assert.equal(await pick.getAttribute("aria-pressed"), "true");
  assert.match(await page.locator(".legend b").textContent(), /^link \d+$/);
  await until("a line", async () => (await pick.locator("path").first().getAttribute("d"))?.includes("L"));
  await page.click("#plot-all");
  assert.equal(await page.locator(".legend b").textContent(), "All links");
  assert.equal(await page.locator(".plot canvas").count(), 1);
}));

test("a filter goes to the server, and its mistake is shown where it is", () => withPage({}, async (page, server) => {
  await go(page, "ports");
  await page.fill("#filter-ports", "é tcp bogus=1 udp");
  await page.locator("#trouble-ports:not([hidden])").waitFor();
  assert.equal(await page.locator("#trouble-ports mark").textContent(), "bogus=1");
  assert.equal(await page.getAttribute("#filter-ports", "aria-invalid"), "true");
  await page.locator("#ports .chip", { hasText: "udp" }).click();
  await page.locator("#trouble-ports").waitFor({ state: "hidden" });
  await until("only udp", async () => (await page.locator("#ports .proto").allTextContents()).every((p) => p === "udp"));
  assert.ok(server.requests.at(-1).includes("ports=udp"));
  await go(page, "learn");
  assert.ok(!server.requests.at(-1).includes("ports=udp"), "examples are of the whole machine");
}));

test("the map is used by keyboard, and the list says the same", () => withPage({}, async (page) => {
  await go(page, "map");
  await page.locator(".nodes .own").waitFor();
  const all = await page.locator("#map tbody tr").count();
  await page.locator(".nodes .own").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".nodes .own").getAttribute("aria-pressed"), "true");
  const rows = await page.locator("#map tbody tr").allTextContents();
  assert.ok(rows.length > 0 && rows.length < all && rows.every((r) => r.includes("soket (7001)")));
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#map tbody tr").count(), all);
  const outside = await page.evaluate(() => [...document.querySelectorAll(".nodes > g")].filter((g) => {
    const a = g.querySelector(".dot").getBoundingClientRect(), b = document.querySelector(".canvas").getBoundingClientRect();
    return a.left < b.left || a.right > b.right || a.top < b.top || a.bottom > b.bottom;
  }).length);
  assert.equal(outside, 0);
}));

test("everything that can be pressed has a name, in every section", () => withPage({ relayed: true }, async (page) => {
  for (const name of SECTIONS) {
    await go(page, name);
    if (name === "map") await page.locator(".nodes .own").waitFor();
    const nameless = await page.evaluate(() => [...document.querySelectorAll("button, select, input, [role=button], [role=img], [role=tab]")]
      .filter((e) => e.checkVisibility() && !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML.slice(0, 120)));
    assert.deepEqual(nameless, [], name);
  }
  assert.equal(await page.locator("nav [role=tablist]").count(), 1);
  assert.equal(await page.locator("main, header, nav, h1").count(), 4);
}));

test("the way through a relay has all its sockets", () => withPage({ relayed: true }, async (page, server) => {
  await page.locator(".station.relay").waitFor();
  const addresses = await page.locator(".station .address").allTextContents();
  assert.equal(addresses.length, 3);
  assert.equal(addresses[0], "127.0.0.1:50001");
  assert.equal(addresses[2], `127.0.0.1:${server.port}`);
  assert.match(await page.locator(".station.relay .process").textContent(), /link 99/);
}));
