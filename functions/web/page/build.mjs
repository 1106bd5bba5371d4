// Builds the page into a folder: `index.html`, and all that it needs, as it is served.
//
//   KAAM_PAGE_OUT=FOLDER npm run build      (default: dist)
//
// What lies in `assets/` has a hash of its content in its name, and may be kept for ever; all else is asked for anew each time.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build as bundle } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};

/** What every bundle is built with. No source maps: the source is public, and they would be in the binary. */
const OPTIONS = {
  bundle: true,
  minify: true,
  write: false,
  target: ["es2022", "chrome116", "firefox124", "safari17.4"],
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
  absWorkingDir: HERE,
};

/** Builds all files in memory. @returns {Promise<{path: string, body: Buffer, immutable: boolean}[]>} */
export async function build() {
  const { files: [script], packages } = await bundled("src/main.tsx", { format: "esm", jsx: "automatic", jsxImportSource: "preact" });
  const { files: [style] } = await bundled("src/style/main.css", {});
  const { files: [early] } = await bundled("src/early.ts", { format: "iife" });
  const files = [hashed("app", ".js", script), hashed("early", ".js", early), hashed("style", ".css", style)];
  const named = { "app.js": files[0].path, "early.js": files[1].path, "style.css": files[2].path };
  for (const name of (await readdir(join(HERE, "static"))).sort()) {
    const body = await readFile(join(HERE, "static", name));
    if (name === "index.html") continue;
    files.push({ path: `/${name}`, body, immutable: false });
  }
  const page = (await readFile(join(HERE, "static/index.html"), "utf8")).replace(
    /\{\{(.+?)\}\}/g,
    (_, name) => named[name] ?? fail(`index.html names ${name}, which nothing builds`),
  );
  files.push({ path: "/licences.txt", body: await licences(packages), immutable: false });
  files.push({ path: "/", body: Buffer.from(page), immutable: false });
  files.push({ path: "/sw.js", body: await serviceWorker(files), immutable: false });
  return files;
}

/** The service worker knows by name what to keep, and changes whenever one of these does. */
async function serviceWorker(files) {
  const version = digest(Buffer.concat(files.map((file) => file.body)));
  const shell = files.map((file) => file.path).filter((path) => path !== "/licences.txt");
  const define = { SHELL: JSON.stringify(shell), VERSION: JSON.stringify(version) };
  return (await bundled("src/service-worker.ts", { format: "iife", define })).files[0];
}

/** Gives what a bundle is made to, and the packages that are in it. */
async function bundled(entry, options) {
  const { outputFiles, metafile } = await bundle({ ...OPTIONS, entryPoints: [entry], metafile: true, ...options });
  const names = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  const packages = [...new Set(names.filter((name) => name))].sort();
  return { files: outputFiles.map((file) => Buffer.from(file.contents)), packages };
}

/** What others wrote of the page, and that they allow it. */
async function licences(packages) {
  const texts = packages.map(async (name) => `${name}\n\n${await readFile(join(HERE, "node_modules", name, "LICENSE"), "utf8")}`);
  return Buffer.from((await Promise.all(texts)).join("\n\n"));
}

function hashed(name, extension, body) {
  return { path: `/assets/${name}-${digest(body)}${extension}`, body, immutable: true };
}

const digest = (body) => createHash("sha256").update(body).digest("hex").slice(0, 16);

const fail = (message) => {
  throw new Error(message);
};

/** Gives the file's name on disk. */
const fileOf = (path) => (path === "/" ? "index.html" : path.slice(1));

export const typeOf = (path) => TYPES[extname(fileOf(path))] ?? fail(`no content type is known for ${path}`);

async function write(folder) {
  for (const { path, body } of await build()) {
    const target = join(folder, fileOf(path));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, body);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await write(process.env.KAAM_PAGE_OUT || join(HERE, "dist"));
}
