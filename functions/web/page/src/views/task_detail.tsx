// One task, with all that can be changed of it. Each field is saved when it is left.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { complete, edit, remove, reopen, restore, snooze, taskBy } from "../actions.ts";
import { languageOf, momentText, said, t } from "../language/index.ts";
import type { Priority, Scope, Task, TaskInput } from "../model.ts";
import { addDays, localIn } from "../pure/dates.ts";
import { closeTask } from "../route.ts";
import { settings, todayDay, zoneName } from "../store/settings.ts";
import { read } from "../store/tasks.ts";
import { Check } from "../parts/check.tsx";
import { Icon } from "../parts/icon.tsx";
import { Modal } from "../parts/modal.tsx";
import { History } from "./task_history.tsx";
import { Reminders } from "./task_reminders.tsx";
import { Repetition } from "./task_repetition.tsx";

export function TaskDetail({ id }: { id: string }) {
  const [problem, setProblem] = useState<string | null>(null);
  const task = taskBy(id);
  useEffect(() => {
    if (id.startsWith("new-")) return;
    read(id).then((found) => setProblem(found ? null : t("notFound")), (error) => setProblem(said(error)));
  }, [id]);
  return (
    <Modal label={task?.title ?? t("task")} class="detail" onClose={closeTask}>
      <div class="detail-bar">
        <button type="button" class="plain" aria-label={t("close")} onClick={closeTask}><Icon name="close" /></button>
      </div>
      {task ? <Fields key={task.id} task={task} /> : <p class="problem" role="alert">{problem ?? t("loading")}</p>}
    </Modal>
  );
}

const isSaved = (task: Task) => !task.id.startsWith("new-");

function Fields({ task }: { task: Task }) {
  const [scope, setScope] = useState<Scope>("this");
  const isOfSeries = task.recurrence_rule !== null || task.parent_task_id !== null;
  const change = (fields: TaskInput) => void edit(task, fields, isOfSeries && !("recurrence_rule" in fields) ? scope : null);
  const erase = () => {
    void remove(task, isOfSeries && scope !== "this" ? scope : null);
    closeTask();
  };
  return (
    <div class="detail-fields">
      <div class="detail-title">
        <Check task={task} />
        <Text value={task.title} label={t("title")} class="title-field" onChange={(title) => title.trim() && change({ title: title.trim() })} />
      </div>
      {task.status === "deleted" && (
        <p class="banner">{t("deleted")} <button type="button" class="link" onClick={() => void restore(task)}>{t("restore")}</button></p>
      )}
      <Text value={task.description ?? ""} label={t("notes")} placeholder={t("notesPlaceholder")} class="notes-field"
        onChange={(text) => change({ description: text.trim() ? text : null })} />
      {isOfSeries && (
        <Field label={t("scope")} id="scope">
          <select id="scope" value={scope} onChange={(event) => setScope(event.currentTarget.value as Scope)}>
            <option value="this">{t("scopeThis")}</option>
            <option value="following">{t("scopeFollowing")}</option>
            <option value="all">{t("scopeAll")}</option>
          </select>
        </Field>
      )}
      <Due task={task} onChange={change} />
      <Field label={t("priority")} id="priority">
        <select id="priority" value={task.priority} onChange={(event) => change({ priority: event.currentTarget.value as Priority })}>
          {(["high", "medium", "low"] as const).map((one) => <option key={one} value={one}>{t(one)}</option>)}
        </select>
      </Field>
      <Tags task={task} onChange={change} />
      <Repetition task={task} onChange={change} />
      <Reminders task={task} onChange={change} />
      <Snooze task={task} />
      {isSaved(task) && <History task={task} />}
      <div class="detail-actions">
        {task.status === "completed"
          ? <button type="button" onClick={() => void reopen(task)}>{t("reopen")}</button>
          : <button type="button" class="primary" onClick={() => (void complete(task), closeTask())}>{t("complete")}</button>}
        {task.status !== "deleted" && <button type="button" class="danger" onClick={erase}><Icon name="trash" />{t("delete")}</button>}
      </div>
    </div>
  );
}

export function Field({ label, id, children }: { label: string; id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="field-inputs">{children}</div>
    </div>
  );
}

interface TextProps {
  value: string;
  label: string;
  class: string;
  placeholder?: string;
  onChange: (text: string) => void;
}

/** A text that grows with what is in it, and is saved when it is left. */
function Text({ value, label, class: name, placeholder, onChange }: TextProps) {
  const [text, setText] = useState<string | null>(null);
  const save = () => {
    if (text !== null && text !== value) onChange(text);
    setText(null);
  };
  return (
    <textarea
      class={name}
      dir={text ?? value ? "auto" : undefined}
      lang={languageOf(text ?? value)}
      rows={1}
      aria-label={label}
      placeholder={placeholder ?? ""}
      value={text ?? value}
      maxLength={name === "title-field" ? 500 : 10_000}
      onInput={(event) => setText(event.currentTarget.value)}
      onBlur={save}
      onKeyDown={(event) => {
        const isTitle = name === "title-field";
        if (event.key === "Enter" && (isTitle || event.ctrlKey || event.metaKey) && !event.isComposing) {
          event.preventDefault();
          save();
        }
      }}
    />
  );
}

function Due({ task, onChange }: { task: Task; onChange: (fields: TaskInput) => void }) {
  // A task keeps the wall time of its own zone.
  const local = task.due_date && !task.all_day ? localIn(task.time_zone, new Date(task.due_date)) : null;
  const day = local?.day ?? task.due_date ?? "";
  const time = local?.time ?? "";
  const set = (nextDay: string, nextTime: string) => {
    if (nextDay === day && nextTime === time) return;
    onChange({ due_date: !nextDay ? null : nextTime ? `${nextDay}T${nextTime}:00` : nextDay });
  };
  const today = todayDay.value;
  return (
    <>
      <Field label={t("date")} id="due-day">
        <input id="due-day" type="date" value={day} max="9999-12-31" onChange={(event) => set(event.currentTarget.value, time)} />
        <button type="button" class="chip-button" onClick={() => set(today, time)}>{t("today")}</button>
        <button type="button" class="chip-button" onClick={() => set(addDays(today, 1), time)}>{t("tomorrow")}</button>
        {day && <button type="button" class="plain" aria-label={t("clearDate")} onClick={() => set("", "")}><Icon name="close" /></button>}
      </Field>
      {day && (
        <Field label={t("time")} id="due-time">
          <input id="due-time" type="time" value={time} onChange={(event) => set(day, event.currentTarget.value)} />
          {time && <button type="button" class="chip-button" onClick={() => set(day, "")}>{t("noTime")}</button>}
        </Field>
      )}
      {task.time_zone !== zoneName.value && <p class="hint">{t("timeZone")}: <bdi>{task.time_zone}</bdi></p>}
    </>
  );
}

function Tags({ task, onChange }: { task: Task; onChange: (fields: TaskInput) => void }) {
  const [text, setText] = useState("");
  const add = () => {
    const tag = text.trim().replace(/^#/, "");
    setText("");
    if (tag && !task.tags.includes(tag)) onChange({ tags: [...task.tags, tag] });
  };
  return (
    <Field label={t("tags")} id="new-tag">
      {task.tags.map((tag) => (
        <span class="chip" key={tag}>
          <bdi>#{tag}</bdi>
          <button type="button" class="plain tiny" aria-label={t("removeTag", { tag })} onClick={() => onChange({ tags: task.tags.filter((one) => one !== tag) })}>
            <Icon name="close" />
          </button>
        </span>
      ))}
      <input id="new-tag" class="tag-field" dir={text ? "auto" : undefined} maxLength={64} placeholder={t("addTag")} value={text} onInput={(event) => setText(event.currentTarget.value)}
        onBlur={add} onKeyDown={(event) => event.key === "Enter" && (event.preventDefault(), add())} />
    </Field>
  );
}

function Snooze({ task }: { task: Task }) {
  if (!isSaved(task) || task.status !== "active") return null;
  const tomorrow = `${addDays(todayDay.value, 1)}T${settings.value?.reminder_time ?? "09:00"}:00`;
  const isAhead = task.snoozed_until && Date.parse(task.snoozed_until) > Date.now();
  return (
    <div class="field" role="group" aria-label={t("snooze")}>
      <span class="field-name" aria-hidden="true">{t("snooze")}</span>
      <div class="field-inputs">
        <button type="button" class="chip-button" onClick={() => void snooze(task, { for: "10m" })}>{t("snooze10")}</button>
        <button type="button" class="chip-button" onClick={() => void snooze(task, { for: "1h" })}>{t("snooze60")}</button>
        <button type="button" class="chip-button" onClick={() => void snooze(task, { until: tomorrow })}>{t("snoozeTomorrow")}</button>
        {isAhead && <span class="hint">{t("snoozedUntil", { time: momentText(new Date(String(task.snoozed_until))) })}</span>}
      </div>
    </div>
  );
}
