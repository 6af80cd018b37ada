// Serves the wasm folder to a browser of its own, for tests and timing.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { serveFiles, startBrowser } from "./harness.js";

const home = fileURLToPath(new URL("..", import.meta.url));

/** Opens tests/page.html, plainly or isolated, and calls `work` with the page; `others`: folders by the first part of a path. */
export async function withPage(browser, { isolated, others = {} }, work) {
  const placeOf = (path) => {
    const [, first, ...rest] = path.split("/");
    return first in others ? join(others[first], ...rest) : join(home, path);
  };
  const { server, origin } = await serveFiles(placeOf, isolated);
  const page = await browser.newPage();
  try {
    await page.goto(`${origin}/tests/page.html`);
    return await work(page);
  } finally {
    await page.close();
    server.close();
  }
}

/** Starts a browser and calls `work` with it. */
export async function withBrowser(work) {
  const { context, close } = await startBrowser();
  try {
    return await work(context);
  } finally {
    await close();
  }
}
