// @ts-check
// The page of Kaam: the tasks, and a box to say what should happen to them. What the user or the server says goes
// into the page as text only, never as markup.

/**
 * @typedef {{id: string, title: string, description: string|null, due_date: string|null, all_day: boolean,
 *   priority: string, tags: string[], status: string, recurrence_rule: {pattern?: string}|null,
 *   reminder_id: string|null}} Task
 * @typedef {{tasks: Task[], next_cursor: string|null}} TaskPage
 * @typedef {{response: string, conversation_id: string, confirmation_needed?: boolean, tasks?: Task[],
 *   candidates?: (Task|string)[], task_completed?: unknown}} Reply
 * @typedef {{key: string, body: Record<string, string>}} Message A repeated message keeps its key and its body.
 * @typedef {"complete"|"reopen"|"delete"|"restore"} Verb
 */

const PAGE_SIZE = 100;
const MOST_ACTIVE = 200;
const MOST_DONE = 50;
const TOAST_MS = 8_000;
const REQUEST_MS = 30_000;
/** How soon the next occurrence of a completed task can be seen. */
const SUCCESSOR_MS = 1_500;
const CONVERSATION = "kaam.conversation_id";

/** @type {Record<Verb, {method: string, path: string, said: string, undo: Verb}>} */
const VERBS = {
  complete: { method: "POST", path: "/complete", said: "completed", undo: "reopen" },
  reopen: { method: "POST", path: "/reopen", said: "reopened", undo: "complete" },
  delete: { method: "DELETE", path: "", said: "deleted", undo: "restore" },
  restore: { method: "POST", path: "/restore", said: "restored", undo: "delete" },
};

const state = {
  /** @type {Map<string, Task>} */ tasks: new Map(),
  /** What the user wants and the server has not confirmed yet. @type {Map<string, {status: string}>} */
  wanted: new Map(),
  isLoaded: false,
  hasMore: false,
  showsDone: false,
  problem: "",
};

// ---- The server

class ProblemError extends Error {
  /** @param {string} message @param {number} status 0: no answer at all */
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** Whether the same request may go through later. */
  get mayPass() {
    return this.status === 0 || this.status === 409 || this.status === 429 || this.status >= 500;
  }
}

/** @param {string} method @param {string} path @param {Message} [message] @returns {Promise<any>} */
async function call(method, path, message) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (message) Object.assign(headers, { "Content-Type": "application/json", "Idempotency-Key": message.key });
  const body = message && JSON.stringify(message.body);
  let response, answer;
  try {
    response = await fetch(path, { method, headers, body, signal: AbortSignal.timeout(REQUEST_MS) });
    const text = await response.text();
    answer = parse(text);
  } catch {
    throw new ProblemError("Kaam cannot be reached. Check the connection and try again.", 0);
  }
  if (response.ok && answer) return answer;
  const fields = (answer?.errors ?? []).map((/** @type {any} */ error) => `${error.field} ${error.message}`);
  const said = [answer?.message ?? `The server answered ${response.status}.`, ...fields].join("\n");
  throw new ProblemError(said, response.ok ? 502 : response.status);
}

/** @param {string} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} query @param {number} most */
async function load(query, most) {
  /** @type {Task[]} */
  const tasks = [];
  let cursor = "";
  do {
    const more = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    /** @type {TaskPage} */
    const page = await call("GET", `/api/tasks?${query}&limit=${Math.min(PAGE_SIZE, most)}${more}`);
    tasks.push(...page.tasks);
    cursor = page.next_cursor ?? "";
  } while (cursor && tasks.length < most);
  return { tasks, hasMore: cursor !== "" };
}

/** Only the newest reading counts; an older one may not know what was changed since. */
let reading = 0;

async function refresh() {
  const mine = ++reading;
  try {
    const [active, done] = await Promise.all([
      load("status=active&sort=due_date", MOST_ACTIVE),
      state.showsDone ? load("status=completed&sort=-updated_at", MOST_DONE) : null,
    ]);
    if (mine !== reading) return;
    state.tasks = new Map([...(done?.tasks ?? []), ...active.tasks].map((task) => [task.id, task]));
    Object.assign(state, { isLoaded: true, hasMore: active.hasMore, problem: "" });
  } catch (error) {
    if (mine !== reading) return;
    state.problem = messageOf(error);
  }
  render();
}

/** Changes are sent one after the other, so that an undo never overtakes what it undoes. */
let changes = Promise.resolve();

/**
 * Shows a change at once, sends it, and takes it back when it fails.
 * @param {Task} task @param {Verb} verb @param {string} status @param {boolean} [isUndo]
 */
function change(task, verb, status, isUndo = false) {
  const before = statusOf(task);
  const { method, path, said, undo } = VERBS[verb];
  const wanted = { status };
  state.wanted.set(task.id, wanted);
  reading++;
  const shown = toast(task.title, said, isUndo ? undefined : () => change(task, undo, before, true));
  changes = changes.then(async () => {
    try {
      await call(method, `/api/tasks/${encodeURIComponent(task.id)}${path}`);
      const known = state.tasks.get(task.id);
      if (known) known.status = status;
      if (verb === "complete" && task.recurrence_rule) setTimeout(refresh, SUCCESSOR_MS);
    } catch (error) {
      shown.remove();
      toast(task.title, `not ${said}: ${messageOf(error)}`);
    }
    if (state.wanted.get(task.id) === wanted) state.wanted.delete(task.id);
    render();
    await refresh();
  });
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

// ---- The list

/** @param {Task} task */
const statusOf = (task) => state.wanted.get(task.id)?.status ?? task.status;

function render() {
  const focus = rememberFocus();
  const tasks = [...state.tasks.values()];
  const active = tasks.filter((task) => statusOf(task) === "active");
  const done = tasks.filter((task) => statusOf(task) === "completed");
  if (state.isLoaded) {
    const count = `${active.length}${state.hasMore ? "+" : ""}`;
    byId("count").textContent = active.length ? `${count} to do` : "";
    byId("active").replaceChildren(...groups(active));
    byId("active").setAttribute("aria-busy", "false");
    if (state.hasMore) byId("active").append(make("p", { class: "note", text: `These are the first ${MOST_ACTIVE}.` }));
  } else if (state.problem) {
    byId("active").replaceChildren();
  }
  byId("show-done").setAttribute("aria-expanded", String(state.showsDone));
  byId("done").hidden = !state.showsDone;
  const nothing = make("p", { class: "note", text: "Nothing completed yet." });
  byId("done-list").replaceChildren(done.length && state.showsDone ? list(done) : nothing);
  renderProblem();
  focus();
}

function renderProblem() {
  const box = byId("problem");
  if (box.firstChild?.textContent === (state.problem || undefined)) return;
  box.replaceChildren();
  if (!state.problem) return;
  const again = () => (byId("main").focus(), refresh());
  box.append(make("p", { text: state.problem }), button("Try again", again, { class: "quiet" }));
}

/** @param {Task[]} active */
function groups(active) {
  if (!active.length) {
    const empty = make("div", { class: "empty" });
    empty.append(make("strong", { text: "Nothing to do" }), "Say below what you want to remember.");
    return [empty];
  }
  const names = ["Overdue", "Today", "Later", "No date"];
  active.sort((a, b) => dueTime(a) - dueTime(b));
  return names.flatMap((name) => {
    const tasks = active.filter((task) => groupOf(task) === name);
    if (!tasks.length) return [];
    const section = make("section", { "aria-label": name });
    section.append(make("h2", { text: name, class: name === "Overdue" ? "late" : "" }), list(tasks));
    return [section];
  });
}

/** @param {Task[]} tasks */
function list(tasks) {
  const ul = make("ul", { class: "tasks" });
  ul.append(...tasks.map(row));
  return ul;
}

/** @param {Task} task */
function row(task) {
  const isDone = statusOf(task) === "completed";
  const li = make("li", { class: isDone ? "is-done" : "" });
  const does = isDone ? "Reopen" : "Complete";
  const labels = { "aria-label": `${does}: ${task.title}`, "data-key": `${does} ${task.id}` };
  const check = make("input", { type: "checkbox", ...labels });
  check.checked = isDone;
  /** @param {Verb} verb @param {string} status */
  const leave = (verb, status) => {
    li.classList.add("leaving");
    change(task, verb, status);
    setTimeout(render, 160);
  };
  check.addEventListener("change", () => (isDone ? leave("reopen", "active") : leave("complete", "completed")));
  const area = make("label", { class: "check" });
  area.append(check);
  const text = make("div", { class: "text" });
  text.append(make("p", { class: "title", dir: "auto", text: task.title }));
  if (task.description) text.append(make("p", { class: "description", dir: "auto", text: task.description }));
  text.append(facts(task, isDone));
  const names = { title: "Delete", "aria-label": `Delete: ${task.title}`, "data-key": `Delete ${task.id}` };
  const remove = button("×", () => leave("delete", "deleted"), { class: "icon", ...names });
  li.append(area, text, remove);
  return li;
}

/** @param {Task} task @param {boolean} isDone */
function facts(task, isDone) {
  const line = make("p", { class: "facts" });
  const isLate = !isDone && groupOf(task) === "Overdue";
  if (task.due_date) line.append(make("span", { text: dueText(task), class: isLate ? "late" : "" }));
  if (task.recurrence_rule) line.append(make("span", { text: `Repeats ${task.recurrence_rule.pattern ?? ""}`.trim() }));
  if (task.reminder_id) line.append(make("span", { text: "Reminder" }));
  if (task.priority === "high") line.append(make("span", { text: "High priority", class: "high" }));
  if (task.priority === "low") line.append(make("span", { text: "Low priority" }));
  for (const tag of task.tags ?? []) line.append(make("bdi", { text: `#${tag}` }));
  return line;
}

/** Remembers which control has the focus; the result gives it back, or to the next row when that one is gone. */
function rememberFocus() {
  const rows = () => [...document.querySelectorAll(".tasks li")];
  const key = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
  if (!key) return () => {};
  const at = rows().findIndex((li) => li.contains(document.activeElement));
  return () => {
    const controls = [...document.querySelectorAll("[data-key]")];
    const next = rows()[Math.min(at, rows().length - 1)]?.querySelector(`[data-key^="${key.split(" ")[0]}"]`);
    const target = controls.find((control) => control.getAttribute("data-key") === key) ?? next ?? byId("main");
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  };
}

// ---- Dates, as they are where the browser is

const LOCALE = navigator.languages?.find((language) => language.startsWith("en")) ?? "en-GB";
const timeFormat = new Intl.DateTimeFormat(LOCALE, { timeStyle: "short" });

/** The start of a plain date is where the user is, not in UTC. @param {Task} task */
function dueAt(task) {
  return new Date(task.all_day ? `${task.due_date}T00:00` : String(task.due_date));
}

/** @param {Task} task */
const dueTime = (task) => (task.due_date ? dueAt(task).getTime() : Number.MAX_VALUE);

/** Whole days from today. @param {Date} date */
function daysAway(date) {
  const dayOf = (/** @type {Date} */ at) => Date.UTC(at.getFullYear(), at.getMonth(), at.getDate());
  return Math.round((dayOf(date) - dayOf(new Date())) / 86_400_000);
}

/** @param {Task} task */
function groupOf(task) {
  if (!task.due_date) return "No date";
  const days = daysAway(dueAt(task));
  const isPast = task.all_day ? days < 0 : dueTime(task) < Date.now();
  if (isPast) return "Overdue";
  return days === 0 ? "Today" : "Later";
}

/** @param {Task} task */
function dueText(task) {
  const date = dueAt(task);
  /** @type {Record<string, string>} */
  const near = { "-1": "Yesterday", 0: "Today", 1: "Tomorrow" };
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  const format = new Intl.DateTimeFormat(LOCALE, { weekday: "short", day: "numeric", month: "short", year });
  const day = near[daysAway(date)] ?? format.format(date);
  return task.all_day ? day : `${day}, ${timeFormat.format(date)}`;
}

/** RFC 3339 with the local offset. */
function clientTime() {
  const now = new Date();
  const offset = -now.getTimezoneOffset();
  const local = new Date(now.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const two = (/** @type {number} */ number) => String(Math.trunc(number)).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}

// ---- The conversation

const say = /** @type {HTMLInputElement} */ (byId("say"));
let isWaiting = false;

/** @param {string} text */
function send(text) {
  if (isWaiting || !text.trim()) return false;
  for (const choice of document.querySelectorAll(".choices")) choice.remove();
  bubble("mine", text.trim());
  const conversation_id = session();
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  /** @type {Record<string, string>} */
  const body = { user_input: text, client_time: clientTime() };
  if (time_zone) body.time_zone = time_zone;
  if (conversation_id) body.conversation_id = conversation_id;
  deliver({ key: freshKey(), body });
  return true;
}

/** @param {Message} message */
async function deliver(message) {
  isWaiting = true;
  const waiting = bubble("theirs waiting", "…");
  try {
    /** @type {Reply} */
    const reply = await call("POST", "/chat/command", message);
    session(reply.conversation_id);
    waiting.remove();
    showReply(reply);
    if (reply.task_completed) setTimeout(refresh, SUCCESSOR_MS);
  } catch (error) {
    waiting.remove();
    const failed = bubble("theirs failed", messageOf(error));
    if (!(error instanceof ProblemError)) throw error;
    if (error.mayPass) choices(failed, [["Try again", () => (failed.remove(), deliver(message))]]);
    // The conversation is gone or somebody else's: the next message starts another.
    if (error.status === 403 || error.status === 404) session("");
  } finally {
    isWaiting = false;
    refresh();
  }
}

/** @param {Reply} reply */
function showReply(reply) {
  const box = bubble("theirs", reply.response);
  const tasks = reply.tasks ?? [];
  if (tasks.some((task) => !reply.response.includes(task.title))) {
    const ol = make("ol");
    ol.append(...tasks.map((task) => make("li", { dir: "auto", text: named(task) })));
    box.append(ol);
  }
  const isUrdu = /[\u0600-\u06ff]/.test(reply.response);
  const answers = isUrdu ? ["ہاں", "نہیں"] : ["Yes", "No"];
  /** @type {[string, string][]} */
  const candidates = (reply.candidates ?? []).map((task, at) => [`${at + 1}. ${named(task)}`, String(at + 1)]);
  choices(box, candidates.map(([label, text]) => [label, () => send(text)]));
  if (reply.confirmation_needed) choices(box, answers.map((text) => [text, () => send(text)]));
}

/** @param {Task|string} task */
function named(task) {
  if (typeof task === "string") return task;
  return task.due_date ? `${task.title} · ${dueText(task)}` : task.title;
}

/** @param {HTMLElement} box @param {[string, () => void][]} options */
function choices(box, options) {
  if (!options.length) return;
  const line = make("div", { class: "choices" });
  // The chosen button goes away; a focus in the box would bring up the keyboard of a phone.
  const next = matchMedia("(hover: none)").matches ? byId("log") : say;
  const chosen = (/** @type {() => void} */ act) => () => (act(), next.focus());
  line.append(...options.map(([label, act]) => button(label, chosen(act), { class: "quiet", dir: "auto" })));
  box.append(line);
  byId("log").scrollTop = byId("log").scrollHeight;
}

/** @param {string} kind @param {string} text */
function bubble(kind, text) {
  const log = byId("log");
  const box = make("div", { class: `message ${kind}` });
  box.append(make("p", { dir: "auto", text }));
  byId("conversation").hidden = false;
  log.append(box);
  log.scrollTop = log.scrollHeight;
  return box;
}

/** Reads the conversation's id, or keeps it until the tab is closed. @param {string} [id] */
function session(id) {
  try {
    if (id !== undefined) sessionStorage.setItem(CONVERSATION, id);
    return sessionStorage.getItem(CONVERSATION) ?? "";
  } catch {
    return "";
  }
}

/** `crypto.randomUUID` is there in secure contexts only. */
function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- Pieces of the page

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Makes an element with attributes; `text` becomes its text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, string>} [attributes] @returns {HTMLElementTagNameMap[K]}
 */
function make(tag, { text = "", ...attributes } = {}) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** @param {string} text @param {() => void} act @param {Record<string, string>} attributes */
function button(text, act, attributes) {
  const element = make("button", { type: "button", text, ...attributes });
  element.addEventListener("click", act);
  return element;
}

/**
 * Says what happened to a task; stays while it is pointed at or has the focus.
 * @param {string} title @param {string} said @param {() => void} [undo]
 */
function toast(title, said, undo) {
  const box = make("div", { class: "toast" });
  const line = make("p");
  line.append("“", make("bdi", { text: title.length > 60 ? `${title.slice(0, 59)}…` : title }), `” ${said}`);
  const close = () => {
    box.remove();
    byId("main").focus({ preventScroll: true });
    undo?.();
  };
  box.append(line, button(undo ? "Undo" : "Close", close, {}));
  const expire = () => (box.matches(":hover, :focus-within") ? setTimeout(expire, 1_000) : box.remove());
  setTimeout(expire, TOAST_MS);
  byId("toasts").append(box);
  while (byId("toasts").childElementCount > 3) byId("toasts").firstElementChild?.remove();
  return box;
}

// ---- Start

byId("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  if (send(say.value)) say.value = "";
});
byId("clear").addEventListener("click", () => {
  byId("log").replaceChildren();
  byId("conversation").hidden = true;
  say.focus();
});
byId("show-done").addEventListener("click", () => {
  state.showsDone = !state.showsDone;
  render();
  refresh();
});
window.addEventListener("focus", refresh);
setInterval(() => state.isLoaded && render(), 60_000); // What was due later may be overdue by now.
refresh();
