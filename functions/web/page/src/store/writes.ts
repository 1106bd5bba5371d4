// Writes on their way to the server: kept in the browser until they are confirmed, sent one after the other, in order.
//
// Each has an idempotency key from the start, so that one whose answer was lost can be sent again. What is written of a task that
// the server does not know yet waits for its id.

import { batch, signal } from "@preact/signals";

import { LONGEST_TITLE, type Parsed, type Task, type TaskInput } from "../model.ts";
import { type FieldError, Problem, call, freshKey } from "./api.ts";
import { type StoredWrite, addWrite, openedFor, putWrite, readWrites, removeWrites } from "./database.ts";
import { locked, signedIn, userId } from "./session.ts";
import { learn, known, read } from "./tasks.ts";

export interface Write {
  key: string;
  taskId: string;
  method: "POST" | "PATCH" | "DELETE";
  /** With `{id}` for the task's. */
  path: string;
  body?: object;
  /** What it changes, as it is shown until the server has said what became of it. */
  effect?: Partial<Task>;
  /** The task that it creates, under an id of the browser's. */
  creates?: Task;
  /** What was typed where nobody could tell what it means: it is asked when the server is back. */
  typed?: { text: string; client_time: string; fallback: TaskInput };
  /** It was sent at least once: whatever the answer was, the server may have done it. */
  tried?: boolean;
}

/** The writes that are not confirmed, oldest first. */
export const pending = signal<readonly Write[]>([]);

/** Which of the server's ids a task of the browser's got, and the other way round. */
const aliases = new Map<string, string>();
const firstIds = new Map<string, string>();

/** Gives the id that the server knows a task by. */
export const currentId = (id: string): string => aliases.get(id) ?? id;

/** Gives what stays the same of a task when the server gives it its id: its row must not lose the focus. */
export const stableKey = (id: string): string => firstIds.get(id) ?? id;

interface Settle {
  resolve: (task: Task | null) => void;
  reject: (problem: Problem) => void;
}
const settles = new Map<string, Settle>();

/** Who is told of writes that failed and that nobody waits for: those of an earlier visit. */
export const failures = signal<{ write: Write; problem: Problem } | null>(null);

/** What became of writes, for whichever tab made them. */
interface Outcome {
  keys: string[];
  /** The browser's id of the task that was created. */
  created: string | null;
  /** The write's task as the server has it; null where it said nothing of it. */
  task: Task | null;
  /** All tasks of the answer. */
  tasks: Task[];
  problem: { message: string; status: number; errors: FieldError[]; type: string } | null;
}

/** Tabs tell each other what they send, and what became of it. Without either, writes were made or taken back. */
interface News {
  /** Whose writes these are: a tab that is somebody else's has nothing to do with them. */
  user: string;
  sends?: string;
  outcome?: Outcome;
}

const others = globalThis.BroadcastChannel ? new BroadcastChannel("kaam-writes") : null;
if (others) {
  others.onmessage = ({ data: { user, sends, outcome } }: MessageEvent<News>) => {
    if (user !== openedFor() || signedIn.peek() === "no") return;
    if (sends !== undefined) markTried(sends);
    else if (outcome) conclude(outcome);
    else void showStored();
  };
}
const tell = (news: Omit<News, "user">) => others?.postMessage({ user: openedFor(), ...news } satisfies News);

async function showStored(): Promise<void> {
  const user = openedFor();
  const stored = await readWrites();
  if (user === openedFor()) takeStored(stored);
}

/** Writes of this tab that are not in the database yet. */
const unkept = new Set<string>();
/** Writes of which is known what became of them; what was read of the database just before may still have them. */
const concluded = new Set<string>();

/**
 * Makes a write: it is seen at once, and sent as soon as it can be. The result is the task as the server then has it, or null
 * where it has said nothing of it.
 */
export function commit(draft: Omit<Write, "key">): { key: string; done: Promise<Task | null> } {
  const write: Write = { ...draft, taskId: currentId(draft.taskId), key: freshKey() };
  pending.value = [...pending.peek(), write];
  const done = new Promise<Task | null>((resolve, reject) => settles.set(write.key, { resolve, reject }));
  unkept.add(write.key);
  void addWrite(write).then(() => {
    unkept.delete(write.key);
    tell({});
    return flush();
  });
  return { key: write.key, done };
}

/** Takes a write back that was not sent yet, with all that is to be done to a task that it creates; says whether it could be. */
export function withdraw(key: string): boolean {
  const write = pending.peek().find((one) => one.key === key);
  if (!write || write.tried) return false;
  const { creates } = write;
  const lost = creates ? pending.peek().filter((one) => one.taskId === creates.id) : [];
  drop([...new Set([key, ...lost.map((one) => one.key)])]);
  return true;
}

function markTried(key: string): void {
  pending.value = pending.peek().map((write) => (write.key === key ? { ...write, tried: true } : write));
}

function drop(keys: string[]): void {
  pending.value = pending.peek().filter((write) => !keys.includes(write.key));
  for (const key of keys) {
    settles.delete(key);
    concluded.add(key);
  }
  void removeWrites(keys).then(() => tell({}));
}

/** Forgets the writes that are shown: another user has come. */
export function clearWrites(): void {
  pending.value = [];
  settles.clear();
  faults.clear();
  clearTimeout(retry);
}

/** Shows the writes that are kept: those of an earlier visit, or of another tab. */
export function takeStored(stored: StoredWrite[]): void {
  const keys = new Set(stored.map((write) => write.key));
  pending.value = [...stored.filter((write) => !concluded.has(write.key)), ...pending.peek().filter((write) => unkept.has(write.key) && !keys.has(write.key))];
}

let flushing = false;
let again = false;
let retry: ReturnType<typeof setTimeout> | undefined;
let failedTries = 0;
/** How often the server failed by a fault of its own, by the write's key. */
const faults = new Map<string, number>();
/** So often: a minute and more. Then it is said, for what comes after it is not to wait for ever. */
const MOST_FAULTS = 8;

/** Sends all writes that wait, one after the other; in one tab at a time. */
export async function flush(): Promise<void> {
  clearTimeout(retry);
  if (flushing) return void (again = true);
  flushing = true;
  try {
    do {
      again = false;
      await locked(`kaam-writes:${openedFor()}`, sendAll);
    } while (again);
  } finally {
    flushing = false;
  }
}

async function sendAll(): Promise<void> {
  for (;;) {
    // They wait for whoever made them.
    if (signedIn.peek() === "no" || openedFor() !== userId.peek()) return;
    // What was withdrawn a moment ago may still be read.
    const [waiting] = (await readWrites()).filter((one) => !concluded.has(one.key));
    if (!waiting) return;
    const write = { ...waiting, tried: true };
    markTried(write.key);
    tell({ sends: write.key });
    // Before it leaves: whoever opens the page after that must know.
    if (!waiting.tried && !(await putWrite(write))) continue;
    if (openedFor() !== userId.peek()) return;
    try {
      await sendOne(write);
      failedTries = 0;
      faults.delete(write.key);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const failed = (faults.get(write.key) ?? 0) + (error.isFault ? 1 : 0);
      faults.set(write.key, failed);
      if (error.mayPass && failed < MOST_FAULTS) {
        const backoff = Math.min(30_000, 500 * 2 ** failedTries++);
        retry = setTimeout(() => void flush(), error.retryAfterS ? error.retryAfterS * 1_000 : backoff);
        return;
      }
      await refused(write, error);
    }
  }
}

async function sendOne(write: StoredWrite): Promise<void> {
  const id = currentId(write.taskId);
  const body = write.typed ? await understood(write, write.typed) : write.body;
  const path = write.path.replace("{id}", encodeURIComponent(id));
  const options = { correlationId: write.key, ...(write.method === "POST" ? { idempotencyKey: write.key } : {}) };
  const answer = await call<Task | { tasks: Task[] } | { status: string }>(write.method, path, { body, ...options });
  const task = "version" in answer ? answer : null;
  const renamed = task && write.creates ? { from: write.creates.id, to: task.id } : null;
  const told = task ? [task] : "tasks" in answer ? answer.tasks : await gone(id);
  await removeWrites([write.key], renamed);
  const outcome: Outcome = { keys: [write.key], created: write.creates?.id ?? null, task, tasks: told, problem: null };
  conclude(outcome);
  tell({ outcome });
}

/** Gives a task that was deleted as the server has it, whose answer does not tell. */
async function gone(id: string): Promise<Task[]> {
  const before = known(id);
  if (!before) return [];
  const task = await call<Task>("GET", `/api/tasks/${encodeURIComponent(id)}`).catch(() => null);
  // Which version that is will be heard of.
  return [task ?? { ...before, status: "deleted" }];
}

/** Shows what became of writes, and tells who waits for them. */
function conclude({ keys, created, task, tasks, problem }: Outcome): void {
  batch(() => {
    if (created && task) named(created, task.id);
    learn(tasks);
    pending.value = pending.peek().filter((one) => !keys.includes(one.key));
  });
  for (const key of keys) concluded.add(key);
  // The first is the one that was sent; the others went with it, which is said once.
  const settle = settles.get(keys[0] ?? "");
  for (const key of keys) settles.delete(key);
  if (problem) settle?.reject(new Problem(problem.message, problem.status, problem.errors, null, problem.type));
  else settle?.resolve(task);
}

/**
 * Asks what was typed means, as of when it was typed, and gives the first of the tasks in it; the others become writes of their own.
 * The answer is the same each time, so that the keys can be.
 */
async function understood(write: StoredWrite, { text, client_time, fallback }: NonNullable<Write["typed"]>): Promise<object> {
  const bodies = inputsOf(text, await parsed(text, client_time), fallback);
  // From here on it is what is sent, whatever a later parser would say.
  const { typed: _typed, ...rest } = write;
  const [body = {}, ...others] = bodies;
  const { creates } = write;
  const more = others.map((input, at): Write => {
    const key = derivedKey(write.key, at + 1);
    const id = `${write.taskId}${DERIVED}${at + 2}`;
    const all_day = !!input.due_date && !input.due_date.includes("T");
    return { taskId: id, method: write.method, path: write.path, body: input, key, ...(creates ? { creates: { ...creates, all_day, ...input, id } } : {}) };
  });
  await putWrite({ ...rest, body }, more);
  if (more.length) {
    await showStored();
    tell({});
  }
  return body;
}

/** Between the browser's id of a task that was typed and the number of another one in the same sentence. */
const DERIVED = "~";

/** Gives the ids of the other tasks that came out of one sentence. */
export function derivedFrom(id: string): string[] {
  const ids = [...aliases.keys(), ...pending.peek().map((write) => write.taskId)];
  return [...new Set(ids.filter((one) => one.startsWith(id + DERIVED)))];
}

/** Gives the key of the nth further write; of the same one it is the same. */
const derivedKey = (key: string, nth: number) => key.replace(/^[\da-f]{8}/, (digits) => ((Number.parseInt(digits, 16) + nth) >>> 0).toString(16).padStart(8, "0"));

/** Gives what a text means; null where the server refuses to say, or fails each time: then the text is all that there is. */
async function parsed(text: string, client_time: string): Promise<Parsed | null> {
  try {
    return await call<Parsed>("POST", "/chat/parse", { body: { user_input: text, client_time } });
  } catch (error) {
    if (error instanceof Problem && (!error.mayPass || error.isFault)) return null;
    throw error;
  }
}

/** Gives the tasks of a sentence: those that it names, or one with its text as the title. */
export function inputsOf(text: string, meaning: Parsed | null, fallback: TaskInput): TaskInput[] {
  const named = meaning?.commands.filter((command) => command.intent === "create_task" && command.task?.title) ?? [];
  const inputs = named.map(({ task = {} }): TaskInput => {
    const { all_day: _, ...input } = task;
    return { ...fallback, ...input };
  });
  return inputs.length ? inputs : [{ ...fallback, title: [...text.trim()].slice(0, LONGEST_TITLE).join("") }];
}

/** The server has given a task its id: what waits for it is of that task. */
function named(first: string, id: string): void {
  aliases.set(first, id);
  firstIds.set(id, first);
  pending.value = pending.peek().map((write) => (write.taskId === first && !write.creates ? { ...write, taskId: id } : write));
}

/** The server does not want it: what it changed is as before, and so is what was to be changed of a task that it should create. */
async function refused(write: StoredWrite, problem: Problem): Promise<void> {
  const lost = write.creates ? [...(await readWrites()), ...pending.peek()].filter((one) => one.taskId === write.taskId) : [];
  const keys = [...new Set([write.key, ...lost.map((one) => one.key)])];
  await removeWrites(keys);
  faults.delete(write.key);
  const isAwaited = settles.has(write.key);
  const { message, status, errors, type } = problem;
  const outcome: Outcome = { keys, created: null, task: null, tasks: [], problem: { message, status, errors, type } };
  conclude(outcome);
  tell({ outcome });
  if (!isAwaited) failures.value = { write, problem };
  // Somebody else may have changed the task: show what it is.
  if (!write.creates && write.taskId) await read(currentId(write.taskId)).catch(() => null);
}
