// The reminders of a task, and what became of them.

import { useEffect, useState } from "preact/hooks";

import { isUrdu, momentText, t } from "../language/index.ts";
import type { Reminder, ReminderEntry, Task, TaskInput } from "../model.ts";
import { instantOf, localIn } from "../pure/dates.ts";
import { call } from "../store/api.ts";
import { zone, zoneName } from "../store/settings.ts";
import { Icon } from "../parts/icon.tsx";

const LEADS = ["0m", "5m", "15m", "30m", "1h", "2h", "1d", "2d", "1w"];
const UNITS = { m: "minute", h: "hour", d: "day", w: "week" } as const;

/** Gives `15m` in words. */
function leadText(lead: string): string {
  const unit = UNITS[lead.at(-1) as keyof typeof UNITS];
  const value = Number.parseInt(lead, 10);
  if (!value) return t("atTime");
  const time = new Intl.NumberFormat(isUrdu.value ? "ur" : "en", { style: "unit", unit, unitDisplay: "long" }).format(value);
  return t("before", { time });
}

export function entriesOf(task: Task): ReminderEntry[] {
  if (!task.reminder_config) return [];
  return Array.isArray(task.reminder_config) ? task.reminder_config : [task.reminder_config];
}

export function Reminders({ task, onChange }: { task: Task; onChange: (fields: TaskInput) => void }) {
  const entries = entriesOf(task);
  const save = (next: ReminderEntry[]) => onChange({ reminder_config: next.length ? next : null });
  const replace = (at: number, entry: ReminderEntry) => save(entries.map((one, index) => (index === at ? entry : one)));
  const added: ReminderEntry = task.due_date
    ? { lead_time: task.all_day ? "0m" : "15m" }
    : { at: new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000).toISOString() };
  return (
    <div class="field" role="group" aria-label={t("reminders")}>
      <span class="field-name" aria-hidden="true">{t("reminders")}</span>
      <div class="field-inputs column">
        {entries.map((entry, at) => (
          <div class="reminder" key={at}>
            <Entry entry={entry} canLead={task.due_date !== null} onChange={(next) => replace(at, next)} />
            <button type="button" class="plain" aria-label={t("removeReminder")} onClick={() => save(entries.filter((_, index) => index !== at))}>
              <Icon name="close" />
            </button>
          </div>
        ))}
        {entries.length < 16 && (
          <button type="button" class="chip-button" onClick={() => save([...entries, added])}>
            <Icon name="plus" />{t("addReminder")}
          </button>
        )}
        {task.version > 0 && entries.length > 0 && <Outcomes task={task} />}
      </div>
    </div>
  );
}

function Entry({ entry, canLead, onChange }: { entry: ReminderEntry; canLead: boolean; onChange: (entry: ReminderEntry) => void }) {
  const { lead_time, at, ...rest } = entry;
  const leads = lead_time && !LEADS.includes(lead_time) ? [...LEADS, lead_time] : LEADS;
  const local = at ? localIn(zone.value, new Date(at)) : null;
  const choose = (value: string) =>
    onChange(value === "at" ? { ...rest, at: new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000).toISOString() } : { ...rest, lead_time: value });
  return (
    <>
      <select aria-label={t("when")} value={lead_time ?? "at"} onChange={(event) => choose(event.currentTarget.value)}>
        {canLead && leads.map((lead) => <option key={lead} value={lead}>{leadText(lead)}</option>)}
        <option value="at">{t("atInstant")}</option>
      </select>
      {local && (
        <input type="datetime-local" aria-label={t("atInstant")} value={`${local.day}T${local.time}`}
          onChange={(event) => event.currentTarget.value && onChange({ ...rest, at: instantOf(`${event.currentTarget.value}:00`, zoneName.value) })} />
      )}
      <select aria-label={t("how")} value={entry.delivery_method ?? "email"}
        onChange={(event) => onChange({ ...entry, delivery_method: event.currentTarget.value as "email" | "push" })}>
        <option value="email">{t("byEmail")}</option>
        <option value="push">{t("byPush")}</option>
      </select>
    </>
  );
}

/** What became of each, in the words of the server where it says why. */
function Outcomes({ task }: { task: Task }) {
  const [reminders, setReminders] = useState<Reminder[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    call<{ reminders: Reminder[] }>("GET", `/api/tasks/${task.id}/reminders`, { signal: stop.signal })
      .then((answer) => setReminders(answer.reminders.filter((one) => one.status !== "cancelled")))
      .catch(() => undefined);
    return () => stop.abort();
  }, [task.id, task.version, task.reminder_id]);
  if (!reminders.length) return null;
  return (
    <ul class="outcomes">
      {reminders.slice(-6).map((one) => (
        <li key={one.id}>
          {momentText(new Date(one.trigger_time))} · <span class={`status ${one.status}`}>{t(`status_${one.status}`)}</span>
          {one.reason && <bdi class="reason" lang="en" dir="auto"> {one.reason}</bdi>}
        </li>
      ))}
    </ul>
  );
}
