// How well a name fits what was typed into the palette.

/** Gives a score, the higher the better; 0: it does not fit. All letters have to come in order. */
export function score(name: string, typed: string): number {
  const haystack = name.toLowerCase();
  const needle = typed.trim().toLowerCase();
  if (!needle) return 1;
  const at = haystack.indexOf(needle);
  if (at === 0) return 100;
  if (at > 0) return haystack[at - 1] === " " ? 80 : 60;
  let from = 0;
  let gaps = 0;
  for (const letter of needle) {
    const found = haystack.indexOf(letter, from);
    if (found < 0) return 0;
    gaps += found - from;
    from = found + 1;
  }
  return Math.max(1, 40 - gaps);
}
