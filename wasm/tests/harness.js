// What every test in a browser needs: a static server, and a browser with an empty profile. The
// notebook's tests use it too.
import { createReadStream, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

import { chromium } from "playwright-core";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/**
 * Serves files on a free port of this machine; `placeOf` says which file a path means, or nothing.
 * Isolated, pages may share memory with their workers.
 */
export function serveFiles(placeOf, isolated) {
  const server = createServer((request, response) => {
    const place = placeOf(normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname)));
    try {
      if (place === undefined || !statSync(place).isFile()) throw new Error("no file");
    } catch {
      return response.writeHead(404).end();
    }
    const type = TYPES[extname(place)] ?? "application/octet-stream";
    response.writeHead(200, { "Content-Type": type, ...(isolated ? ISOLATED : {}) });
    createReadStream(place).pipe(response);
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve({ server, origin: `http://127.0.0.1:${server.address().port}` })),
  );
}

/**
 * Starts the browser that CHROMIUM names, with a profile of its own; `close` ends it and removes the
 * profile.
 */
export async function startBrowser(options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "ilk-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    ...options,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { context, close };
}
