import assert from "node:assert/strict";

import type { Browser, Page } from "playwright-core";

import { type Kaam, finish, openBrowser, openContext, openPage, prepare, scene, startKaam, stopAll, titles, until } from "./kaam.ts";

let browser: Browser;
let kaam: Kaam;
prepare(async () => {
  [browser, kaam] = await Promise.all([openBrowser(), startKaam({ AUTH: "jwt" })]);
});
finish(async () => {
  await browser.close();
  await stopAll();
});

const row = (page: Page, title: string) => page.locator("#main li.task", { hasText: title });

/** Goes on by Tab until something has the focus, as one who has no mouse. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let at = 0; at < 80; at++) {
    await page.keyboard.press("Tab");
    const label = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement | null;
      return element?.getAttribute("aria-label") ?? element?.labels?.[0]?.textContent ?? element?.textContent ?? "";
    });
    if (typeof name === "string" ? label.trim() === name : name.test(label)) return;
  }
  throw new Error(`${name} is not reached by Tab`);
}

scene("the whole story by keyboard alone", async () => {
  const context = await openContext(browser, { viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(kaam.url);

  // An account, and in.
  await page.getByRole("heading", { name: "Kaam" }).waitFor();
  await tabTo(page, "Create an account");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => (document.activeElement as HTMLInputElement).name), "email");
  await page.keyboard.type("amna@example.org");
  await page.keyboard.press("Tab");
  await page.keyboard.type("a lantern over the harbour");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Today" }).waitFor();

  // By chat, in English and in Urdu.
  await page.keyboard.press("c");
  await page.keyboard.type("Create a task to water the plants today at 11:58pm remind me 1 minute before");
  await page.locator(".say-marks mark.span-time").waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".bubble.theirs .card", { hasText: "water the plants" }).waitFor();
  await page.keyboard.type("کل شام پانچ بجے دودھ لانا ہے");
  await page.keyboard.press("Enter");
  await page.locator(".bubble.theirs .card", { hasText: "دودھ لانا" }).waitFor();
  assert.match((await page.locator(".bubble.theirs > p").last().textContent()) ?? "", /[\u0600-\u06ff]/);
  await page.keyboard.press("Escape");

  // The repetition, with its next dates.
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "water the plants" }).waitFor();
  await tabTo(page, "Repeat");
  await page.keyboard.type("Every day");
  await page.locator(".dates li").nth(4).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await row(page, "water the plants").locator(".icon-repeat").waitFor();

  // Done, and back: the next one is there, and goes again.
  await page.keyboard.press("x");
  await page.locator(".toast", { hasText: "Completed" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("u");
  await row(page, "water the plants").waitFor();
  await page.keyboard.press("z");
  await row(page, "water the plants").waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await row(page, "water the plants").waitFor();

  // Searching.
  await page.keyboard.press("/");
  await page.getByRole("heading", { name: "All" }).waitFor();
  await page.keyboard.type("دودھ");
  await until("the search", async () => (await titles(page)).length === 1);
  assert.deepEqual(await titles(page), ["دودھ لانا"]);
  await page.keyboard.press("Escape");

  // The palette, and the list of keys.
  await page.keyboard.press("Control+k");
  await page.locator(".palette input:focus").waitFor();
  await page.keyboard.type("upcom");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Upcoming" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");

  // Whoever comes again is still signed in; whoever signs out leaves nothing.
  await page.reload();
  await page.getByRole("heading", { name: "Upcoming" }).waitFor();
  await row(page, "دودھ لانا").waitFor();
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).includes("eyJ"), "a token is in the storage");
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await tabTo(page, "Sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByText("دودھ لانا").count(), 0);
  assert.deepEqual(await page.evaluate(async () => (await indexedDB.databases()).map((one) => one.name).filter((name) => name !== "kaam:local")), []);
  assert.deepEqual(context.mistakes, []);
  await context.close();
});

scene("the whole story by touch, with a reminder that is put off by its link", async () => {
  const local = await startKaam();
  await local.api("PATCH", "/api/settings", { time_zone: "Asia/Karachi", email: "amna@example.org" });
  const context = await openContext(browser, { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true });
  const page = await openPage(context, local.url);

  await page.getByRole("textbox", { name: "Add a task" }).tap();
  await page.keyboard.type("call Amna #family");
  await page.locator(".preview .chip", { hasText: "#family" }).waitFor();
  await page.getByRole("button", { name: "Add" }).tap();
  await row(page, "call Amna").waitFor();

  const added = await until("the task", async () => (await local.api<{ tasks: { id: string }[] }>("GET", "/api/tasks?q=Amna")).tasks[0]);
  const due_date = new Date(Date.now() + 1_000).toISOString();
  await local.api("PATCH", `/api/tasks/${added.id}`, { due_date, reminder_config: { lead_time: "0m" } });
  const mail = await local.mail("call Amna");
  const link = /^Snooze[^:]*: https?:\/\/[^/]+(\/links\/\S+)$/m.exec(mail)?.[1];
  assert.ok(link, `no link of the mail snoozes: ${mail}`);
  const away = await context.newPage();
  await away.goto(local.url + link);
  await away.getByRole("button").tap();
  // Its answer is there: a page that is closed while it goes elsewhere may never say that it is closed.
  await away.getByRole("button").waitFor({ state: "detached" });
  await away.waitForLoadState();
  await until("the snooze", async () => (await local.api<{ tasks: { snoozed_until: string | null }[] }>("GET", "/api/tasks?q=Amna")).tasks[0]?.snoozed_until);
  await away.close();

  await page.getByRole("link", { name: "Chat" }).tap();
  await page.getByRole("textbox", { name: "Say what to do" }).tap();
  await page.keyboard.type("buy milk tomorrow");
  await page.getByRole("button", { name: "Send" }).tap();
  await page.locator(".card", { hasText: "buy milk" }).waitFor();
  await page.getByRole("textbox", { name: "Say what to do" }).tap();
  await page.keyboard.type("delete buy milk");
  await page.getByRole("button", { name: "Send" }).tap();
  await page.getByRole("button", { name: "Yes" }).tap();
  await page.locator(".card.is-done", { hasText: "buy milk" }).first().waitFor();

  await page.getByRole("link", { name: /^Today/ }).tap();
  await row(page, "call Amna").locator(".open").tap();
  await page.getByRole("dialog", { name: "call Amna" }).waitFor();
  await page.getByRole("combobox", { name: "Priority" }).selectOption("high");
  // What a change says can be reached while its dialog is open.
  const dialog = page.getByRole("dialog");
  await dialog.locator(".toast").last().getByRole("button", { name: "Undo" }).tap();
  await until("the priority of before", async () => (await page.getByRole("combobox", { name: "Priority" }).inputValue()) === "medium");
  await page.getByRole("combobox", { name: "Priority" }).selectOption("high");
  await dialog.locator(".detail-bar").getByRole("button", { name: "Close" }).tap();
  await row(page, "call Amna").locator(".check.priority-high").tap();
  await row(page, "call Amna").waitFor({ state: "detached" });
  await page.locator(".toast", { hasText: "Completed" }).getByRole("button", { name: "Undo" }).tap();
  await row(page, "call Amna").waitFor();

  assert.deepEqual(context.mistakes, []);
  await context.close();
  await local.stop();
});
