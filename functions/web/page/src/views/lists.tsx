// The four lists: Today, Upcoming, All, Done.

import { batch, computed, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { locale, longDay, said, t } from "../language/index.ts";
import type { Key } from "../language/en.ts";
import type { Priority, TaskInput } from "../model.ts";
import { addDays } from "../pure/dates.ts";
import { type Filter, type Group, all, done, matches, tagsOf, today, upcoming } from "../pure/grouping.ts";
import { online } from "../store/api.ts";
import { asTheyAre, listed } from "../store/listed.ts";
import { painted } from "../store/frames.ts";
import { now, todayDay, zone } from "../store/settings.ts";
import { isLoaded, readDone, sync, tasks } from "../store/tasks.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import { QuickAdd } from "../parts/quick_add.tsx";
import { TaskList } from "../parts/task_list.tsx";

const todayGroups = computed(() => asTheyAre(today(listed.value.values(), zone.value, now.value)));
const upcomingGroups = computed(() => asTheyAre(upcoming(listed.value.values(), zone.value, now.value)));
const doneGroups = computed(() => asTheyAre(done(listed.value.values(), zone.value)));

/** How many tasks wait today. */
export const todayCount = computed(() => today(tasks.value.values(), zone.value, now.value).reduce((sum, group) => sum + group.tasks.length, 0));

export const NO_FILTER: Filter = { text: "", priority: null, tag: null };
export const filter = signal<Filter>(NO_FILTER);
/** What was typed just now, and not sought yet; null: nothing. */
const typing = signal<string | null>(null);
const allGroups = computed(() => asTheyAre(all(listed.value.values(), filter.value)));
const tags = computed(() => tagsOf(tasks.value.values()));

export function Today() {
  return (
    <Listing
      title={t("today")}
      sub={longDay(todayDay.value)}
      groups={todayGroups.value}
      fallback={{ due_date: todayDay.value }}
      empty={{ icon: "done", title: "emptyToday", hint: "emptyTodayHint" }}
    />
  );
}

export function Upcoming() {
  return (
    <Listing
      title={t("upcoming")}
      groups={upcomingGroups.value}
      fallback={{ due_date: addDays(todayDay.value, 1) }}
      empty={{ icon: "upcoming", title: "emptyUpcoming", hint: "emptyUpcomingHint" }}
    />
  );
}

export function All() {
  const isFiltered = filter.value !== NO_FILTER;
  const found = allGroups.value.reduce((sum, group) => sum + group.tasks.length, 0);
  return (
    <Listing
      title={t("all")}
      groups={allGroups.value}
      fallback={{}}
      empty={isFiltered
        ? { icon: "search", title: "emptyFound", hint: "emptyFoundHint" }
        : { icon: "all", title: "emptyAll", hint: "emptyAllHint" }}
    >
      <Filters found={isFiltered ? found : null} />
    </Listing>
  );
}

function Filters({ found }: { found: number | null }) {
  const change = (part: Partial<Filter>) => {
    const next = { ...filter.peek(), ...part };
    filter.value = next.text || next.priority || next.tag ? next : NO_FILTER;
  };
  const { priority, tag } = filter.value;
  const text = typing.value ?? filter.value.text;
  // The letter is seen first. The rows that it takes away or brings back can be thousands, and follow in the picture after.
  const type = (letters: string) => {
    const isUnderWay = typing.peek() !== null;
    typing.value = letters;
    if (!isUnderWay) void painted().then(seek);
  };
  const seek = () => batch(() => {
    const sought = typing.peek();
    typing.value = null;
    if (sought !== null) change({ text: sought });
  });
  const clear = () => batch(() => {
    typing.value = null;
    filter.value = NO_FILTER;
  });
  return (
    <search class="filters">
      <div class="search-field">
        <Icon name="search" />
        <input
          id="search"
          type="search"
          dir={text ? "auto" : undefined}
          value={text}
          aria-label={t("search")}
          placeholder={t("searchPlaceholder")}
          autocomplete="off"
          onInput={(event) => type(event.currentTarget.value)}
        />
      </div>
      <select aria-label={t("priority")} value={priority ?? ""} onChange={(event) => change({ priority: (event.currentTarget.value || null) as Priority | null })}>
        <option value="">{t("anyPriority")}</option>
        {(["high", "medium", "low"] as const).map((one) => <option key={one} value={one}>{t(one)}</option>)}
      </select>
      <select aria-label={t("tags")} value={tag ?? ""} onChange={(event) => change({ tag: event.currentTarget.value || null })}>
        <option value="">{t("anyTag")}</option>
        {tags.value.map((one) => <option key={one} value={one}>#{one}</option>)}
      </select>
      {found !== null && <button type="button" class="link" onClick={clear}>{t("clearFilters")}</button>}
      <p class="found" role="status">{found === null ? "" : t("nResults", { n: found })}</p>
    </search>
  );
}

export function Done() {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  useEffect(() => {
    const timer = setTimeout(() => readDone(text.trim()).then(() => setProblem(null), setProblem), text ? 200 : 0);
    return () => clearTimeout(timer);
  }, [text]);
  const groups = text.trim()
    ? doneGroups.value.map((group) => ({ ...group, tasks: group.tasks.filter((task) => matches(task, { ...NO_FILTER, text })) })).filter((group) => group.tasks.length)
    : doneGroups.value;
  return (
    <Listing title={t("done")} groups={groups} fallback={null} empty={text ? { icon: "search", title: "emptyFound", hint: "emptyFoundHint" } : { icon: "done", title: "emptyDone", hint: "emptyDoneHint" }}>
      <search class="filters">
        <div class="search-field">
          <Icon name="search" />
          <input id="search" type="search" dir={text ? "auto" : undefined} value={text} aria-label={t("showDone")} placeholder={t("searchPlaceholder")} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
        </div>
      </search>
      {problem !== null && online.value && <p class="problem" role="alert">{said(problem)}</p>}
    </Listing>
  );
}

interface Empty {
  icon: IconName;
  title: Key;
  hint: Key;
}

interface ListingProps {
  title: string;
  sub?: string;
  groups: Group[];
  /** What a task added here gets; null: none is added here. */
  fallback: TaskInput | null;
  empty: Empty;
  children?: ComponentChildren;
}

function Listing({ title, sub, groups, fallback, empty, children }: ListingProps) {
  return (
    <>
      <header class="view-head">
        <h1>{title}</h1>
        {sub && <p class="sub">{sub}</p>}
      </header>
      {children}
      {fallback && <QuickAdd fallback={fallback} />}
      {groups.length ? <TaskList key={`${title} ${locale.value}`} groups={groups} now={now.value} /> : isLoaded.value ? <Nothing {...empty} /> : <Waiting />}
    </>
  );
}

function Nothing({ icon, title, hint }: Empty) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{t(title)}</p>
      <p>{t(hint)}</p>
    </div>
  );
}

/** Nothing is known yet: it is on its way, or can not be had. */
function Waiting() {
  if (online.value) {
    return (
      <div class="waiting" role="status" aria-label={t("loading")}>
        <ul class="skeleton" aria-hidden="true">{[1, 2, 3, 4].map((one) => <li key={one} />)}</ul>
      </div>
    );
  }
  return (
    <div class="empty" role="alert">
      <Icon name="cloud" />
      <p class="empty-title">{t("cannotLoad")}</p>
      <p>{t("unreachable")}</p>
      <button type="button" class="primary" onClick={() => void sync().catch(() => undefined)}>{t("tryAgain")}</button>
    </div>
  );
}
