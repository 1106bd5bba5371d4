// How a task repeats, with the dates that come of it.

import { useEffect, useState } from "preact/hooks";

import { fullDay, t, timeText, weekdayName } from "../language/index.ts";
import type { Key } from "../language/en.ts";
import type { Task, TaskInput } from "../model.ts";
import { dayIn } from "../pure/dates.ts";
import { type Kind, type RuleForm, WEEKDAYS, formOf, ruleOf } from "../pure/rules.ts";
import { call } from "../store/api.ts";
import { zone } from "../store/settings.ts";
import { Field } from "./task_detail.tsx";

const KINDS: [Kind, Key][] = [
  ["none", "never"], ["daily", "daily"], ["weekdays", "weekdays"], ["weekly", "weekly"], ["monthly", "monthly"], ["yearly", "yearly"],
  ["rrule", "custom"],
];

export function Repetition({ task, onChange }: { task: Task; onChange: (fields: TaskInput) => void }) {
  const [form, setForm] = useState<RuleForm>(() => formOf(task.recurrence_rule));
  // What another one, or the server, made of it.
  useEffect(() => setForm(formOf(task.recurrence_rule)), [JSON.stringify(task.recurrence_rule)]);
  if (!task.due_date) return <Field label={t("repeat")} id="repeat"><p class="hint" id="repeat">{t("needsDate")}</p></Field>;
  const change = (part: Partial<RuleForm>) => {
    const next = { ...form, ...part };
    setForm(next);
    // Half a rule is none: the text is sent when it is left.
    if (next.kind === "rrule" && !next.rrule.trim()) return;
    if (next.ends === "until" && !next.until) return;
    onChange({ recurrence_rule: ruleOf(next, task.recurrence_rule) });
  };
  const hasInterval = form.kind !== "none" && form.kind !== "weekdays" && form.kind !== "rrule";
  return (
    <>
      <Field label={t("repeat")} id="repeat">
        <select id="repeat" value={form.kind} onChange={(event) => change({ kind: event.currentTarget.value as Kind })}>
          {KINDS.map(([kind, name]) => <option key={kind} value={kind}>{t(name)}</option>)}
        </select>
        {hasInterval && (
          <label class="inline">
            {t("every")}
            <input type="number" min={1} max={1000} value={form.interval} onChange={(event) => change({ interval: Number(event.currentTarget.value) })} />
            {t(`units_${form.kind}` as Key)}
          </label>
        )}
      </Field>
      {form.kind === "rrule" && (
        <Field label={t("custom")} id="rrule">
          <input id="rrule" class="code" dir="ltr" placeholder="FREQ=MONTHLY;BYDAY=-1FR" value={form.rrule} maxLength={1000} spellcheck={false}
            onChange={(event) => change({ rrule: event.currentTarget.value })} />
        </Field>
      )}
      {form.kind === "weekly" && (
        <div class="field" role="group" aria-label={t("onDays")}>
          <span class="field-name" aria-hidden="true">{t("onDays")}</span>
          <div class="field-inputs weekdays">
            {WEEKDAYS.map((day, at) => {
              const isOn = form.weekdays.includes(day);
              return (
                <button key={day} type="button" class="day" aria-pressed={isOn} title={weekdayName((at + 1) % 7, "long")}
                  onClick={() => change({ weekdays: isOn ? form.weekdays.filter((one) => one !== day) : [...form.weekdays, day] })}>
                  {weekdayName((at + 1) % 7)}
                </button>
              );
            })}
          </div>
        </div>
      )}
      {form.kind !== "none" && form.kind !== "rrule" && (
        <Field label={t("ends")} id="ends">
          <select id="ends" value={form.ends} onChange={(event) => change({ ends: event.currentTarget.value as RuleForm["ends"] })}>
            <option value="never">{t("endsNever")}</option>
            <option value="until">{t("endsUntil")}</option>
            <option value="count">{t("endsCount")}</option>
          </select>
          {form.ends === "until" && <input type="date" aria-label={t("lastDay")} value={form.until} onChange={(event) => change({ until: event.currentTarget.value })} />}
          {form.ends === "count" && <input type="number" min={1} aria-label={t("times")} value={form.count} onChange={(event) => change({ count: Number(event.currentTarget.value) })} />}
        </Field>
      )}
      {form.kind !== "none" && (
        <Field label={t("countsFrom")} id="anchor">
          <select id="anchor" value={form.anchor} onChange={(event) => change({ anchor: event.currentTarget.value as RuleForm["anchor"] })}>
            <option value="due">{t("fromDue")}</option>
            <option value="completion">{t("fromCompletion")}</option>
          </select>
        </Field>
      )}
      {task.recurrence_rule && <NextDates task={task} />}
    </>
  );
}

const SHOWN = 5;

/** What the rule gives, as the server has it, which is the one that makes the next task. */
function NextDates({ task }: { task: Task }) {
  const [dates, setDates] = useState<string[] | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    call<{ occurrences: { due_date: string }[] }>("GET", `/api/tasks/${task.id}/occurrences?limit=${SHOWN}`, { signal: stop.signal })
      .then(({ occurrences }) => setDates(occurrences.map((one) => one.due_date)))
      .catch(() => undefined);
    return () => stop.abort();
    // The version tells when the server has another rule, not when one was chosen here.
  }, [task.id, task.version]);
  if (!dates) return null;
  return (
    <div class="field">
      <span class="field-name" id="next-dates">{t("nextDates")}</span>
      <ol class="dates" aria-labelledby="next-dates">
        {dates.map((due) => (
          <li key={due}>{due.includes("T") ? `${fullDay(dayIn(zone.value, new Date(due)))} · ${timeText(new Date(due))}` : fullDay(due)}</li>
        ))}
      </ol>
    </div>
  );
}
