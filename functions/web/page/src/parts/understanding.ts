// What the server understands of a text, while it is typed.

import { useEffect, useState } from "preact/hooks";

import type { Parsed } from "../model.ts";
import { withOffset } from "../pure/dates.ts";
import { call, online } from "../store/api.ts";

const PAUSE_MS = 90;
/** Longer texts are cut by the server. */
const MOST = 4_000;

export interface Understanding {
  text: string;
  parsed: Parsed;
}

/** Gives what was understood last; of which text, it says itself. */
export function useUnderstanding(text: string): Understanding | null {
  const [understood, setUnderstood] = useState<Understanding | null>(null);
  useEffect(() => {
    if (!text.trim() || text.length > MOST || !online.peek()) {
      setUnderstood(null);
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const body = { user_input: text, client_time: withOffset(new Date()) };
      call<Parsed>("POST", "/chat/parse", { body, signal: stop.signal })
        .then((parsed) => setUnderstood({ text, parsed }))
        // Without it the text is just a text.
        .catch(() => undefined);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  return understood;
}
