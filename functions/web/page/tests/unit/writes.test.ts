// Writes on their way: what is refused, what is lost on the way, and what is taken back while it is.

import { asked, json, lines, serve, task, until } from "./server.ts";

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { add, snooze } from "../../src/actions.ts";
import { openFor } from "../../src/store/database.ts";
import { nobodySignsIn, userId } from "../../src/store/session.ts";
import { known, learn, tasks } from "../../src/store/tasks.ts";
import { toasts } from "../../src/store/toasts.ts";
import { commit, flush, pending, withdraw } from "../../src/store/writes.ts";

nobodySignsIn();
openFor(userId.peek());

const completing = (id: string) => commit({ taskId: id, method: "POST", path: "/api/tasks/{id}/complete", effect: { status: "completed" } });
const creating = (id: string) => commit({ taskId: id, method: "POST", path: "/api/tasks", body: { title: id }, creates: task(id, { version: 0 }) });
const undo = () => toasts.value.findLast((one) => one.undo)?.undo?.();
const parses = (...titles: string[]) => json({ commands: titles.map((title) => ({ intent: "create_task", task: { title }, spans: [] })) });

/** Waits for a state, and not for the pauses between the tries. */
const hurried = (what: string, look: () => boolean) => until(what, () => {
  void flush();
  return look();
});

afterEach(() => assert.deepEqual(pending.value, [], "something waits"));

test("what is over a quota is said and taken back, and what comes after it is sent", async () => {
  learn([task("quota")]);
  serve(({ path }) => path === "/api/tasks"
    ? json({ message: "over quota", type: "urn:kaam:problem:quota" }, 429, { "Retry-After": "3600" })
    : json(task("quota", { version: 2, status: "completed" })));
  const refused = assert.rejects(creating("new-quota").done, { message: "over quota" });
  const { done } = completing("quota");
  await refused;
  assert.equal(tasks.value.get("new-quota"), undefined);
  assert.equal((await done)?.version, 2);
});

test("a write that the server fails at each time is given up, and what comes after it is sent", async () => {
  learn([task("fails"), task("after")]);
  serve(({ path }) => (path.includes("fails") ? json({ message: "a fault" }, 500) : json(task("after", { version: 2 }))));
  const given = assert.rejects(completing("fails").done, { message: "a fault" });
  const { done } = completing("after");
  await hurried("the end", () => pending.value.length === 0);
  await given;
  assert.equal((await done)?.version, 2);
});

test("a write that is away is not given up", async () => {
  learn([task("away")]);
  let isAway = true;
  serve(() => (isAway ? json({ message: "later" }, 503) : json(task("away", { version: 2 }))));
  const { done } = completing("away");
  await hurried("many tries", () => asked.length > 20);
  isAway = false;
  await hurried("the end", () => pending.value.length === 0);
  assert.equal((await done)?.version, 2);
});

test("only a key in use is tried again; another conflict is one", async () => {
  learn([task("conflict")]);
  serve(() => json({ message: "it is completed" }, 409));
  await assert.rejects(completing("conflict").done, { message: "it is completed" });
  assert.equal(asked.filter(({ method }) => method === "POST").length, 1);
  let tries = 0;
  serve(() => (++tries <= 5 ? json({ type: "urn:kaam:problem:key-in-use" }, 409) : json(task("conflict", { version: 2 }))));
  const { done } = completing("conflict");
  await hurried("the last try", () => tries > 5);
  assert.equal((await done)?.version, 2);
});

test("what was sent once is not withdrawn, for the server may have done it", async () => {
  learn([task("lost")]);
  let server = "active";
  serve(({ path }) => {
    if (path.endsWith("/complete")) server = "completed";
    if (asked.length === 1) throw new TypeError("the answer is lost");
    return json(task("lost", { version: asked.length, status: server as "active" }));
  });
  const { key, done } = completing("lost");
  await until("the first try", () => asked.length === 1);
  // It waits for the next one.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(asked.length, 1);
  assert.equal(withdraw(key), false);
  await hurried("the end", () => pending.value.length === 0);
  await done;
  assert.equal(asked.filter((one) => one.key === key).length, 2);
});

test("with the adding of a task what was to be done to it is withdrawn", async () => {
  learn([task("first")]);
  let isAway = true;
  serve(() => (isAway ? json({}, 503) : json(task("first", { version: 2, status: "completed" }))));
  completing("first");
  await until("the first try", () => asked.length === 1);
  const { key } = creating("new-withdrawn");
  completing("new-withdrawn");
  assert.equal(withdraw(key), true);
  assert.equal(pending.value.length, 1);
  isAway = false;
  await hurried("what is left", () => pending.value.length === 0);
  assert.ok(!lines().some((line) => line === "POST /api/tasks" || line.includes("new-withdrawn")), String(lines()));
});

test("a task is taken back also while it is being added", async () => {
  let answered!: (response: Response) => void;
  serve(({ method }) => (method === "POST" ? new Promise((resolve) => (answered = resolve)) : json(method === "GET" ? task("t-oops", { status: "deleted", version: 2 }) : { status: "deleted" })));
  add({ text: "oops", parsed: { commands: [] } as never, fallback: {} });
  await until("the adding", () => asked.length === 1);
  undo();
  answered(json(task("t-oops")));
  await until("the end", () => pending.value.length === 0);
  assert.deepEqual(lines().slice(0, 2), ["POST /api/tasks", "DELETE /api/tasks/t-oops"]);
  assert.equal(tasks.value.get("t-oops")?.status, "deleted");
});

test("a task that is deleted and restored is there", async () => {
  learn([task("restored", { version: 2 })]);
  let now = task("restored", { version: 2 });
  serve(({ method, path }) => {
    if (method === "DELETE") now = task("restored", { version: 3, status: "deleted" });
    if (path.endsWith("/restore")) now = task("restored", { version: 4 });
    return method === "DELETE" ? json({ status: "deleted", task_id: "restored" }) : json(now);
  });
  await commit({ taskId: "restored", method: "DELETE", path: "/api/tasks/{id}", effect: { status: "deleted" } }).done;
  assert.deepEqual([known("restored")?.status, known("restored")?.version], ["deleted", 3]);
  await commit({ taskId: "restored", method: "POST", path: "/api/tasks/{id}/restore", effect: { status: "active" } }).done;
  assert.deepEqual([known("restored")?.status, known("restored")?.version], ["active", 4]);
});

test("a task that was deleted already stays restored, whatever its versions", async () => {
  learn([task("again", { version: 2, status: "deleted" })]);
  serve(({ method }) => (method === "DELETE" ? json({ status: "deleted" }) : method === "GET" ? json({}, 503) : json(task("again", { version: 2, updated_at: "later" }))));
  await commit({ taskId: "again", method: "DELETE", path: "/api/tasks/{id}", effect: { status: "deleted" } }).done;
  await commit({ taskId: "again", method: "POST", path: "/api/tasks/{id}/restore", effect: { status: "active" } }).done;
  assert.equal(known("again")?.status, "active");
});

test("of a sentence that nobody has read yet each task is added, with the same keys at each try", async () => {
  const created: string[] = [];
  let tries = 0;
  serve(({ path, body, key }) => {
    if (path === "/chat/parse") return parses("buy milk", "call Ali", "rest");
    if (++tries === 2) throw new TypeError("the answer is lost");
    if (key) created.push(key);
    return json(task(`t-${String(body?.["title"])}`, { title: String(body?.["title"]) }));
  });
  add({ text: "buy milk, call Ali and rest", parsed: null, fallback: { due_date: "2026-11-22" } });
  await until("the lost answer", () => tries === 2);
  await hurried("all of it", () => pending.value.length === 0);
  const titles = asked.filter(({ path }) => path === "/api/tasks").map(({ body }) => `${String(body?.["title"])} ${String(body?.["due_date"])}`);
  assert.deepEqual([...new Set(titles)], ["buy milk 2026-11-22", "call Ali 2026-11-22", "rest 2026-11-22"]);
  assert.equal(new Set(created).size, 3, "a key for each");
  const [, second, third] = asked.filter(({ path }) => path === "/api/tasks");
  assert.deepEqual([second?.key, second?.body], [third?.key, third?.body], "what is tried again is the same");
});

test("a sentence that can not be read is the task's title", async () => {
  serve(({ path, body }) => (path === "/chat/parse" ? json({ message: "too long" }, 422) : json(task("t-unread", { title: String(body?.["title"]) }))));
  add({ text: "what nobody reads", parsed: null, fallback: {} });
  await until("the task", () => known("t-unread")?.title === "what nobody reads");
  await until("the end", () => pending.value.length === 0);
});

test("what is taken back is the change that was made, not one that came after it", async () => {
  learn([task("snoozed")]);
  let made: string | null = null;
  let looks = 0;
  serve(({ method, path, correlation }) => {
    if (path.endsWith("/snooze")) made = correlation;
    // The history is written a moment later.
    if (path.endsWith("/history")) {
      const mine = { event_id: "mine", correlation_id: made };
      return json({ entries: [{ event_id: "before" }, ...(++looks > 1 ? [mine] : []), { event_id: "somebody else's", correlation_id: "other" }] });
    }
    return path === "/api/undo" ? json({ tasks: [] }) : json(task("snoozed", { version: method === "POST" ? 2 : 1 }));
  });
  await snooze(task("snoozed"), { for: "10m" });
  undo();
  await until("the undoing", () => asked.some(({ path }) => path === "/api/undo"));
  assert.deepEqual(asked.find(({ path }) => path === "/api/undo")?.body, { event_id: "mine" });
  await until("the end", () => pending.value.length === 0);
});
