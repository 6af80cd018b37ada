// The suite in a browser: `node browser.js`, with PREPARED as in node.test.js and CHROMIUM naming
// the browser. The single build in a plain page, the threaded one in a page that is isolated.
import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const home = fileURLToPath(new URL("..", import.meta.url));
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".json": "application/json" };
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Serves the wasm folder, and what was prepared below /prepared/; isolated on request. */
function serve(isolated) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const place = path.startsWith("/prepared/")
      ? join(process.env.PREPARED, path.slice("/prepared".length))
      : join(home, path);
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

async function check(browser, isolated) {
  const server = await serve(isolated);
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/tests/page.html`);
  const results = await page.evaluate((threads) => window.runSuite(threads), isolated ? 2 : undefined);
  await page.close();
  server.close();
  const { threads, tests } = results;
  for (const { name, error, milliseconds } of tests) {
    console.log(`${error ? "not ok" : "ok"} ${name} (${threads} thread${threads > 1 ? "s" : ""}, ${milliseconds} ms)`);
    if (error) console.log(`  ${error}`);
  }
  if (threads !== (isolated ? 2 : 1)) complaints.push(`${threads} threads`);
  for (const complaint of complaints) console.log(`not ok: ${complaint}`);
  return complaints.length + tests.filter(({ error }) => error).length;
}

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
let failures = 0;
try {
  for (const isolated of [false, true]) failures += await check(browser, isolated);
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}
console.log(failures === 0 ? "all hold in the browser" : `${failures} failed in the browser`);
process.exit(failures === 0 ? 0 : 1);
