// What is kept where it can not be kept: nothing that was done is lost as long as the page is open.

import { json, lines, serve, task, until } from "./server.ts";

import assert from "node:assert/strict";
import { test } from "node:test";

import { addWrite, openFor, readWrites, removeWrites } from "../../src/store/database.ts";
import { locked, nobodySignsIn, userId } from "../../src/store/session.ts";
import { known, learn } from "../../src/store/tasks.ts";
import { type Write, commit } from "../../src/store/writes.ts";

/** A database that opens, and whose transactions are refused, as of one that is closed. */
let opened = 0;
Object.assign(globalThis, {
  indexedDB: {
    open() {
      opened++;
      const database = { close: () => undefined, transaction: () => { throw new DOMException("closed", "InvalidStateError"); } };
      const request = { result: database, onsuccess: () => undefined };
      queueMicrotask(() => request.onsuccess());
      return request;
    },
  },
});

nobodySignsIn();
openFor(userId.peek());

test("a write is sent also when the database was closed, which is opened anew once", async () => {
  learn([task("a")]);
  serve(() => json(task("a", { version: 2 })));
  const { done } = commit({ taskId: "a", method: "PATCH", path: "/api/tasks/{id}", body: { title: "b" } });
  await until("the request", () => lines().length === 1);
  await done;
  assert.equal(known("a")?.version, 2);
  assert.ok(opened > 1 && opened < 12, `opened ${opened} times`);
});

test("what can not be kept waits in order, and gets the id of its task with the confirmation of what made it", async () => {
  const write = (key: string, taskId: string): Write => ({ key, taskId, method: "POST", path: "" });
  assert.equal(await addWrite(write("1", "new")), false);
  await addWrite(write("2", "new"));
  await addWrite(write("3", "other"));
  await removeWrites(["1"], { from: "new", to: "id" });
  assert.deepEqual((await readWrites()).map(({ key, taskId }) => [key, taskId]), [["2", "id"], ["3", "other"]]);
  await removeWrites(["2", "3"]);
});

test("without locks two tabs do one after the other, by a lease", async () => {
  const kept = new Map<string, string>();
  const localStorage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key) };
  Object.defineProperty(globalThis, "localStorage", { value: localStorage, configurable: true });
  let inside = 0;
  let most = 0;
  const act = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 100));
    inside--;
    return true;
  };
  assert.deepEqual(await Promise.all([locked("a lock", act), locked("a lock", act), locked("a lock", act)]), [true, true, true]);
  assert.equal(most, 1);
  // Whoever left without a word keeps nobody waiting for ever.
  kept.set("kaam.lease.a lock", JSON.stringify({ owner: "gone", until: Date.now() - 1 }));
  assert.equal(await locked("a lock", act), true);
  assert.equal(kept.size, 0);
});
