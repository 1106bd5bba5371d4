// What is asked for before anything else.

import type { Early } from "./early.ts";

export const FIRST_PATH = "/api/tasks?status=active&sort=due_date&limit=100";
export const REFRESH_PATH = "/auth/refresh";

/** Gives the answer to a request that is under way already, once. */
export function takeEarly(path: string): Promise<Response> | null {
  const holder = globalThis as { kaamEarly?: Early | undefined };
  const early = holder.kaamEarly;
  if (early?.path !== path) return null;
  holder.kaamEarly = undefined;
  return early.response;
}
