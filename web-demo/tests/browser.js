// What every test needs: a static server with the built page below some path, and a browser.
import { createReadStream, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Serves the page below a path of its own, as a static host may. */
export function serve({ isolated = false, path = "/some/where/" } = {}) {
  const server = createServer((request, response) => {
    const asked = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const inside = asked.startsWith(path) ? asked.slice(path.length) || "index.html" : undefined;
    const place = inside === undefined ? "" : join(dist, inside);
    try {
      if (!statSync(place).isFile()) throw new Error("no file");
    } catch {
      return response.writeHead(404).end();
    }
    response.writeHead(200, { "Content-Type": TYPES[extname(place)] ?? "application/octet-stream", ...(isolated ? ISOLATED : {}) });
    createReadStream(place).pipe(response);
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve({ server, url: `http://127.0.0.1:${server.address().port}${path}` })),
  );
}

/** Begins a browser with an empty profile; `close` ends it and removes the profile. */
export async function browse(options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "ilk-notebook-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1280, height: 800 },
    acceptDownloads: true,
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
