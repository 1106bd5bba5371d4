// What people do to tasks: each is seen at once, is said, and can be taken back.

import { said, t } from "./language/index.ts";
import type { Parsed, Scope, Task, TaskInput } from "./model.ts";
import { dayIn, instantOf, withOffset } from "./pure/dates.ts";
import { Problem, call } from "./store/api.ts";
import { zone, zoneName } from "./store/settings.ts";
import { learn, sync, tasks } from "./store/tasks.ts";
import { dismiss, toast } from "./store/toasts.ts";
import { isLive } from "./store/updates.ts";
import { type Write, commit, currentId, derivedFrom, inputsOf, withdraw } from "./store/writes.ts";

interface Doing {
  /** What the toast says; null: nothing. */
  text: string | null;
  title: string;
  undo: ((made: Made) => void) | null;
}

/** A write that may have been done. */
interface Made {
  key: string;
  done: Promise<Task | null>;
}

/** Makes a write, says it, and says when the server refuses it. The result is the task, or null when it was refused. */
async function perform(draft: Omit<Write, "key">, { text, title, undo }: Doing): Promise<Task | null> {
  const { key, done } = commit(draft);
  const back = undo && (() => (withdraw(key) ? undefined : undo({ key, done })));
  const shown = text === null ? 0 : toast(text, { title, undo: back });
  try {
    const task = await done;
    if (draft.path.match(/complete|reopen|undo|scope/)) hearOfOthers();
    return task;
  } catch (error) {
    dismiss(shown);
    toast(t("notDone", { reason: said(error) }), { title, isProblem: true });
    return null;
  }
}

/** How soon the next of a series is there. */
const SUCCESSOR_MS = 1_200;

/** Other tasks may have changed with this one; where nobody tells, the list is read. */
function hearOfOthers(): void {
  if (!isLive.peek()) setTimeout(() => void sync().catch(() => undefined), SUCCESSOR_MS);
}

export function complete(task: Task, says = true): Promise<Task | null> {
  return perform(
    { taskId: task.id, method: "POST", path: "/api/tasks/{id}/complete", effect: { status: "completed", completed_at: instant() } },
    { text: says ? t("didComplete") : null, title: task.title, undo: () => void reopen(task, false) },
  );
}

export function reopen(task: Task, says = true): Promise<Task | null> {
  return perform(
    { taskId: task.id, method: "POST", path: "/api/tasks/{id}/reopen", effect: { status: "active", completed_at: null } },
    { text: says ? t("didReopen") : null, title: task.title, undo: () => void complete(task, false) },
  );
}

export function remove(task: Task, scope: Scope | null = null, says = true): Promise<Task | null> {
  return perform(
    { taskId: task.id, method: "DELETE", path: `/api/tasks/{id}${scope ? `?scope=${scope}` : ""}`, effect: { status: "deleted" } },
    { text: says ? t("didDelete") : null, title: task.title, undo: (made) => void (scope ? takeBackMade(task, made) : restore(task)) },
  );
}

export function restore(task: Task): Promise<Task | null> {
  return perform(
    { taskId: task.id, method: "POST", path: "/api/tasks/{id}/restore", effect: { status: "active" } },
    { text: null, title: task.title, undo: null },
  );
}

/** Changes fields of a task. With a scope, of others of its series too. */
export function edit(task: Task, change: TaskInput, scope: Scope | null = null, says = true): Promise<Task | null> {
  const before = Object.fromEntries(Object.keys(change).map((field) => [field, task[field as keyof Task]])) as TaskInput;
  const isOfSeries = scope !== null && scope !== "this";
  const undo = (made: Made) => void (isOfSeries || "recurrence_rule" in change ? takeBackMade(task, made) : edit(task, before, null, false));
  return perform(
    { taskId: task.id, method: "PATCH", path: `/api/tasks/{id}${scope ? `?scope=${scope}` : ""}`, body: change, effect: shownAs(task, change) },
    { text: says ? t("didEdit") : null, title: change.title ?? task.title, undo },
  );
}

/** Gives a change as it is seen at once. */
function shownAs(task: Task, change: TaskInput): Partial<Task> {
  const effect: Partial<Task> = { ...change };
  if (typeof change.due_date === "string") effect.all_day = !change.due_date.includes("T");
  if (change.due_date === null) effect.all_day = false;
  // A local time is shown as it is until the server says which instant that is.
  if (change.due_date?.includes("T") && !/(Z|[+-]\d\d:\d\d)$/.test(change.due_date)) {
    effect.due_date = instantOf(change.due_date, change.time_zone ?? task.time_zone);
  }
  return effect;
}

export function snooze(task: Task, until: { for: string } | { until: string }): Promise<Task | null> {
  return perform(
    { taskId: task.id, method: "POST", path: "/api/tasks/{id}/snooze", body: until, effect: {} },
    { text: t("didSnooze"), title: task.title, undo: (made) => void takeBackMade(task, made) },
  );
}

/** How often, and after how long, it is looked for in the history, which is written a moment later. */
const LOOKS = 6;
const LOOK_MS = 400;

/** Has the server take back just what a write did: it knows all that belonged to it, and others may have changed the task since. */
async function takeBackMade(task: Task, { key, done }: Made): Promise<void> {
  // Refused, it was said, and there is nothing to take back.
  if (!(await done.then(() => true, () => false))) return;
  try {
    for (let look = 0; look < LOOKS; look++) {
      const path = `/api/tasks/${encodeURIComponent(currentId(task.id))}/history`;
      const { entries } = await call<{ entries: { event_id: string; correlation_id?: string }[] }>("GET", path);
      const made = entries.find((entry) => entry.correlation_id === key);
      if (made) return void (await takeBack(task, made.event_id, false));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    toast(t("nothingToUndo"), { title: task.title, isProblem: true });
  } catch (error) {
    toast(t("notDone", { reason: said(error) }), { title: task.title, isProblem: true });
  }
}

/** Takes back one change of a task's history. */
export function takeBack(task: Task, eventId: string, says = true): Promise<Task | null> {
  return perform(
    { taskId: task.id, method: "POST", path: "/api/undo", body: { event_id: eventId }, effect: {} },
    { text: says ? t("didUndo") : null, title: task.title, undo: null },
  );
}

export interface Draft {
  text: string;
  /** What the parser made of just this text; null where nobody could be asked. */
  parsed: Parsed | null;
  /** What a task gets that says nothing of it: where one adds to Today, today. */
  fallback: TaskInput;
}

/** Adds what was typed: one task, or several where several are named. */
export function add({ text, parsed, fallback }: Draft): Task[] {
  const title = text.trim();
  if (!title) return [];
  const at = new Date();
  const inputs = inputsOf(title, parsed, fallback);
  return inputs.map((input) => create(input, parsed ? undefined : { text, client_time: withOffset(at), fallback }));
}

function create(input: TaskInput, typed: Write["typed"]): Task {
  const creates = blank(input);
  const write: Omit<Write, "key"> = { taskId: creates.id, method: "POST", path: "/api/tasks", body: input, creates };
  if (typed) write.typed = typed;
  void perform(write, { text: t("didAdd"), title: creates.title, undo: () => {
    // Also while it is on its way: what is to be done to it waits for its id.
    for (const id of [creates.id, ...derivedFrom(creates.id)]) void remove(taskBy(id) ?? { ...creates, id }, null, false);
  } });
  return creates;
}

/** Gives a task as the server will, under an id of its own. */
function blank(input: TaskInput): Task {
  const at = instant();
  const task: Task = {
    id: `new-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
    title: "", description: null, due_date: null, all_day: false, time_zone: zoneName.peek(), priority: "medium", tags: [],
    status: "active", recurrence_rule: null, reminder_config: null, reminder_id: null, snoozed_until: null,
    parent_task_id: null, created_at: at, updated_at: at, completed_at: null, version: 0,
  };
  return { ...task, ...input, ...shownAs(task, input) };
}

/** Gives a task by an id, also one that the server has named meanwhile. */
export const taskBy = (id: string): Task | undefined => tasks.value.get(currentId(id)) ?? tasks.value.get(id);

/** Takes the tasks of a reply of the chat. */
export const learnAll = (found: (Task | null | undefined)[]): void => learn(found.filter((task) => !!task));

const instant = () => new Date().toISOString();
export const todayHere = () => dayIn(zone.peek(), new Date());
export { Problem };
