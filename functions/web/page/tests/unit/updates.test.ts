// Changes made elsewhere: none is lost because its reading failed, none is read twice, and without a stream each tab reads the list.

import { json, lines, serve, task, until } from "./server.ts";

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import type { Task } from "../../src/model.ts";
import { Problem, call } from "../../src/store/api.ts";
import { openFor } from "../../src/store/database.ts";
import { nobodySignsIn, userId } from "../../src/store/session.ts";
import { known, learn, ofThePast, sync } from "../../src/store/tasks.ts";
import { isLive, listen, quiet } from "../../src/store/updates.ts";

nobodySignsIn();
openFor(userId.peek());
afterEach(() => {
  quiet();
  mock.timers.reset();
});

let say: (text: string) => void = () => undefined;
let id = 0;
const stream = () => new Response(new ReadableStream({ start: (to) => void (say = (text) => to.enqueue(new TextEncoder().encode(text))) }));
const ready = () => say(`id: ${++id}\nevent: ready\ndata: {}\n\n`);
const changed = (...tasks: Task[]) => say(tasks.map((one) => `id: ${++id}\nevent: task\ndata: ${JSON.stringify({ task_id: one.id, version: one.version, change: "updated" })}\n\n`).join(""));
const list = (...tasks: Task[]) => json({ tasks, next_cursor: null });
const lists = () => lines().filter((line) => line.startsWith("GET /api/tasks?")).length;

async function live(): Promise<void> {
  void listen();
  await until("the stream", () => lines().includes("GET /api/updates"));
  ready();
  await until("the stream's word", () => isLive.value);
}

test("a change whose reading fails is read again", async () => {
  let failed = 0;
  serve(({ path }) => {
    if (path === "/api/updates") return stream();
    if (path.startsWith("/api/tasks?")) return list(task("a"), task("b"));
    if (path.endsWith("/a") && failed++ < 2) return json({ message: "later" }, 503);
    return json(task(path.slice(-1), { version: 2 }));
  });
  await live();
  await until("the list", () => known("b") !== undefined);
  changed(task("a", { version: 2 }), task("b", { version: 2 }));
  await until("the other", () => known("b")?.version === 2);
  assert.equal(known("a")?.version, 1);
  await until("the change", () => known("a")?.version === 2);
  assert.equal(lines().filter((line) => line.endsWith("/b")).length, 1, "what was read is not read again");
});

test("after a reading that failed a connection that begins again reads the list", async () => {
  serve(({ path }) => {
    if (path === "/api/updates") return stream();
    return path.startsWith("/api/tasks?") ? list(task("c")) : json({ message: "later" }, 503, { "Retry-After": "100" });
  });
  await live();
  await until("the list", () => known("c") !== undefined);
  changed(task("c", { version: 2 }));
  await until("the reading", () => lines().includes("GET /api/tasks/c"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const before = lists();
  ready();
  await until("the list anew", () => lists() === before + 1);
});

test("of many changes at once the list is read, and none of its tasks once more", async () => {
  const many = Array.from({ length: 60 }, (_, at) => task(`m${at}`));
  let isFailing = false;
  serve(({ path }) => {
    if (path === "/api/updates") return stream();
    if (isFailing) return json({}, 503);
    return path.startsWith("/api/tasks?") ? list(...many) : json(many.find((one) => path.endsWith(`/${one.id}`)) ?? {});
  });
  await live();
  await until("the list", () => known("m0") !== undefined);
  many.forEach((one, at) => (many[at] = { ...one, version: 2 }));
  const before = lists();
  changed(...many);
  await until("the changes", () => known("m59")?.version === 2);
  assert.equal(lists(), before + 1);
  assert.deepEqual(lines().filter((line) => /tasks\/m/.test(line)), []);
  // And where the list can not be read, all of them are read later.
  many.forEach((one, at) => (many[at] = { ...one, version: 3 }));
  isFailing = true;
  changed(...many);
  await until("the failure", () => lists() === before + 2);
  isFailing = false;
  await until("the changes", () => known("m59")?.version === 3);
});

test("who asks for the list while it is being read gets one that was begun afterwards", async () => {
  const answers: ((tasks: Task[]) => void)[] = [];
  serve(() => new Promise((resolve) => answers.push((tasks) => resolve(list(...tasks)))));
  const first = sync();
  const second = sync();
  assert.equal(sync(), second, "one is enough for all who wait");
  await until("the first", () => answers.length === 1);
  answers[0]?.([task("d")]);
  await first;
  await until("the second", () => answers.length === 2);
  answers[1]?.([task("d", { version: 2 })]);
  await second;
  assert.equal(known("d")?.version, 2);
});

for (const [why, status] of [["there is no stream", 404], ["there are too many streams", 429], ["the stream is away", 503]] as const) {
  test(`each tab that is seen reads the list every 15 s where ${why}`, async () => {
    mock.timers.enable({ apis: ["setInterval"] });
    serve(({ path }) => (path === "/api/updates" ? json({}, status) : list()));
    void listen();
    await until("the answer", () => lines().includes("GET /api/updates"));
    assert.equal(lists(), 0);
    mock.timers.tick(15_000);
    await until("the list", () => lists() === 1);
    Object.assign(document, { hidden: true });
    mock.timers.tick(60_000);
    assert.equal(lists(), 1, "nobody sees it");
    Object.assign(document, { hidden: false });
  });
}

/** What follows is of a tab that hears what another one listens to. */
async function following(test: (leader: BroadcastChannel) => Promise<void>): Promise<void> {
  Object.defineProperty(navigator, "locks", { value: { request: () => new Promise(() => undefined) }, configurable: true });
  const leader = new BroadcastChannel("kaam-updates");
  try {
    void listen();
    await test(leader);
  } finally {
    leader.close();
    Object.defineProperty(navigator, "locks", { value: undefined, configurable: true });
  }
}

test("a tab that follows gives up a leader that says nothing any more, and reads the list itself", () => following(async (leader) => {
  quiet();
  mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  serve(() => list());
  void listen();
  leader.postMessage({ user: "local", event: null, live: true, isOnline: true });
  await until("the word", () => isLive.value);
  mock.timers.tick(30_000);
  leader.postMessage({ user: "local", event: null, live: true, isOnline: true });
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  mock.timers.tick(30_000);
  assert.equal(isLive.value, true, "it has said something since");
  assert.equal(lists(), 0);
  mock.timers.tick(12_000);
  assert.equal(isLive.value, false);
  mock.timers.tick(3_000);
  await until("the list", () => lists() === 1);
}));

test("what a tab hears that is somebody else's, or after the session has ended, is nothing to it", () => following(async (leader) => {
  serve(({ path }) => (path.startsWith("/api/tasks?") ? list() : json(task("e", { version: 2 }))));
  learn([task("e")]);
  const event = { id: "9", name: "task", data: JSON.stringify({ task_id: "e", version: 2 }) };
  leader.postMessage({ user: "bilal", event, live: true, isOnline: true });
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(isLive.value, false);
  quiet();
  leader.postMessage({ user: "local", event, live: true, isOnline: true });
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(isLive.value, false);
  assert.ok(!lines().includes("GET /api/tasks/e"));
  // The same is heard by whom it is meant for.
  void listen();
  leader.postMessage({ user: "local", event, live: true, isOnline: true });
  await until("the change", () => known("e")?.version === 2);
}));

test("an answer to somebody who has gone meanwhile is none", async () => {
  serve(() => {
    userId.value = "bilal";
    return json({ tasks: [task("Amna's")] });
  });
  await assert.rejects(call("GET", "/api/tasks"), (problem: Problem) => problem.status === 0);
  nobodySignsIn();
});

test("of what is past only the last hundred that were completed are kept", () => {
  const done = Array.from({ length: 130 }, (_, at) => task(`done${at}`, { status: "completed", updated_at: new Date(at).toISOString() }));
  const past = ofThePast([task("open"), task("gone", { status: "deleted" }), ...done]);
  assert.deepEqual(past.toSorted(), ["gone", ...done.slice(0, 30).map((one) => one.id)].toSorted());
});
