import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { EN, type Key, type Words } from "../../src/language/en.ts";
import { UR } from "../../src/language/ur.ts";

const SOURCES = join(process.env["KAAM_PAGE"] ?? ".", "src");
const texts = (words: Words, key: Key): string[] => {
  const entry = words[key];
  return typeof entry === "string" ? [entry] : [entry.one, entry.other];
};
const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

test("both languages have the same places for values in each text, and no text is blank", () => {
  for (const key of Object.keys(EN) as Key[]) {
    const [english, urdu] = [texts(EN, key), texts(UR, key)];
    assert.deepEqual(urdu.map(places), english.map(places), key);
    for (const text of [...english, ...urdu]) assert.ok(text.trim() && text === text.trim(), key);
  }
});

test("every value that the page puts into a text has its place there, and every text is said somewhere", async () => {
  let sources = "";
  for (const name of await readdir(SOURCES, { recursive: true })) {
    if (/\.tsx?$/.test(name) && !/language.(en|ur)\.ts$/.test(name)) sources += await readFile(join(SOURCES, name), "utf8");
  }
  for (const [, key, value] of sources.matchAll(/\bt\("(\w+)", \{ (\w+)/g)) {
    assert.ok(texts(EN, key as Key).every((text) => text.includes(`{${value}}`)), `${key} has no {${value}}`);
  }
  for (const key of Object.keys(EN)) {
    assert.ok(/^(units|status|happened|field)_/.test(key) || new RegExp(`["'\`]${key}["'\`]`).test(sources), `${key} is said nowhere`);
  }
});
