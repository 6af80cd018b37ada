// The suite in a browser: `node browser.js`, with PREPARED as in node.test.js and CHROMIUM naming
// the browser. The single build in a plain page, the threaded one in a page that is isolated.
import { withBrowser, withPage } from "./served.js";

async function check(browser, isolated) {
  const complaints = [];
  const others = { prepared: process.env.PREPARED };
  const { threads, tests } = await withPage(browser, { isolated, others }, (page) => {
    page.on("pageerror", (error) => complaints.push(String(error)));
    return page.evaluate((request) => window.ask(request), { suite: true, threads: isolated ? 2 : undefined });
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
