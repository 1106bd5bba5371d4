// What was done, said at the edge of the page, with a way back.

import { useEffect, useRef } from "preact/hooks";

import { beginning, t } from "../language/index.ts";
import { type Toast, dismiss, toasts } from "../store/toasts.ts";
import { Icon } from "./icon.tsx";

/** Long enough to read, decide and get there (WCAG 2.2.1: nothing is lost with it; the history can take it back, too). */
const SHOWN_MS = 8_000;

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite" aria-label={t("notifications")}>
      {toasts.value.map((toast) => <ToastBox key={toast.id} toast={toast} />)}
    </div>
  );
}

function ToastBox({ toast }: { toast: Toast }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // It stays while it is pointed at or has the focus.
    const expire = () => {
      if (box.current?.matches(":hover, :focus-within")) timer = setTimeout(expire, 1_000);
      else dismiss(toast.id);
    };
    let timer = setTimeout(expire, SHOWN_MS);
    return () => clearTimeout(timer);
  }, []);
  const undo = () => {
    const beside = box.current?.closest("dialog") ?? document.getElementById("main");
    dismiss(toast.id);
    beside?.focus({ preventScroll: true });
    toast.undo?.();
  };
  return (
    <div ref={box} class={toast.isProblem ? "toast problem" : "toast"}>
      <p>
        <span class="toast-text">{toast.text}</span>
        {toast.title && <bdi class="toast-title" dir="auto">{beginning(toast.title, 80)}</bdi>}
      </p>
      {toast.undo && <button type="button" class="link" onClick={undo}>{t("undo")}</button>}
      <button type="button" class="plain" aria-label={t("close")} onClick={() => dismiss(toast.id)}><Icon name="close" /></button>
    </div>
  );
}
