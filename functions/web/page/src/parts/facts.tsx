// What is to be known of a task at a glance.

import { dueText, languageOf, t } from "../language/index.ts";
import type { Task } from "../model.ts";
import { pending } from "../store/writes.ts";
import { Icon } from "./icon.tsx";

/** Whether something of the task was not sent yet: only said where it waits for the connection. */
const waits = (id: string) => pending.value.some((write) => write.taskId === id || write.creates?.id === id);

interface Props {
  task: Task;
  isOverdue: boolean;
  saysWaiting: boolean;
  /** The day in the heading above. */
  heading?: string;
}

export function Facts({ task, isOverdue, saysWaiting, heading }: Props) {
  const due = dueText(task, heading);
  const rest = task.tags.length || task.recurrence_rule || task.reminder_id || task.priority !== "medium" || saysWaiting;
  if (!due && !rest) return null;
  return (
    <span class="facts">
      {due && <span class={isOverdue ? "fact due late" : "fact due"}>{due}</span>}
      {task.recurrence_rule && <Fact icon="repeat" name={t("repeats")} />}
      {task.reminder_id && <Fact icon="bell" name={t("reminder")} />}
      {task.priority === "high" && <span class="fact high"><Icon name="flag" />{t("highPriority")}</span>}
      {task.priority === "low" && <span class="fact">{t("lowPriority")}</span>}
      {task.tags.map((tag) => <bdi class="fact tag" lang={languageOf(tag)} key={tag}>#{tag}</bdi>)}
      {saysWaiting && waits(task.id) && <span class="fact waits"><Icon name="cloud" />{t("waits")}</span>}
    </span>
  );
}

function Fact({ icon, name }: { icon: "repeat" | "bell"; name: string }) {
  return (
    <span class="fact" title={name}>
      <Icon name={icon} />
      <span class="visually-hidden">{name}</span>
    </span>
  );
}
