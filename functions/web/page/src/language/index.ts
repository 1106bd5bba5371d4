// Which language the page is in, and how it says things, days and times.

import { computed, effect } from "@preact/signals";

import type { Locale, Task } from "../model.ts";
import { type Day, dayIn, daysBetween, dueDay, localIn, weekdayOf } from "../pure/dates.ts";
import { Problem } from "../store/api.ts";
import { pageLanguage, settings, todayDay, zone } from "../store/settings.ts";
import { dayInWords, monthInWords, timeInWords, weekday } from "./calendar.ts";
import { EN, type Key, type Words } from "./en.ts";
import { UR } from "./ur.ts";

/** The user's locale; before somebody is signed in, that of the browser or what was chosen on the page. */
export const locale = computed<Locale>(() => {
  const chosen = pageLanguage.chosen.value;
  if (settings.value) return settings.value.locale;
  if (chosen === "ur") return "ur-PK";
  if (chosen === "en") return "en-GB";
  return navigator.language.startsWith("ur") ? "ur-PK" : navigator.language === "en-US" ? "en-US" : "en-GB";
});

export const isUrdu = computed(() => locale.value === "ur-PK");
const words = computed<Words>(() => (isUrdu.value ? UR : EN));

effect(() => {
  document.documentElement.lang = isUrdu.value ? "ur" : "en";
  document.documentElement.dir = isUrdu.value ? "rtl" : "ltr";
});

/** Gives the words for something, with values in the places of their names. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const entry = words.value[key];
  const text = typeof entry === "string" ? entry : values["n"] === 1 ? entry.one : entry.other;
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** Gives what went wrong, in the user's words where there are some. */
export function said(error: unknown): string {
  if (!(error instanceof Problem)) return String((error as Error)?.message ?? error);
  if (error.status === 0 || error.status >= 500) return t("unreachable");
  if (error.status === 429 && !error.isOverQuota) return t("tooOften");
  return error.errors.length ? error.errors.map((one) => `${fieldName(one.field)}: ${one.message}`).join("\n") : error.message;
}

/** Gives the name that the page has for a field of the API. */
export function fieldName(field: string): string {
  const key = `field_${field.replace(/[.[].*$/, "")}`;
  return key in EN ? t(key as Key) : field;
}

export const timeText = (at: Date): string => timeInWords(locale.value, localIn(zone.value, at).time);

/** Gives a day as one speaks of it: today, tomorrow, by its weekday within a week, else by its date. */
export function dayText(day: Day): string {
  const today = todayDay.value;
  const away = daysBetween(today, day);
  if (away === 0) return t("today");
  if (away === 1) return t("tomorrow");
  if (away === -1) return t("yesterday");
  if (away > 1 && away < 7) return weekdayName(weekdayOf(day), "long");
  return dayInWords(locale.value, day, { month: "short", year: day.slice(0, 4) !== today.slice(0, 4) });
}

export const longDay = (day: Day): string => dayInWords(locale.value, day, { weekday: "long", month: "long" });

export const fullDay = (day: Day): string => dayInWords(locale.value, day, { weekday: "short", month: "short", year: true });

export const monthText = (month: string): string => monthInWords(locale.value, month);

/** Gives when a task is due; without its day where that is the heading above it. */
export function dueText(task: Pick<Task, "due_date" | "all_day" | "time_zone">, heading?: string): string {
  const day = dueDay(task as Task, zone.value);
  if (!day || !task.due_date) return "";
  if (day === heading) return task.all_day ? "" : timeText(new Date(task.due_date));
  return task.all_day ? dayText(day) : `${dayText(day)}${isUrdu.value ? "،" : ","} ${timeText(new Date(task.due_date))}`;
}

/** Gives an instant in full. */
export function momentText(at: Date): string {
  return `${dayText(dayIn(zone.value, at))}${isUrdu.value ? "،" : ","} ${timeText(at)}`;
}

export const weekdayName = (day: number, style: "short" | "long" = "short"): string => weekday(locale.value, day, style === "short");

/** Gives the language of a text by its letters, so that Urdu gets its letters and room also on an English page. */
export const languageOf = (text: string): "ur" | undefined => (/[\u0600-\u06ff]/.test(text) ? "ur" : undefined);

/** Gives the beginning of a text, in whole characters. */
export const beginning = (text: string, most: number): string => (text.length <= most ? text : `${[...text].slice(0, most).join("")}…`);
