// Which tasks a view shows, and under which headings.

import type { Priority, Task } from "../model.ts";
import { type Day, addDays, byDue, dayIn, dueDay } from "./dates.ts";

export interface Group {
  /** `overdue`, `none`, `month:2027-01`, or a day. */
  key: string;
  tasks: Task[];
}

/** Gives what was due before, and what is due today. */
export function today(tasks: Iterable<Task>, zone: string, now: Date): Group[] {
  const day = dayIn(zone, now);
  const overdue: Task[] = [];
  const due: Task[] = [];
  for (const task of tasks) {
    if (task.status !== "active" || !task.due_date) continue;
    if (task.all_day ? task.due_date < day : Date.parse(task.due_date) < +now) overdue.push(task);
    else if (dueDay(task, zone) === day) due.push(task);
  }
  return present([
    { key: "overdue", tasks: overdue.sort(byDue) },
    { key: day, tasks: due.sort(byDue) },
  ]);
}

/** How many days from tomorrow on have a heading of their own. */
const DAYS = 14;

/** Gives what is due from tomorrow on: by day at first, then by month. */
export function upcoming(tasks: Iterable<Task>, zone: string, now: Date): Group[] {
  const day = dayIn(zone, now);
  const end = addDays(day, DAYS);
  const groups = new Map<string, Task[]>();
  const later = [...tasks].filter((task) => task.status === "active" && (dueDay(task, zone) ?? "") > day);
  for (const task of later.sort(byDue)) {
    const due = dueDay(task, zone) as Day;
    const key = due <= end ? due : `month:${due.slice(0, 7)}`;
    const group = groups.get(key);
    if (group) group.push(task);
    else groups.set(key, [task]);
  }
  return [...groups].map(([key, group]) => ({ key, tasks: group }));
}

export interface Filter {
  text: string;
  priority: Priority | null;
  tag: string | null;
}

/** Gives what matches a filter: with a date first, by date. */
export function all(tasks: Iterable<Task>, filter: Filter): Group[] {
  const found = [...tasks].filter((task) => task.status === "active" && matches(task, filter)).sort(byDue);
  const dated = found.findIndex((task) => !task.due_date);
  const end = dated < 0 ? found.length : dated;
  return present([
    { key: "dated", tasks: found.slice(0, end) },
    { key: "none", tasks: found.slice(end) },
  ]);
}

/** Whether a task matches: literally, without case, in title, description or tags, as the API has it. */
export function matches(task: Task, { text, priority, tag }: Filter): boolean {
  if (priority && task.priority !== priority) return false;
  if (tag && !task.tags.includes(tag)) return false;
  if (!text.trim()) return true;
  const sought = folded(text.trim());
  return folded(task.title).includes(sought) || folded(task.description ?? "").includes(sought)
    || task.tags.some((one) => folded(`#${one}`).includes(sought));
}

/** Letters of ASCII are written in one way: at each key, for thousands of tasks, what the others need is left out. */
const folded = (text: string): string => (/^[ -~]*$/.test(text) ? text.toLowerCase() : fold(text));

/** The same letter may be written in several ways, in Urdu too. */
function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/ي/g, "ی").replace(/ك/g, "ک");
}

/** Gives what was completed, the last first, by day. */
export function done(tasks: Iterable<Task>, zone: string): Group[] {
  const groups = new Map<string, Task[]>();
  const completed = [...tasks].filter((task) => task.status === "completed" && task.completed_at);
  completed.sort((a, b) => (String(a.completed_at) < String(b.completed_at) ? 1 : -1));
  for (const task of completed) {
    const key = dayIn(zone, new Date(String(task.completed_at)));
    const group = groups.get(key);
    if (group) group.push(task);
    else groups.set(key, [task]);
  }
  return [...groups].map(([key, group]) => ({ key, tasks: group }));
}

/** Gives all tags of open tasks, the most frequent first. */
export function tagsOf(tasks: Iterable<Task>): string[] {
  const counts = new Map<string, number>();
  for (const task of tasks) {
    if (task.status !== "active") continue;
    for (const tag of task.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([tag]) => tag);
}

const present = (groups: Group[]) => groups.filter((group) => group.tasks.length);
