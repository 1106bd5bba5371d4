// Away and back: what waits is sent once, by whoever made it, and what was missed is heard of.

import assert from "node:assert/strict";

import type { Browser, BrowserContext, Page } from "playwright-core";

import { type Kaam, finish, openBrowser, openContext, openPage, prepare, scene, startKaam, stopAll, until } from "./kaam.ts";

let browser: Browser;
let kaam: Kaam;
prepare(async () => {
  [browser, kaam] = await Promise.all([openBrowser(), startKaam()]);
  await kaam.api("PATCH", "/api/settings", { time_zone: "Asia/Karachi" });
});
finish(async () => {
  await browser.close();
  await stopAll();
});

interface Told {
  title: string;
  status: string;
}

const row = (page: Page, title: string) => page.locator("#main li.task", { hasText: title });
const found = async (q: string) => (await kaam.api<{ tasks: Told[] }>("GET", `/api/tasks?q=${encodeURIComponent(q)}`)).tasks;
const isLive = (page: Page) => page.waitForFunction(() => document.documentElement.dataset["live"] === "yes");

/** Writes down all requests of a kind that a context makes. */
function requests(context: BrowserContext, method: string, path: RegExp): string[] {
  const all: string[] = [];
  context.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (request.method() === method && path.test(pathname + search)) all.push(pathname + search);
  });
  return all;
}

async function addOffline(page: Page, title: string): Promise<void> {
  await page.getByRole("textbox", { name: "Add a task" }).fill(title);
  await page.keyboard.press("Enter");
  await row(page, title).waitFor();
}

scene("two tabs send what waits once, and neither goes on waiting", async () => {
  for (const title of ["two tabs: completed", "two tabs: deleted"]) await kaam.api("POST", "/api/tasks", { title });
  const context = await openContext(browser, { serviceWorkers: "block" });
  const one = await openPage(context, kaam.url, "#/all");
  const other = await openPage(context, kaam.url, "#/all");
  await Promise.all([one, other].map(isLive));
  const created = requests(context, "POST", /^\/api\/tasks$/);
  const completed = requests(context, "POST", /\/complete$/);
  const deleted = requests(context, "DELETE", /./);
  await context.setOffline(true);
  await addOffline(one, "two tabs: added");
  await row(one, "two tabs: completed").locator(".check").click();
  await row(one, "two tabs: completed").waitFor({ state: "detached" });
  await row(one, "two tabs: deleted").locator(".open").focus();
  await one.keyboard.press("Delete");
  await row(one, "two tabs: deleted").waitFor({ state: "detached" });
  // The other tab shows it, too, and adds one of its own.
  await row(other, "two tabs: added").waitFor();
  await addOffline(other, "two tabs: added by the other");
  await row(one, "two tabs: added by the other").waitFor();
  created.length = completed.length = deleted.length = 0;
  await context.setOffline(false);
  for (const page of [one, other]) {
    await page.locator(".banner.offline").waitFor({ state: "detached", timeout: 40_000 });
    await until("a list in which each is once", async () => {
      const rows = await page.locator("#main li.task[data-task]", { hasText: "two tabs" }).evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset["task"] ?? ""));
      return rows.length === 2 && rows.every((id) => !id.startsWith("new-"));
    });
  }
  assert.equal(created.length, 2, "a task was sent twice");
  assert.equal(completed.length, 1);
  assert.equal(deleted.length, 1);
  assert.deepEqual((await found("two tabs: completed")).map((task) => task.status), ["completed"]);
  // What is done next to a task that the other tab has sent is done to the server's task; and away again, nothing of before waits.
  await row(one, "two tabs: added by the other").locator(".check").click();
  await until("the next change", async () => (await found("two tabs: added by the other"))[0]?.status === "completed");
  await context.setOffline(true);
  await row(one, "two tabs: added").first().locator(".check").click();
  // Both tabs are told.
  for (const page of [one, other]) await page.locator(".banner.offline").waitFor();
  await until("one change that waits", async () => /\b1 change waits/.test((await one.locator(".banner.offline").textContent()) ?? ""));
  await context.close();
});

scene("what the server refuses when one is back is said, and is as before", async () => {
  const { id } = await kaam.api<{ id: string }>("POST", "/api/tasks", { title: "refused: as it was" });
  await kaam.api("POST", "/api/tasks", { title: "refused: completed" });
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/all");
  await row(page, "refused: as it was").waitFor();
  await context.setOffline(true);
  await row(page, "refused: as it was").locator(".open").click();
  await page.getByRole("textbox", { name: "Title" }).fill("refused: as it will not be");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await row(page, "refused: as it will not be").waitFor();
  await addOffline(page, "refused: new");
  await row(page, "refused: completed").locator(".check").click();
  await row(page, "refused: completed").waitFor({ state: "detached" });
  await page.route(`**/api/tasks/${id}`, (route) => (route.request().method() === "PATCH" ? route.fulfill({ status: 422, json: { message: "this title is refused", errors: [] } }) : route.continue()));
  await page.route("**/api/tasks", (route) => (route.request().method() === "POST" ? route.fulfill({ status: 403, json: { message: "this task is refused", errors: [] } }) : route.continue()));
  await context.setOffline(false);
  await page.locator(".toast.problem", { hasText: "this title is refused" }).waitFor();
  await page.locator(".toast.problem", { hasText: "this task is refused" }).waitFor();
  await row(page, "refused: as it was").waitFor();
  await row(page, "refused: new").waitFor({ state: "detached" });
  assert.equal(await row(page, "refused: as it will not be").count(), 0);
  // What came after it was sent all the same.
  await until("the one after", async () => (await found("refused: completed"))[0]?.status === "completed");
  assert.deepEqual((await found("refused")).map((task) => task.title).sort(), ["refused: as it was", "refused: completed"]);
  await context.close();
});

scene("what is shown is kept, also where the page is closed in the moment in which it is shown", async () => {
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/all");
  await page.route(/\/(api|chat)\//, (route) => route.abort("internetdisconnected"));
  for (let round = 1; round <= 15; round++) {
    const title = `closed at once: ${round}.`;
    await page.getByRole("textbox", { name: "Add a task" }).fill(title);
    const opened = page.waitForEvent("load");
    await page.evaluate((title) => {
      const look = () => void (document.querySelector("#main")?.textContent?.includes(title) && location.reload());
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    }, title);
    await page.keyboard.press("Enter");
    await opened;
    await row(page, title).waitFor({ timeout: 10_000 });
  }
  await context.close();
});

scene("what was done offline is refused and said also after the page was opened anew", async () => {
  const { id } = await kaam.api<{ id: string }>("POST", "/api/tasks", { title: "reopened: as it was" });
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/all");
  await row(page, "reopened: as it was").waitFor();
  // Away as the API is, with the page itself still to be had.
  let isAway = true;
  await page.route(/\/(api|chat)\//, (route) => {
    if (isAway) return route.abort("internetdisconnected");
    const isPatch = route.request().method() === "PATCH";
    return isPatch && route.request().url().endsWith(id) ? route.fulfill({ status: 404, json: { message: "there is none", errors: [] } }) : route.continue();
  });
  await row(page, "reopened: as it was").locator(".open").click();
  await page.getByRole("textbox", { name: "Title" }).fill("reopened: changed");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await row(page, "reopened: changed").waitFor();
  await page.reload();
  await row(page, "reopened: changed").waitFor();
  isAway = false;
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.locator(".toast.problem", { hasText: "there is none" }).waitFor();
  await row(page, "reopened: as it was").waitFor();
  await context.close();
});

scene("the stream is gone on with where it was left, and nothing is asked for again and again", async () => {
  const browsing = await openContext(browser, { serviceWorkers: "block" });
  const page = await browsing.newPage();
  const connections: (string | undefined)[] = [];
  page.on("request", (request) => void (new URL(request.url()).pathname === "/api/updates" && connections.push(request.headers()["last-event-id"])));
  await page.goto(`${kaam.url}/#/all`);
  await isLive(page);
  await page.locator("#quick-add").waitFor();
  assert.deepEqual(connections, [undefined]);

  // What others do is heard of by the stream: of the list nothing is read, of the task once.
  await page.waitForTimeout(500);
  const lists = requests(browsing, "GET", /^\/api\/tasks\?/);
  const { id } = await kaam.api<{ id: string }>("POST", "/api/tasks", { title: "heard by the stream" });
  const reads = requests(browsing, "GET", new RegExp(`^/api/tasks/${id}$`));
  await row(page, "heard by the stream").waitFor({ timeout: 1_000 });
  await kaam.api("PATCH", `/api/tasks/${id}`, { title: "heard twice by the stream" });
  await row(page, "heard twice by the stream").waitFor({ timeout: 1_000 });
  assert.deepEqual(lists, []);
  assert.ok(reads.length >= 1 && reads.length <= 2, `${reads}`);

  // Away, and back by the place that was heard last.
  await browsing.setOffline(true);
  await page.waitForFunction(() => document.documentElement.dataset["live"] === "no");
  await kaam.api("POST", "/api/tasks", { title: "while it was away" });
  await browsing.setOffline(false);
  await row(page, "while it was away").waitFor({ timeout: 20_000 });
  await isLive(page);
  assert.ok(connections.length > 1 && connections.slice(1).every((id) => id), `without Last-Event-ID: ${connections}`);
  assert.deepEqual(lists, [], "the list was read although the stream had it all");
  assert.equal(await row(page, "while it was away").count(), 1);
  await browsing.close();
});

scene("where the stream can not tell what was missed, all is read anew", async () => {
  const browsing = await openContext(browser, { serviceWorkers: "block" });
  const page = await openPage(browsing, kaam.url, "#/all");
  await isLive(page);
  const { id } = await kaam.api<{ id: string }>("POST", "/api/tasks", { title: "before the reset" });
  await row(page, "before the reset").waitFor();
  const lists = requests(browsing, "GET", /^\/api\/tasks\?/);
  const settings = requests(browsing, "GET", /^\/api\/settings$/);
  // A place that the server does not know is answered with `reset`.
  await page.route("**/api/updates", (route) => route.continue({ headers: { ...route.request().headers(), "last-event-id": "of-long-ago" } }));
  await browsing.setOffline(true);
  await page.waitForFunction(() => document.documentElement.dataset["live"] === "no");
  await kaam.api("DELETE", `/api/tasks/${id}`);
  await kaam.api("POST", "/api/tasks", { title: "after the reset" });
  await browsing.setOffline(false);
  await row(page, "after the reset").waitFor({ timeout: 20_000 });
  await row(page, "before the reset").waitFor({ state: "detached" });
  assert.ok(lists.length >= 1);
  await until("the settings", async () => settings.length >= 1);
  await browsing.close();
});

async function signIn(page: Page, email: string, isNew: boolean): Promise<void> {
  await page.locator(".sign-in form").waitFor();
  if (isNew) await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByRole("textbox", { name: "E-mail" }).fill(email);
  await page.locator("input[type=password]").fill("a lantern over the harbour");
  await page.locator("form button[type=submit]").click();
  await page.locator("#quick-add").waitFor();
}

scene("a tab follows when in another one somebody signs out, and somebody else in", async () => {
  const guarded = await startKaam({ AUTH: "jwt" });
  const context = await openContext(browser, { serviceWorkers: "block" });
  const [one, other] = [await context.newPage(), await context.newPage()];
  for (const page of [one, other]) page.setDefaultTimeout(10_000);
  await one.goto(`${guarded.url}/#/all`);
  await signIn(one, "amna@example.org", true);
  await other.goto(`${guarded.url}/#/all`);
  await other.locator("#quick-add").waitFor();
  await addOffline(one, "Amna's own");
  await row(other, "Amna's own").waitFor();
  await one.goto(`${guarded.url}/#/settings`);
  await one.getByRole("button", { name: "Sign out" }).click();
  await other.locator(".sign-in form").waitFor();
  assert.equal(await other.getByText("Amna's own").count(), 0);
  await signIn(one, "bilal@example.org", true);
  await one.goto(`${guarded.url}/#/all`);
  await other.locator("#quick-add").waitFor();
  await addOffline(one, "Bilal's own");
  await row(other, "Bilal's own").waitFor();
  assert.equal(await row(other, "Amna's").count(), 0);
  await context.close();
  await guarded.stop();
});

scene("a session that ends while one is away: what waits is kept, and sent by nobody else", async () => {
  const guarded = await startKaam({ AUTH: "jwt" });
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(`${guarded.url}/#/all`);
  await signIn(page, "amna@example.org", true);
  await page.waitForTimeout(300);
  let isAway = true;
  let isEnded = false;
  const posted = requests(context, "POST", /^\/api\/tasks$/);
  await context.route(/\/(api|chat|auth)\//, (route) => {
    if (isAway) return route.abort("internetdisconnected");
    return isEnded && !route.request().url().includes("/auth/") ? route.fulfill({ status: 401, json: { message: "expired", errors: [] } }) : route.continue();
  });
  await addOffline(page, "Amna's, made while away");
  // The session ends, for good: the cookie is gone, and the token is of no use.
  await context.clearCookies();
  [isAway, isEnded] = [false, true];
  posted.length = 0;
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.locator(".sign-in form").waitFor({ timeout: 40_000 });
  assert.equal(await page.getByText("Amna's, made while away").count(), 0);
  isEnded = false;

  // Somebody else signs in: none of it is seen, none of it is sent.
  posted.length = 0;
  await signIn(page, "bilal@example.org", true);
  await page.waitForTimeout(1_000);
  assert.equal(await row(page, "Amna's").count(), 0);
  assert.deepEqual(posted, []);
  // Who made it signs in: it is there, and is sent.
  await page.goto(`${guarded.url}/#/settings`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, "amna@example.org", false);
  await page.goto(`${guarded.url}/#/all`);
  await row(page, "Amna's, made while away").waitFor();
  await until("what waited", async () => posted.length === 1);
  await page.waitForFunction(() => !document.querySelector("#main li.task[data-task^=new-]"));
  await page.reload();
  await row(page, "Amna's, made while away").waitFor();

  // In another tab Bilal signs in, while this one is Amna's: with its next token it becomes Bilal's, and does nothing as him.
  isAway = true;
  await addOffline(page, "Amna's second");
  const cookieOf = await openContext(browser, { serviceWorkers: "block" });
  const his = await cookieOf.newPage();
  await his.goto(guarded.url);
  await signIn(his, "bilal@example.org", false);
  await context.clearCookies();
  await context.addCookies(await cookieOf.cookies());
  [isAway, isEnded] = [false, false];
  posted.length = 0;
  let refused = 0;
  let asHis = 0;
  const bilal = String(await his.evaluate(() => localStorage.getItem("kaam.user")));
  await context.route("**/api/**", (route) => {
    if (route.request().method() === "POST" && refused++ < 1) return route.fulfill({ status: 401, json: { message: "expired", errors: [] } });
    const token = route.request().headers()["authorization"]?.split(".")[1] ?? "";
    if (route.request().method() === "POST" && Buffer.from(token, "base64url").toString().includes(bilal)) asHis++;
    return route.fallback();
  });
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await until("the page as his", async () => (await page.evaluate(() => localStorage.getItem("kaam.user")).catch(() => "")) === (await his.evaluate(() => localStorage.getItem("kaam.user"))), 40_000);
  await page.locator("#quick-add").waitFor();
  await row(page, "Amna's").first().waitFor({ state: "detached" });
  await isLive(page);
  await page.locator(".empty").waitFor();
  assert.equal(asHis, 0, "what she wrote was sent as his");
  await context.close();
  await cookieOf.close();
  await guarded.stop();
});
