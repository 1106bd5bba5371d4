// The page for those who see, point, or read otherwise: narrow and enlarged, without a mouse, with the colours of the system, in calm.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";

import { type Kaam, finish, openBrowser, openContext, openPage, prepare, scene, startKaam, stopAll, TARGET } from "./kaam.ts";

const PICTURES = join(TARGET, "page");
const VIEWS = ["#/today", "#/upcoming", "#/all", "#/done", "#/chat", "#/settings", "#/all/TASK"];

let browser: Browser;
let kaam: Kaam;
let taskId: string;
prepare(async () => {
  [browser, kaam] = await Promise.all([openBrowser(), startKaam()]);
  await mkdir(PICTURES, { recursive: true });
  await kaam.api("PATCH", "/api/settings", { time_zone: "Asia/Karachi", quiet_hours: { start: "22:00", end: "07:00" } });
  const today = new Date(Date.now() + 5 * 3_600_000).toISOString().slice(0, 10);
  ({ id: taskId } = await kaam.api<{ id: string }>("POST", "/api/tasks", {
    title: "Water the plants", due_date: `${today}T23:58:00`, recurrence_rule: { pattern: "weekly", weekdays: ["sun", "wed"] }, tags: ["home", "بازار"],
    reminder_config: [{ lead_time: "15m" }, { lead_time: "1d" }],
  }));
  for (let at = 0; at < 20; at++) await kaam.api("POST", "/api/tasks", { title: `Task ${at}`, due_date: today });
});
finish(async () => {
  await browser.close();
  await stopAll();
});

/** What can be operated, with its size in CSS pixels and whether it is one of a sentence or line. */
const targets = (page: Page) => page.evaluate(() => {
  const seen = document.querySelector("dialog[open]") ?? document;
  return [...seen.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, summary, [role=option]")]
    .filter((one) => one.checkVisibility({ checkVisibilityCSS: true }) && !one.classList.contains("skip"))
    .map((one) => {
      const { width, height } = one.getBoundingClientRect();
      return { name: one.getAttribute("aria-label") ?? one.textContent ?? one.id, width, height };
    });
});

for (const language of ["en-GB", "ur-PK"] as const) {
  scene(`at 320 px, and so at 400 %, nothing has to be scrolled sideways and each target has 24 px, ${language}`, async () => {
    await kaam.api("PATCH", "/api/settings", { locale: language });
    const context = await openContext(browser, { viewport: { width: 320, height: 640 }, serviceWorkers: "block" });
    const found: string[] = [];
    for (const view of VIEWS) {
      const page = await openPage(context, kaam.url, view.replace("TASK", taskId));
      await page.waitForFunction((wanted) => document.documentElement.lang === wanted, language.slice(0, 2));
      if (view.includes("TASK")) await page.locator("dialog .dates li").first().waitFor();
      await page.screenshot({ path: join(PICTURES, `narrow-${view.replace(/\W/g, "")}-${language}-320.png`) });
      const wide = await page.evaluate(() => {
        const dialog = document.querySelector("dialog[open]");
        return Math.max(document.documentElement.scrollWidth - innerWidth, dialog ? dialog.scrollWidth - dialog.clientWidth : 0);
      });
      if (wide > 0) found.push(`${view}: ${wide} px too wide`);
      for (const { name, width, height } of await targets(page)) if (width < 24 || height < 24) found.push(`${view}: "${name}" has ${width} by ${height}`);
      await page.close();
    }
    assert.deepEqual(found, []);
    await context.close();
  });
}

scene("letters of twice the size are neither cut off nor on top of each other", async () => {
  await kaam.api("PATCH", "/api/settings", { locale: "en-GB" });
  const context = await openContext(browser, { viewport: { width: 1280, height: 800 }, serviceWorkers: "block" });
  const found: string[] = [];
  for (const view of VIEWS) {
    const page = await openPage(context, kaam.url, view.replace("TASK", taskId));
    const session = await context.newCDPSession(page);
    // The browser's own setting.
    await session.send("Page.setFontSizes", { fontSizes: { standard: 32, fixed: 26 } });
    await page.waitForFunction(() => getComputedStyle(document.documentElement).fontSize === "32px");
    await page.waitForTimeout(100);
    const room = await page.evaluate(() => document.getElementById("main")?.getBoundingClientRect().width ?? 0);
    if (room < 600) found.push(`${view}: only ${room} px are left for it`);
    const cut = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>("button, a, label, h1, h2, p")]
      .filter((one) => one.checkVisibility() && !one.closest(".visually-hidden") && !one.classList.contains("visually-hidden"))
      .filter((one) => getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1)
      .map((one) => one.textContent ?? ""));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) found.push(`${view}: ${wide} px too wide`);
    found.push(...cut.map((one) => `${view}: "${one}" is cut off`));
    await page.screenshot({ path: join(PICTURES, `enlarged-${view.replace(/\W/g, "")}.png`) });
    await page.close();
  }
  assert.deepEqual(found, []);
  await context.close();
});

for (const [width, height] of [[375, 667], [1440, 900]] as const) {
  scene(`whatever has the focus is seen, and that it has it, at ${width} px`, async () => {
    await kaam.api("PATCH", "/api/settings", { locale: "en-GB" });
    const context = await openContext(browser, { viewport: { width, height }, serviceWorkers: "block" });
    const found: string[] = [];
    for (const view of VIEWS) {
      const page = await openPage(context, kaam.url, view.replace("TASK", taskId));
      if (view.includes("TASK")) await page.locator("dialog .dates li").first().waitFor();
      const seen = new Set<string>();
      for (let at = 0; at < 70; at++) {
        await page.keyboard.press("Tab");
        // The page scrolls to it in the next frame.
        const told = await page.evaluate(async () => {
          await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
          const one = document.activeElement as HTMLElement;
          if (one === document.body) return null;
          const name = `${one.tagName} ${one.getAttribute("aria-label") ?? one.textContent?.slice(0, 40) ?? ""} ${one.id}`;
          const box = one.getBoundingClientRect();
          // WCAG 2.4.11: not all of it is under something else.
          const points = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]].map(([x = 0, y = 0]) => document.elementFromPoint(box.x + box.width * x, box.y + box.height * y));
          const isSeen = points.some((top) => top && (one.contains(top) || top.contains(one)));
          // The one that has it, or the box that is drawn around it.
          const boxes = [one, one.closest(".quick-add, .chat-form, .palette")].filter((each) => each !== null);
          const isMarked = boxes.some((each) => {
            const { outlineStyle, outlineWidth } = getComputedStyle(each);
            return outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
          });
          return { name, isSeen, isMarked };
        });
        if (!told) break;
        if (seen.has(told.name)) continue;
        seen.add(told.name);
        if (!told.isSeen) found.push(`${view}: ${told.name} is hidden`);
        if (!told.isMarked) found.push(`${view}: ${told.name} does not show that it has the focus`);
      }
      assert.ok(seen.size > 5, `${view}: only ${[...seen]}`);
      await page.close();
    }
    assert.deepEqual(found, []);
    await context.close();
  });
}

scene("with the colours of the system what is chosen, done and marked is still told apart", async () => {
  const context = await openContext(browser, { viewport: { width: 1440, height: 900 }, forcedColors: "active", serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/all");
  await page.screenshot({ path: join(PICTURES, "forced-colors-all.png") });
  const ground = (selector: string) => page.locator(selector).first().evaluate((one) => getComputedStyle(one).backgroundColor);
  assert.notEqual(await ground(".places a[aria-current]"), await ground(".places a:not([aria-current])"), "the place where one is looks like the others");
  await page.goto(`${kaam.url}/#/settings`);
  const on = page.locator(".switch:checked").first();
  await on.waitFor();
  const knob = await on.evaluate((one) => getComputedStyle(one, "::before").backgroundColor);
  assert.notEqual(await ground(".switch:checked"), knob, "the knob of a switch is not seen");
  await page.screenshot({ path: join(PICTURES, "forced-colors-settings.png") });
  await page.goto(`${kaam.url}/#/all/${taskId}`);
  await page.locator("dialog .day[aria-pressed=true]").first().waitFor();
  const day = (pressed: boolean) => page.locator(`dialog .day[aria-pressed=${pressed}]`).first().evaluate((one) => getComputedStyle(one).backgroundColor);
  assert.notEqual(await day(true), await day(false), "a day that is chosen looks like the others");
  await page.screenshot({ path: join(PICTURES, "forced-colors-task.png") });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  const option = (selected: boolean) => page.locator(`.palette [aria-selected=${selected}]`).first().evaluate((one) => getComputedStyle(one).backgroundColor + getComputedStyle(one).outlineStyle);
  await page.locator(".palette [aria-selected=true]").waitFor();
  assert.notEqual(await option(true), await option(false), "the command that is chosen looks like the others");
  await context.close();
});

scene("where people ask for less motion nothing moves", async () => {
  const context = await openContext(browser, { reducedMotion: "reduce", serviceWorkers: "block" });
  const page = await openPage(context, kaam.url, "#/today");
  await page.locator("#main li.task .check").last().click();
  await page.locator(".toast").waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await page.keyboard.press("z");
  await page.locator("#main li.task .open").first().click();
  await page.locator("dialog[open]").waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await context.close();
});
