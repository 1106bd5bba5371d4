// How quick the page is: on this machine, before a Kaam on this machine.

import assert from "node:assert/strict";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import type { Browser, Page } from "playwright-core";

import { type Kaam, finish, openBrowser, openContext, openPage, PAGE, prepare, scene, startKaam, stopAll } from "./kaam.ts";

const USABLE_MS = 150;
const PAINT_MS = 50;
const SCRIPT_BYTES = 60_000;
const STYLE_BYTES = 12_000;
const MANY = 2_000;
const ROUNDS = 3;
/** How long a text of Kaam's takes until it is painted, where the page takes its bound and nothing else runs. */
const QUIET_TEXT_MS = 60;

let browser: Browser;
let kaam: Kaam;
prepare(async () => {
  [browser, kaam] = await Promise.all([openBrowser(), startKaam()]);
});
finish(async () => {
  await browser.close();
  await stopAll();
});

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

scene("all scripts together are at most 60 kB, compressed", async () => {
  const { build } = (await import(pathToFileURL(join(PAGE, "build.mjs")).href)) as { build: () => Promise<{ path: string; body: Buffer }[]> };
  const files = await build();
  const size = (ending: string) => files.filter((file) => file.path.endsWith(ending)).reduce((sum, file) => sum + gzipSync(file.body, { level: 9 }).length, 0);
  console.log(`scripts: ${size(".js")} bytes, style: ${size(".css")} bytes`);
  assert.ok(size(".js") <= SCRIPT_BYTES);
  assert.ok(size(".css") <= STYLE_BYTES);
});

/**
 * Measures in rounds, and takes the best one. The bounds are those of the page on a machine that does nothing else; whatever else
 * runs there can only add to a time, never take from it, so one round within its bound shows that the page keeps it. They are not moved
 * where somebody looks: where no round is quiet, this fails, and tells the load beside the times.
 *
 * In CI nobody knows what else runs. There a text of the same server, which has nothing of the page in it, is opened in the same round, and
 * the page has as much more time as that took longer than on a quiet machine.
 */
async function bestOf(what: string, boundMs: number, one: (all: number[]) => number, round: () => Promise<number[]>): Promise<void> {
  const said: string[] = [];
  for (let at = 1; at <= ROUNDS; at++) {
    const all = await round();
    const [ms, textMs] = [one(all), one(await textsAfter())];
    const allowedMs = boundMs * (process.env["CI"] ? Math.max(1, textMs / QUIET_TEXT_MS) : 1);
    said.push(`${what}: ${Math.round(ms)} of ${Math.round(allowedMs)} ms in round ${at} (a text: ${Math.round(textMs)} ms, load ${loadavg()[0]?.toFixed(1)} on ${cpus().length} processors): ${all.map(Math.round).join(" ")}`);
    console.log(said.at(-1));
    if (ms < allowedMs) return;
  }
  assert.fail(`not within ${boundMs} ms\n${said.join("\n")}`);
}

/** Gives the milliseconds until a text is painted, eight times. */
async function textsAfter(): Promise<number[]> {
  const context = await openContext(browser, { serviceWorkers: "block" });
  const page = await context.newPage();
  const all: number[] = [];
  for (let at = 0; at < 8; at++) {
    await page.goto("about:blank");
    await page.waitForTimeout(SETTLED_MS);
    await page.goto(`${kaam.url}/licences.txt`);
    await page.waitForTimeout(UNDISTURBED_MS);
    const painted = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    all.push((await painted.jsonValue()) as number);
  }
  await context.close();
  return all;
}

/** How long a browser is left alone after a page was left: it ends that page, and starts a process for the next one. */
const SETTLED_MS = 400;
/** How long a page is left alone while it begins. */
const UNDISTURBED_MS = 400;

/**
 * Gives the milliseconds from the start of the navigation until the tasks are painted, as the screen has them, and one can type.
 *
 * It measures the page, not what measures it: nobody opens a page in the millisecond in which the last one is closed, whose end
 * would then be timed too; and what `waitForFunction` puts into a page, some 10 ms of script just before its first picture, comes after it.
 */
async function usableAfter(page: Page, url: string): Promise<number> {
  await page.goto("about:blank");
  await page.waitForTimeout(SETTLED_MS);
  await page.goto(`${url}/#/today`);
  await page.waitForTimeout(UNDISTURBED_MS);
  const handle = await page.waitForFunction(() => {
    const usable = performance.getEntriesByName("kaam:usable")[0];
    const painted = performance.getEntriesByName("first-contentful-paint")[0];
    return usable && painted && Math.max(usable.startTime, painted.startTime);
  });
  return (await handle.jsonValue()) as number;
}

for (const [name, serviceWorkers] of [["with nothing kept", "block"], ["for one who was here before", "allow"]] as const) {
  scene(`it is usable within 150 ms ${name}`, async () => {
    if (!(await kaam.api<{ tasks: object[] }>("GET", "/api/tasks")).tasks.length) {
      for (const title of ["one", "two", "three"]) await kaam.api("POST", "/api/tasks", { title, due_date: new Date().toISOString().slice(0, 10) });
    }
    const context = await openContext(browser, { serviceWorkers });
    const page = await context.newPage();
    if (serviceWorkers === "block") {
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    }
    await usableAfter(page, kaam.url);
    if (serviceWorkers === "allow") await page.evaluate(async () => void (await navigator.serviceWorker.ready));
    await bestOf(`usable ${name}, median of 20`, USABLE_MS, median, async () => {
      const all: number[] = [];
      for (let at = 0; at < 20; at++) {
        if (serviceWorkers === "block") await page.evaluate(async () => Promise.all((await indexedDB.databases()).map(({ name }) => indexedDB.deleteDatabase(name ?? ""))));
        all.push(await usableAfter(page, kaam.url));
      }
      return all;
    });
    await context.close();
  });
}

scene("with 2,000 tasks the next picture comes within 50 ms of what one does", async () => {
  await Promise.all(Array.from({ length: 20 }, async (_, lane) => {
    for (let at = lane; at < MANY; at += 20) {
      const due = new Date(Date.now() + ((at % 400) - 20) * 86_400_000).toISOString().slice(0, 10);
      await kaam.api("POST", "/api/tasks", { title: `task ${at} of many`, due_date: at % 3 ? due : null, priority: at % 7 ? "medium" : "high", tags: at % 5 ? [] : ["many"] });
    }
  }));
  const context = await openContext(browser, { viewport: { width: 1440, height: 900 } });
  await bestOf("interaction to next paint", PAINT_MS, nextPaint, async () => {
    const page = await openPage(context, kaam.url, "#/all");
    const all = await interact(page);
    await page.close();
    return all;
  });
  await context.close();
});

/** Does what people do in a long list, and gives how long each took, in milliseconds; what took less than 16 is not told at all. */
async function interact(page: Page): Promise<number[]> {
  const wanted = MANY - 20 * ROUNDS;
  await page.waitForFunction((many) => Number(document.documentElement.dataset["tasks"]) >= many, MANY, { timeout: 60_000 });
  // All rows are made, as for one who has scrolled to the end.
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.waitForFunction((many) => document.querySelectorAll("#main li.task").length >= many, wanted);
  await page.waitForTimeout(500);
  await page.evaluate(() => {
    const taken: [number, string, number][] = [];
    Object.assign(window, { taken });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { interactionId: number })[]) {
        if (entry.interactionId) taken.push([entry.interactionId, entry.name, entry.duration]);
      }
    }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
  });
  const shown = await page.locator("#main li.task").count();
  // By the mouse itself, and where it is to be pressed is asked before: a locator's `click` looks through all rows by script, some 20 ms and
  // much garbage each time, and asks at each event of the mouse what it hits. People do not.
  for (let at = 0; at < 10; at++) {
    const { x, y } = await page.evaluate((row) => {
      const check = document.querySelectorAll("#main li.task .check")[row];
      check?.scrollIntoView({ block: "nearest" });
      const box = check?.getBoundingClientRect();
      return { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 };
    }, at);
    await page.mouse.move(x, y);
    await page.waitForTimeout(60);
    await page.mouse.click(x, y);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.waitForTimeout(450);
  }
  // Each click and each `x` has completed a task.
  await page.waitForFunction((most) => document.querySelectorAll("#main li.task").length <= most, shown - 20);
  await page.evaluate(() => document.getElementById("search")?.focus());
  await page.waitForTimeout(60);
  for (const letter of "task 19") {
    await page.keyboard.type(letter);
    await page.waitForTimeout(60);
  }
  await page.waitForTimeout(500);
  const taken = await page.evaluate(() => (window as unknown as { taken: [number, string, number][] }).taken);
  assert.equal(await page.locator("#search").inputValue(), "task 19");
  // Were none noticed, each would count as quick.
  const noticed = await page.evaluate(() => (performance as unknown as { interactionCount?: number }).interactionCount ?? 0);
  assert.ok(noticed >= 30, `the browser has noticed ${noticed} interactions`);
  console.log(`over 16 ms: ${taken.map(([, name, ms]) => `${name} ${Math.round(ms)}`).join(", ") || "none"}`);
  // An interaction is several events; its longest one counts.
  const byInteraction = new Map<number, number>();
  for (const [id, , ms] of taken) byInteraction.set(id, Math.max(byInteraction.get(id) ?? 0, ms));
  return [...byInteraction.values()];
}

/** The measure INP: the longest of all interactions, of which one in fifty is left out. There are 37 here, so none is. */
const nextPaint = (all: number[]) => Math.max(0, ...all);

scene("it asks nobody but the server that it came from", async () => {
  const context = await openContext(browser);
  const page = await context.newPage();
  const elsewhere: string[] = [];
  page.on("request", (request) => void (request.url().startsWith(kaam.url) || elsewhere.push(request.url())));
  await page.goto(kaam.url);
  await page.locator("#main").waitFor();
  for (const view of ["upcoming", "all", "done", "settings"]) await page.goto(`${kaam.url}/#/${view}`);
  assert.deepEqual(elsewhere, []);
  await context.close();
});
