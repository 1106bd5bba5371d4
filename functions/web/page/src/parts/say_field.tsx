// A field for a sentence, in which the words that were understood are marked while one types.

import type { RefObject } from "preact";
import { useRef } from "preact/hooks";

import { languageOf } from "../language/index.ts";
import { pieces, spansOf } from "../pure/spans.ts";
import type { Understanding } from "./understanding.ts";

interface Props {
  id: string;
  label: string;
  placeholder: string;
  text: string;
  understood: Understanding | null;
  onText: (text: string) => void;
  onSend: () => void;
  field?: RefObject<HTMLTextAreaElement | null>;
  enterKeyHint?: "done" | "send";
}

export function SayField({ id, label, placeholder, text, understood, onText, onSend, field, enterKeyHint = "done" }: Props) {
  const behind = useRef<HTMLDivElement>(null);
  // The marks of the text before hold for what did not change of it.
  const marked = pieces(text, spansOf(understood?.parsed ?? null));
  const onKeyDown = (event: KeyboardEvent) => {
    // An input method ends its word with Enter, too.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    onSend();
  };
  return (
    <div class="say">
      <div class="say-marks" ref={behind} aria-hidden="true" dir="auto" lang={languageOf(text)}>
        {marked.map(({ text: words, kind }, at) => (kind ? <mark key={at} class={`span-${kind}`}>{words}</mark> : words))}
      </div>
      <textarea
        id={id}
        ref={field ?? null}
        rows={1}
        // Of an empty field nobody can tell: the hint in it is in the page's direction.
        dir={text ? "auto" : undefined}
        lang={languageOf(text)}
        aria-label={label}
        placeholder={placeholder}
        value={text}
        maxLength={4000}
        autocomplete="off"
        enterkeyhint={enterKeyHint}
        onInput={(event) => onText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onScroll={(event) => behind.current && (behind.current.scrollTop = event.currentTarget.scrollTop)}
      />
    </div>
  );
}
