// Runs tests that are written in TypeScript: `node tests/run.mjs unit` or `browser`, and then arguments of `node --test`.

import { spawn } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [suite = "unit", ...more] = process.argv.slice(2);
const names = (await readdir(join(here, suite))).filter((name) => name.endsWith(".test.ts"));
const wanted = more.filter((one) => !one.startsWith("-"));
const chosen = wanted.length ? names.filter((name) => wanted.some((one) => name.includes(one))) : names;
// Beside the packages that the tests need.
const outdir = join(here, "../node_modules/.cache/kaam-tests", suite);
await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
await build({
  entryPoints: chosen.map((name) => join(here, suite, name)),
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  // What builds the page finds its own folder by where it is.
  external: ["*/dev.mjs", "*/build.mjs"],
  sourcemap: "inline",
  logLevel: "warning",
});
const files = (await readdir(outdir)).filter((name) => name.endsWith(".mjs")).map((name) => join(outdir, name));
const told = pathToFileURL(join(here, "told.mjs")).href;
const ofSuite = suite === "browser" ? ["--test-concurrency=1", "--test-timeout=900000", `--import=${told}`] : ["--test-timeout=60000"];
const options = ["--enable-source-maps", "--test", "--test-reporter=spec", "--test-force-exit", ...ofSuite];
const child = spawn(process.execPath, [...options, ...more.filter((one) => one.startsWith("-")), ...files], {
  stdio: "inherit",
  env: { ...process.env, KAAM_PAGE: join(here, "..") },
});
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
  if (code !== 0 && suite === "browser") console.error("what was asked of the browser, to the last: target/page/*.log");
});
