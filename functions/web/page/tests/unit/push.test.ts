// This browser's subscription: what is left of it, here and in the settings.

import { asked, json, lines, serve } from "./server.ts";

import assert from "node:assert/strict";
import { test } from "node:test";

import { closeNotifications, subscribe, unsubscribe } from "../../src/store/push.ts";
import { nobodySignsIn } from "../../src/store/session.ts";
import { settings } from "../../src/store/settings.ts";

interface Subscription {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}
const one = (endpoint: string): Subscription => ({ endpoint, keys: { p256dh: "p", auth: "a" } });

let mine: string | null = "old";
const order: string[] = [];
const inBrowser = (endpoint: string) => ({ ...one(endpoint), toJSON: () => one(endpoint), unsubscribe: async () => void (order.push("browser"), (mine = null)) });
const registration = {
  pushManager: { getSubscription: async () => (mine ? inBrowser(mine) : null), subscribe: async () => inBrowser((mine = "new")) },
  getNotifications: async () => [{ close: () => order.push("closed") }],
};
Object.defineProperty(navigator, "serviceWorker", { value: { getRegistration: async () => registration, ready: Promise.resolve(registration) }, configurable: true });
Object.assign(globalThis, { PushManager: {}, Notification: { permission: "granted", requestPermission: async () => "granted" } });
nobodySignsIn();

let onServer: Subscription[] = [];
const server = () => serve(({ method, path, body }) => {
  if (path === "/api/push-key") return json({ public_key: "key" });
  if (method === "PATCH") {
    order.push("server");
    onServer = body?.["push_subscriptions"] as Subscription[];
  }
  return json({ push_subscriptions: onServer });
});

test("a new subscription takes the old one's place, and other devices keep theirs, also when they came later", async () => {
  server();
  onServer = [one("old"), one("phone")];
  settings.value = { push_subscriptions: [one("old")] } as never;
  assert.equal(await subscribe(), true);
  assert.deepEqual(onServer.map(({ endpoint }) => endpoint), ["phone", "new"]);
});

test("who signs out is subscribed no more, here first, and leaves no notification", async () => {
  server();
  order.length = 0;
  onServer = [one("new"), one("phone"), one("tablet")];
  await unsubscribe();
  await closeNotifications();
  assert.deepEqual(order, ["browser", "server", "closed"]);
  assert.deepEqual(onServer.map(({ endpoint }) => endpoint), ["phone", "tablet"]);
  assert.equal(lines().at(-1), "PATCH /api/settings");
  assert.equal(asked.length, 2);
});
