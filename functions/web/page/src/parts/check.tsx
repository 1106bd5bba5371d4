// The round box in front of a task.

import { complete, reopen } from "../actions.ts";
import { t } from "../language/index.ts";
import type { Task } from "../model.ts";
import { linger } from "../store/lingering.ts";

export function Check({ task }: { task: Task }) {
  const isDone = task.status === "completed";
  const toggle = () => {
    linger(task);
    void (isDone ? reopen(task) : complete(task));
  };
  return (
    <button
      type="button"
      role="checkbox"
      class={`check priority-${task.priority}`}
      aria-checked={isDone}
      aria-label={t(isDone ? "reopenTask" : "completeTask", { title: task.title })}
      onClick={toggle}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        <circle cx="12" cy="12" r="9.25" />
        <path d="M7.5 12.5l3 3 6-6.5" />
      </svg>
    </button>
  );
}
