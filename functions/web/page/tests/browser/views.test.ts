// Every view, in both languages and both themes: nothing that keeps anybody out, and pictures for people to look at.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";

import { type Kaam, finish, openBrowser, openContext, openPage, PAGE, prepare, scene, startKaam, stopAll, TARGET } from "./kaam.ts";

let browser: Browser;
let kaam: Kaam;
let axe: string;
let taskId: string;
const PICTURES = join(TARGET, "page");

prepare(async () => {
  [browser, kaam] = await Promise.all([openBrowser(), startKaam()]);
  axe = await readFile(createRequire(join(PAGE, "package.json")).resolve("axe-core/axe.min.js"), "utf8");
  await mkdir(PICTURES, { recursive: true });
  await fill();
});
finish(async () => {
  await browser.close();
  await stopAll();
});

/** The day in Karachi. */
const today = () => new Date(Date.now() + 5 * 3_600_000).toISOString().slice(0, 10);

async function fill(): Promise<void> {
  await kaam.api("PATCH", "/api/settings", { time_zone: "Asia/Karachi", email: "amna@example.org", quiet_hours: { start: "22:00", end: "07:00" } });
  const day = (away: number) => new Date(Date.now() + 5 * 3_600_000 + away * 86_400_000).toISOString().slice(0, 10);
  const add = (title: string, more: object = {}) => kaam.api<{ id: string }>("POST", "/api/tasks", { title, ...more });
  await add("Call the plumber about the kitchen tap", { due_date: day(-2), priority: "high", tags: ["home"] });
  await add("Send the quarterly report to Bilal", { due_date: `${day(-1)}T16:00:00`, description: "The figures of October are in the shared folder." });
  ({ id: taskId } = await add("Water the plants", {
    due_date: `${day(0)}T23:58:00`, recurrence_rule: { pattern: "weekly", weekdays: ["sun", "wed"] }, tags: ["home", "بازار"],
    reminder_config: [{ lead_time: "15m" }, { lead_time: "1d" }], description: "Not the cactus.",
  }));
  await add("دودھ، انڈے اور ڈبل روٹی لانا", { due_date: day(0), tags: ["بازار"] });
  await add("Renew the library books", { due_date: day(0), priority: "low" });
  await add("Dentist", { due_date: `${day(1)}T09:30:00`, reminder_config: { lead_time: "1h" } });
  await add("امی کو فون کرنا", { due_date: `${day(3)}T20:00:00` });
  await add("Pay the rent", { due_date: `${day(9)}T10:00:00`, recurrence_rule: { pattern: "monthly" }, priority: "high" });
  await add("Car service", { due_date: day(40) });
  await add("Learn to make nihari");
  const { id } = await add("Buy stamps");
  await kaam.api("POST", `/api/tasks/${id}/complete`, {});
}

interface Place {
  name: string;
  hash: string;
  prepare?: (page: Page) => Promise<void>;
}

const PLACES: Place[] = [
  { name: "today", hash: "#/today", prepare: async (page) => {
    await page.locator("#quick-add").fill("pay the bill every month on the 5th at 9am #home");
    await page.locator(".say-marks mark").first().waitFor();
  } },
  { name: "upcoming", hash: "#/upcoming" },
  { name: "all", hash: "#/all" },
  { name: "nothing-found", hash: "#/all", prepare: (page) => page.locator("#search").fill("no such task") },
  { name: "done", hash: "#/done" },
  { name: "chat", hash: "#/chat", prepare: async (page) => {
    for (const text of ["water the car tomorrow at 5pm", "delete it"]) {
      await page.locator("#say").fill(text);
      await page.keyboard.press("Enter");
      await page.locator(".thinking").waitFor({ state: "detached" });
    }
    // What was answered instead says why.
    await page.locator(".choices .primary").waitFor().catch(async (cause: Error) => {
      throw new Error(await page.locator(".log").innerText(), { cause });
    });
  } },
  { name: "settings", hash: "#/settings" },
  { name: "task", hash: "#/today/TASK", prepare: async (page) => {
    await page.locator("dialog .dates li").first().waitFor();
    await page.locator("dialog summary").click();
    await page.locator("dialog .entries li").first().waitFor();
    await page.locator("dialog").evaluate((dialog) => dialog.scrollTo(0, 0));
  } },
  { name: "palette", hash: "#/today", prepare: async (page) => {
    await page.keyboard.press("Control+k");
    await page.locator(".palette input:focus").waitFor();
    await page.keyboard.type("wa");
  } },
  { name: "help", hash: "#/today", prepare: (page) => page.keyboard.press("?") },
  { name: "toast", hash: "#/today", prepare: async (page) => {
    await page.locator("#main li.task .check").last().click();
    await page.locator(".toast button").first().click();
    await page.locator("#main li.task .check").last().click();
    await page.locator(".toast").first().waitFor();
    await page.keyboard.press("z");
    await page.locator("#main li.task .check").last().click();
  } },
  { name: "offline", hash: "#/today", prepare: async (page) => {
    await page.context().setOffline(true);
    await page.locator("#main li.task .check").last().click();
    await page.locator(".banner.offline").waitFor();
  } },
];

interface Violation {
  id: string;
  nodes: { target: string[]; failureSummary: string }[];
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = (await page.evaluate(`axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`)) as { violations: Violation[] };
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary.split("\n")[1]}`));
}

for (const language of ["en-GB", "ur-PK"] as const) {
  for (const theme of ["light", "dark"] as const) {
    scene(`axe finds nothing in any view, ${language}, ${theme}`, async () => {
      await kaam.api("PATCH", "/api/settings", { locale: language });
      // Two are ticked off below.
      for (const title of ["Buy stamps", "Empty the bin"]) await kaam.api("POST", "/api/tasks", { title, due_date: today() });
      const found: string[] = [];
      for (const { name, hash, prepare } of PLACES) {
        const context = await openContext(browser, { viewport: { width: 1440, height: 900 }, colorScheme: theme, reducedMotion: "reduce", serviceWorkers: "block" });
        const page = await openPage(context, kaam.url, hash.replace("TASK", taskId));
        await page.waitForFunction((wanted) => document.documentElement.lang === wanted, language.slice(0, 2)).catch(() => assert.fail(`${name} is not in ${language}`));
        await prepare?.(page);
        for (const width of [1440, 768, 375]) {
          await page.setViewportSize({ width, height: width === 375 ? 812 : 900 });
          await page.waitForTimeout(50);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (wide > 0) found.push(`${name} at ${width}: ${wide} px too wide`);
          await page.screenshot({ path: join(PICTURES, `${name}-${language}-${theme}-${width}.png`) });
          if (width !== 768) found.push(...(await violations(page)).map((one) => `${name} at ${width}: ${one}`));
        }
        found.push(...context.mistakes.map((one) => `${name}: ${one}`));
        await context.setOffline(false);
        await context.close();
      }
      assert.deepEqual(found, []);
    });
  }
}

scene("axe finds nothing where one signs in", async () => {
  const guarded = await startKaam({ AUTH: "jwt" });
  const found: string[] = [];
  for (const [language, theme] of [["en-GB", "light"], ["ur-PK", "light"], ["en-GB", "dark"], ["ur-PK", "dark"]] as const) {
    const context = await openContext(browser, { colorScheme: theme, locale: language, serviceWorkers: "block" });
    const page = await context.newPage();
    await page.goto(guarded.url);
    await page.locator("form input[type=password]").waitFor();
    for (const width of [375, 768, 1440]) {
      await page.setViewportSize({ width, height: 812 });
      await page.screenshot({ path: join(PICTURES, `sign-in-${language}-${theme}-${width}.png`) });
    }
    found.push(...(await violations(page)));
    await context.close();
  }
  assert.deepEqual(found, []);
  await guarded.stop();
});

scene("what people write is text, whatever it looks like", async () => {
  const hostile = [
    `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`,
    "\u202Etxt.exe\u202C \u2067mirrored",
    "🎉".repeat(500),
    "{{constructor.constructor('window.hacked=1')()}}",
    "javascript:window.hacked=1",
    "W".repeat(500),
    "Z̴̢̛a̷l̶g̵o̸".repeat(20),
  ];
  for (const title of hostile) {
    await kaam.api("POST", "/api/tasks", { title, description: `<b>${title}</b>`.slice(0, 10_000), tags: ["<i>x</i>"], due_date: "2026-11-01" });
  }
  await kaam.api("PATCH", "/api/settings", { locale: "en-GB" });
  const context = await openContext(browser, { viewport: { width: 375, height: 812 }, serviceWorkers: "block" });
  for (const hash of ["#/today", "#/all"]) {
    const page = await openPage(context, kaam.url, hash);
    await page.locator("#main li.task", { hasText: "javascript:" }).waitFor();
    const shown = await page.locator("#main li.task .title").allTextContents();
    for (const title of hostile) assert.ok(shown.includes(title), `${title.slice(0, 40)} in ${hash}`);
    // No character is cut in two.
    assert.ok(!/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(await page.evaluate(() => document.body.innerText)), "half a character");
    // Each is on its own line, in its own isolation, and nothing of it is an element or wider than the page.
    assert.equal(await page.locator("#main li.task .title img, #main li.task .title script, #main li.task b, #main li.task i").count(), 0);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 375);
    await page.locator("#main li.task .open").first().click();
    await page.getByRole("dialog").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 375);
    await page.screenshot({ path: join(PICTURES, "hostile-375.png") });
    assert.equal(await page.evaluate(() => "hacked" in window), false);
    await page.close();
  }
  // In what is said of it, what is found, what happened, and on paper.
  const [image = ""] = hostile;
  const listed = await openPage(context, kaam.url, "#/all");
  const row = listed.locator("#main li.task", { hasText: image });
  await row.locator(".open").click();
  await listed.locator("dialog").getByRole("combobox", { name: "Priority" }).selectOption("low");
  await listed.locator(".toast .toast-title", { hasText: "<img src=x onerror=" }).waitFor();
  await listed.getByRole("textbox", { name: "Title" }).fill(`${image} <b>again</b>`);
  await listed.keyboard.press("Enter");
  await listed.locator("dialog summary").click();
  await listed.locator("dialog .entries .change", { hasText: "<b>again</b>" }).first().waitFor();
  await listed.keyboard.press("Escape");
  await listed.getByRole("dialog").waitFor({ state: "detached" });
  await listed.keyboard.press("Control+k");
  await listed.locator(".palette input:focus").waitFor();
  await listed.keyboard.type("<img");
  await listed.locator(".palette .name", { hasText: "<b>again</b>" }).waitFor();
  assert.equal(await listed.locator("dialog img, dialog b, .toast img, .toast b").count(), 0);
  await listed.keyboard.press("Escape");
  await listed.emulateMedia({ media: "print" });
  assert.ok(await row.first().isVisible());
  assert.equal(await listed.evaluate(() => "hacked" in window), false);
  await listed.close();
  const page = await openPage(context, kaam.url, "#/chat");
  await page.locator("#say").fill("show tasks due on 1 November 2026");
  await page.keyboard.press("Enter");
  await page.locator(".bubble.theirs .card .title", { hasText: "<b>again</b>" }).waitFor();
  assert.equal(await page.locator(".bubble img, .bubble b, .bubble script").count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 375);
  await page.locator("#say").fill(`<img src=x onerror="window.hacked=1">`);
  await page.keyboard.press("Enter");
  await page.locator(".bubble.theirs > p").nth(1).waitFor();
  assert.equal(await page.evaluate(() => "hacked" in window), false);
  assert.deepEqual(context.mistakes, []);
  await context.close();
});

scene("a chat that grows long scrolls in its own place", async () => {
  const context = await openContext(browser, { viewport: { width: 1_300, height: 700 }, serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/today");
  const answers = page.locator(".side-chat .bubble.theirs");
  const before = await answers.count();
  for (const more of [1, 2, 3]) {
    await page.locator("#say").fill("show my tasks");
    await page.keyboard.press("Enter");
    await answers.nth(before + more - 1).locator(".card").first().waitFor();
  }
  const sizes = await page.evaluate(() => [".side-chat", ".log"].map((place) => {
    const { scrollHeight, clientHeight } = document.querySelector(place) as HTMLElement;
    return scrollHeight - clientHeight;
  }));
  assert.ok(sizes[0] === 0 && (sizes[1] ?? 0) > 0, `${sizes}`);
  await context.close();
});

scene("on paper there are the tasks and nothing else", async () => {
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/all");
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.locator("#main li.task").first().isVisible());
  for (const gone of [".places", ".quick-add", ".filters"]) assert.ok(!(await page.locator(gone).first().isVisible()), gone);
  await page.screenshot({ path: join(PICTURES, "print.png") });
  await context.close();
});
