// The words for days and times are those of `Intl`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dayInWords, monthInWords, timeInWords, weekday } from "../../src/language/calendar.ts";
import type { Locale } from "../../src/model.ts";
import { addDays, browserZone, dayIn, localIn } from "../../src/pure/dates.ts";

const LOCALES: Locale[] = ["en-GB", "en-US", "ur-PK"];
const timeZone = "UTC";

test("every day of a year is said as Intl says it", () => {
  for (const locale of LOCALES) {
    for (const [parts, options] of [
      [{ month: "short" }, { day: "numeric", month: "short" }],
      [{ month: "short", year: true }, { day: "numeric", month: "short", year: "numeric" }],
      [{ weekday: "long", month: "long" }, { weekday: "long", day: "numeric", month: "long" }],
      [{ weekday: "short", month: "short", year: true }, { weekday: "short", day: "numeric", month: "short", year: "numeric" }],
    ] as const) {
      const format = new Intl.DateTimeFormat(locale, { ...options, timeZone });
      for (let day = "2026-01-01"; day < "2027-01-01"; day = addDays(day, 1)) {
        assert.equal(dayInWords(locale, day, parts), format.format(new Date(`${day}T12:00:00Z`)), `${locale} ${JSON.stringify(parts)}`);
      }
    }
    const format = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone });
    assert.equal(monthInWords(locale, "2027-02"), format.format(new Date("2027-02-15T12:00:00Z")));
    assert.equal(weekday(locale, 1), new Intl.DateTimeFormat(locale, { weekday: "long", timeZone }).format(new Date("2026-11-23T12:00:00Z")));
  }
});

test("every time is said as Intl says it, in Urdu with the part of the day", () => {
  for (const locale of LOCALES) {
    const format = new Intl.DateTimeFormat(locale, locale === "ur-PK"
      ? { hour: "numeric", minute: "2-digit", hour12: true, dayPeriod: "short", timeZone }
      : { timeStyle: "short", timeZone });
    for (let minutes = 0; minutes < 1_440; minutes += 5) {
      const time = `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
      const spoken = format.format(new Date(`2026-11-22T${time}:00Z`)).replace(/\u202f/g, " ");
      assert.equal(timeInWords(locale, time), spoken, locale);
    }
  }
});

test("the device's own zone, which needs no Intl, is told as every other", () => {
  for (const at of ["2026-11-22T23:59:00Z", "2026-03-29T01:30:00Z", "2026-01-01T00:00:00Z"].map((text) => new Date(text))) {
    const format = new Intl.DateTimeFormat("sv-SE", { timeZone: browserZone(), dateStyle: "short", timeStyle: "short" }).format(at);
    assert.equal(`${dayIn(browserZone(), at)} ${localIn("", at).time}`, format);
  }
});
