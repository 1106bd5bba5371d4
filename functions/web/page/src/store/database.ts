// What is kept in this browser for one user: the tasks as last read, and the writes that the server has not confirmed yet.
//
// Where IndexedDB can not be had (some private windows), nothing is kept, and the page works as long as it is open.

import type { Settings, Task } from "../model.ts";
import type { Write } from "./writes.ts";

export type StoredWrite = Write & { seq: number };

const VERSION = 1;
/** A database that has not opened by then is one that can not be had, in milliseconds. */
const OPENS_WITHIN = 10_000;

/** The key of the settings as last read. */
export const SETTINGS = "settings";

let open: Promise<IDBDatabase | null> = Promise.resolve(null);
let opened = "";
let memory: StoredWrite[] = [];
let seq = 0;

/** Opens what is kept for a user, and says whether that is another one than before. */
export function openFor(userId: string): boolean {
  if (opened === userId) return false;
  opened = userId;
  memory = [];
  open = connect(userId);
  return true;
}

function connect(userId: string): Promise<IDBDatabase | null> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const connection = new Promise<IDBDatabase | null>((resolve) => {
    let request: IDBOpenDBRequest;
    try {
      request = indexedDB.open(nameOf(userId), VERSION);
    } catch {
      // There is none, or this page may not have it.
      return resolve(null);
    }
    request.onupgradeneeded = () => {
      request.result.createObjectStore("tasks", { keyPath: "id" });
      request.result.createObjectStore("writes", { keyPath: "seq", autoIncrement: true });
      request.result.createObjectStore("kept");
    };
    request.onsuccess = () => {
      const database = request.result;
      // Another tab signs out: it must not have to wait for this one, and what it deletes is not made anew.
      database.onversionchange = () => {
        database.close();
        if (open === connection) open = Promise.resolve(null);
      };
      // The browser itself has closed it.
      database.onclose = () => {
        if (open === connection) open = connect(userId);
      };
      resolve(database);
    };
    request.onerror = () => resolve(null);
    request.onblocked = () => resolve(null);
    late = setTimeout(() => resolve(null), OPENS_WITHIN);
  });
  void connection.then(() => clearTimeout(late));
  return connection;
}

/** Forgets all that is kept for a user. */
export async function forget(userId: string): Promise<void> {
  const connection = open;
  // Somebody else may have come while it opens.
  if (opened === userId) {
    opened = "";
    open = Promise.resolve(null);
    (await connection)?.close();
  }
  await new Promise<void>((resolve) => {
    const request = indexedDB.deleteDatabase(nameOf(userId));
    request.onsuccess = request.onerror = request.onblocked = () => resolve();
    // This page may have none: there is nothing to forget.
  }).catch(() => undefined);
}

/** Gives the user whose things these are. */
export const openedFor = (): string => opened;

const nameOf = (userId: string) => `kaam:${userId}`;

type Store = "tasks" | "writes" | "kept";

type Act<T> = (transaction: IDBTransaction) => IDBRequest<T> | void;

/** Gives what was asked for; null where nothing could be done: there is no database, or it is full, or deleted. */
async function attempt<T>(stores: Store[], mode: IDBTransactionMode, act: Act<T>, isAgain = false): Promise<{ result: T | undefined } | null> {
  const connection = open;
  const database = await connection;
  if (!database) return null;
  let transaction: IDBTransaction;
  try {
    transaction = database.transaction(stores, mode);
  } catch {
    // It is closed, of which some browsers do not tell: opened anew, once.
    if (isAgain) return null;
    if (open === connection) open = connect(opened);
    return attempt(stores, mode, act, true);
  }
  return new Promise((resolve) => {
    try {
      const request = act(transaction);
      transaction.oncomplete = () => resolve({ result: request ? request.result : undefined });
      transaction.onerror = transaction.onabort = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}

const run = async <T>(stores: Store[], mode: IDBTransactionMode, act: Act<T>): Promise<T | undefined> =>
  (await attempt(stores, mode, act))?.result;

export interface Kept {
  tasks: Task[];
  writes: StoredWrite[];
  settings: Settings | undefined;
}

/** Gives what the first picture is made of, in one transaction: in pieces it would be drawn several times. */
export async function readKept(): Promise<Kept> {
  let found: [IDBRequest<Task[]>, IDBRequest<StoredWrite[]>, IDBRequest<Settings | undefined>] | undefined;
  await run(["tasks", "writes", "kept"], "readonly", (t) => {
    found = [t.objectStore("tasks").getAll(), t.objectStore("writes").getAll(), t.objectStore("kept").get(SETTINGS)];
  });
  const of = <T>(request: IDBRequest<T> | undefined) => (request?.readyState === "done" && !request.error ? request.result : undefined);
  return { tasks: of(found?.[0]) ?? [], writes: [...(of(found?.[1]) ?? []), ...memory], settings: of(found?.[2]) };
}

/** Keeps tasks, and lets others go. */
export async function keepTasks(changed: Task[], gone: string[] = []): Promise<void> {
  await run(["tasks"], "readwrite", (t) => {
    const store = t.objectStore("tasks");
    for (const task of changed) store.put(task);
    for (const id of gone) store.delete(id);
  });
}

export async function keep(key: string, value: unknown): Promise<void> {
  await run(["kept"], "readwrite", (t) => void t.objectStore("kept").put(value, key));
}

export async function kept<T>(key: string): Promise<T | undefined> {
  return run<T>(["kept"], "readonly", (t) => t.objectStore("kept").get(key));
}

/** Gives all writes that wait, in the order in which they were made. */
export async function readWrites(): Promise<StoredWrite[]> {
  const stored = await run<StoredWrite[]>(["writes"], "readonly", (t) => t.objectStore("writes").getAll());
  return [...(stored ?? []), ...memory];
}

/** Keeps a write, and says whether it will outlive the page: where it can not be kept it waits in memory, and so do those after it. */
export async function addWrite(write: Write): Promise<boolean> {
  const isKept = !memory.length && (await attempt(["writes"], "readwrite", added(write))) !== null;
  if (!isKept) remember(write);
  return isKept;
}

/** Nothing else comes in this transaction: told so, the browser keeps it also where the page is closed as soon as the write is shown. */
const added = (write: Write): Act<never> => (transaction) => {
  transaction.objectStore("writes").add(write);
  transaction.commit();
};

/** Their numbers are below those of the database, so that none is two writes. */
const remember = (write: Write) => void memory.push({ ...write, seq: --seq });

/** Puts a write in the place of what it was, and adds others that have come out of it; false: it was withdrawn in another tab. */
export async function putWrite(write: StoredWrite, more: Write[] = []): Promise<boolean> {
  if (memory.some((one) => one.seq === write.seq)) {
    memory = memory.map((one) => (one.seq === write.seq ? write : one));
    more.forEach(remember);
    return true;
  }
  let isThere = true;
  await run(["writes"], "readwrite", (t) => {
    const store = t.objectStore("writes");
    const before: IDBRequest<StoredWrite | undefined> = store.get(write.seq);
    before.onsuccess = () => {
      isThere = before.result !== undefined;
      if (!isThere) return;
      store.put(write);
      for (const one of more) store.add(one);
    };
  });
  return isThere;
}

/** Lets writes go, and gives those that are of a task which has got its id that id; both, or neither. */
export async function removeWrites(keys: string[], renamed: { from: string; to: string } | null = null): Promise<void> {
  const now = (one: StoredWrite) => (renamed && one.taskId === renamed.from ? { ...one, taskId: renamed.to } : one);
  memory = memory.filter((one) => !keys.includes(one.key)).map(now);
  await run(["writes"], "readwrite", (t) => {
    const store = t.objectStore("writes");
    const all: IDBRequest<StoredWrite[]> = store.getAll();
    all.onsuccess = () => {
      for (const one of all.result) {
        if (keys.includes(one.key)) store.delete(one.seq);
        else if (now(one) !== one) store.put(now(one));
      }
    };
  });
}
