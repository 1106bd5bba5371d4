// What a user wrote, as text: in its own direction and script, on the side where the page begins.

import { languageOf } from "../language/index.ts";

export function Title({ text }: { text: string }) {
  return <span class="title"><bdi dir="auto" lang={languageOf(text)}>{text}</bdi></span>;
}
