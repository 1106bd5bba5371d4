// Changes made elsewhere, as they happen: `GET /api/updates`, read as a stream, since `EventSource` can not show a token.
//
// One tab of the browser listens for all of them (a browser opens few connections to one origin), and tells the others what it
// hears. When it is closed, the next one goes on from the last event that was heard.

import { signal } from "@preact/signals";

import { EventReader, type StreamEvent } from "../pure/events.ts";
import { Problem, online, reached } from "./api.ts";
import { authorization, refresh, signedIn, userId } from "./session.ts";
import { readSettings } from "./settings.ts";
import { hasSynced, known, read, sync } from "./tasks.ts";
import { flush } from "./writes.ts";

/** Whether changes are heard of as they happen; else the page asks now and then. */
export const isLive = signal(false);

interface Heard {
  /** Whose changes these are: a tab that is somebody else's has nothing to do with them. */
  user: string;
  event: StreamEvent | null;
  live: boolean;
  /** Whether the one that listens reaches the server: the others ask it for nothing, and would not know. */
  isOnline: boolean;
  /** A tab that was opened just now asks whether another one listens. */
  asks?: boolean;
}

const others = globalThis.BroadcastChannel ? new BroadcastChannel("kaam-updates") : null;
let lastId = "";
let stop = new AbortController();
let leads = false;

/** How long a start waits to hear that changes are heard of. */
const PATIENCE_MS = 2_000;
let onOutcome: () => void = () => undefined;

/**
 * Listens until `quiet` is called. The result comes when changes are heard of, or when it is clear that they will not be soon:
 * what is read from then on misses nothing.
 */
export function listen(): Promise<void> {
  stop.abort();
  stop = new AbortController();
  const { signal: stopped } = stop;
  const outcome = new Promise<void>((resolve) => {
    onOutcome = resolve;
    setTimeout(resolve, PATIENCE_MS);
  });
  if (others) {
    const user = userId.peek();
    others.onmessage = ({ data }: MessageEvent<Heard>) => {
      if (data.user !== user || userId.peek() !== user) return;
      if (!data.asks) heard(data);
      else if (leads) others.postMessage({ user, event: null, live: isLive.peek(), isOnline: online.peek() } satisfies Heard);
    };
    others.postMessage({ user, event: null, live: false, isOnline: false, asks: true } satisfies Heard);
  }
  // Each tab for itself, for only one of them tries to listen.
  const polling = setInterval(() => {
    if (!isLive.peek() && !document.hidden) void sync().catch(() => undefined);
  }, POLL_MS);
  stopped.addEventListener("abort", () => clearInterval(polling));
  const lead = async () => {
    leads = true;
    await stream(stopped).finally(() => (leads = false));
  };
  if (navigator.locks) void navigator.locks.request(`kaam-updates:${userId.peek()}`, { signal: stopped }, lead).catch(() => undefined);
  else void lead();
  return outcome;
}

/** Listens no more: nobody is signed in. */
export function quiet(): void {
  stop.abort();
  if (others) others.onmessage = null;
  lastId = "";
  isLive.value = false;
  clearTimeout(patience);
  clearTimeout(readingSoon);
  reading = false;
  wanted.clear();
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** A server sends a sign of life each 15 s; without two of them the connection is gone. */
const SILENCE_MS = 40_000;
/** How often the list is read where nothing is heard of. */
const POLL_MS = 15_000;

async function stream(stopped: AbortSignal): Promise<void> {
  let failed = 0;
  while (!stopped.aborted) {
    let retryMs = Math.min(FIRST_RETRY_MS * 2 ** failed++, LONGEST_RETRY_MS);
    try {
      const reader = new EventReader();
      const outcome = await connection(reader, stopped, () => (failed = 0));
      if (outcome === "none") retryMs = POLL_MS;
      if (outcome === "signed out") return;
      if (outcome === "ended") retryMs = reader.retryMs ?? FIRST_RETRY_MS;
    } catch {
      // Tried again below.
    }
    if (stopped.aborted) return;
    onOutcome();
    tell(null, false, online.peek());
    await pause(retryMs, stopped);
  }
}

async function connection(
  reader: EventReader,
  stopped: AbortSignal,
  onOpen: () => void,
): Promise<"ended" | "none" | "signed out"> {
  const silence = new AbortController();
  const signal = AbortSignal.any([stopped, silence.signal]);
  // The network is gone, of which a stream that just says nothing would tell much later; connecting again shows what is so.
  globalThis.addEventListener("offline", () => silence.abort(), { signal, once: true });
  const headers: Record<string, string> = { Accept: "text/event-stream", ...(await authorization()) };
  if (lastId) headers["Last-Event-ID"] = lastId;
  let response: Response;
  try {
    response = await fetch("/api/updates", { headers, signal, cache: "no-store" });
  } catch (error) {
    if (!stopped.aborted) reached(false);
    throw error;
  }
  if (response.status === 401) {
    const refreshed = await refresh();
    if (refreshed === "no") signedIn.value = "no";
    return refreshed === "no" ? "signed out" : "ended";
  }
  if (response.status === 404) return "none";
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
  onOpen();
  const wasAway = !online.peek();
  reached(true);
  if (wasAway) void flush();
  const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const { done, value } = await text.read().finally(() => clearTimeout(timer));
    if (done) return "ended";
    const events = reader.read(value);
    for (const event of events) tell(event, true, true);
    // A sign of life, for those who hear of it by this tab alone.
    if (!events.length) tell(null, isLive.peek(), true);
  }
}

function tell(event: StreamEvent | null, live: boolean, isOnline: boolean): void {
  const news: Heard = { user: userId.peek(), event, live, isOnline };
  others?.postMessage(news);
  heard(news);
}

let hasHeard = false;
let needsSync = false;
let patience: ReturnType<typeof setTimeout> | undefined;

function heard({ event, live, isOnline }: Heard): void {
  isLive.value = live;
  clearTimeout(patience);
  // The tab that listens may have been frozen, or have ended without a word.
  if (live) patience = setTimeout(() => (isLive.value = false), SILENCE_MS);
  if (isOnline !== online.peek()) reached(isOnline);
  if (live) onOutcome();
  if (!event) return;
  // Nobody knows what was missed: the list is read anew, once there is a place in the stream to go on from.
  const missed = event.name === "reset" || (event.name === "ready" && lastId === "" && hasHeard);
  lastId = event.name === "reset" ? "" : event.id || lastId;
  // What begins without a connection has read nothing yet.
  if (event.name === "ready" && (missed || needsSync || !hasSynced())) {
    needsSync = false;
    void sync().catch(() => undefined);
    void readSettings().catch(() => undefined);
  }
  if (event.name === "reset") needsSync = true;
  if (event.name === "ready") hasHeard = true;
  if (event.name === "task") change(event.data);
  if (event.name === "settings") void readSettings().catch(() => undefined);
}

/** Tasks to be read, so that a burst of changes of one task is read once. */
const wanted = new Map<string, number>();
let reading = false;
let readingSoon: ReturnType<typeof setTimeout> | undefined;
let failedReads = 0;
/** From so many on it is quicker to read the list. */
const MANY = 25;

const isOlder = (id: string, version: number) => (known(id)?.version ?? 0) < version;

function change(data: string): void {
  let news: { task_id?: unknown; version?: unknown };
  try {
    news = JSON.parse(data) as typeof news;
  } catch {
    return;
  }
  const { task_id, version } = news;
  if (typeof task_id !== "string" || typeof version !== "number") return;
  if (!isOlder(task_id, version)) return;
  want(task_id, version);
  // Not for the answer to one's own write, which mostly knows it already when this is read.
  if (!reading) readSoon(20);
}

const want = (id: string, version: number) => wanted.set(id, Math.max(version, wanted.get(id) ?? 0));

function readSoon(ms: number): void {
  reading = true;
  readingSoon = setTimeout(() => void readWanted(), ms);
}

async function readWanted(): Promise<void> {
  const user = userId.peek();
  let again = null as number | null;
  const postpone = (id: string, version: number, afterS: number | null) => {
    want(id, version);
    again = Math.max(again ?? 0, (afterS ?? 0) * 1_000, Math.min(FIRST_RETRY_MS * 2 ** failedReads, LONGEST_RETRY_MS));
  };
  while (wanted.size && again === null) {
    let changed = [...wanted].filter(([id, version]) => isOlder(id, version));
    wanted.clear();
    if (changed.length > MANY) {
      const isListed = await sync().then(() => true, () => false);
      // Those that are not open any more are not in the list; of those that never were known here nothing is shown.
      if (isListed) changed = changed.filter(([id, version]) => known(id) && isOlder(id, version));
      else for (const [id, version] of changed.splice(0)) postpone(id, version, null);
    }
    const outcomes = await Promise.allSettled(changed.map(([id]) => read(id)));
    if (userId.peek() !== user || signedIn.peek() === "no") break;
    for (const [at, [id, version]] of changed.entries()) {
      const outcome = outcomes[at];
      if (outcome?.status !== "rejected") continue;
      const problem = outcome.reason instanceof Problem ? outcome.reason : null;
      if (!problem || problem.mayPass) postpone(id, version, problem?.retryAfterS ?? null);
    }
  }
  reading = false;
  if (again === null) return void (failedReads = 0);
  failedReads++;
  // Should the connection be lost meanwhile, too, the list says it all.
  needsSync = true;
  readSoon(again);
}

function pause(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      globalThis.removeEventListener("online", end);
      stopped.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    globalThis.addEventListener("online", end);
    stopped.addEventListener("abort", end);
  });
}
