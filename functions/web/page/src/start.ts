// How the page begins: with what is kept, at once; then with what the server says.

import { batch, effect } from "@preact/signals";

import { route } from "./route.ts";
import { said, t } from "./language/index.ts";
import { Problem } from "./store/api.ts";
import { leaveConversation, loadConversation } from "./store/chat.ts";
import { forget, openFor, readKept } from "./store/database.ts";
import { painted } from "./store/frames.ts";
import { closeNotifications, unsubscribe } from "./store/push.ts";
import { hasAccounts, refresh, signOut, signedIn, userId, wasSignedIn } from "./store/session.ts";
import { readSettings, settings, startClock, takeKeptSettings, theme } from "./store/settings.ts";
import { clear, isLoaded, readFirst, syncOnce, takeKept, tasks } from "./store/tasks.ts";
import { toast, toasts } from "./store/toasts.ts";
import { isLive, listen, quiet } from "./store/updates.ts";
import { clearWrites, failures, flush, pending, takeStored } from "./store/writes.ts";

export async function start(): Promise<void> {
  effect(() => {
    document.documentElement.dataset["theme"] = theme.chosen.value;
  });
  startClock();
  // For whoever has to know that the page is ready: tests, and those who measure it.
  effect(() => {
    document.documentElement.dataset["live"] = isLive.value ? "yes" : "no";
  });
  effect(() => {
    document.documentElement.dataset["tasks"] = String(tasks.value.size);
  });
  const stopWaiting = effect(() => {
    if (!isLoaded.value) return;
    void painted().then(() => performance.mark("kaam:usable"));
    queueMicrotask(() => stopWaiting());
  });
  effect(() => {
    const failed = failures.value;
    if (failed) toast(t("notDone", { reason: said(failed.problem) }), { title: failed.write.creates?.title ?? null, isProblem: true });
  });
  effect(() => {
    // What was done is nobody's business who sees the page after the session has ended.
    if (signedIn.value !== "no") return;
    toasts.value = [];
    quiet();
  });
  // In another tab somebody has signed in or out: this one begins anew, as theirs or as nobody's.
  addEventListener("storage", (event) => {
    const { key, newValue } = event as StorageEvent;
    if (key === "kaam.user" && (newValue !== userId.peek() || signedIn.peek() === "no")) location.reload();
  });
  addEventListener("online", () => void flush());
  document.addEventListener("visibilitychange", () => !document.hidden && void flush());
  await Promise.all([showKept(), wasSignedIn() ? signInAgain() : arrive()]);
}

let shown: Promise<unknown> = Promise.resolve();

function showKept(): Promise<unknown> {
  openFor(userId.peek());
  shown = readKept().then(({ tasks, writes, settings }) => batch(() => {
    takeKeptSettings(settings);
    takeStored(writes);
    takeKept(tasks);
  }));
  return shown;
}

async function signInAgain(): Promise<void> {
  const refreshed = await refresh();
  // A server without accounts may be one that asks nobody.
  if (refreshed !== "no" || hasAccounts.peek() === false) return arrive();
  signedIn.value = "no";
}

/** Somebody is signed in, or nobody has to be: everything is read. */
export async function arrive(): Promise<void> {
  const before = userId.peek();
  const isOther = openFor(before);
  if (isOther) {
    clear();
    clearWrites();
    settings.value = null;
    leaveConversation();
    await showKept();
  }
  try {
    await readFirst();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) return;
    // It is away: the stream tries again and again, and says when it is back.
  }
  if (userId.peek() !== before) return arrive();
  // First what is seen, then what can wait.
  await painted();
  void readSettings().catch(() => undefined);
  void flush();
  // What is kept may be of long ago: the whole list says what of it is still so.
  await Promise.all([shown, listen()]);
  await syncOnce().catch(() => undefined);
  void loadConversation().catch(() => undefined);
}

/** Signs out, and leaves nothing here. */
export async function leave(): Promise<void> {
  if (pending.peek().length && !confirm(t("signOutWaiting"))) return;
  const user = userId.peek();
  try {
    // Their reminders are not for whoever uses this browser next.
    await unsubscribe().catch(() => undefined);
    await closeNotifications().catch(() => undefined);
    await signOut();
  } catch (error) {
    toast(t("notDone", { reason: said(error) }), { isProblem: true });
    return;
  }
  quiet();
  clear();
  clearWrites();
  settings.value = null;
  leaveConversation();
  isLoaded.value = false;
  await forget(user);
  route.value = { view: "today", taskId: null, query: new URLSearchParams() };
}
