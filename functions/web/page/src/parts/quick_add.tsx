// The line in which tasks are added, wherever there are tasks.

import { useRef, useState } from "preact/hooks";

import { add } from "../actions.ts";
import { dueText, t } from "../language/index.ts";
import type { Task, TaskInput } from "../model.ts";
import { zone } from "../store/settings.ts";
import { Icon } from "./icon.tsx";
import { SayField } from "./say_field.tsx";
import { useUnderstanding } from "./understanding.ts";

export const QUICK_ADD = "quick-add";

export function QuickAdd({ fallback }: { fallback: TaskInput }) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const understood = useUnderstanding(text);
  const parsed = understood?.text === text ? understood.parsed : null;
  const submit = () => {
    if (!text.trim()) return;
    add({ text, parsed, fallback });
    setText("");
    field.current?.focus();
  };
  return (
    <form class="quick-add" onSubmit={(event) => (event.preventDefault(), submit())}>
      <span class="quick-add-plus"><Icon name="plus" /></span>
      <SayField
        id={QUICK_ADD}
        label={t("addTask")}
        placeholder={t("addTask")}
        text={text}
        understood={understood}
        onText={setText}
        onSend={submit}
        field={field}
      />
      {text.trim() && <button type="submit" class="primary small">{t("add")}</button>}
      <Preview text={text} fields={text.trim() ? understood?.parsed.commands[0]?.task : undefined} fallback={fallback} />
    </form>
  );
}

/** What the sentence will become, before it does. */
function Preview({ text, fields, fallback }: { text: string; fields: (TaskInput & { all_day?: boolean }) | undefined; fallback: TaskInput }) {
  if (!text.trim()) return null;
  const due_date = fields?.due_date ?? fallback.due_date ?? null;
  const task = { due_date, all_day: !due_date?.includes("T"), time_zone: fields?.time_zone ?? zone.value } as Task;
  const facts: string[] = [];
  if (due_date) facts.push(dueText(task));
  if (fields?.recurrence_rule) facts.push(t("repeats"));
  if (fields?.reminder_config) facts.push(t("reminder"));
  if (fields?.priority === "high") facts.push(t("highPriority"));
  if (fields?.priority === "low") facts.push(t("lowPriority"));
  return (
    <p class="preview" aria-live="polite">
      {facts.map((fact) => <span class="chip" key={fact}>{fact}</span>)}
      {fields?.tags?.map((tag) => <bdi class="chip" key={tag}>#{tag}</bdi>)}
    </p>
  );
}
