// The notebook in a browser, as people use it: `node tests/run.js [WORD…]` runs the tests whose
// names hold one of the words. CHROMIUM names the browser, REFERENCE a CSV file of neighbours that
// the program computed of the data in DATA.
import { readFile } from "node:fs/promises";

import { browse, serve } from "./browser.js";
import { suite } from "./suite.js";

const words = process.argv.slice(2);
const axe = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
let failures = 0;

async function attempt({ name, options = {}, body }) {
  if (words.length && !words.some((word) => name.includes(word))) return;
  const begin = performance.now();
  const { server, url } = await serve(options.server);
  const { context, close } = await browse(options.browser);
  const complaints = [];
  const requests = [];
  const watch = (page) => {
    page.on("pageerror", (error) => complaints.push(`page: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => requests.push(request.url()));
    page.setDefaultTimeout(30_000);
  };
  const page = context.pages()[0] ?? (await context.newPage());
  watch(page);
  try {
    await body({ page, context, url, server, axe, requests });
    const foreign = requests.filter((one) => !one.startsWith(url) && !/^(blob|data|about|chrome)/.test(one));
    if (foreign.length && !options.isForeign) throw new Error(`asked others: ${foreign.slice(0, 3)}`);
    const unexpected = complaints.filter((one) => !options.expects?.test(one));
    if (unexpected.length) throw new Error(unexpected.slice(0, 3).join("\n"));
    console.log(`ok ${name} (${Math.round(performance.now() - begin)} ms)`);
  } catch (error) {
    failures += 1;
    console.log(`not ok ${name}\n  ${String(error?.stack ?? error).replaceAll("\n", "\n  ")}`);
    await page.screenshot({ path: `${process.env.PICTURES ?? "."}/failed-${failures}.png` }).catch(() => undefined);
  } finally {
    await close();
    server.close();
    server.closeAllConnections();
  }
}

for (const test of await suite()) await attempt(test);
console.log(failures === 0 ? "the notebook holds" : `${failures} of the notebook failed`);
process.exit(failures === 0 ? 0 : 1);
