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
let conversationId: string | undefined;

interface StoredMessage {
  id: string;
  role: "user" | "assistant" | "system";
  content: string;
}

/** Shows the conversation of the last time. */
export async function loadConversation(): Promise<void> {
  conversationId = await kept<string>(KEPT);
  if (!conversationId) return;
  const path = `/chat/conversations/${encodeURIComponent(conversationId)}`;
  const { messages: stored } = await call<{ messages: StoredMessage[] }>("GET", path);
  if (messages.peek().length) return;
  messages.value = stored
    .filter((one) => one.role !== "system")
    .map((one) => ({ ...blank(one.role as "user" | "assistant", one.content), key: one.id }));
}

export function newConversation(): void {
  conversationId = undefined;
  void keep(KEPT, undefined);
  messages.value = [];
}

const blank = (role: Message["role"], text: string): Message => ({
  key: freshKey(), role, text, tasks: [], asks: null, candidates: [], retry: null,
});

/** Says something; one thing at a time. */
export function say(text: string): boolean {
  if (isThinking.peek() || !text.trim()) return false;
  // What was asked before is answered now.
  messages.value = [...messages.peek().map((one) => (one.asks ? { ...one, asks: null, candidates: [] } : one)), blank("user", text.trim())];
  const body = {
    user_input: text,
    client_time: withOffset(new Date()),
    ...(conversationId ? { conversation_id: conversationId } : {}),
  };
  void deliver(body, freshKey());
  return true;
}

async function deliver(body: object, idempotencyKey: string): Promise<void> {
  isThinking.value = true;
  try {
    const reply = await call<Reply>("POST", "/chat/command", { body, idempotencyKey });
    take(reply);
  } catch (error) {
    const message = blank("assistant", said(error));
    // The conversation is gone, or somebody else's: the next message starts another.
    if (error instanceof Problem && (error.status === 403 || error.status === 404)) newConversation();
    if (error instanceof Problem && error.mayPass) {
      message.retry = () => {
        messages.value = messages.peek().filter((one) => one !== message);
        void deliver(body, idempotencyKey);
      };
    }
    messages.value = [...messages.peek(), message];
  } finally {
    isThinking.value = false;
  }
}

function take(reply: Reply): void {
  if (reply.conversation_id !== conversationId) {
    conversationId = reply.conversation_id;
    void keep(KEPT, conversationId);
  }
  const changed = [reply.task_created, reply.task_updated, reply.task_completed, reply.task_deleted].filter((task) => !!task);
  const candidates = reply.candidates ?? [];
  const named = reply.tasks ?? [];
  learnAll([...changed, ...named]);
  const asks = reply.confirmation_needed ? "confirmation" : reply.clarification_needed ? "clarification" : null;
  const tasks = named.length ? named : changed;
  const message: Message = { ...blank("assistant", wordsOf(reply)), tasks: asks === "confirmation" ? candidates : tasks, asks, candidates };
  messages.value = [...messages.peek(), message];
  // Several may have been changed of which the reply shows some; the stream says so, too, where there is one.
  if (reply.intent_detected !== "query_tasks" && reply.intent_detected !== "unknown" && !asks && !changed.length) void sync().catch(() => undefined);
}

/** Gives the reply without the numbered lines of tasks that are shown as cards or buttons. */
function wordsOf({ response, tasks, candidates }: Reply): string {
  if (!tasks?.length && !candidates?.length) return response;
  return response.split("\n").filter((line) => !/^\s*[\d۰-۹]+[.)۔]\s/.test(line)).join("\n") || response;
}
