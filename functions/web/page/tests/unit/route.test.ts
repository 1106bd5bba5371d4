// Where the page is, by what stands after the `#`.

import "./server.ts";

import assert from "node:assert/strict";
import { test } from "node:test";

test("the page begins also where a link is damaged", async () => {
  Object.assign(globalThis, { location: { hash: "#/today/%", search: "" } });
  const { route } = await import("../../src/route.ts");
  assert.deepEqual([route.value.view, route.value.taskId], ["today", "%"]);
});
