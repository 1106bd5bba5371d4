// The beginning.

import { effect } from "@preact/signals";
import { render } from "preact";

import { followNotification } from "./route.ts";
import { installShortcuts } from "./shortcuts.ts";
import { start } from "./start.ts";
import { signedIn } from "./store/session.ts";
import { isLoaded } from "./store/tasks.ts";
import { App } from "./views/shell.tsx";

/** How long the first picture waits for something to be in it. One of an empty page would only have the next one come later. */
const PATIENCE_MS = 100;

const drawn = new Promise<void>((resolve) => {
  effect(() => {
    if (isLoaded.value || signedIn.value === "no") resolve();
  });
  setTimeout(resolve, PATIENCE_MS);
});

followNotification();
void start();
void drawn.then(() => {
  const root = document.getElementById("app");
  if (root) render(<App />, root);
});
installShortcuts();

if ("serviceWorker" in navigator) {
  // After what the page itself needs.
  addEventListener("load", () => void navigator.serviceWorker.register("/sw.js").catch(() => undefined));
  // A page may be open for weeks; what it looks like tomorrow is asked for when it is looked at.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    void navigator.serviceWorker.getRegistration().then((registration) => registration?.update()).catch(() => undefined);
  });
}
