// What the page's modules need of a browser, and a server that answers as a test wants. To be imported before them.

import type { Task } from "../../src/model.ts";

// Those of the machine, also for a test that has a clock of its own.
const { setTimeout } = globalThis;
const target = new EventTarget();
Object.assign(globalThis, {
  document: { hidden: false, documentElement: { dataset: {} } },
  addEventListener: target.addEventListener.bind(target),
  removeEventListener: target.removeEventListener.bind(target),
  dispatchEvent: target.dispatchEvent.bind(target),
});
if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: { language: "en-GB" }, configurable: true });

export interface Asked {
  method: string;
  path: string;
  key: string | null;
  correlation: string | null;
  body: Record<string, unknown> | null;
}

type Answer = (asked: Asked) => Response | Promise<Response>;

/** All requests, oldest first. */
export const asked: Asked[] = [];
let answer: Answer = () => json({}, 404);

/** Answers from here on like that, and forgets what was asked before. */
export function serve(as: Answer): void {
  asked.length = 0;
  answer = as;
}

globalThis.fetch = async (path, init = {}) => {
  const headers = new Headers(init.headers);
  const request: Asked = {
    method: init.method ?? "GET", path: String(path), key: headers.get("idempotency-key"), correlation: headers.get("x-correlation-id"),
    body: typeof init.body === "string" ? (JSON.parse(init.body) as Record<string, unknown>) : null,
  };
  asked.push(request);
  return answer(request);
};

/** The requests as `POST /api/tasks`. */
export const lines = () => asked.map(({ method, path }) => `${method} ${path}`);

export const json = (body: object, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });

export const task = (id: string, fields: Partial<Task> = {}): Task => ({
  id, title: id, description: null, due_date: null, all_day: false, time_zone: "UTC", priority: "medium", tags: [], status: "active",
  recurrence_rule: null, reminder_config: null, reminder_id: null, snoozed_until: null, parent_task_id: null, created_at: "",
  updated_at: "", completed_at: null, version: 1, ...fields,
});

/** Waits for a state, with a bound. */
export async function until(what: string, look: () => boolean, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!look()) {
    if (Date.now() > end) throw new Error(`${what} did not come within ${ms} ms: ${lines().join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
