// Days and times in words, as `Intl` has them, which takes some 50 ms of a start to begin with; a test compares the two.

import type { Locale } from "../model.ts";
import type { Day } from "../pure/dates.ts";
import { weekdayOf } from "../pure/dates.ts";

const ENGLISH = {
  weekdays: ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
  short: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
  months: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
};
const URDU_WEEKDAYS = ["اتوار", "پیر", "منگل", "بدھ", "جمعرات", "جمعہ", "ہفتہ"];
const URDU_MONTHS = ["جنوری", "فروری", "مارچ", "اپریل", "مئی", "جون", "جولائی", "اگست", "ستمبر", "اکتوبر", "نومبر", "دسمبر"];

const numbers = (day: Day): [number, number, number] => {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return [year, month - 1, date];
};

export const weekday = (locale: Locale, at: number, isShort = false): string =>
  (locale === "ur-PK" ? URDU_WEEKDAYS : isShort ? ENGLISH.short : ENGLISH.weekdays)[at] ?? "";

const month = (locale: Locale, at: number, isShort: boolean): string => {
  const name = (locale === "ur-PK" ? URDU_MONTHS : ENGLISH.months)[at] ?? "";
  if (!isShort || locale === "ur-PK") return name;
  return locale === "en-GB" && name === "September" ? "Sept" : name.slice(0, 3);
};

export interface Parts {
  weekday?: "short" | "long";
  month: "short" | "long";
  year?: boolean;
}

/** Gives a day in the order of the locale. */
export function dayInWords(locale: Locale, day: Day, parts: Parts): string {
  const [year, at, date] = numbers(day);
  const name = month(locale, at, parts.month === "short");
  const named = parts.weekday && weekday(locale, weekdayOf(day), parts.weekday === "short");
  if (locale === "en-US") return [named, `${name} ${date}`, parts.year && year].filter((part) => part).join(", ");
  if (locale === "ur-PK") return [named, `${date} ${name}`, parts.year && year].filter((part) => part).join("، ");
  const dated = `${date} ${name}${parts.year ? ` ${year}` : ""}`;
  // British English has a comma only after a shortened day.
  return named ? `${named}${parts.weekday === "short" ? "," : ""} ${dated}` : dated;
}

export const monthInWords = (locale: Locale, of: string): string => {
  const [year, at] = numbers(`${of}-01`);
  return `${month(locale, at, false)} ${year}`;
};

/** The parts of the day in Urdu, by the hour at which each begins. */
const URDU_PERIODS: [number, string][] = [[20, "رات"], [18, "شام"], [16, "سہ پہر"], [12, "دوپہر"], [4, "صبح"], [0, "رات"]];

/** Gives a time of day, such as `17:05`, as the locale has it: in Urdu with the part of the day, as it is said. */
export function timeInWords(locale: Locale, time: string): string {
  if (locale === "en-GB") return time;
  const [hour = 0, minute = ""] = [Number(time.slice(0, 2)), time.slice(3, 5)];
  const dial = `${hour % 12 || 12}:${minute}`;
  if (locale === "en-US") return `${dial} ${hour < 12 ? "AM" : "PM"}`;
  return `${dial} ${URDU_PERIODS.find(([from]) => hour >= from)?.[1]}`;
}
