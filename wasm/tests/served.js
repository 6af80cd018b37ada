// Serves the wasm folder to a browser of its own, for tests and timing.
import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const home = fileURLToPath(new URL("..", import.meta.url));
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".json": "application/json" };
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Serves the folder, and others by the first part of the path; isolated on request. */
function serve(isolated, others) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const [, first, ...rest] = path.split("/");
    const place = first in others ? join(others[first], ...rest) : join(home, path);
    try {
      const bytes = await readFile(place);
      const type = TYPES[extname(place)] ?? "application/octet-stream";
      response.writeHead(200, { "Content-Type": type, ...(isolated ? ISOLATED : {}) });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** Opens tests/page.html, plainly or isolated, and calls `work` with the page. */
export async function withPage(browser, { isolated, others = {} }, work) {
  const server = await serve(isolated, others);
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/tests/page.html`);
    return await work(page);
  } finally {
    await page.close();
    server.close();
  }
}

/** Starts the browser that CHROMIUM names, with an empty profile, and calls `work` with it. */
export async function withBrowser(work) {
  const profile = await mkdtemp(join(tmpdir(), "ilk-browser-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM,
    headless: true,
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
  try {
    return await work(browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
