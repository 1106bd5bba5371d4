// The tasks that lists are made of: as they are, and for a moment as they were, where something was done to a row just now.

import { computed } from "@preact/signals";

import type { Task } from "../model.ts";
import type { Group } from "../pure/grouping.ts";
import { lingering } from "./lingering.ts";
import { tasks } from "./tasks.ts";
import { currentId, stableKey } from "./writes.ts";

/** By what lists are put together. */
export const listed = computed<ReadonlyMap<string, Task>>(() => {
  if (!lingering.value.size) return tasks.value;
  const all = new Map(tasks.value);
  for (const [key, task] of lingering.value) all.set(currentId(key), task);
  return all;
});

/** Gives the groups with each task as it is now. */
export function asTheyAre(groups: Group[]): Group[] {
  if (!lingering.value.size) return groups;
  return groups.map((group) => ({
    ...group,
    tasks: group.tasks.map((task) => (lingering.value.has(stableKey(task.id)) ? (tasks.value.get(currentId(task.id)) ?? task) : task)),
  }));
}
