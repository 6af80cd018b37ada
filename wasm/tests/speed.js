// `node speed.js FILE USER ITEM RATE` prints the sizes of the modules, and how long the package takes to
// compare a sample: in Node by CPU time, in a browser by the clock. CHROMIUM names the browser.
import { readFile } from "node:fs/promises";
import { dirname, basename } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { load, run } from "../pkg/index.js";
import { addPath } from "../pkg/node.js";
import { withBrowser, withPage } from "./served.js";
import { timed } from "./timed.js";

const [path, user, item, rate] = process.argv.slice(2);
const ilk = await load();
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const results = [];
for (const kernel of ["simd128", "portable"]) {
  const files = new ilk.Files();
  addPath(files, path);
  results.push(["Node, CPU", await timed({ ilk, run, files, user, item, rate, kernel, now: cpu })]);
}
await withBrowser(async (browser) => {
  for (const isolated of [false, true]) {
    const others = { sets: dirname(path) };
    const request = { user, item, rate, path: `/sets/${basename(path)}`, threads: isolated ? 2 : undefined };
    const ask = (page) => page.evaluate((request) => window.ask(request), request);
    results.push(["Chromium, clock", await withPage(browser, { isolated, others }, ask)]);
  }
});
const sizes = [];
for (const build of ["single", "threads"]) {
  const module = await readFile(new URL(`../pkg/${build}/ilk_wasm_bg.wasm`, import.meta.url));
  const packed = [gzipSync(module, { level: 9 }), brotliCompressSync(module)].map((bytes) => bytes.length);
  sizes.push([build, module.length, ...packed]);
}
console.log(JSON.stringify({ results, sizes }));
