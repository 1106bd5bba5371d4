// The words of an utterance that were understood, as pieces to be shown one after the other.

import type { Parsed, Span } from "../model.ts";

export interface Piece {
  text: string;
  /** What the words mean; null: nothing that is marked. */
  kind: string | null;
}

/** The title is the rest, and the intent goes without saying: marks on them would be noise. */
const UNMARKED = new Set(["title", "intent", "description", "target"]);

/** Cuts a text into pieces. Offsets count code points; a span that is not where its text is was of another text. */
export function pieces(text: string, spans: Span[]): Piece[] {
  const points = [...text];
  const result: Piece[] = [];
  let at = 0;
  const marked = spans.filter((span) => !UNMARKED.has(span.kind)).sort((a, b) => a.start - b.start);
  for (const { start, end, kind, text: words } of marked) {
    if (start < at || end > points.length || points.slice(start, end).join("") !== words) continue;
    if (start > at) result.push({ text: points.slice(at, start).join(""), kind: null });
    result.push({ text: words, kind });
    at = end;
  }
  if (at < points.length) result.push({ text: points.slice(at).join(""), kind: null });
  return result;
}

/** Gives the spans of all commands in what was parsed. */
export function spansOf(parsed: Parsed | null): Span[] {
  return parsed?.commands.flatMap((command) => command.spans) ?? [];
}
