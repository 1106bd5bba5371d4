// What is kept in the browser must never hide what the server has said.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Task } from "../../src/model.ts";
import { learn, known, overlaid, unlearn } from "../../src/store/tasks.ts";

const task = (fields: Partial<Task>): Task => ({
  id: "a", title: "a task", description: null, due_date: null, all_day: false, time_zone: "UTC", priority: "medium", tags: [],
  status: "active", recurrence_rule: null, reminder_config: null, reminder_id: null, snoozed_until: null, parent_task_id: null,
  created_at: "", updated_at: "", completed_at: null, version: 1, ...fields,
});

test("an older version never takes the place of a newer one", () => {
  learn([task({ version: 3, title: "three" })]);
  learn([task({ version: 2, title: "two" })]);
  assert.equal(known("a")?.title, "three");
  learn([task({ version: 4, title: "four" })]);
  assert.equal(known("a")?.title, "four");
  unlearn(["a"]);
  assert.equal(known("a"), undefined);
});

test("what is the same stays the same object, so that no row is drawn anew", () => {
  learn([task({ version: 5 })]);
  const before = known("a");
  learn([task({ version: 5 })]);
  assert.equal(known("a"), before);
});

test("writes are laid over what is known, in their order, and nothing is left of one that is gone", () => {
  const fromServer = new Map([["a", task({})]]);
  const created = task({ id: "new-1", title: "new" });
  const base = { method: "PATCH" as const, path: "" };
  const first = { ...base, key: "1", taskId: "a", effect: { title: "edited" } };
  const second = { ...base, key: "2", taskId: "a", effect: { title: "edited again", priority: "high" as const } };
  const third = { ...base, key: "3", taskId: "new-1", creates: created };
  const shown = overlaid(fromServer, [first, second, third]);
  assert.equal(shown.get("a")?.title, "edited again");
  assert.equal(shown.get("new-1")?.title, "new");
  assert.equal(overlaid(fromServer, [first]).get("a")?.priority, "medium");
  assert.equal(overlaid(fromServer, []), fromServer);
});
