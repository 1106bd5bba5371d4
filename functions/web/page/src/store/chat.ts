// The conversation: what was said, by both sides, and what waits for an answer.

import { signal } from "@preact/signals";

import { learnAll } from "../actions.ts";
import { said } from "../language/index.ts";
import type { Reply, Task } from "../model.ts";
import { withOffset } from "../pure/dates.ts";
import { Problem, call, freshKey } from "./api.ts";
import { keep, kept } from "./database.ts";
import { sync } from "./tasks.ts";

export interface Message {
  key: string;
  role: "user" | "assistant";
  text: string;
  /** The tasks that a reply names, in its order. */
  tasks: Task[];
  /** What a yes or a number answers. */
  asks: "confirmation" | "clarification" | null;
  candidates: Task[];
  /** What failed, and can be tried again as it was. */
  retry: (() => void) | null;
}

export const messages = signal<readonly Message[]>([]);
export const isThinking = signal(false);

const KEPT = "conversation_id";

interface Conversation {
  /** Undefined while the server has given it none; null until what is kept was asked for it. */
  id: Promise<string | undefined> | null;
}

/** The one that goes on; another object is another one. */
let conversation: Conversation = { id: null };

/** Where what is kept comes late, what is said waits for it. */
const idOf = (one: Conversation) => (one.id ??= kept<string>(KEPT));

interface StoredMessage {
  id: string;
  role: "user" | "assistant" | "system";
  content: string;
}

/** Shows the conversation of the last time. */
export async function loadConversation(): Promise<void> {
  const began = conversation;
  const id = await idOf(began);
  if (!id) return;
  const path = `/chat/conversations/${encodeURIComponent(id)}`;
  const { messages: stored } = await call<{ messages: StoredMessage[] }>("GET", path);
  if (conversation !== began || messages.peek().length) return;
  messages.value = stored
    .filter((one) => one.role !== "system")
    .map((one) => ({ ...blank(one.role as "user" | "assistant", one.content), key: one.id }));
}

export function newConversation(): void {
  begin({ id: Promise.resolve(undefined) });
  void keep(KEPT, undefined);
}

/** Shows nothing of it any more, and has it kept as it is: another user has come, or nobody is there. */
export function leaveConversation(): void {
  begin({ id: null });
}

function begin(next: Conversation): void {
  conversation = next;
  messages.value = [];
  isThinking.value = false;
}

const blank = (role: Message["role"], text: string): Message => ({
  key: freshKey(), role, text, tasks: [], asks: null, candidates: [], retry: null,
});

/** Says something; one thing at a time. */
export function say(text: string): boolean {
  if (isThinking.peek() || !text.trim()) return false;
  // What was asked before is answered now; and a yes that failed would answer what is asked next.
  const settled = messages.peek().map((one) => (one.asks || one.retry ? { ...one, asks: null, candidates: [], retry: null } : one));
  messages.value = [...settled, blank("user", text.trim())];
  const body = { user_input: text, client_time: withOffset(new Date()) };
  void deliver(idOf(conversation).then((id) => (id ? { ...body, conversation_id: id } : body)), freshKey());
  return true;
}

async function deliver(body: Promise<object>, idempotencyKey: string): Promise<void> {
  isThinking.value = true;
  const asked = conversation;
  try {
    const reply = await call<Reply>("POST", "/chat/command", { body: await body, idempotencyKey });
    take(reply, asked);
  } catch (error) {
    if (conversation !== asked) return;
    const message = blank("assistant", said(error));
    // The conversation is gone, or somebody else's: the next message starts another.
    if (error instanceof Problem && (error.status === 403 || error.status === 404)) newConversation();
    if (error instanceof Problem && error.mayPass) {
      message.retry = () => {
        if (isThinking.peek()) return;
        messages.value = messages.peek().filter(({ key }) => key !== message.key);
        void deliver(body, idempotencyKey);
      };
    }
    messages.value = [...messages.peek(), message];
  } finally {
    if (conversation === asked) isThinking.value = false;
  }
}

/** Takes what a reply says of tasks, and shows it, unless the conversation in which it was asked for was left meanwhile. */
function take(reply: Reply, asked: Conversation): void {
  const changed = [reply.task_created, reply.task_updated, reply.task_completed, reply.task_deleted].filter((task) => !!task);
  const candidates = reply.candidates ?? [];
  const named = reply.tasks ?? [];
  learnAll([...changed, ...named]);
  const asks = reply.confirmation_needed ? "confirmation" : reply.clarification_needed ? "clarification" : null;
  const tasks = named.length ? named : changed;
  const message: Message = { ...blank("assistant", wordsOf(reply)), tasks: asks === "confirmation" ? candidates : tasks, asks, candidates };
  if (conversation === asked) {
    asked.id = Promise.resolve(reply.conversation_id);
    void keep(KEPT, reply.conversation_id);
    messages.value = [...messages.peek(), message];
  }
  // Several may have been changed of which the reply shows some; the stream says so, too, where there is one.
  if (reply.intent_detected !== "query_tasks" && reply.intent_detected !== "unknown" && !asks && !changed.length) void sync().catch(() => undefined);
}

/** Gives the reply without the numbered lines of tasks that are shown as cards or buttons. */
function wordsOf({ response, tasks, candidates }: Reply): string {
  if (!tasks?.length && !candidates?.length) return response;
  return response.split("\n").filter((line) => !/^\s*[\d۰-۹]+[.)۔]\s/.test(line)).join("\n") || response;
}
