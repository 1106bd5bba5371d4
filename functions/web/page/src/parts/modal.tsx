// A dialog above the page: the browser's own, which keeps the focus inside and gives it back.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Toasts } from "./toasts.tsx";

interface Props {
  label: string;
  class: string;
  onClose: () => void;
  children: ComponentChildren;
}

type Opened = Record<never, never>;

/** The dialogs that are open, the topmost last. What is said is shown in that: all that is behind it can not be reached. */
export const opened = signal<readonly Opened[]>([]);

export function Modal({ label, class: name, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const self = useRef<Opened>({}).current;
  useEffect(() => {
    opened.value = [...opened.value, self];
    return () => void (opened.value = opened.value.filter((one) => one !== self));
  }, []);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    // Not the first button in it, which is the one that closes it.
    if (!element?.querySelector("[autofocus]")) element?.focus();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const closeOutside = (event: MouseEvent) => {
    if (event.target === dialog.current) onClose();
  };
  return (
    <dialog
      ref={dialog}
      class={name}
      aria-label={label}
      tabIndex={-1}
      onCancel={(event) => (event.preventDefault(), onClose())}
      onMouseDown={closeOutside}
    >
      {children}
      {opened.value.at(-1) === self && <Toasts />}
    </dialog>
  );
}
