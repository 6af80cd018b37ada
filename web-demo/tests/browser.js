// What every test needs: a static server with the built page below some path, and a browser.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { serveFiles, startBrowser } from "../../wasm/tests/harness.js";

const dist = fileURLToPath(new URL("../dist", import.meta.url));

/** Serves the page below a path of its own, as a static host may. */
export async function serve({ isolated = false, path = "/some/where/" } = {}) {
  const placeOf = (asked) => (asked.startsWith(path) ? join(dist, asked.slice(path.length) || "index.html") : undefined);
  const { server, origin } = await serveFiles(placeOf, isolated);
  return { server, url: origin + path };
}

/** Begins a browser as on a desk, with an empty profile; `close` ends it and removes the profile. */
export function browse(options = {}) {
  return startBrowser({ viewport: { width: 1280, height: 800 }, acceptDownloads: true, ...options });
}

/** Opens the page anew; resolves to the milliseconds until it painted, and until the demo's result was there. */
export async function opened(page, url) {
  await page.goto("about:blank");
  await page.goto(url);
  const seen = await page.waitForFunction(() => document.querySelector("#cell-glance .glance-card") && performance.now(), null, { polling: "raf" });
  const result = await seen.jsonValue();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  return { paint, result };
}

/**
 * Begins to watch the page's own thread; the returned function says what its longest task took, in
 * milliseconds of that thread: what other programs of the machine take is not counted.
 */
export async function watchTasks(page) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel"] } });
  return async () => {
    const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
    await session.send("Tracing.end");
    await complete;
    const mains = new Set(events.filter((one) => one.name === "thread_name" && one.args.name === "CrRendererMain").map((one) => `${one.pid} ${one.tid}`));
    const tasks = events.filter((one) => one.name.endsWith("RunTask") && one.tdur !== undefined && mains.has(`${one.pid} ${one.tid}`));
    if (tasks.length <= 20) throw new Error(`only ${tasks.length} tasks were seen`);
    return Math.max(...tasks.map((one) => one.tdur)) / 1000;
  };
}
