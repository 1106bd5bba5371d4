// Tasks under headings. Of long lists only what is near the window is made; the rest follows when one comes near.

import { Component, type VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { beginning, dayText, languageOf, longDay, monthText, t } from "../language/index.ts";
import type { Task } from "../model.ts";
import { daysBetween } from "../pure/dates.ts";
import type { Group } from "../pure/grouping.ts";
import { hrefOf, route } from "../route.ts";
import { online } from "../store/api.ts";
import { todayDay } from "../store/settings.ts";
import { stableKey } from "../store/writes.ts";
import { Check } from "./check.tsx";
import { Facts } from "./facts.tsx";
import { Title } from "./title.tsx";

const FIRST = 50;
const STEP = 150;

export function TaskList({ groups, now }: { groups: Group[]; now: Date }) {
  const [room, setRoom] = useState(FIRST);
  const list = useRef<HTMLDivElement>(null);
  const total = groups.reduce((sum, group) => sum + group.tasks.length, 0);
  useEffect(() => {
    // Paper has no end to scroll to.
    const everything = () => setRoom(Number.MAX_SAFE_INTEGER);
    addEventListener("beforeprint", everything);
    return () => removeEventListener("beforeprint", everything);
  }, []);
  useFocusKept(list);
  let left = room;
  return (
    <div class="groups" ref={list}>
      {groups.map((group) => {
        const tasks = left > 0 ? group.tasks.slice(0, left) : [];
        left -= group.tasks.length;
        return tasks.length > 0 && <TaskGroup key={group.key} group={group} tasks={tasks} now={now} />;
      })}
      {total > room && <More onNear={() => setRoom((before) => before + STEP)} key={room} />}
    </div>
  );
}

function More({ onNear }: { onNear: () => void }) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && onNear(), {
      rootMargin: "1200px",
    });
    if (end.current) observer.observe(end.current);
    return () => observer.disconnect();
  }, []);
  return <div ref={end} class="more-rows" />;
}

function TaskGroup({ group, tasks, now }: { group: Group; tasks: Task[]; now: Date }) {
  const isLate = group.key === "overdue";
  const heading = headingOf(group.key);
  const id = `group-${group.key}`;
  const before = useRef(new Map<Task, { row: VNode<RowProps>; isOverdue: boolean }>());
  const rows = new Map<Task, { row: VNode<RowProps>; isOverdue: boolean }>();
  for (const task of tasks) {
    const isOverdue = isLate || (!task.all_day && task.status === "active" && !!task.due_date && Date.parse(task.due_date) < +now);
    const made = before.current.get(task);
    // The same element says that nothing has changed, without its row being asked: of thousands few have.
    rows.set(task, made?.isOverdue === isOverdue ? made : { row: <Row key={stableKey(task.id)} heading={group.key} task={task} isOverdue={isOverdue} />, isOverdue });
  }
  before.current = rows;
  return (
    <section class={`group${isLate ? " late" : ""}`} aria-labelledby={heading ? id : undefined}>
      {heading && (
        <h2 id={id}>
          {heading.main} {heading.also && <span class="also">{heading.also}</span>}
        </h2>
      )}
      <ul class="tasks" aria-label={heading ? undefined : t("tasks")}>
        {[...rows.values()].map(({ row }) => row)}
      </ul>
    </section>
  );
}

function headingOf(key: string): { main: string; also?: string } | null {
  if (key === "overdue") return { main: t("overdue") };
  if (key === "none") return { main: t("noDate") };
  if (key === "dated") return null;
  if (key.startsWith("month:")) return { main: monthText(key.slice(6)) };
  // Today's view has the date above all.
  if (key === todayDay.value && ["today", "chat"].includes(route.value.view)) return { main: t("today") };
  return Math.abs(daysBetween(todayDay.value, key)) <= 1 ? { main: dayText(key), also: longDay(key) } : { main: longDay(key) };
}

interface RowProps {
  heading: string;
  task: Task;
  isOverdue: boolean;
}

/** A row is drawn anew only when its own task changes, or the day, the language or the connection. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return next.task !== this.props.task || next.isOverdue !== this.props.isOverdue || next.heading !== this.props.heading;
  }

  override render({ task, isOverdue, heading }: RowProps) {
    return (
      <li class={`task${task.status === "active" ? "" : " is-done"}`} data-task={task.id}>
        <Check task={task} />
        <a class="open" href={hrefOf(route.value.view, task.id)} draggable={false}>
          <Title text={task.title} />
          {task.description && <span class="notes"><bdi dir="auto" lang={languageOf(task.description)}>{beginning(task.description, 200)}</bdi></span>}
          <Facts task={task} isOverdue={isOverdue} saysWaiting={!online.value} heading={heading} />
        </a>
      </li>
    );
  }
}

/** When the row that has the focus goes, the one in its place gets it, so that one can go on by keyboard. */
function useFocusKept(list: { current: HTMLElement | null }): void {
  const focused = useRef<{ at: number; kind: string } | null>(null);
  useEffect(() => {
    const remember = (event: FocusEvent) => {
      const target = event.target as HTMLElement;
      const row = target.closest<HTMLElement>("li.task");
      const rows = list.current ? [...list.current.querySelectorAll("li.task")] : [];
      focused.current = row ? { at: rows.indexOf(row), kind: target.classList.contains("check") ? ".check" : ".open" } : null;
    };
    document.addEventListener("focusin", remember);
    return () => document.removeEventListener("focusin", remember);
  }, []);
  useLayoutEffect(() => {
    if (!focused.current || document.activeElement !== document.body) return;
    const { at, kind } = focused.current;
    const rows = list.current?.querySelectorAll<HTMLElement>("li.task") ?? [];
    const next = rows[Math.min(at, rows.length - 1)];
    (next?.querySelector<HTMLElement>(kind) ?? document.getElementById("main"))?.focus({ preventScroll: true });
  });
}
