// The conversation beside the tasks.

import { useEffect, useRef, useState } from "preact/hooks";

import { taskBy } from "../actions.ts";
import { dueText, t } from "../language/index.ts";
import type { Task } from "../model.ts";
import { isOverdue } from "../pure/dates.ts";
import { hrefOf, route } from "../route.ts";
import { online } from "../store/api.ts";
import { type Message, isThinking, messages, newConversation, say } from "../store/chat.ts";
import { now, zone } from "../store/settings.ts";
import { Check } from "../parts/check.tsx";
import { Facts } from "../parts/facts.tsx";
import { Icon } from "../parts/icon.tsx";
import { Title } from "../parts/title.tsx";
import { SayField } from "../parts/say_field.tsx";
import { useUnderstanding } from "../parts/understanding.ts";

export const CHAT_FIELD = "say";

export function Chat({ isPage }: { isPage: boolean }) {
  const [text, setText] = useState("");
  const understood = useUnderstanding(text);
  const log = useRef<HTMLDivElement>(null);
  const all = messages.value;
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [all, isThinking.value]);
  const send = (words: string) => {
    if (say(words)) setText("");
    // A focus in the field brings up the keyboard of a phone, which covers what was asked.
    if (!matchMedia("(hover: none)").matches) document.getElementById(CHAT_FIELD)?.focus();
  };
  const Title = isPage ? "h1" : "h2";
  return (
    <div class="chat">
      <header class="chat-head">
        <Title>{t("chatTitle")}</Title>
        {all.length > 0 && <button type="button" class="plain" aria-label={t("newChat")} title={t("newChat")} onClick={newConversation}><Icon name="plus" /></button>}
      </header>
      <div class="log" ref={log} role="log" aria-label={t("messages")} aria-live="polite" tabIndex={0}>
        {all.length === 0 && <Beginnings onChoose={send} />}
        {all.map((message) => <Bubble key={message.key} message={message} onSay={send} />)}
        {isThinking.value && <div class="bubble theirs thinking" role="status" aria-label={t("thinking")}><i /><i /><i /></div>}
      </div>
      <form class="chat-form" onSubmit={(event) => (event.preventDefault(), send(text))}>
        <SayField id={CHAT_FIELD} label={t("say")} placeholder={t("sayPlaceholder")} text={text} understood={understood}
          onText={setText} onSend={() => send(text)} enterKeyHint="send" />
        <button type="submit" class="send" aria-label={t("send")} disabled={!text.trim() || isThinking.value}><Icon name="send" /></button>
      </form>
    </div>
  );
}

function Beginnings({ onChoose }: { onChoose: (text: string) => void }) {
  return (
    <div class="beginnings">
      <p>{t("chatHint")}</p>
      {(["chatHint1", "chatHint2", "chatHint3"] as const).map((hint) => (
        <button key={hint} type="button" class="chip-button" dir="auto" onClick={() => onChoose(t(hint))}>{t(hint)}</button>
      ))}
    </div>
  );
}

function Bubble({ message, onSay }: { message: Message; onSay: (text: string) => void }) {
  const { role, text, tasks, asks, candidates, retry } = message;
  const isUrdu = /[\u0600-\u06ff]/.test(text);
  return (
    <div class={`bubble ${role === "user" ? "mine" : "theirs"}${retry ? " failed" : ""}`}>
      <span class="visually-hidden">{t(role === "user" ? "you" : "kaam")} </span>
      <p dir="auto" lang={isUrdu ? "ur" : "en"}>{text}</p>
      {tasks.length > 0 && <ul class="cards">{tasks.slice(0, 20).map((task) => <Card key={task.id} task={task} />)}</ul>}
      {asks === "clarification" && candidates.length > 0 && (
        <div class="choices">
          {candidates.map((task, at) => (
            <button key={task.id} type="button" class="chip-button" dir="auto" onClick={() => onSay(String(at + 1))}>
              {at + 1}. <bdi>{task.title}</bdi>{task.due_date && ` · ${dueText(task)}`}
            </button>
          ))}
        </div>
      )}
      {asks === "confirmation" && (
        <div class="choices">
          <button type="button" class="primary small" onClick={() => onSay(isUrdu ? "ہاں" : "yes")}>{t("answerYes")}</button>
          <button type="button" class="small" onClick={() => onSay(isUrdu ? "نہیں" : "no")}>{t("answerNo")}</button>
        </div>
      )}
      {retry && <div class="choices"><button type="button" class="small" onClick={retry}>{t("retry")}</button></div>}
    </div>
  );
}

/** A task that was named, as it is now. */
function Card({ task: told }: { task: Task }) {
  const task = taskBy(told.id) ?? told;
  return (
    <li class={`task card${task.status === "active" ? "" : " is-done"}`}>
      <Check task={task} />
      <a class="open" href={hrefOf(route.value.view, task.id)}>
        <Title text={task.title} />
        <Facts task={task} isOverdue={task.status === "active" && isOverdue(task, zone.value, now.value)} saysWaiting={!online.value} />
      </a>
    </li>
  );
}
