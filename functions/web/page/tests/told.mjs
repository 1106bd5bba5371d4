// Has each file of browser tests write what it asks of its browser into target/page/<file>.log: where a test hangs, that is its last line.

import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";

const file = process.argv[1] ?? "";
if (file.endsWith(".test.mjs")) {
  const folder = join(process.env["CARGO_TARGET_DIR"] ?? join(process.env["KAAM_PAGE"] ?? ".", "../../../target"), "page");
  mkdirSync(folder, { recursive: true });
  process.env["DEBUG"] = "pw:api";
  process.env["DEBUG_FILE"] = join(folder, `${basename(file, ".test.mjs")}.log`);
}
