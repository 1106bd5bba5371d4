// The tasks: as the server has them, with the writes laid over them that it has not confirmed yet.
//
// A change is seen at once, since it is a write that waits. When the server confirms it, its answer takes the write's place; when
// the server refuses it, the write goes, and with it what it changed.

import { batch, computed, signal } from "@preact/signals";

import type { Task, TaskPage } from "../model.ts";
import { FIRST_PATH } from "../paths.ts";
import { call } from "./api.ts";
import { keepTasks } from "./database.ts";
import { type Write, pending } from "./writes.ts";

const fromServer = signal<ReadonlyMap<string, Task>>(new Map());

/** Whether anything was read yet, from here or from the server. */
export const isLoaded = signal(false);
export const isSyncing = signal(false);

/** The tasks as they are to be shown, by id. */
export const tasks = computed(() => overlaid(fromServer.value, pending.value));

/** Gives the tasks with the effects of writes. */
export function overlaid(known: ReadonlyMap<string, Task>, writes: readonly Write[]): ReadonlyMap<string, Task> {
  if (!writes.length) return known;
  const shown = new Map(known);
  for (const write of writes) {
    const task = write.creates ?? shown.get(write.taskId);
    if (task) shown.set(task.id, write.effect ? { ...task, ...write.effect } : task);
  }
  return shown;
}

/** Gives a task as the server has it. */
export const known = (id: string): Task | undefined => fromServer.peek().get(id);

/** The most that the API gives at once. */
const PAGE = 100;

/** What was learned since a reading of the whole list began: that reading does not know it. */
let learned = new Set<string>();

/** Takes what the server says of tasks, unless something newer is known. */
export function learn(news: Task[]): void {
  const next = new Map(fromServer.peek());
  const changed: Task[] = [];
  for (const task of news) {
    learned.add(task.id);
    const before = next.get(task.id);
    // The number can not tell an undone state from the one before it was undone, so the same one is taken again.
    if (before && before.version > task.version) continue;
    // The same object, when nothing changed, spares its row being drawn anew.
    if (before && before.version === task.version && before.reminder_id === task.reminder_id && before.due_date === task.due_date
      && before.snoozed_until === task.snoozed_until && before.status === task.status && before.updated_at === task.updated_at) continue;
    next.set(task.id, task);
    changed.push(task);
  }
  if (!changed.length) return;
  fromServer.value = next;
  void keepTasks(changed);
}

/** Takes a task away that the server does not have any more. */
export function unlearn(ids: string[]): void {
  const next = new Map(fromServer.peek());
  for (const id of ids) next.delete(id);
  fromServer.value = next;
  void keepTasks([], ids);
}

/** Shows what was kept of the last time. */
export function takeKept(all: Task[]): void {
  if (!all.length) return;
  batch(() => {
    // The server may have been quicker.
    fromServer.value = new Map([...all.map((task) => [task.id, task] as const), ...fromServer.peek()]);
    isLoaded.value = true;
  });
}

/** Forgets what is shown: another user has come. */
export function clear(): void {
  batch(() => {
    fromServer.value = new Map();
    isLoaded.value = false;
    wasRead = false;
  });
}

/** Reads what is due first, so that there is something to be seen. */
export async function readFirst(): Promise<void> {
  const page = await call<TaskPage>("GET", FIRST_PATH);
  batch(() => {
    learn(page.tasks);
    isLoaded.value = true;
  });
}

let syncing: Promise<void> | null = null;
let next: Promise<void> | null = null;
let wasRead = false;

/** Whether the whole list was read since the page was opened, or somebody signed in. */
export const hasSynced = (): boolean => wasRead;

/** Reads all open tasks, and lets go what is not among them. What is being read may be older than the wish: then it is read again. */
export function sync(): Promise<void> {
  if (!syncing) return (syncing = readAll().finally(() => (syncing = null)));
  next ??= syncing.catch(() => undefined).then(() => {
    next = null;
    return sync();
  });
  return next;
}

/** Reads all open tasks, unless that is being done: enough where nothing was missed meanwhile. */
export const syncOnce = (): Promise<void> => syncing ?? sync();

async function readAll(): Promise<void> {
  isSyncing.value = true;
  learned = new Set();
  try {
    const open = new Set<string>();
    let cursor = "";
    do {
      const after = cursor && `&cursor=${encodeURIComponent(cursor)}`;
      const page = await call<TaskPage>("GET", `/api/tasks?status=active&sort=due_date&limit=${PAGE}${after}`);
      for (const task of page.tasks) open.add(task.id);
      const before = learned;
      // What this reading says is no news to itself.
      learned = new Set();
      batch(() => {
        learn(page.tasks);
        isLoaded.value = true;
      });
      learned = before;
      cursor = page.next_cursor ?? "";
    } while (cursor);
    const gone = [...fromServer.peek().values()].filter(
      (task) => task.status === "active" && !open.has(task.id) && !learned.has(task.id),
    );
    if (gone.length) unlearn(gone.map((task) => task.id));
    const past = ofThePast([...fromServer.peek().values()]);
    if (past.length) void keepTasks([], past);
    wasRead = true;
  } finally {
    isSyncing.value = false;
  }
}

/** Gives the tasks that need not be kept for the next time: deleted ones, and completed ones but the last, which Done shows. */
export function ofThePast(all: Task[]): string[] {
  const completed = all.filter((task) => task.status === "completed").sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
  return [...all.filter((task) => task.status === "deleted"), ...completed.slice(PAGE)].map((task) => task.id);
}

/** Reads what was completed last. */
export async function readDone(query = ""): Promise<void> {
  const q = query && `&q=${encodeURIComponent(query)}`;
  learn((await call<TaskPage>("GET", `/api/tasks?status=completed&sort=-updated_at&limit=${PAGE}${q}`)).tasks);
}

/** Reads one task; gives null when there is none. */
export async function read(id: string): Promise<Task | null> {
  try {
    const task = await call<Task>("GET", `/api/tasks/${encodeURIComponent(id)}`);
    learn([task]);
    return task;
  } catch (error) {
    if ((error as { status?: number }).status !== 404) throw error;
    unlearn([id]);
    return null;
  }
}
