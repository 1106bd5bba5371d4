// Notifications in this browser: its subscription, the key of this Kaam, and what the settings know of it.

import type { Settings } from "../model.ts";
import { call } from "./api.ts";
import { changeSettings, readSettings, settings } from "./settings.ts";

export type PushState = "unsupported" | "off" | "denied" | "no" | "yes";

const isSupported = () => "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;

async function subscription(): Promise<PushSubscription | null> {
  if (!isSupported()) return null;
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription()) ?? null;
}

let asked: Promise<string | null> | undefined;

/** What this Kaam signs notifications with, asked for once; null where it sends none. */
function publicKey(): Promise<string | null> {
  asked ??= call<{ public_key: string | null }>("GET", "/api/push-key").then((answer) => answer.public_key);
  asked.catch(() => (asked = undefined));
  return asked;
}

/** Looks at the browser, then at the settings as they are by then: whoever asks may have been drawn with older ones. */
export async function pushState(): Promise<PushState> {
  if (!isSupported()) return "unsupported";
  if (!(await publicKey())) return "off";
  if (Notification.permission === "denied") return "denied";
  const mine = await subscription();
  return mine && settings.peek()?.push_subscriptions.some((one) => one.endpoint === mine.endpoint) ? "yes" : "no";
}

/** Asks the person, then the browser, then tells the server. */
export async function subscribe(): Promise<boolean> {
  // First: browsers ask only as long as the person's click is recent.
  if ((await Notification.requestPermission()) !== "granted") return false;
  const key = await publicKey();
  const registration = await navigator.serviceWorker.ready;
  // One that the settings do not know may be of another key, with which the browser would refuse this one.
  const before = await registration.pushManager.getSubscription();
  await before?.unsubscribe();
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON() as { endpoint: string; keys: { p256dh: string; auth: string } };
  const rest = await others([endpoint, before?.endpoint]);
  await changeSettings({ push_subscriptions: [...rest, { endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } }] });
  return true;
}

/** First in the browser: what the server then does not learn leads nowhere. */
export async function unsubscribe(): Promise<void> {
  const mine = await subscription();
  if (!mine) return;
  await mine.unsubscribe();
  await changeSettings({ push_subscriptions: await others([mine.endpoint]) });
}

/** Takes what is shown away: it is of whoever signs out. */
export async function closeNotifications(): Promise<void> {
  if (!isSupported()) return;
  const registration = await navigator.serviceWorker.getRegistration();
  for (const shown of (await registration?.getNotifications()) ?? []) shown.close();
}

/** Gives the subscriptions but these, as they are now: other devices may have changed them since they were read. */
async function others(endpoints: (string | undefined)[]): Promise<Settings["push_subscriptions"]> {
  await readSettings();
  return (settings.peek()?.push_subscriptions ?? []).filter((one) => !endpoints.includes(one.endpoint));
}
