// `node tests/speed.js` prints how quick the built notebook is, in milliseconds: until it paints and shows
// the demo's result, and the longest task of its own thread, then and while a large file is worked on.
// CHROMIUM names the browser.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { browse, opened, serve, watchTasks } from "./browser.js";
import { shopLines, writeLines } from "./data.js";

const ROUNDS = 5;

const folder = await mkdtemp(join(tmpdir(), "ilk-notebook-speed-"));
const { server, url } = await serve();
const { context, close } = await browse();
try {
  const page = context.pages()[0] ?? (await context.newPage());
  const done = (id) => page.locator(`#cell-${id}[data-state="done"]`).waitFor({ timeout: 120_000 });
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const watch = await watchTasks(page);
    const times = await opened(page, url);
    for (const id of ["stability", "map", "ladder", "home"]) await done(id);
    rounds.push({ ...times, task: await watch() });
  }
  const path = join(folder, "large.csv");
  const bytes = await writeLines(path, shopLines(250_000, 8000));
  const watch = await watchTasks(page);
  await page.locator("#cell-file input[type=file]").setInputFiles(path);
  await page.locator("#cell-file .output").filter({ hasText: "large.csv" }).waitFor();
  for (const id of ["data", "similar", "stability", "map", "ladder"]) await done(id);
  console.log(JSON.stringify({ rounds, large: { bytes, task: await watch() } }));
} finally {
  await close();
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
}
