// Where the page is: after the `#`, so that every path of the server keeps its meaning.

import { signal } from "@preact/signals";

export type View = "today" | "upcoming" | "all" | "done" | "chat" | "settings";

export interface Route {
  view: View;
  /** The task that is open above the view. */
  taskId: string | null;
  query: URLSearchParams;
}

const VIEWS: readonly View[] = ["today", "upcoming", "all", "done", "chat", "settings"];

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, id] = path.split("/");
  const view = VIEWS.find((one) => one === name) ?? "today";
  return { view, taskId: id ? decoded(id) : null, query: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A `%` that begins nothing.
    return text;
  }
}

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => (route.value = parse(location.hash)));

export const hrefOf = (view: View, taskId?: string | null): string =>
  `#/${view}${taskId ? `/${encodeURIComponent(taskId)}` : ""}`;

export function go(view: View, taskId?: string | null): void {
  location.hash = hrefOf(view, taskId);
  // Not only when the browser says it, some time later.
  route.value = parse(location.hash);
}

export const openTask = (id: string): void => go(route.peek().view, id);

/** Closes the task that is open. */
export function closeTask(): void {
  go(route.peek().view);
}

/** The links of notifications name a task so: `/?task=ID`. */
export function followNotification(): void {
  const id = new URLSearchParams(location.search).get("task");
  if (id) history.replaceState(null, "", `/${hrefOf("today", id)}`);
  route.value = parse(location.hash);
}
