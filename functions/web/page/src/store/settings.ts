// The user's settings, and those of this browser.

import { computed, signal } from "@preact/signals";

import type { Settings } from "../model.ts";
import { browserZone, dayIn } from "../pure/dates.ts";
import { call } from "./api.ts";
import { SETTINGS, keep } from "./database.ts";

export const settings = signal<Settings | null>(null);

/** The zone that everything is shown in: the one that reminders and replies go by. Empty, and the device's, until it is known. */
export const zone = computed(() => settings.value?.time_zone ?? "");

/** Its name, also where it is that of this device. */
export const zoneName = computed(() => zone.value || browserZone());

/** The browser's zone, where it is another one than that of the settings. */
export const otherZone = computed(() => {
  if (!settings.value) return null;
  const here = browserZone();
  return settings.value.time_zone !== here ? here : null;
});

/** The time, as often as it matters for what is shown. */
export const now = signal(new Date());

/** The user's day, which changes less often than the time. */
export const todayDay = computed(() => dayIn(zone.value, now.value));

/** Lets the time go on, half a minute at a time. */
export const startClock = () => setInterval(() => (now.value = new Date()), 30_000);

export function takeKeptSettings(known: Settings | undefined): void {
  // The server may have been quicker.
  settings.value ??= known ?? null;
}

export async function readSettings(): Promise<void> {
  take(await call<Settings>("GET", "/api/settings"));
}

/** Changes settings: seen at once, and taken back when the server refuses. */
export async function changeSettings(change: Partial<Settings>): Promise<void> {
  const before = settings.peek();
  if (before) settings.value = { ...before, ...change };
  try {
    take(await call<Settings>("PATCH", "/api/settings", { body: change }));
  } catch (error) {
    settings.value = before;
    throw error;
  }
}

function take(value: Settings): void {
  // Where nothing is new nothing is drawn anew, and nobody's typing is overwritten.
  if (JSON.stringify(value) !== JSON.stringify(settings.peek())) settings.value = value;
  void keep(SETTINGS, value);
}

/** A choice that is this browser's alone. */
export function choice<T extends string>(name: string, allowed: readonly T[], fallback: T) {
  const read = (): T => {
    try {
      const value = localStorage.getItem(name);
      return allowed.find((one) => one === value) ?? fallback;
    } catch {
      return fallback;
    }
  };
  const chosen = signal<T>(read());
  const choose = (value: T): void => {
    chosen.value = value;
    try {
      localStorage.setItem(name, value);
    } catch {
      // It holds until the page is closed.
    }
  };
  return { chosen, choose };
}

export const theme = choice("kaam.theme", ["auto", "light", "dark"], "auto");
/** Single keys can be turned off, for those who speak to their computer (WCAG 2.1.4). */
export const singleKeys = choice("kaam.keys", ["on", "off"], "on");
/** Which language this page is in until the settings are known. */
export const pageLanguage = choice("kaam.language", ["auto", "en", "ur"], "auto");
export const dismissedZone = choice("kaam.zone", ["no", "yes"], "no");
