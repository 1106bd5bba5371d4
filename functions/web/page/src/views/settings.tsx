// Settings: the user's, which the server keeps, and those of this browser.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { locale, said, t } from "../language/index.ts";
import type { Locale, Settings as Known } from "../model.ts";
import { Problem } from "../store/api.ts";
import { type PushState, pushState, subscribe, unsubscribe } from "../store/push.ts";
import { changePassword, signedIn } from "../store/session.ts";
import { changeSettings, pageLanguage, settings, singleKeys, theme } from "../store/settings.ts";
import { toast } from "../store/toasts.ts";
import { leave } from "../start.ts";

/** Saves a change, and says so with a way back. */
async function save(change: Partial<Known>, isUndo = false): Promise<void> {
  const known = settings.peek();
  const before = Object.fromEntries(Object.keys(change).map((name) => [name, known?.[name as keyof Known] ?? null])) as Partial<Known>;
  try {
    await changeSettings(change);
    toast(t("saved"), isUndo ? {} : { undo: () => void save(before, true) });
  } catch (error) {
    toast(t("notDone", { reason: said(error) }), { isProblem: true });
  }
}

export function Settings() {
  const known = settings.value;
  return (
    <>
      <header class="view-head"><h1>{t("settings")}</h1></header>
      <div class="settings">
        <Section title={t("language")}>
          <Line label={t("language")} id="locale">
            <select id="locale" value={locale.value} onChange={(event) => chooseLanguage(event.currentTarget.value as Locale)}>
              <option value="en-GB" lang="en">{t("english_gb")}</option>
              <option value="en-US" lang="en">{t("english_us")}</option>
              <option value="ur-PK" lang="ur">{t("urdu")}</option>
            </select>
          </Line>
          <Line label={t("theme")} id="theme">
            <select id="theme" value={theme.chosen.value} onChange={(event) => theme.choose(event.currentTarget.value as "auto")}>
              <option value="auto">{t("auto")}</option>
              <option value="light">{t("light")}</option>
              <option value="dark">{t("dark")}</option>
            </select>
          </Line>
        </Section>
        {known ? <Kept known={known} /> : <p class="hint">{t("unreachable")}</p>}
        <Section title={t("installed")}>
          <Line label={t("keysOn")} id="keys" hint={t("keysHint")}>
            <input id="keys" type="checkbox" class="switch" checked={singleKeys.chosen.value === "on"} aria-describedby="keys-hint"
              onChange={(event) => singleKeys.choose(event.currentTarget.checked ? "on" : "off")} />
          </Line>
        </Section>
        {signedIn.value === "yes" && <Account />}
      </div>
    </>
  );
}

function chooseLanguage(value: Locale): void {
  pageLanguage.choose(value === "ur-PK" ? "ur" : "en");
  if (settings.peek()) void save({ locale: value });
}

/** What the server keeps. */
function Kept({ known }: { known: Known }) {
  const zones = Intl.supportedValuesOf("timeZone");
  const quiet = known.quiet_hours;
  return (
    <>
      <Section title={t("reminders")}>
        <Line label={t("email")} id="email">
          <input id="email" type="email" dir="ltr" autocomplete="email" value={known.email ?? ""} onChange={(event) => void save({ email: event.currentTarget.value.trim() || null })} />
        </Line>
        <Line label={t("zone")} id="zone">
          <select id="zone" value={known.time_zone} onChange={(event) => void save({ time_zone: event.currentTarget.value })}>
            {(zones.includes(known.time_zone) ? zones : [known.time_zone, ...zones]).map((one) => <option key={one} value={one}>{one.replaceAll("_", " ")}</option>)}
          </select>
        </Line>
        <Line label={t("reminderHour")} id="reminder-time">
          <input id="reminder-time" type="time" value={known.reminder_time} onChange={(event) => event.currentTarget.value && void save({ reminder_time: event.currentTarget.value })} />
        </Line>
        <Line label={t("quietHours")} id="quiet" hint={t("quietHint")}>
          <input id="quiet" type="checkbox" class="switch" aria-describedby="quiet-hint" checked={quiet !== null}
            onChange={(event) => void save({ quiet_hours: event.currentTarget.checked ? { start: "22:00", end: "07:00" } : null })} />
        </Line>
        {quiet && (
          <div class="line">
            <span class="quiet-times">
              <label class="inline">{t("quietFrom")}<input type="time" value={quiet.start} onChange={(event) => void save({ quiet_hours: { ...quiet, start: event.currentTarget.value } })} /></label>
              <label class="inline">{t("quietTo")}<input type="time" value={quiet.end} onChange={(event) => void save({ quiet_hours: { ...quiet, end: event.currentTarget.value } })} /></label>
            </span>
          </div>
        )}
        <Push known={known} />
      </Section>
    </>
  );
}

function Push({ known }: { known: Known }) {
  const [state, setState] = useState<PushState | null>(null);
  const look = async () => {
    const found = await pushState().catch((error): PushState | null => (error instanceof Problem ? null : "unsupported"));
    setState(found);
    return found;
  };
  useEffect(() => void look(), [known]);
  const toggle = async (input: HTMLInputElement) => {
    try {
      if (input.checked) await subscribe();
      else await unsubscribe();
    } catch (error) {
      toast(t("notDone", { reason: error instanceof Problem ? said(error) : t("pushDenied") }), { isProblem: true });
    }
    // Where it is as it was nothing is drawn anew, and the switch would stay where the finger has put it.
    input.checked = (await look()) === "yes";
  };
  const why = state === "off" ? t("pushOff") : state === "denied" ? t("pushDenied") : state === "unsupported" ? t("pushUnsupported") : "";
  return (
    <Line label={t("push")} id="push" hint={why}>
      <input id="push" type="checkbox" class="switch" checked={state === "yes"} disabled={state !== "yes" && state !== "no"}
        aria-describedby="push-hint" onChange={(event) => void toggle(event.currentTarget)} />
    </Line>
  );
}

function Account() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = async (event: Event) => {
    event.preventDefault();
    try {
      await changePassword(current, next);
      setCurrent("");
      setNext("");
      toast(t("passwordChanged"));
    } catch (error) {
      toast((error as Error).message || t("unreachable"), { isProblem: true });
    }
  };
  return (
    <Section title={t("account")}>
      <form class="password" onSubmit={change}>
        <label>{t("currentPassword")}<input type="password" dir="ltr" autocomplete="current-password" required value={current} onInput={(event) => setCurrent(event.currentTarget.value)} /></label>
        <label>{t("newPassword")}<input type="password" dir="ltr" autocomplete="new-password" minLength={8} maxLength={256} required value={next} onInput={(event) => setNext(event.currentTarget.value)} /></label>
        <button type="submit">{t("changePassword")}</button>
      </form>
      <button type="button" class="danger" onClick={() => void leave()}>{t("signOut")}</button>
    </Section>
  );
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return <section class="settings-section"><h2>{title}</h2><div class="panel">{children}</div></section>;
}

function Line({ label, id, hint, children }: { label: string; id: string; hint?: string; children: ComponentChildren }) {
  return (
    <div class="line">
      <div><label for={id}>{label}</label>{hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}</div>
      {children}
    </div>
  );
}
