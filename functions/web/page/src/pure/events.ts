// A stream of server-sent events, as text that comes in any pieces (HTML Living Standard, §9.2.6).

export interface StreamEvent {
  /** The last `id` that was said, whether by this event or by one before. */
  id: string;
  name: string;
  data: string;
}

/** Reads events from pieces of text; gives those that are whole. */
export class EventReader {
  #rest = "";
  #id = "";
  #name = "";
  #data: string[] = [];
  /** What `retry` asked for, in milliseconds. */
  retryMs: number | null = null;

  read(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length) events.push({ id: this.#id, name: this.#name || "message", data: this.#data.join("\n") });
        this.#name = "";
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") this.#data.push(value);
      else if (field === "event") this.#name = value;
      else if (field === "id" && !value.includes("\0")) this.#id = value;
      else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    }
    return events;
  }
}
