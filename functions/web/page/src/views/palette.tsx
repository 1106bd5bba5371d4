// The command palette: everything by its name, the tasks too.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { dueText, t } from "../language/index.ts";
import { score } from "../pure/search.ts";
import { type View, go, openTask } from "../route.ts";
import { addTask, overlay, searchTasks, talk, undo } from "../shortcuts.ts";
import { theme } from "../store/settings.ts";
import { tasks } from "../store/tasks.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import { Modal } from "../parts/modal.tsx";

interface Entry {
  key: string;
  name: string;
  also: string;
  icon: IconName;
  isTask: boolean;
  run: () => void;
}

const VIEWS: View[] = ["today", "upcoming", "all", "done", "chat", "settings"];
const MOST = 12;

function commands(): Entry[] {
  const command = (key: string, name: string, icon: IconName, run: () => void, also = ""): Entry => ({ key, name, also, icon, run, isTask: false });
  return [
    command("add", t("key_add"), "plus", addTask, "q"),
    command("search", t("key_search"), "search", searchTasks, "/"),
    ...VIEWS.map((view) => command(view, t("goTo", { view: t(view) }), view, () => (view === "chat" ? talk() : go(view)), `g ${view[0]}`)),
    command("undo", t("undo"), "history", undo, "z"),
    command("theme", t("toggleTheme"), "settings", toggleTheme),
    command("help", t("shortcuts"), "keyboard", () => (overlay.value = "help"), "?"),
  ];
}

function toggleTheme(): void {
  const isDark = theme.chosen.peek() === "dark" || (theme.chosen.peek() === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  theme.choose(isDark ? "light" : "dark");
}

function found(text: string): Entry[] {
  const known = commands();
  if (!text.trim()) return known;
  const named: [number, Entry][] = known.map((entry) => [score(entry.name, text), entry]);
  for (const task of tasks.value.values()) {
    if (task.status !== "active") continue;
    const points = score(task.title, text);
    if (points > 20) named.push([points - 5, { key: task.id, name: task.title, also: dueText(task), icon: "done", isTask: true, run: () => openTask(task.id) }]);
  }
  return named.filter(([points]) => points > 0).sort(([a], [b]) => b - a).slice(0, MOST).map(([, entry]) => entry);
}

export function Palette() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const entries = useMemo(() => found(text), [text, tasks.value]);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  const close = () => (overlay.value = null);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    // The dialog gives the focus back when it closes; what is chosen may want it elsewhere.
    setTimeout(entry.run);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && entries.length) {
      event.preventDefault();
      setAt((at + by + entries.length) % entries.length);
    }
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      run(entries[at]);
    }
  };
  return (
    <Modal label={t("palette")} class="palette" onClose={close}>
      <input
        class="palette-field" dir={text ? "auto" : undefined} role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" autofocus
        aria-activedescendant={entries[at] ? `palette-${at}` : undefined} aria-label={t("palette")} placeholder={t("palettePlaceholder")}
        value={text} onInput={(event) => (setText(event.currentTarget.value), setAt(0))} onKeyDown={onKeyDown}
      />
      <ul id="palette-list" ref={list} role="listbox" aria-label={t("palette")}>
        {entries.map((entry, index) => (
          <li key={entry.key} id={`palette-${index}`} role="option" aria-selected={index === at} onMouseMove={() => setAt(index)} onClick={() => run(entry)}>
            <Icon name={entry.icon} />
            <bdi class="name" dir="auto">{entry.name}</bdi>
            {entry.also && <span class="also">{entry.also}</span>}
          </li>
        ))}
      </ul>
      {!entries.length && <p class="hint" role="status">{t("noCommand")}</p>}
    </Modal>
  );
}
