// Days and times as they are in the user's zone. Days are texts such as `2026-11-21`, which sort as they follow each other.

import type { Task } from "../model.ts";

export type Day = string;

let deviceZone = "";

/** Gives the zone of this device. Asked once, and not before it is needed: what knows zones and languages takes long to begin. */
export const browserZone = (): string => (deviceZone ||= Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");

/** Whether a zone is that of this device, which stands for none that is known. */
const isHere = (zone: string) => zone === "" || zone === browserZone();

const two = (number: number) => String(Math.trunc(number)).padStart(2, "0");

const dayFormats = new Map<string, Intl.DateTimeFormat>();

/** Gives the day of an instant in a zone. */
export function dayIn(zone: string, at: Date): Day {
  if (isHere(zone)) return `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  let format = dayFormats.get(zone);
  if (!format) {
    // The Canadian form of a date is that of ISO 8601.
    format = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
    dayFormats.set(zone, format);
  }
  return format.format(at);
}

/** Gives the day so many days later. */
export function addDays(day: Day, days: number): Day {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** Gives how many days `to` is after `from`. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

/** Gives the weekday of a day, 0 for Sunday. */
export function weekdayOf(day: Day): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay();
}

/** Gives the day on which a task is due in the user's zone; null when it is due on none. */
export function dueDay(task: Task, zone: string): Day | null {
  if (!task.due_date) return null;
  // The date that is written is that of the task's own zone, which mostly is the user's.
  if (task.all_day || task.time_zone === zone) return task.due_date.slice(0, 10);
  return dayIn(zone, new Date(task.due_date));
}

/** Whether the task's time is over: at once for a time, with its end for a day. */
export function isOverdue(task: Task, zone: string, now: Date): boolean {
  if (!task.due_date) return false;
  if (task.all_day) return task.due_date < dayIn(zone, now);
  return Date.parse(task.due_date) < now.getTime();
}

const offsetFormats = new Map<string, Intl.DateTimeFormat>();

/** Gives the local date and time of an instant as inputs of type `date` and `time` have them. */
export function localIn(zone: string, at: Date): { day: Day; time: string } {
  if (isHere(zone)) return { day: dayIn(zone, at), time: `${two(at.getHours())}:${two(at.getMinutes())}` };
  let format = offsetFormats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    offsetFormats.set(zone, format);
  }
  return { day: dayIn(zone, at), time: format.format(at) };
}

/** Gives an instant as RFC 3339 with the offset of the browser. */
export function withOffset(at: Date): string {
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}

const DAY_MS = 86_400_000;

/**
 * Gives the instant of a local time in a zone as the server does: of one that is there twice the first, and one that is not there, for the
 * clock goes forward, later by as much.
 */
export function instantOf(local: string, timeZone: string): string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  const offsetAt = (at: number) => Date.parse(`${format.format(at).replace(" ", "T")}Z`) - at;
  const asUtc = Date.parse(`${local}Z`);
  const before = offsetAt(asUtc - DAY_MS);
  const offset = [before, offsetAt(asUtc + DAY_MS)].find((one) => offsetAt(asUtc - one) === one) ?? before;
  const minutes = Math.round(Math.abs(offset) / 60_000);
  return `${local}${offset < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** Orders by due time: days before the times in them, tasks without one last, then the older task first. */
export function byDue(a: Task, b: Task): number {
  if (a.due_date === null || b.due_date === null) {
    if (a.due_date !== b.due_date) return a.due_date === null ? 1 : -1;
  } else if (a.due_date !== b.due_date) {
    const difference = sortTime(a) - sortTime(b);
    if (difference) return difference;
  }
  return a.id < b.id ? -1 : 1;
}

const sortTimes = new WeakMap<Task, number>();

/** The start of a day stands for the whole of it. */
function sortTime(task: Task): number {
  let time = sortTimes.get(task);
  if (time === undefined) {
    const due = String(task.due_date);
    // A day begins where the task is, whose offset a date does not tell; half a day of difference does not matter between days.
    time = task.all_day ? Date.parse(`${due}T00:00:00`) : Date.parse(due);
    sortTimes.set(task, time);
  }
  return time;
}
