// Reminders as notifications: what the service worker makes of what a push service brings.

import assert from "node:assert/strict";

import type { Browser, BrowserContext, CDPSession, Page, Worker } from "playwright-core";

import { type Kaam, finish, openBrowser, openContext, openPage, prepare, scene, startKaam, stopAll, until } from "./kaam.ts";

let browser: Browser;
let kaam: Kaam;
prepare(async () => {
  [browser, kaam] = await Promise.all([openBrowser(), startKaam()]);
  await kaam.api("PATCH", "/api/settings", { email: "amna@example.org", time_zone: "Asia/Karachi" });
});
finish(async () => {
  await browser.close();
  await stopAll();
});

/** Gives the one-time links of a reminder, as they are in a notification, too. */
async function linksOf(title: string): Promise<{ id: string; done: string; snooze: string }> {
  const { id } = await kaam.api<{ id: string }>("POST", "/api/tasks", {
    title, due_date: new Date(Date.now() + 1_000).toISOString(), reminder_config: { lead_time: "0m" },
  });
  const mail = await kaam.mail(title);
  const link = (name: string) => new RegExp(`^${name}[^:]*: (\\S+)$`, "m").exec(mail)?.[1] ?? "";
  return { id, done: link("Done"), snooze: link("Snooze") };
}

/** Brings what a push service would, and waits until it is shown. A busy Chromium drops some, without a word; so it is brought again, as push services do. */
async function deliver(session: CDPSession, page: Page, data: { title: string; tag: string; [more: string]: unknown }): Promise<Shown[]> {
  const registrationId = await until("the worker", async () => registration);
  const { origin } = new URL(kaam.url);
  for (let times = 1; ; times++) {
    await session.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data: JSON.stringify(data) });
    const look = async () => {
      const all = await shown(page);
      return all.length > 0 && all;
    };
    const found = await until("the notification", look, 5_000).catch((error: Error) => {
      if (times === 3) throw error;
    });
    if (found) return found;
  }
}

let registration = "";

/** Opens the page with a worker that may show notifications. */
async function opened(): Promise<{ context: BrowserContext & { mistakes: string[] }; page: Page; session: CDPSession; worker: Worker }> {
  const context = await openContext(browser);
  await context.grantPermissions(["notifications"], { origin: kaam.url });
  const page = await openPage(context, kaam.url);
  const session = await context.newCDPSession(page);
  session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
    registration = registrations.find((one) => one.scopeURL.startsWith(kaam.url) && !one.isDeleted)?.registrationId ?? registration;
  });
  await session.send("ServiceWorker.enable");
  // A worker is ready before it is done with becoming active, and until then it is brought nothing.
  await page.evaluate(async () => {
    const { active } = await navigator.serviceWorker.ready;
    while (active && active.state !== "activated") await new Promise((done) => active.addEventListener("statechange", done, { once: true }));
  });
  const worker = await until("the worker", async () => context.serviceWorkers()[0]);
  return { context, page, session, worker };
}

type Shown = { title: string; body: string; lang: string; dir: string; actions: string[] };

const shown = (page: Page): Promise<Shown[]> => page.evaluate(async () => {
  const registered = await navigator.serviceWorker.ready;
  const all = (await registered.getNotifications()) as (Notification & { actions: { action: string; title: string }[] })[];
  return all.map(({ title, body, lang, dir, actions }) => ({ title, body, lang, dir, actions: actions.map((one) => one.title) }));
});

/** Does what a tap on an action of the notification does. */
const tap = (worker: Worker, action: string) => worker.evaluate(async (action) => {
  const scope = globalThis as unknown as ServiceWorkerGlobalScope;
  const [notification] = await scope.registration.getNotifications();
  const Made = (globalThis as unknown as { NotificationEvent: new (type: string, init: object) => Event }).NotificationEvent;
  scope.dispatchEvent(new Made("notificationclick", { notification, action }));
}, action);

scene("a reminder is shown in its language, with done and snooze, and each does what it says without anybody signed in", async () => {
  const { context, page, session, worker } = await opened();
  const first = await linksOf("call the bank");
  const [notification] = await deliver(session, page, {
    title: "call the bank", body: "Due now", lang: "ur", dir: "rtl", tag: first.id, task_id: first.id, url: `/?task=${first.id}`, links: first,
  });
  assert.deepEqual(notification, { title: "call the bank", body: "Due now", lang: "ur", dir: "rtl", actions: ["مکمل", "مؤخر کریں"] });
  await tap(worker, "snooze");
  await until("the snooze", async () => (await kaam.api<{ snoozed_until: string | null }>("GET", `/api/tasks/${first.id}`)).snoozed_until);
  assert.deepEqual(await shown(page), []);

  const second = await linksOf("water the roses");
  await deliver(session, page, { title: "water the roses", tag: second.id, links: second });
  await tap(worker, "done");
  await until("done", async () => (await kaam.api<{ status: string }>("GET", `/api/tasks/${second.id}`)).status === "completed");

  // A link is good once: the second time is said to have failed, and opens the page.
  await deliver(session, page, { title: "water the roses", tag: second.id, links: second });
  await tap(worker, "done");
  await until("the failure", async () => (await shown(page)).some((one) => one.body?.includes("did not work")));
  assert.deepEqual(context.mistakes, []);
  await context.close();
});

scene("a notification shows a hostile title as its text", async () => {
  const { context, page, session } = await opened();
  const title = `<img src=x onerror="hacked=1"> \u202Etxt.exe \u2066 ${"🎉".repeat(60)}`;
  const [notification] = await deliver(session, page, { title, body: "<b>now</b>", tag: "hostile" });
  assert.equal(notification?.title, title);
  assert.equal(notification?.body, "<b>now</b>");
  assert.deepEqual(context.mistakes, []);
  await context.close();
});

/** The key of a browser. */
const KEY = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM";
type Subscribed = { push_subscriptions: { endpoint: string; keys: { p256dh: string; auth: string } }[] };

/** A browser whose push service is a stub, before a real Kaam: what stands between is the page's. */
async function withPush(settings: { denied?: boolean } = {}): Promise<{ context: BrowserContext & { mistakes: string[] }; page: Page }> {
  const context = await openContext(browser);
  if (!settings.denied) await context.grantPermissions(["notifications"], { origin: kaam.url });
  await context.addInitScript(({ key, denied }) => {
    let made: object | null = null;
    const used: unknown[] = [];
    Object.assign(window, { used });
    PushManager.prototype.subscribe = async function (options) {
      used.push(options);
      if (denied) throw new DOMException("denied", "NotAllowedError");
      const endpoint = `https://push.example.org/${used.length}`;
      made = { endpoint, toJSON: () => ({ endpoint, keys: { p256dh: key, auth: "BTBZMqHH6r4Tts7J_aSIgg" } }), unsubscribe: async () => ((made = null), true) };
      return made as PushSubscription;
    };
    PushManager.prototype.getSubscription = async () => made as PushSubscription | null;
  }, { key: KEY, denied: settings.denied ?? false });
  return { context, page: await openPage(context, kaam.url, "#/settings") };
}

scene("notifications are turned on with the server's key, known to the server, and turned off again", async () => {
  const known = async () => (await kaam.api<Subscribed>("GET", "/api/settings")).push_subscriptions;
  const { public_key } = await kaam.api<{ public_key: string }>("GET", "/api/push-key");
  const { context, page } = await withPush();
  const push = page.locator("#push");
  await push.and(page.locator(":enabled")).waitFor();
  assert.equal(await push.isChecked(), false);
  await push.click();
  await until("the subscription", async () => (await known()).length === 1);
  assert.deepEqual(await known(), [{ endpoint: "https://push.example.org/1", keys: { p256dh: KEY, auth: "BTBZMqHH6r4Tts7J_aSIgg" } }]);
  assert.deepEqual(await page.evaluate(() => (window as unknown as { used: object[] }).used), [{ userVisibleOnly: true, applicationServerKey: public_key }]);
  await until("the switch", () => push.isChecked());
  await push.click();
  await until("none", async () => (await known()).length === 0);
  await until("the switch", async () => !(await push.isChecked()));
  assert.deepEqual(context.mistakes, []);
  await context.close();
});

scene("a browser that allows no notifications says so, and the switch is off", async () => {
  const { context, page } = await withPush({ denied: true });
  await page.locator("#push-hint, #push:enabled").first().waitFor();
  if (await page.locator("#push").isEnabled()) await page.locator("#push").click();
  await page.getByText("does not allow notifications").first().waitFor();
  await until("the switch", async () => !(await page.locator("#push").isChecked()));
  await context.close();
});

scene("without a key the switch is off, and why is said", async () => {
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await context.newPage();
  await page.route("**/api/push-key", (route) => route.fulfill({ json: { public_key: null } }));
  await page.goto(`${kaam.url}/#/settings`);
  await page.locator("#push-hint").waitFor();
  assert.ok(await page.locator("#push").isDisabled());
  await context.close();
});

scene("a setting that the server refuses is said, and is as before", async () => {
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/settings");
  await page.route("**/api/settings", (route) => (route.request().method() === "PATCH" ? route.fulfill({ status: 422, json: { message: "no", errors: [{ field: "email", message: "is no address" }] } }) : route.continue()));
  const email = page.getByRole("textbox", { name: "E-mail for reminders" });
  await email.fill("nobody@example.org");
  await email.press("Tab");
  await page.locator(".toast.problem", { hasText: "is no address" }).waitFor();
  await until("the old address", async () => (await email.inputValue()) === "amna@example.org");
  const quiet = page.locator("#quiet");
  assert.equal(await quiet.isChecked(), false);
  await quiet.click();
  await page.locator(".toast.problem").nth(1).waitFor();
  await until("the old state", async () => !(await quiet.isChecked()));
  await page.unroute("**/api/settings");
  await quiet.click();
  await until("the quiet hours", async () => (await kaam.api<{ quiet_hours: object | null }>("GET", "/api/settings")).quiet_hours !== null);
  await page.locator(".toast", { hasText: "Saved" }).getByRole("button", { name: "Undo" }).click();
  await until("none again", async () => (await kaam.api<{ quiet_hours: object | null }>("GET", "/api/settings")).quiet_hours === null);
  await context.close();
});

scene("the link of a notification opens its task", async () => {
  const { id } = await kaam.api<{ id: string }>("POST", "/api/tasks", { title: "from a notification" });
  const context = await openContext(browser);
  const page = await context.newPage();
  await page.goto(`${kaam.url}/?task=${id}`);
  await page.getByRole("dialog", { name: "from a notification" }).waitFor();
  await context.close();
});
