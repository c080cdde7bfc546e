// SPDX-License-Identifier: Apache-2.0
// The page's words and numbers, in both languages.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import test from "node:test";

globalThis.document = { documentElement: {} };
const { default: en } = await import("../../page/src/lang/en.js");
const { default: id } = await import("../../page/src/lang/id.js");
const text = await import("../../page/src/text.js");

const src = new URL("../../page/src/", import.meta.url);

/** All forms of a text. */
function forms(entry) {
  return typeof entry === "object" ? Object.values(entry) : [entry];
}

function holes(entry) {
  return [...new Set(forms(entry).flatMap((f) => [...f.matchAll(/\{(\w+)\}/g)].map((m) => m[1])))].sort();
}

async function sources() {
  const names = (await readdir(src)).filter((n) => n.endsWith(".js"));
  const read = await Promise.all(names.map((n) => readFile(new URL(n, src), "utf8")));
  return read.join("\n") + await readFile(new URL("../index.html", src), "utf8");
}

test("both dictionaries have the same keys, in the same order", () => {
  assert.deepEqual(Object.keys(id), Object.keys(en));
});

test("both languages fill in the same values, and no text is empty", () => {
  for (const key of Object.keys(en)) {
    assert.deepEqual(holes(id[key]), holes(en[key]), key);
    for (const f of [...forms(en[key]), ...forms(id[key])]) assert.notEqual(f.trim(), "", key);
  }
});

test("plural texts have every form that their language asks for", () => {
  for (const [language, dictionary] of Object.entries({ en, id }))
    for (const [key, entry] of Object.entries(dictionary))
      if (typeof entry === "object") assert.deepEqual(Object.keys(entry).sort(), new Intl.PluralRules(language).resolvedOptions().pluralCategories.sort(), `${language} ${key}`);
});

test("every text that is asked for exists, and none lies unused", async () => {
  const code = await sources();
  const whole = [...code.matchAll(/(?:\bt\(|data-(?:text|label)"?[=:] ?)"([\w.-]+)"/g)].map((m) => m[1]);
  assert.ok(whole.length > 60);
  for (const key of whole) assert.ok(key in en, key);
  const composed = [...code.matchAll(/`((?:[\w-]+\.)*)\$\{[^}]+\}((?:\.[\w-]+)*)`/g)].map((m) => new RegExp(`^${m[1].replaceAll(".", "\\.")}[\\w-]+${m[2].replaceAll(".", "\\.")}$`)).filter((r) => r.source !== "^[\\w-]+$");
  const unused = Object.keys(en).filter((key) => !code.includes(`"${key}"`) && !composed.some((r) => r.test(key)));
  assert.deepEqual(unused, []);
});

test("numbers are written as the language writes them", () => {
  text.choose("en");
  assert.equal(text.size(1536), "1.5\u00a0KiB");
  assert.equal(text.rate(1_250_000), "10\u00a0Mbit/s");
  assert.equal(text.count(1234567), "1,234,567");
  assert.equal(text.duration(2.5e9), "2.5\u00a0s");
  text.choose("id");
  assert.equal(text.size(1536), "1,5\u00a0KiB");
  assert.equal(text.count(1234567), "1.234.567");
  assert.equal(text.duration(2.5e9), "2,5\u00a0s");
});

test("durations and sizes have sense from nothing to the largest", () => {
  text.choose("en");
  assert.equal(text.duration(null), "–");
  assert.equal(text.duration(undefined), "–");
  assert.equal(text.duration(0), "0\u00a0ns");
  assert.equal(text.duration(22_300), "22.3\u00a0µs");
  assert.equal(text.duration(999_999), "1,000\u00a0µs");
  assert.equal(text.duration(61e9), "1 min 1 sec");
  assert.equal(text.duration(90061e9), "1 day 1 hr");
  assert.equal(text.size(0), "0\u00a0B");
  assert.equal(text.size(2 ** 63), "8,390,000\u00a0TiB");
});

test("what a stranger names cannot become another text's value", () => {
  text.choose("en");
  assert.equal(text.t("socket.process", { name: "{pid}", pid: 1 }), "{pid}, process 1");
  assert.equal(text.t("no.such.key"), "no.such.key");
  text.choose("__proto__");
  assert.equal(text.current(), "en");
});
