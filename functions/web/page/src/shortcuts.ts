// What keys do. Single letters can be turned off in the settings (WCAG 2.1.4), and mean nothing while one types.

import { complete, remove, reopen, taskBy } from "./actions.ts";
import { t } from "./language/index.ts";
import { type View, go, openTask, route } from "./route.ts";
import { signal } from "@preact/signals";
import { linger } from "./store/lingering.ts";
import { singleKeys } from "./store/settings.ts";
import { toast, undoLast } from "./store/toasts.ts";
import { QUICK_ADD } from "./parts/quick_add.tsx";
import { CHAT_FIELD } from "./views/chat.tsx";

/** What is open above the page. */
export const overlay = signal<"palette" | "help" | null>(null);

export const VIEW_KEYS: [string, View][] = [["t", "today"], ["u", "upcoming"], ["a", "all"], ["d", "done"], ["c", "chat"], ["s", "settings"]];

/** Moves the focus to a field, in a view that has it: at once, so that what is typed next is in it. */
function focusField(id: string, view: View, tries = 10): void {
  const field = document.getElementById(id);
  if (field) return field.focus();
  if (route.peek().view !== view) go(view);
  if (tries) setTimeout(() => focusField(id, view, tries - 1));
}

export const addTask = () => focusField(QUICK_ADD, "today");
export const searchTasks = () => {
  focusField("search", route.peek().view === "done" ? "done" : "all");
};
export const talk = () => focusField(CHAT_FIELD, "chat");
export function undo(): void {
  if (!undoLast()) toast(t("nothingToUndo"));
}

const rows = () => [...document.querySelectorAll<HTMLElement>("#main li.task")];
const rowOf = (element: Element | null) => element?.closest<HTMLElement>("li.task[data-task]") ?? null;

function step(by: number): void {
  const all = rows();
  const current = rowOf(document.activeElement);
  const at = current ? all.indexOf(current) + by : by > 0 ? 0 : all.length - 1;
  const next = all[Math.min(Math.max(at, 0), all.length - 1)];
  next?.querySelector<HTMLElement>(".open")?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function onRow(act: (id: string) => void): boolean {
  const id = rowOf(document.activeElement)?.dataset["task"];
  if (id) act(id);
  return !!id;
}

function toggle(id: string): void {
  const task = taskBy(id);
  if (!task) return;
  linger(task);
  void (task.status === "completed" ? reopen(task) : complete(task));
}

/** The first of two keys that were pressed one after the other. */
let leader = "";
let leaderTimer: ReturnType<typeof setTimeout>;

const KEYS: Record<string, () => void> = {
  q: addTask, n: addTask, "/": searchTasks, c: talk, z: undo,
  j: () => step(1), k: () => step(-1),
  x: () => void onRow(toggle), e: () => void onRow(openTask), o: () => void onRow(openTask),
  Delete: () => void onRow((id) => {
    const task = taskBy(id);
    if (task) void remove(task);
  }),
  "?": () => void (overlay.value = "help"),
};

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    && !(target instanceof HTMLInputElement && target.type === "checkbox"));

export function installShortcuts(): void {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    if (event.ctrlKey || event.metaKey) return withControl(event);
    // A dialog closes by itself.
    if (document.querySelector("dialog[open]")) return;
    if (isTyping(event.target)) return void (event.key === "Escape" && (event.target as HTMLElement).blur());
    if (singleKeys.chosen.value === "off") return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!rowOf(document.activeElement)) return;
      event.preventDefault();
      return step(event.key === "ArrowDown" ? 1 : -1);
    }
    // The letter of a key, whatever the keyboard's script: on an Urdu keyboard the keys are where they are on a Latin one.
    const key = /^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(event.key) ? event.code.slice(3).toLowerCase() : event.key;
    if (leader) {
      const view = VIEW_KEYS.find(([one]) => one === key)?.[1];
      leader = "";
      if (view) return event.preventDefault(), go(view);
    }
    if (key === "g") {
      leader = "g";
      clearTimeout(leaderTimer);
      leaderTimer = setTimeout(() => (leader = ""), 1_500);
      return;
    }
    const act = KEYS[key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function withControl(event: KeyboardEvent): void {
  const key = event.key.toLowerCase();
  if (key === "k") {
    event.preventDefault();
    overlay.value = overlay.peek() === "palette" ? null : "palette";
  }
  // In a text the browser's own undo is meant.
  if (key === "z" && !event.shiftKey && !isTyping(event.target)) {
    event.preventDefault();
    undo();
  }
}
