// Writes beside each text file of a folder what brotli and gzip make of it (x.js.br, x.js.gz), where that is smaller.
// build.rs calls it: node is there for the page anyway, and a brotli of Rust's would be one more crate to build.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [folder] = process.argv.slice(2);
const TEXT = /\.(css|html|js|json|svg|txt|webmanifest)$/;

/** Gives all files of a folder. Node 18 has `recursive` for that only from 18.17 on. */
const filesIn = (from) => readdirSync(from, { withFileTypes: true }).flatMap((entry) => {
  const path = join(from, entry.name);
  return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
});

for (const path of filesIn(folder)) {
  if (!TEXT.test(path)) continue;
  const plain = readFileSync(path);
  const params = {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  const compressed = { br: brotliCompressSync(plain, { params }), gz: gzipSync(plain, { level: 9 }) };
  for (const [ending, bytes] of Object.entries(compressed)) {
    if (bytes.length < plain.length) writeFileSync(`${path}.${ending}`, bytes);
  }
}
