// Keeps the page itself, so that it opens without a connection, and shows reminders. Tasks are not kept here but by the page.

declare const SHELL: string[];
declare const VERSION: string;

const worker = globalThis as unknown as ServiceWorkerGlobalScope;
const CACHE = `kaam-${VERSION}`;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await cache.addAll(SHELL.map((path) => new Request(path, { cache: "no-cache" })));
      // While a release goes round, servers of both may answer: a page that names other files than these is not kept with them.
      const page = await (await cache.match("/"))?.text();
      const isOfOnePiece = SHELL.every((path) => !path.startsWith("/assets/") || page?.includes(path));
      if (!isOfOnePiece) {
        await caches.delete(CACHE);
        throw new Error("the page is of another release than its worker");
      }
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const stale = (await caches.keys()).filter((name) => name.startsWith("kaam-") && name !== CACHE);
      await Promise.all(stale.map((name) => caches.delete(name)));
      await worker.clients.claim();
    })(),
  );
});

// A page that is open has all it needs, so the newest version can take over at once: the next start is of one piece again.
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin || !SHELL.includes(url.pathname)) return;
  event.respondWith(fromCache(url.pathname, request));
});

async function fromCache(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

interface Reminder {
  title: string;
  body?: string;
  lang?: string;
  dir?: NotificationDirection;
  tag?: string;
  task_id?: string;
  url?: string;
  /** Links of one use that do it without anybody being signed in. */
  links?: { done: string; snooze: string };
}

const WORDS = {
  en: { done: "Done", snooze: "Snooze", failed: "That did not work. Open Kaam to try again." },
  ur: { done: "مکمل", snooze: "مؤخر کریں", failed: "یہ نہیں ہو سکا۔ کام کھول کر دوبارہ کوشش کریں۔" },
};

const wordsIn = (lang: string | undefined) => (lang === "ur" ? WORDS.ur : WORDS.en);

worker.addEventListener("push", (event) => {
  const reminder = event.data?.json() as Reminder;
  const words = wordsIn(reminder.lang);
  const actions = reminder.links ? [{ action: "done", title: words.done }, { action: "snooze", title: words.snooze }] : [];
  const options: NotificationOptions & { actions: { action: string; title: string }[] } = {
    body: reminder.body ?? "",
    lang: reminder.lang ?? "en",
    dir: reminder.dir ?? "auto",
    icon: "/icon-192.png",
    badge: "/icon-192.png",
    data: reminder,
    actions,
    ...(reminder.tag ? { tag: reminder.tag } : {}),
  };
  event.waitUntil(worker.registration.showNotification(reminder.title, options));
});

worker.addEventListener("notificationclick", (event) => {
  const reminder = event.notification.data as Reminder;
  event.notification.close();
  const link = event.action === "done" ? reminder.links?.done : event.action === "snooze" ? reminder.links?.snooze : undefined;
  event.waitUntil(link ? follow(link, reminder) : show(reminder.url ?? "/"));
});

/** Does what a link does. It names the server by the address of its mails, which may be another one than this page's. */
async function follow(link: string, reminder: Reminder): Promise<void> {
  const { pathname } = new URL(link, worker.location.origin);
  const response = await fetch(pathname, { method: "POST", credentials: "omit" }).catch(() => null);
  if (response?.ok) return;
  const { failed } = wordsIn(reminder.lang);
  await worker.registration.showNotification(reminder.title, { body: failed, data: { ...reminder, links: undefined } });
}

/** Shows the page: the one that is open, or a new one. */
async function show(url: string): Promise<void> {
  const target = new URL(url, worker.location.origin);
  const id = target.searchParams.get("task");
  const open = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const [page] = open;
  if (!page) return void (await worker.clients.openWindow(target.href));
  await page.focus();
  if (id) await page.navigate(`/#/today/${encodeURIComponent(id)}`).catch(() => undefined);
}
