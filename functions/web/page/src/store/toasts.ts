// What was done, said for some seconds, with a way back.

import { signal } from "@preact/signals";

export interface Toast {
  id: number;
  /** The task's title, which is shown apart from the words around it. */
  title: string | null;
  text: string;
  isProblem: boolean;
  undo: (() => void) | null;
}

const MOST = 3;
let nextId = 1;

export const toasts = signal<readonly Toast[]>([]);

export function toast(text: string, more: Partial<Omit<Toast, "id" | "text">> = {}): number {
  const id = nextId++;
  const shown: Toast = { id, text, title: null, isProblem: false, undo: null, ...more };
  toasts.value = [...toasts.peek(), shown].slice(-MOST);
  return id;
}

export function dismiss(id: number): void {
  toasts.value = toasts.peek().filter((one) => one.id !== id);
}

/** Takes the last change back that can be. */
export function undoLast(): boolean {
  const last = toasts.peek().findLast((one) => one.undo);
  if (!last) return false;
  dismiss(last.id);
  last.undo?.();
  return true;
}
