import assert from "node:assert/strict";
import { test } from "node:test";

import type { Rule, Task } from "../../src/model.ts";
import { addDays, byDue, dayIn, dueDay, isOverdue, instantOf } from "../../src/pure/dates.ts";
import { EventReader } from "../../src/pure/events.ts";
import { all, done, matches, tagsOf, today, upcoming } from "../../src/pure/grouping.ts";
import { formOf, ruleOf } from "../../src/pure/rules.ts";
import { score } from "../../src/pure/search.ts";
import { pieces } from "../../src/pure/spans.ts";

const NONE = { text: "", priority: null, tag: null } as const;
const ZONE = "Asia/Karachi";
/** 15:00 in Karachi. */
const NOW = new Date("2026-11-22T10:00:00Z");

let made = 0;
function task(fields: Partial<Task>): Task {
  const all_day = !!fields.due_date && !fields.due_date.includes("T");
  return {
    id: `task-${String(++made).padStart(4, "0")}`, title: "a task", description: null, due_date: null, all_day, time_zone: ZONE,
    priority: "medium", tags: [], status: "active", recurrence_rule: null, reminder_config: null, reminder_id: null,
    snoozed_until: null, parent_task_id: null, created_at: "", updated_at: "", completed_at: null, version: 1, ...fields,
  };
}

test("a day is that of the user's zone", () => {
  assert.equal(dayIn(ZONE, new Date("2026-11-22T20:00:00Z")), "2026-11-23");
  assert.equal(dueDay(task({ due_date: "2026-11-23T01:00:00+05:00" }), ZONE), "2026-11-23");
  assert.equal(dueDay(task({ due_date: "2026-11-22T20:00:00+00:00", time_zone: "UTC" }), ZONE), "2026-11-23");
  assert.equal(dueDay(task({ due_date: "2026-11-22" }), ZONE), "2026-11-22");
  assert.equal(addDays("2026-12-31", 1), "2027-01-01");
});

test("a time is over at once, and a day with its end", () => {
  assert.ok(isOverdue(task({ due_date: "2026-11-22T14:59:00+05:00" }), ZONE, NOW));
  assert.ok(!isOverdue(task({ due_date: "2026-11-22T15:01:00+05:00" }), ZONE, NOW));
  assert.ok(!isOverdue(task({ due_date: "2026-11-22" }), ZONE, NOW));
  assert.ok(isOverdue(task({ due_date: "2026-11-21" }), ZONE, NOW));
  assert.ok(!isOverdue(task({}), ZONE, NOW));
});

test("Today has what is overdue first, and nothing of tomorrow, done or without a date", () => {
  const tasks = [
    task({ title: "evening", due_date: "2026-11-22T20:00:00+05:00" }),
    task({ title: "tomorrow", due_date: "2026-11-23" }),
    task({ title: "late", due_date: "2026-11-20" }),
    task({ title: "all day", due_date: "2026-11-22" }),
    task({ title: "done", due_date: "2026-11-22", status: "completed" }),
    task({ title: "some day" }),
  ];
  const groups = today(tasks, ZONE, NOW).map((group) => [group.key, group.tasks.map((one) => one.title)]);
  assert.deepEqual(groups, [["overdue", ["late"]], ["2026-11-22", ["all day", "evening"]]]);
});

test("Upcoming has days for two weeks, then months", () => {
  const tasks = ["2026-11-22", "2026-11-23", "2026-12-06", "2026-12-07", "2027-01-05"].map((due_date) => task({ due_date }));
  assert.deepEqual(upcoming(tasks, ZONE, NOW).map((group) => group.key), ["2026-11-23", "2026-12-06", "month:2026-12", "month:2027-01"]);
});

test("All is by date, with those that have none apart, and can be filtered", () => {
  const tasks = [task({ title: "b" }), task({ title: "Buy Milk", due_date: "2026-11-22", tags: ["home"], priority: "high" })];
  assert.deepEqual(all(tasks, NONE).map((group) => group.key), ["dated", "none"]);
  assert.deepEqual(all(tasks, { ...NONE, text: "milk" })[0]?.tasks[0]?.title, "Buy Milk");
  assert.equal(all(tasks, { ...NONE, tag: "work" }).length, 0);
  assert.equal(all(tasks, { ...NONE, priority: "high", text: "#home" }).length, 1);
});

test("a search finds either way of writing an Urdu letter, and takes no text for a pattern", () => {
  assert.ok(matches(task({ title: "علی کو فون" }), { ...NONE, text: "علي كو" }));
  assert.ok(!matches(task({ title: "abc" }), { ...NONE, text: "a.c" }));
});

test("what is done is under the day on which it was, the last first", () => {
  const tasks = ["2026-11-20T09:00:00Z", "2026-11-21T20:00:00Z"].map((completed_at) => task({ status: "completed", completed_at }));
  assert.deepEqual(done(tasks, ZONE).map((group) => group.key), ["2026-11-22", "2026-11-20"]);
});

test("tags are by how many open tasks have them", () => {
  assert.deepEqual(tagsOf([task({ tags: ["a", "b"] }), task({ tags: ["b"] }), task({ tags: ["c"], status: "completed" })]), ["b", "a"]);
});

test("of tasks at the same time the older one is first", () => {
  const [older, newer] = [task({ due_date: "2026-11-22" }), task({ due_date: "2026-11-22" })];
  assert.deepEqual([newer, older].sort(byDue), [older, newer]);
});

test("marked words are cut by code points, and those of another text are not marked", () => {
  const text = "🎉🎉 party tomorrow #fun";
  const spans = [
    { start: 3, end: 8, kind: "title", text: "party" },
    { start: 9, end: 17, kind: "date", text: "tomorrow" },
    { start: 18, end: 22, kind: "tag", text: "#fun" },
  ];
  assert.deepEqual(pieces(text, spans).map((piece) => [piece.text, piece.kind]), [["🎉🎉 party ", null], ["tomorrow", "date"], [" ", null], ["#fun", "tag"]]);
  assert.equal(pieces("something else entirely", spans).length, 1);
  assert.equal(pieces(text, spans).map((piece) => piece.text).join(""), text);
});

test("a rule comes back from its form as it was", () => {
  const rules: Rule[] = [
    { pattern: "daily", interval: 3 },
    { pattern: "weekly", interval: 1, weekdays: ["mon", "fri"], count: 4 },
    { pattern: "monthly", interval: 2, until: "2027-05-01" },
    { pattern: "yearly", interval: 1, anchor: "completion" },
  ];
  for (const rule of rules) assert.deepEqual(ruleOf(formOf(rule), rule), rule);
  assert.equal(ruleOf(formOf(null), null), null);
});

test("what the form has no field for stays as its RRULE", () => {
  const rule = { pattern: "monthly" as const, interval: 1, month_days: [1, -1], rrule: "FREQ=MONTHLY;BYMONTHDAY=1,-1" };
  assert.deepEqual(ruleOf(formOf(rule), rule), { rrule: "FREQ=MONTHLY;BYMONTHDAY=1,-1" });
  assert.equal(formOf({ pattern: "weekly", weekdays: ["mon", "tue", "wed", "thu", "fri"] }).kind, "weekdays");
});

test("events are read whatever the pieces are in which they come", () => {
  const stream = ": hello\nretry: 1500\nid: 7\nevent: ready\ndata: {}\n\nid: 8\r\nevent: task\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nevent: lost\n\n";
  for (const size of [1, 2, 3, 7, 1000]) {
    const reader = new EventReader();
    const events = stream.match(new RegExp(`[^]{1,${size}}`, "g"))?.flatMap((piece) => reader.read(piece));
    assert.deepEqual(events, [{ id: "7", name: "ready", data: "{}" }, { id: "8", name: "task", data: "{\"a\":\n1}" }], `in pieces of ${size}`);
    assert.equal(reader.retryMs, 1500);
  }
});

test("what begins with what was typed is found first", () => {
  assert.ok(score("Upcoming", "up") > score("Set up", "up"));
  assert.ok(score("Set up", "up") > score("Supper", "up"));
  assert.equal(score("Upcoming", "xyz"), 0);
});

test("a local time is the instant at which clocks show it, also where they have changed since midnight", () => {
  const shown = (at: string, timeZone: string) => new Date(at).toLocaleString("sv-SE", { timeZone }).replace(" ", "T");
  for (const [local, zone] of [
    ["2027-03-14T03:30:00", "America/New_York"], ["2027-03-14T09:00:00", "America/Los_Angeles"], ["2027-03-28T04:00:00", "Europe/Berlin"],
    ["2027-11-07T00:30:00", "America/New_York"], ["2027-11-07T03:00:00", "America/Los_Angeles"], ["2026-11-22T09:00:00", "Asia/Karachi"],
    ["2027-04-04T08:00:00", "Australia/Lord_Howe"],
  ] as const) assert.equal(shown(instantOf(local, zone), zone), local, zone);
  // A time that is there twice is the first; one that is not there is later by the gap.
  assert.equal(instantOf("2027-11-07T01:30:00", "America/New_York"), "2027-11-07T01:30:00-04:00");
  assert.equal(instantOf("2027-10-31T02:30:00", "Europe/Berlin"), "2027-10-31T02:30:00+02:00");
  assert.equal(shown(instantOf("2027-03-14T02:30:00", "America/New_York"), "America/New_York"), "2027-03-14T03:30:00");
  assert.equal(shown(instantOf("2027-03-28T02:30:00", "Europe/Berlin"), "Europe/Berlin"), "2027-03-28T03:30:00");
});
