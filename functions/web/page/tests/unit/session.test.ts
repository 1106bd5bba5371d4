// Who is signed in, whatever comes late.

import { json, lines, serve, until } from "./server.ts";

import assert from "node:assert/strict";
import { test } from "node:test";

import { authorization, refresh, signIn, signOut, signedIn } from "../../src/store/session.ts";

const tokens = { access_token: "secret", expires_in: 600, user_id: "amna" };

test("a token that was asked for before somebody signed out is nobody's", async () => {
  let answer: (response: Response) => void = () => undefined;
  serve(({ path }) => (path === "/auth/refresh" ? new Promise((resolve) => (answer = resolve)) : json(tokens)));
  await signIn("amna@example.org", "correct horse");
  const refreshed = refresh();
  await until("the request", () => lines().includes("POST /auth/refresh"));
  await signOut();
  answer(json(tokens));
  assert.deepEqual([await refreshed, signedIn.peek(), await authorization()], ["no", "no", {}]);
});
