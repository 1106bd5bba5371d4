// Who is signed in.
//
// The access token is in this module's memory alone, and good for ten minutes: a script that got into the page would find no
// secret that outlives it. What outlives it is the refresh token, in a cookie that no script can read and that is sent to the own
// origin alone (`__Host-`, `HttpOnly`, `SameSite=Strict`); and since the API takes bearer tokens alone, no other site can have
// the browser change anything. Nothing but the id of the last user is in the browser's storage.

import { signal } from "@preact/signals";

import { REFRESH_PATH, takeEarly } from "../paths.ts";

/** `local`: the server asks nobody (AUTH=local). `away`: nobody knows yet, for the server can not be reached. */
export type SignedIn = "starting" | "local" | "yes" | "no" | "away";

export const signedIn = signal<SignedIn>("starting");
export const userId = signal<string>(stored("kaam.user") ?? "local");

/** Whether this server has accounts of its own; null: not known. */
export const hasAccounts = signal<boolean | null>(null);

let accessToken: string | null = null;
let expiresAt = 0;
/** How often somebody has signed out here: a token that was asked for before is nobody's. */
let signedOut = 0;

interface Tokens {
  access_token: string;
  expires_in: number;
  user_id: string;
}

function accept(tokens: Tokens): void {
  // The cookie is that of whoever signed in last, in whichever tab. This page is somebody else's: it begins anew, as theirs.
  if (signedIn.peek() === "yes" && tokens.user_id !== userId.peek()) queueMicrotask(() => location.reload());
  accessToken = tokens.access_token;
  expiresAt = Date.now() + tokens.expires_in * 1_000;
  userId.value = tokens.user_id;
  store("kaam.user", tokens.user_id);
  hasAccounts.value = true;
  signedIn.value = "yes";
}

/** Gives the header that a request is sent with. */
export async function authorization(): Promise<Record<string, string>> {
  if (!accessToken) return {};
  // Half a minute early, so that it does not end on the way.
  if (Date.now() > expiresAt - 30_000) await refresh();
  return accessToken ? { Authorization: `Bearer ${accessToken}` } : {};
}

/** When the access token ends, in milliseconds of the browser's clock; 0 without one. */
export const tokenEnds = () => (accessToken ? expiresAt : 0);

/** Whether somebody has signed in here before, and not out again: then the cookie is asked first. */
export const wasSignedIn = () => (stored("kaam.user") ?? "local") !== "local";

export type Refreshed = "yes" | "no" | "away";

let refreshing: Promise<Refreshed> | null = null;

/** Asks for a new access token by the cookie. Requests that need one at the same time ask once. */
export function refresh(): Promise<Refreshed> {
  refreshing ??= askForToken().finally(() => (refreshing = null));
  return refreshing;
}

async function askForToken(): Promise<Refreshed> {
  // Two tabs that used the same cookie at once would be told the same next token; one after the other is simpler to reason about.
  return locked("kaam-refresh", async () => {
    let response: Response;
    const asked = signedOut;
    try {
      response = await (takeEarly(REFRESH_PATH) ?? post(REFRESH_PATH, { cookie: true }));
    } catch {
      return "away";
    }
    if (response.ok) {
      const tokens = (await response.json()) as Tokens;
      if (asked !== signedOut) return "no";
      accept(tokens);
      return "yes";
    }
    if (response.status >= 500 || response.status === 429) return "away";
    accessToken = null;
    hasAccounts.value = response.status !== 404;
    return "no";
  });
}

/** Runs alone among all tabs of this origin. */
export async function locked<T>(name: string, act: () => Promise<T>): Promise<T> {
  if (globalThis.navigator?.locks) return (await navigator.locks.request(name, act)) as T;
  return leased(name, act);
}

/** For how long a tab that says nothing any more keeps the others waiting: longer than its longest request. */
const LEASE_MS = 35_000;
const RENEWAL_MS = 5_000;
/** In which two tabs that take a lease at once have both written, and see whose it is. */
const SETTLING_MS = 50;
const LOOK_MS = 200;
const tab = Math.random().toString(36).slice(2);

/** Does so by a lease in the browser's storage, where there are no locks: on plain HTTP, but for localhost. */
async function leased<T>(name: string, act: () => Promise<T>): Promise<T> {
  const key = `kaam.lease.${name}`;
  const mine = `${tab}.${Math.random().toString(36).slice(2)}`;
  const take = () => store(key, JSON.stringify({ owner: mine, until: Date.now() + LEASE_MS }));
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const owner = (): string | null => {
    try {
      const { owner, until } = JSON.parse(stored(key) ?? "") as { owner: string; until: number };
      return until > Date.now() ? owner : null;
    } catch {
      return null;
    }
  };
  for (;;) {
    if (!owner()) {
      take();
      // Without storage there is nothing that other tabs could be told by.
      if (owner() !== mine) return act();
      await pause(SETTLING_MS);
      if (owner() === mine) break;
    }
    await pause(LOOK_MS);
  }
  take();
  const renewal = setInterval(take, RENEWAL_MS);
  const leave = () => owner() === mine && store(key, null);
  globalThis.addEventListener?.("pagehide", leave);
  try {
    return await act();
  } finally {
    clearInterval(renewal);
    globalThis.removeEventListener?.("pagehide", leave);
    leave();
  }
}

export class Refused extends Error {
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

export async function signIn(email: string, password: string): Promise<void> {
  accept((await answered("/auth/sign-in", { email, password, cookie: true })) as Tokens);
}

export async function register(email: string, password: string, locale: string): Promise<void> {
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  await answered("/auth/register", { email, password, locale, ...(time_zone ? { time_zone } : {}) });
}

export async function changePassword(current_password: string, new_password: string): Promise<void> {
  await answered("/auth/password", { current_password, new_password, cookie: true });
}

export async function signOut(): Promise<void> {
  await answered("/auth/sign-out", { cookie: true });
  signedOut++;
  accessToken = null;
  store("kaam.user", null);
  signedIn.value = "no";
}

/** Nobody is asked to sign in by this server. */
export function nobodySignsIn(): void {
  userId.value = "local";
  store("kaam.user", "local");
  signedIn.value = "local";
}

async function answered(path: string, body: object): Promise<unknown> {
  let response: Response;
  try {
    response = await post(path, body);
  } catch {
    throw new Refused("", 0);
  }
  const answer = (await response.json().catch(() => null)) as { message?: string } | null;
  if (!response.ok) throw new Refused(answer?.message ?? "", response.status);
  return answer;
}

async function post(path: string, body: object): Promise<Response> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (path === "/auth/password") Object.assign(headers, await authorization());
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(30_000) });
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Without storage one signs in again after the next start.
  }
}
