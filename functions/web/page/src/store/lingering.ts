// Rows that stay for a moment after what was done to them took them out of the list, so that one sees what it was.

import { signal } from "@preact/signals";

import type { Task } from "../model.ts";
import { stableKey } from "./writes.ts";

const MOMENT_MS = 350;

/** The tasks as they were, by which the list still has them, by the key that does not change. */
export const lingering = signal<ReadonlyMap<string, Task>>(new Map());

export function linger(task: Task): void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const key = stableKey(task.id);
  lingering.value = new Map(lingering.peek()).set(key, task);
  setTimeout(() => {
    const rest = new Map(lingering.peek());
    rest.delete(key);
    lingering.value = rest;
  }, MOMENT_MS);
}
