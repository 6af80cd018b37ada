// The suite in a browser: `node browser.js`, with PREPARED as in node.test.js and CHROMIUM naming
// the browser. The single build in a plain page, the threaded one in a page that is isolated.
import { recovers } from "./recovery.js";
import { withBrowser, withPage } from "./served.js";

/** The test of recovery.js, in the shape of the others. */
async function recovery(ask) {
  const name = "after a file that ends a worker the next worker goes on";
  const begin = performance.now();
  const error = await recovers(ask).then(() => undefined, (reason) => reason.message);
  return { name, error, milliseconds: Math.round(performance.now() - begin) };
}

async function check(browser, isolated) {
  const complaints = [];
  const others = { prepared: process.env.PREPARED };
  const { threads, tests } = await withPage(browser, { isolated, others }, async (page) => {
    page.on("pageerror", (error) => complaints.push(String(error)));
    const ask = (request) => page.evaluate((request) => window.ask(request), request);
    const one = { threads: isolated ? 2 : undefined };
    const results = await ask({ suite: true, ...one });
    results.tests.push(await recovery((damage) => ask({ open: "data/none.parquet", damage, ...one })));
    return results;
  });
  for (const { name, error, milliseconds } of tests) {
    console.log(`${error ? "not ok" : "ok"} ${name} (${threads} thread${threads > 1 ? "s" : ""}, ${milliseconds} ms)`);
    if (error) console.log(`  ${error}`);
  }
  if (threads !== (isolated ? 2 : 1)) complaints.push(`${threads} threads`);
  for (const complaint of complaints) console.log(`not ok: ${complaint}`);
  return complaints.length + tests.filter(({ error }) => error).length;
}

const failures = await withBrowser(async (browser) => {
  return (await check(browser, false)) + (await check(browser, true));
});
console.log(failures === 0 ? "all hold in the browser" : `${failures} failed in the browser`);
process.exit(failures === 0 ? 0 : 1);
