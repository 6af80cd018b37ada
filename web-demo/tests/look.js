// Pictures of the notebook: `node tests/look.js FOLDER`, to be looked at. Those in docs/ are some of
// them.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { browse, serve } from "./browser.js";

const folder = process.argv[2] ?? "pictures";
await mkdir(folder, { recursive: true });
const { server, url } = await serve();
const looks = [
  { name: "desktop", options: { viewport: { width: 1280, height: 900 } } },
  { name: "dark", options: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" } },
  { name: "phone", options: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } },
];
for (const { name, options } of looks) {
  const { context, close } = await browse(options);
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && console.log(name, message.text()));
  page.on("pageerror", (error) => console.log(name, String(error)));
  await page.goto(url);
  await page.locator("#cell-home .copyable").first().waitFor({ timeout: 30_000 });
  await page.locator("#cell-ladder .ladder").waitFor({ timeout: 30_000 });
  await page.locator("#cell-map .map").waitFor({ timeout: 30_000 });
  await page.locator("#cell-stability .pair").waitFor({ timeout: 30_000 });
  await page.waitForTimeout(800);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.screenshot({ path: join(folder, `${name}-whole.png`), fullPage: true });
  for (const [place, id] of ["title", "data-text", "shape-text", "sample-text", "similar-text", "map-text", "ladder-text", "home-text"].entries()) {
    await page.evaluate((id) => document.getElementById(`cell-${id}`).scrollIntoView({ block: "start", behavior: "instant" }), id);
    await page.waitForTimeout(100);
    await page.screenshot({ path: join(folder, `${name}-${place}-${id}.png`) });
  }
  await close();
}
server.close();
