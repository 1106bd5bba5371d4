// Asks for what the page needs first while the page itself is still being read. It is a script of its own, and a small one:
// what follows waits for it, so that it does not wait for what follows.

import { FIRST_PATH, REFRESH_PATH } from "./paths.ts";

export interface Early {
  path: string;
  response: Promise<Response>;
}

const wasSignedIn = (() => {
  try {
    return (localStorage.getItem("kaam.user") ?? "local") !== "local";
  } catch {
    return false;
  }
})();
const path = wasSignedIn ? REFRESH_PATH : FIRST_PATH;
const response = wasSignedIn
  ? fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ cookie: true }) })
  : fetch(path, { headers: { Accept: "application/json" } });
// Whoever takes it hears of what went wrong.
response.catch(() => undefined);
Object.assign(globalThis, { kaamEarly: { path, response } satisfies Early });
