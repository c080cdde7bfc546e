// SPDX-License-Identifier: Apache-2.0
// A browser that does what a person would, and prints what it saw as JSON: node browser.mjs SCENARIO URL CHROMIUM [JSON]
import { chromium } from "../../page/node_modules/playwright-core/index.mjs";

const [scenario, url, executablePath, text] = process.argv.slice(2);
const options = JSON.parse(text ?? "{}");
const trouble = [];
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const context = await browser.newContext({
  locale: options.locale ?? "en-US", viewport: { width: options.width ?? 1280, height: 800 }, colorScheme: options.dark ? "dark" : "light", ignoreHTTPSErrors: true,
});
context.setDefaultTimeout(10000);
const page = await context.newPage();
page.on("console", (m) => ["error", "warning"].includes(m.type()) && trouble.push(m.text()));
page.on("pageerror", (e) => trouble.push(e.message));

const texts = (selector) => page.locator(selector).allTextContents();
const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** The page opened, and its first events seen. */
async function openPage() {
  await page.goto(url, { waitUntil: "domcontentloaded" });
  await page.locator("#connection.live").waitFor();
  await page.locator(".end.local .port").filter({ hasText: /\d/ }).waitFor();
}

async function shoot(name) {
  if (options.shots) await page.screenshot({ path: `${options.shots}/${name}.png`, fullPage: true });
}

const scenarios = {
  /** Every section, and one life of a connection. */
  async sections() {
    await openPage();
    const seen = { title: {}, wide: {}, ends: await texts(".end .address"), lang: await page.evaluate(() => document.documentElement.lang) };
    await page.click("#open-one");
    await page.locator(".life.closed").first().waitFor();
    seen.life = await page.locator(".life.closed").first().locator(".word").allTextContents();
    for (const name of ["socket", "links", "ports", "map", "learn"]) {
      await page.click(`#tab-${name}`);
      if (name === "ports") await page.locator("#ports .user tbody tr").first().waitFor();
      if (name === "links") await page.locator("#links tbody tr").first().waitFor();
      if (name === "map") await page.locator("#map .nodes .own").waitFor();
      if (name === "learn") await page.locator("#learn .socket .example:not([hidden])").waitFor();
      seen.title[name] = (await page.locator(`#${name} h2`).textContent()).trim();
      seen.wide[name] = await wide();
      await shoot(`${options.locale ?? "en"}-${options.width ?? 1280}-${name}`);
    }
    seen.ports = await texts("#ports td.port b");
    seen.map = await texts("#map tbody td.client");
    return seen;
  },

  /** The numbers of this socket, as the page shows them. */
  async numbers() {
    await openPage();
    await page.waitForTimeout(options.wait ?? 0);
    return { ends: await texts(".end .address"), processes: await texts(".end .process"), state: (await texts(".facts .state dd"))[0], chain: await texts(".chain li") };
  },

  /** A link ended by a click. */
  async end() {
    await openPage();
    await page.click("#tab-links");
    const row = page.locator("#links tbody tr").filter({ hasText: options.link });
    await row.waitFor();
    await row.locator("button.danger").click();
    await row.waitFor({ state: "detached" });
    return { left: await texts("#links tbody .from code") };
  },

  /** A filter with a mistake, and one without. */
  async filter() {
    await openPage();
    await page.click("#tab-ports");
    await page.fill("#filter-ports", options.bad);
    await page.locator("#trouble-ports:not([hidden])").waitFor();
    const said = await page.locator("#trouble-ports").textContent();
    await page.fill("#filter-ports", options.good);
    await page.locator("#trouble-ports").waitFor({ state: "hidden" });
    await page.waitForFunction((n) => document.querySelectorAll("#ports td.port b").length === n, options.n);
    return { said, ports: await texts("#ports td.port b") };
  },

  /** The switch, the keyboard, and what is remembered. */
  async keyboard() {
    await openPage();
    await page.selectOption("#language", "id");
    const title = await page.locator("#socket h2").textContent();
    await page.reload();
    await page.locator("#connection.live").waitFor();
    const again = await page.locator("#socket h2").textContent();
    await page.focus("#tab-socket");
    await page.keyboard.press("ArrowRight");
    const second = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.press("End");
    const last = await page.evaluate(() => [document.activeElement.id, document.activeElement.getAttribute("aria-selected")]);
    return { title, again, second, last };
  },

  /** A directory's page: into a directory, back, and a file uploaded. */
  async listing() {
    await page.goto(url);
    await page.click("text=sub/");
    await page.waitForURL("**/sub/");
    await page.click("text=../");
    await page.waitForURL((u) => !u.pathname.includes("sub"));
    await page.setInputFiles("input[type=file]", options.files);
    await page.click("button");
    await page.locator("td a").filter({ hasText: options.name }).waitFor();
    const before = await texts("td:first-child a");
    await page.click("th a:has-text('Size')");
    await shoot("listing");
    return { before, after: await texts("td:first-child a"), wide: await wide() };
  },

  /** A video that is sought in. */
  async video() {
    const asked = [];
    page.on("request", (r) => r.url().endsWith(options.name) && asked.push(r.headers().range ?? null));
    await page.goto(url);
    const at = await page.evaluate(async (to) => {
      const v = document.querySelector("video");
      if (v.readyState < 1) await new Promise((done, failed) => { v.onloadedmetadata = done; v.onerror = () => failed(new Error(v.error?.message)); });
      v.currentTime = v.duration * to;
      await new Promise((done) => { v.onseeked = done; });
      return [v.currentTime, v.duration, v.readyState];
    }, 0.9);
    return { asked, at };
  },

  async load() {
    const answer = await page.goto(url);
    return { status: answer.status(), title: await page.title(), text: await page.locator("body").innerText() };
  },
};

const seen = await scenarios[scenario]();
console.log(JSON.stringify({ ...seen, trouble }));
await browser.close();
