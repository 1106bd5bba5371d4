// The page around the views.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { isUrdu, t } from "../language/index.ts";
import { type View, hrefOf, route } from "../route.ts";
import { addTask, overlay } from "../shortcuts.ts";
import { online } from "../store/api.ts";
import { signedIn } from "../store/session.ts";
import { changeSettings, dismissedZone, otherZone, zone } from "../store/settings.ts";
import { pending } from "../store/writes.ts";
import { Brand, Icon } from "../parts/icon.tsx";
import { opened } from "../parts/modal.tsx";
import { Toasts } from "../parts/toasts.tsx";
import { Chat } from "./chat.tsx";
import { Help } from "./help.tsx";
import { All, Done, Today, Upcoming, todayCount } from "./lists.tsx";
import { Palette } from "./palette.tsx";
import { Settings } from "./settings.tsx";
import { SignIn } from "./sign_in.tsx";
import { TaskDetail } from "./task_detail.tsx";

/** Whether there is room for the chat beside the tasks: in `em`, for with larger letters there is less. */
const wide = matchMedia("(min-width: 72.5em)");
const isWide = signal(wide.matches);
wide.addEventListener("change", () => (isWide.value = wide.matches));

const NAMES: View[] = ["today", "upcoming", "all", "done", "chat", "settings"];

export function App() {
  if (signedIn.value === "no") {
    return <><SignIn /><Toasts /></>;
  }
  return <Shell />;
}

function Shell() {
  const { view, taskId } = route.value;
  // Beside the tasks the chat is always there.
  const shown = view === "chat" && isWide.value ? "today" : view;
  useEffect(() => {
    document.title = `${t(view)} · ${isUrdu.value ? "کام" : "Kaam"}`;
  }, [view, isUrdu.value]);
  useEffect(() => {
    if (route.value.query.has("add")) addTask();
  }, []);
  return (
    <div class={isWide.value ? "shell wide" : "shell"}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>{t("skip")}</a>
      <Navigation current={shown} />
      <main id="main" tabIndex={-1} class={`view-${shown}`}>
        <Banners />
        <Current view={shown} />
      </main>
      {isWide.value && <aside class="side-chat" aria-label={t("chat")}><Chat isPage={false} /></aside>}
      {opened.value.length === 0 && <Toasts />}
      {taskId && <TaskDetail key={taskId} id={taskId} />}
      {overlay.value === "palette" && <Palette />}
      {overlay.value === "help" && <Help />}
    </div>
  );
}

function Navigation({ current }: { current: View }) {
  const places = isWide.value ? NAMES.filter((view) => view !== "chat") : NAMES;
  return (
    <nav class="places" aria-label={t("views")}>
      <p class="brand"><Brand /><span>{isUrdu.value ? "کام" : "Kaam"}</span></p>
      <ul>
        {places.map((view) => (
          <li key={view} class={`place-${view}`}>
            <a href={hrefOf(view)} aria-current={view === current ? "page" : undefined}>
              <Icon name={view} />
              <span class="place-name">{t(view)}</span>
              {view === "today" && todayCount.value > 0 && <span class="count" aria-label={t("nTasks", { n: todayCount.value })} role="img">{todayCount.value}</span>}
            </a>
          </li>
        ))}
      </ul>
      <button type="button" class="open-palette" onClick={() => (overlay.value = "palette")}>
        <Icon name="search" /><span>{t("palette")}</span><kbd dir="ltr">Ctrl K</kbd>
      </button>
    </nav>
  );
}

function Current({ view }: { view: View }) {
  switch (view) {
    case "today": return <Today />;
    case "upcoming": return <Upcoming />;
    case "all": return <All />;
    case "done": return <Done />;
    case "chat": return <Chat isPage />;
    case "settings": return <Settings />;
  }
}

function Banners() {
  const waiting = pending.value.length;
  const here = otherZone.value;
  return (
    <div class="banners">
      {!online.value && (
        <div class="banner offline" role="status">
          <Icon name="cloud" />
          <p><strong>{t("offline")}</strong> {waiting ? `${t("nWaiting", { n: waiting })}. ` : ""}{t("offlineHint")}</p>
        </div>
      )}
      {here && dismissedZone.chosen.value === "no" && (
        <div class="banner" role="status">
          <Icon name="clock" />
          <p>{t("zoneDiffers", { yours: zone.value, here })}</p>
          <button type="button" class="link" onClick={() => void changeSettings({ time_zone: here }).catch(() => undefined)}>{t("useZone", { here })}</button>
          <button type="button" class="link" onClick={() => dismissedZone.choose("yes")}>{t("keepZone", { yours: zone.value })}</button>
        </div>
      )}
    </div>
  );
}
