// A Kaam of a test's own, and a browser before it.
//
// KAAM_BACKEND is the program (default: target/debug/backend), KAAM_CHROMIUM the browser (default: what is installed as
// chromium). Where the program serves another page than this folder's, this one is put before it.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, chromium } from "playwright-core";

export const PAGE = process.env["KAAM_PAGE"] ?? ".";
const ROOT = join(PAGE, "../../..");
export const TARGET = process.env["CARGO_TARGET_DIR"] ?? join(ROOT, "target");

export interface Kaam {
  url: string;
  api: <T = Record<string, unknown>>(method: string, path: string, body?: object) => Promise<T>;
  /** Waits for a mail, and gives its text. */
  mail: (subject: string) => Promise<string>;
  stop: () => Promise<void>;
}

// Some of what a browser is asked has no bound of its own.
const BOUND = { timeout: 180_000 };

/** A test, which fails instead of waiting for ever. */
export const scene = (name: string, play: () => Promise<void>): void => void test(name, BOUND, play);

export const prepare = (what: () => Promise<void>): void => before(what, BOUND);
export const finish = (what: () => Promise<void>): void => after(what, BOUND);

const running = new Set<() => Promise<void>>();

/** Stops what a test that failed has left. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((stop) => stop()));
}

export async function startKaam(settings: Record<string, string> = {}): Promise<Kaam> {
  const folder = await mkdtemp(join(tmpdir(), "kaam-page-"));
  const program = process.env["KAAM_BACKEND"] ?? join(TARGET, "debug/backend");
  // Nothing of the settings of whoever runs this.
  const env: Record<string, string> = { PORT: "0", DATA_DIR: join(folder, "data"), LOG_LEVEL: "warn", PUBLIC_URL: "http://localhost:8000", ...settings };
  for (const name of ["PATH", "HOME", "PG_BIN", "LANG"]) if (process.env[name]) env[name] = process.env[name] as string;
  const child = spawn(program, [], { env, stdio: ["ignore", "pipe", "pipe"] });
  const backend = await addressOf(child);
  const own = await (await fetch(backend)).text();
  const built = await buildNow();
  const front = built.every((path) => own.includes(path)) ? null : await putBefore(backend);
  const url = (front?.url ?? backend).replace("127.0.0.1", "localhost");
  const stop = async () => {
    if (!running.delete(stop)) return;
    await front?.close();
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  running.add(stop);
  const api: Kaam["api"] = async (method, path, body) => {
    const init: RequestInit = { method, headers: { "content-type": "application/json" } };
    if (body) init.body = JSON.stringify(body);
    const response = await fetch(url + path, init);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as never;
  };
  const mail = (subject: string) => until(`a mail "${subject}"`, async () => {
    const names = await readdir(join(folder, "data/mail")).catch(() => [] as string[]);
    for (const name of names.filter((one) => one.endsWith(".eml"))) {
      const text = unwrapped(await readFile(join(folder, "data/mail", name), "utf8"));
      if (text.includes(subject)) return text;
    }
    return null;
  });
  return { url, api, mail, stop };
}

/** Stops a Kaam, which has 30 s to end as it should. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await exit;
  clearTimeout(late);
  if (child.signalCode) throw new Error("the server did not end within 30 s of SIGTERM");
}

/** Gives the names that the page has when it is built of this folder. */
async function buildNow(): Promise<string[]> {
  const { build } = (await import(pathToFileURL(join(PAGE, "build.mjs")).href)) as { build: () => Promise<{ path: string; immutable: boolean }[]> };
  return (await build()).filter((file) => file.immutable).map((file) => file.path);
}

async function putBefore(backend: string): Promise<{ url: string; close: () => Promise<void> }> {
  const { serve } = (await import(pathToFileURL(join(PAGE, "dev.mjs")).href)) as {
    serve: (options: { port: number; backend: string; rebuilds: boolean }) => Promise<{ url: string; close: () => Promise<void> }>;
  };
  return serve({ port: 0, backend, rebuilds: false });
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    let log = "";
    child.stderr?.on("data", (data: Buffer) => (log += data));
    child.stdout?.on("data", (data: Buffer) => {
      said += data;
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (url) resolve(url);
    });
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`the server ended: ${said}${log}`)));
  });
}

/** Quoted-printable, as mails are wrapped. */
const unwrapped = (text: string) =>
  text.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Waits for a state, with a bound. */
export async function until<T>(what: string, look: () => Promise<T | null | false | undefined>, ms = 15_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what} did not come within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function openBrowser(): Promise<Browser> {
  const names = [process.env["KAAM_CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executablePath = names.find((name) => name && existsSync(name));
  if (!executablePath) throw new Error("no Chromium is installed; KAAM_CHROMIUM can name one");
  // Root has no sandbox; the pages are our own.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** Opens a context in which every mistake of the page is one of the test. */
export async function openContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext & { mistakes: string[] }> {
  const context = await browser.newContext({ timezoneId: "Asia/Karachi", locale: "en-GB", ...options });
  const mistakes: string[] = [];
  context.on("weberror", (error) => void mistakes.push(String(error.error().stack)));
  context.on("console", (message) => {
    // What is blocked by the policy of the page, or broken in it.
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text())) mistakes.push(message.text());
  });
  return Object.assign(context, { mistakes });
}

/** Opens the page, and waits until the tasks are there. */
export async function openPage(context: BrowserContext, url: string, place = "#/today"): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${url}/${place}`);
  await page.locator(".empty, .task, .settings, .log").first().waitFor();
  return page;
}

export const titles = (page: Page) => page.locator("#main li.task .title").allTextContents();
