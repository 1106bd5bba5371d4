// What happened to a task, each change with a way back.

import { useEffect, useState } from "preact/hooks";

import { takeBack } from "../actions.ts";
import { beginning, dueText, fieldName, momentText, t } from "../language/index.ts";
import { EN, type Key } from "../language/en.ts";
import type { HistoryEntry, Task } from "../model.ts";
import { call } from "../store/api.ts";
import { Icon } from "../parts/icon.tsx";

export function History({ task }: { task: Task }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="history" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary><Icon name="history" />{t("history")}</summary>
      {isOpen && <Entries task={task} />}
    </details>
  );
}

function Entries({ task }: { task: Task }) {
  const [entries, setEntries] = useState<HistoryEntry[] | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    call<{ entries: HistoryEntry[] }>("GET", `/api/tasks/${task.id}/history`, { signal: stop.signal })
      .then((answer) => setEntries(answer.entries.toReversed()))
      .catch(() => undefined);
    return () => stop.abort();
  }, [task.id, task.version]);
  if (!entries) return <p class="hint">{t("loading")}</p>;
  return (
    <ol class="entries">
      {entries.map((entry) => <Entry key={entry.event_id} task={task} entry={entry} />)}
    </ol>
  );
}

/** What says nothing to people, or is said by another field. */
const SILENT = new Set(["id", "user_id", "version", "created_at", "updated_at", "all_day", "completed_at", "reminder_id", "status"]);

function Entry({ task, entry }: { task: Task; entry: HistoryEntry }) {
  const happened = `happened_${entry.action.replace("task.", "")}`;
  const isChange = entry.action === "task.updated";
  const fields = isChange ? Object.keys(entry.new_values ?? {}).filter((field) => !SILENT.has(field)) : [];
  return (
    <li>
      <div>
        <strong>{happened in EN ? t(happened as Key) : entry.action}</strong>
        {entry.actor_type !== "user" && ` ${t("byKaam")}`}
        <time class="hint" dateTime={entry.timestamp}> {momentText(new Date(entry.timestamp))}</time>
        {fields.map((field) => (
          <p class="change" key={field}>
            {fieldName(field)}: <Value field={field} values={entry.old_values} task={task} /> → <Value field={field} values={entry.new_values} task={task} />
          </p>
        ))}
      </div>
      <button type="button" class="link" onClick={() => void takeBack(task, entry.event_id)}>{t("takeBack")}</button>
    </li>
  );
}

function Value({ field, values, task }: { field: string; values: Record<string, unknown> | null; task: Task }) {
  return <bdi dir="auto">{valueText(field, values?.[field], task)}</bdi>;
}

function valueText(field: string, value: unknown, task: Task): string {
  if (value === null || value === undefined || value === "") return t("nothing");
  if (field === "due_date") return dueText({ due_date: String(value), all_day: !String(value).includes("T"), time_zone: task.time_zone });
  if (field === "priority" && ["high", "medium", "low"].includes(String(value))) return t(value as "high");
  if (field === "recurrence_rule") return String((value as { rrule?: string }).rrule ?? t("changedField"));
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.map((one) => `#${one}`).join(" ") || t("nothing");
  if (typeof value === "object") return t("changedField");
  return beginning(String(value), 120);
}
