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
      refuseIfForbidden();
      const request = { result: { transaction: begin }, onsuccess: () => undefined };
      opens = () => request.onsuccess();
      return request;
    },
    deleteDatabase: refuseIfForbidden,
  },
});

function refuseIfForbidden(): void {
  if (isForbidden) throw new DOMException("this page may not", "SecurityError");
}

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
  isForbidden = false;
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
  assert.deepEqual(asked, [], "it does not wait for what is kept");
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
  assert.deepEqual(asked, [], "it does not wait for what is kept");
  opens();
  await answered();
  assert.deepEqual(conversations(), ["old"]);
});

for (const leave of [newConversation, leaveConversation]) {
  test(`a reply that comes after ${leave.name} is not the beginning of the next conversation`, async () => {
    opens();
    const reply = { response: "so be it", intent_detected: "unknown", conversation_id: "left" };
    let answer: (response: Response) => void = () => undefined;
    serve(() => new Promise((resolve) => (answer = resolve)));
    assert.ok(say("one"));
    await until("the request", () => asked.length === 1);
    leave();
    answer(json(reply));
    await answered();
    assert.deepEqual([messages.peek(), kept.get("conversation_id")], [[], undefined]);
    serve(() => json({ ...reply, conversation_id: "next" }));
    assert.ok(say("two"));
    await answered();
    assert.deepEqual(conversations(), [undefined]);
    assert.equal(kept.get("conversation_id"), "next");
  });
}

test("what failed is tried again after what is under way, and both are shown", async () => {
  opens();
  const answers: ((response: Response) => void)[] = [];
  serve(() => new Promise((resolve) => answers.push(resolve)));
  const reply = (text: string) => json({ response: text, intent_detected: "unknown", conversation_id: "one" });
  assert.ok(say("first"));
  await until("the request", () => answers.length === 1);
  answers[0]?.(json({}, 503));
  await answered();
  const again = () => messages.peek().find(({ retry }) => retry)?.retry?.();
  assert.ok(say("second"));
  await until("the request", () => answers.length === 2);
  again();
  assert.equal(asked.length, 2, "two things were said at once");
  answers[1]?.(reply("of the second"));
  await answered();
  again();
  await until("the request", () => answers.length === 3);
  answers[2]?.(reply("of the first"));
  await answered();
  assert.deepEqual(messages.peek().map(({ text }) => text), ["first", "second", "of the second", "of the first"]);
});

test("a database that does not open is waited for only so long", async (t) => {
  opens();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  openFor("one whose database does not open");
  leaveConversation();
  assert.ok(say("water the car tomorrow"));
  t.mock.timers.tick(10_000);
  t.mock.timers.reset();
  await answered();
  assert.deepEqual(conversations(), [undefined]);
});

test("where nothing can be kept a conversation goes on as long as the page is open", async () => {
  opens();
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
