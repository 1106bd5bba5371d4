// A conversation is one, however late the browser says which was the last.

import { asked, json, serve, until } from "./server.ts";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { isThinking, leaveConversation, loadConversation, messages, newConversation, say } from "../../src/store/chat.ts";
import { forget, openFor } from "../../src/store/database.ts";
import { nobodySignsIn, userId } from "../../src/store/session.ts";

/** What is kept, and a database that opens when a test says so. */
const kept = new Map<string, unknown>();
let opens: () => void = () => undefined;
let isForbidden = false;
Object.assign(globalThis, {
  indexedDB: {
    open() {
      if (isForbidden) throw new DOMException("this page may not", "SecurityError");
      const request = { result: { transaction: begin }, onsuccess: () => undefined };
      opens = () => request.onsuccess();
      return request;
    },
  },
});

function begin() {
  const transaction = {
    oncomplete: () => undefined,
    objectStore: () => ({ get: (key: string) => ({ result: kept.get(key) }), put: (value: unknown, key: string) => void kept.set(key, value) }),
  };
  queueMicrotask(() => transaction.oncomplete());
  return transaction;
}

let user = 0;
beforeEach(() => {
  nobodySignsIn();
  kept.clear();
  openFor(`${userId.peek()}${user++}`);
  leaveConversation();
  let last = 0;
  serve(({ path, body }) => json(path === "/chat/command"
    ? { response: "so be it", intent_detected: "unknown", conversation_id: body?.["conversation_id"] ?? `new-${++last}` }
    : { messages: [{ id: "1", role: "user", content: "of the last time" }] }));
});

const conversations = () => asked.filter(({ path }) => path === "/chat/command").map(({ body }) => body?.["conversation_id"]);
const answered = () => until("the reply", () => !isThinking.peek());
/** Whatever could go on by itself has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setTimeout(resolve));
}

test("what is said before it is known which conversation was the last does not part it from what is said next", async () => {
  const loaded = loadConversation();
  assert.ok(say("water the car tomorrow"));
  await settled();
  opens();
  await answered();
  await loaded;
  assert.ok(say("delete it"));
  await answered();
  assert.deepEqual(conversations(), [undefined, "new-1"]);
  assert.deepEqual(messages.peek().map(({ text }) => text), ["water the car tomorrow", "so be it", "delete it", "so be it"]);
});

test("the conversation of the last time goes on, with what is said before it is read, too", async () => {
  kept.set("conversation_id", "old");
  assert.ok(say("delete it"));
  assert.ok(!say("and again"), "two things were said at once");
  await settled();
  opens();
  await answered();
  assert.deepEqual(conversations(), ["old"]);
});

test("a reply to a conversation that was left is not the beginning of the next", async () => {
  opens();
  assert.ok(say("one"));
  await until("the request", () => asked.length === 1);
  newConversation();
  await answered();
  assert.deepEqual(messages.peek(), []);
  assert.ok(say("two"));
  await answered();
  assert.deepEqual(conversations(), [undefined, undefined]);
  assert.equal(kept.get("conversation_id"), "new-2");
});

test("where nothing can be kept a conversation goes on as long as the page is open", async () => {
  isForbidden = true;
  openFor("one who keeps nothing");
  leaveConversation();
  for (const text of ["water the car tomorrow", "delete it"]) {
    assert.ok(say(text));
    await answered();
  }
  assert.deepEqual(conversations(), [undefined, "new-1"]);
  await forget("one who keeps nothing");
});
