// A conversation is one, however late the browser says which was the last.

import { asked, json, serve, until } from "./server.ts";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { isThinking, leaveConversation, loadConversation, messages, newConversation, say } from "../../src/store/chat.ts";
import { forget, openFor, openedFor } from "../../src/store/database.ts";
import { nobodySignsIn, userId } from "../../src/store/session.ts";

/** What is kept, and a database that opens when a test says so. */
const kept = new Map<string, unknown>();
let opens: () => void = () => undefined;
let isForbidden = false;
Object.assign(globalThis, {
  indexedDB: {
    open() {
      refuseIfForbidden();
      const request = { result: { transaction: begin, close: () => undefined }, onsuccess: () => undefined };
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
    assert.ok(!isThinking.peek(), "it waits for what is nobody's any more");
    answer(json(reply));
    await settled();
    assert.deepEqual([messages.peek(), kept.get("conversation_id")], [[], undefined]);
    serve(() => json({ ...reply, conversation_id: "next" }));
    assert.ok(say("two"));
    await answered();
    assert.deepEqual(conversations(), [undefined]);
    assert.equal(kept.get("conversation_id"), "next");
  });
}

test("what failed can be tried again as it was, until something else is said: a yes would answer another question", async () => {
  opens();
  const reply = json({ response: "so be it", intent_detected: "unknown", conversation_id: "one" });
  let status = 503;
  serve(() => (status === 200 ? reply.clone() : json({}, status)));
  const again = () => messages.peek().find(({ retry }) => retry)?.retry;
  assert.ok(say("yes"));
  await answered();
  again()?.();
  await until("the second try", () => asked.length === 2);
  await answered();
  assert.deepEqual([asked[1]?.body, asked[1]?.key], [asked[0]?.body, asked[0]?.key]);
  assert.deepEqual(messages.peek().length, 2, "the first failure stays beside the second");
  status = 200;
  assert.ok(say("delete tax papers"));
  assert.equal(again(), undefined);
  await answered();
  assert.equal(asked.length, 3);
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

test("whoever comes while what another one had is forgotten has a database all the same", async () => {
  opens();
  openFor("one who leaves");
  const opensLate = opens;
  const forgotten = forget("one who leaves");
  openFor("one who comes");
  leaveConversation();
  opens();
  opensLate();
  await forgotten;
  assert.equal(openedFor(), "one who comes");
  assert.ok(say("water the car tomorrow"));
  await answered();
  assert.equal(kept.get("conversation_id"), "new-1");
});
