// A dialog above the page: the browser's own, which keeps the focus inside and gives it back.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  label: string;
  class: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Modal({ label, class: name, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
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
    </dialog>
  );
}
