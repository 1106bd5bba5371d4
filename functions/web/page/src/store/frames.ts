// What is seen first, and what comes after it.

/** How long a picture can be in coming: of a page that is not looked at there is none. */
const FRAME_MS = 200;

/** Comes after the frame in which what is known now is painted. */
export function painted(): Promise<unknown> {
  return Promise.race([
    new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))),
    new Promise((resolve) => setTimeout(resolve, FRAME_MS)),
  ]);
}
