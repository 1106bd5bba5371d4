// Requests to the API.

import { batch, signal } from "@preact/signals";

import { takeEarly } from "../paths.ts";
import { authorization, nobodySignsIn, refresh, signedIn, userId } from "./session.ts";

/** Whether the server was reached last time. */
export const online = signal(true);

export interface FieldError {
  field: string;
  message: string;
}

const QUOTA = "urn:kaam:problem:quota";
/** The same request is being answered at this moment. */
const KEY_IN_USE = "urn:kaam:problem:key-in-use";

/** An answer that is none, or a refusal; `status` 0: the server can not be reached. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly errors: FieldError[] = [],
    readonly retryAfterS: number | null = null,
    /** Which problem it is, where the server tells one of a status from another. */
    readonly type = "",
  ) {
    super(message);
  }

  /** Whether the same request may go through later. */
  get mayPass(): boolean {
    // What is over a quota waits for midnight or for other tasks to go: nothing is to wait behind it.
    if (this.type === QUOTA) return false;
    if (this.type === KEY_IN_USE) return true;
    return this.status === 0 || this.status === 401 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Whether the server fails by a fault of its own, which the same request may well meet each time. */
  get isFault(): boolean {
    return this.status >= 500 && ![502, 503, 504].includes(this.status);
  }

  get isOverQuota(): boolean {
    return this.type === QUOTA;
  }
}

const REQUEST_MS = 30_000;

interface Options {
  body?: object | undefined;
  /** Of the same request tried again it is the same. */
  idempotencyKey?: string;
  /** By which a task's history tells what this request did. */
  correlationId?: string;
  signal?: AbortSignal;
}

/** Gives the answer of the API. @throws {Problem} */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const user = userId.peek();
  let response = await send(method, path, options);
  // It is the answer to somebody who is not here any more.
  if (userId.peek() !== user) throw away();
  if (response.status === 401) {
    const refreshed = await refresh();
    // In another tab somebody else has signed in: what this one meant to do is not theirs.
    if (refreshed === "away" || userId.peek() !== user) throw away();
    if (refreshed === "no") signedIn.value = "no";
    else response = await send(method, path, options);
  } else if (response.ok && signedIn.peek() === "starting") nobodySignsIn();
  const asker = userId.peek();
  if (response.status === 204) return undefined as T;
  // What ends before its end, or is no JSON, is no answer of Kaam's.
  const answer = (await response.json().catch(() => null)) as { message?: string; errors?: FieldError[]; type?: string } | null;
  if (userId.peek() !== asker) throw away();
  if (response.ok && !answer) throw away();
  if (response.ok) return answer as T;
  const after = Number(response.headers.get("Retry-After"));
  throw new Problem(answer?.message ?? `HTTP ${response.status}`, response.status, answer?.errors ?? [], after || null, answer?.type);
}

async function send(method: string, path: string, { body, idempotencyKey, correlationId, signal: aborted }: Options): Promise<Response> {
  const user = userId.peek();
  const headers: Record<string, string> = { Accept: "application/json", ...(await authorization()) };
  if (userId.peek() !== user) throw away();
  if (body) headers["Content-Type"] = "application/json";
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  if (correlationId) headers["X-Correlation-Id"] = correlationId;
  const signals = [AbortSignal.timeout(REQUEST_MS), ...(aborted ? [aborted] : [])];
  const options: RequestInit = { method, headers, signal: AbortSignal.any(signals) };
  if (body) options.body = JSON.stringify(body);
  try {
    const response = await ((method === "GET" && takeEarly(path)) || fetch(path, options));
    // A gateway in front that finds nobody behind it.
    reached(response.status !== 502 && response.status !== 504);
    if (!online.peek()) throw away();
    return response;
  } catch (error) {
    if (aborted?.aborted) throw error;
    reached(false);
    throw away();
  }
}

export function reached(is: boolean): void {
  batch(() => {
    online.value = is;
    if (!is && signedIn.peek() === "starting") signedIn.value = "away";
  });
}

const away = () => new Problem("", 0);

/** `crypto.randomUUID` is there in secure contexts only. */
export function freshKey(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  const digits = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-a$4-$5");
}
