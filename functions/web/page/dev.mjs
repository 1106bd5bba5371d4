// Serves the page as it is in this folder, and passes all else to a running Kaam, so that the page can be changed without
// building Rust. It is built anew at each start of the page.
//
//   npm run dev                                   http://localhost:9000, before a Kaam on port 8000
//   PORT=9001 KAAM_URL=http://127.0.0.1:8101 npm run dev

import { createServer, request } from "node:http";
import { fileURLToPath } from "node:url";

import { build, typeOf } from "./build.mjs";

/** As the function web sends it. */
const POLICY =
  "default-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; " +
  "frame-ancestors 'none'; form-action 'self'";

/** Starts the server. @returns {Promise<{url: string, close: () => Promise<void>}>} */
export async function serve({ port, backend, rebuilds }) {
  let files = await byPath();
  const server = createServer(async (incoming, outgoing) => {
    const { pathname } = new URL(incoming.url ?? "/", "http://localhost");
    if (pathname === "/" && rebuilds) files = await byPath();
    const file = incoming.method === "GET" ? files.get(pathname) : undefined;
    if (!file) return pass(backend, incoming, outgoing);
    outgoing.writeHead(200, {
      "content-type": typeOf(pathname),
      "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
      "content-security-policy": POLICY,
      "cross-origin-opener-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    outgoing.end(file.body);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    return closed;
  };
  return { url: `http://localhost:${server.address().port}`, close };
}

async function byPath() {
  return new Map((await build()).map((file) => [file.path, file]));
}

/** Passes a request on as it is, and the answer as it comes: a stream of updates never ends. */
function pass(backend, incoming, outgoing) {
  const target = new URL(incoming.url ?? "/", backend);
  const passed = request(target, { method: incoming.method, headers: incoming.headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on("error", () => {
    if (!outgoing.headersSent) outgoing.writeHead(502);
    outgoing.end();
  });
  outgoing.on("close", () => passed.destroy());
  incoming.pipe(passed);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const backend = process.env.KAAM_URL ?? "http://127.0.0.1:8000";
  const { url } = await serve({ port: Number(process.env.PORT ?? 9000), backend, rebuilds: true });
  console.log(`The page is at ${url}`);
}
