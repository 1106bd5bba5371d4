// The service worker keeps a page of one piece, or none.

import assert from "node:assert/strict";
import { test } from "node:test";

type Listener = (event: { waitUntil: (until: Promise<void>) => void }) => void;
const listeners = new Map<string, Listener>();
const kept = new Map<string, string>();
let page = "";
const cache = {
  addAll: async (requests: { url: string }[]) => requests.forEach(({ url }) => kept.set(url, url === "/" ? page : "")),
  match: async (path: string) => (kept.has(path) ? new Response(kept.get(path)) : undefined),
};
Object.assign(globalThis, {
  SHELL: ["/", "/favicon.svg", "/assets/app-1234.js", "/assets/style-1234.css"],
  VERSION: "1234",
  Request: class {
    constructor(readonly url: string) {}
  },
  caches: { open: async () => cache, delete: async () => kept.clear() },
  skipWaiting: async () => undefined,
  addEventListener: (name: string, listener: Listener) => listeners.set(name, listener),
});
// @ts-expect-error It is a script, not a module.
await import("../../src/service-worker.ts");

const installed = () => new Promise<void>((resolve, reject) => listeners.get("install")?.({ waitUntil: (until) => void until.then(resolve, reject) }));

test("a page that names the files of another release is not kept", async () => {
  page = `<script src="/assets/app-5678.js"></script><link href="/assets/style-1234.css">`;
  await assert.rejects(installed(), /another release/);
  assert.equal(kept.size, 0);
  page = `<script src="/assets/app-1234.js"></script><link href="/assets/style-1234.css">`;
  await installed();
  assert.equal(kept.size, 4);
});
