// What holds of the notebook. Each test opens a page of its own.
import { rmSync } from "node:fs";
import { mkdtemp, readFile, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { opened, serve, watchTasks } from "./browser.js";
import { neighboursOf, orders, shopLines, writeLines } from "./data.js";
import { exploreTests } from "./explore.js";

function holds(condition, what) {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

function equal(found, expected, what = "") {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what} found ${one}, expected ${other}`);
}

const text = (page, selector) => page.locator(selector).first().innerText();

/** Waits until a cell is done, and everything it waits for. */
async function done(page, id, timeout = 30_000) {
  await page.locator(`#cell-${id}[data-state="done"]`).waitFor({ timeout });
}

async function allDone(page, timeout = 60_000) {
  for (const id of ["glance", "data", "shape", "stability", "similar", "beside", "map", "ladder", "home"]) await done(page, id, timeout);
}

/** Opens files as if they were dropped onto the page. */
async function drop(page, ...paths) {
  await page.locator("#cell-file input[type=file]").setInputFiles(paths);
}

/** Replaces a cell's code and runs it. */
async function edit(page, id, code) {
  const editor = page.locator(`#cell-${id} .cm-content`);
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(code);
  await page.keyboard.press("Shift+Enter");
}

/** Waits for a cell to begin anew, by what it shows. */
async function shows(page, id, pattern, timeout = 30_000) {
  await page.locator(`#cell-${id} .output`).filter({ hasText: pattern }).waitFor({ timeout });
}

const JOB = { measure: "cosine", top: 10, min_overlap: 5 };

export async function suite() {
  const folder = await mkdtemp(join(tmpdir(), "ilk-notebook-data-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const shop = await orders(folder);
  const tests = [];
  const test = (name, body, options) => tests.push({ name, body, options });

  test("the page opens with the demo's result, and nothing jumps", async ({ page, url }) => {
    await page.addInitScript(() => {
      window.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    const { paint, result } = await opened(page, url);
    await allDone(page);
    await page.waitForTimeout(300);
    const shifts = await page.evaluate(() => window.shifts);
    console.log(`   first paint ${Math.round(paint)} ms, demo result ${Math.round(result)} ms, layout shift ${shifts.toFixed(3)}`);
    // How fast it is, `cargo xtask bench --wasm` records: one and two seconds are the aims. A machine
    // that does other things must not fail here.
    holds(paint < 5000, `first paint after ${paint} ms`);
    holds(result < 10_000, `the demo's result after ${result} ms`);
    holds(shifts < 0.1, `layout shift ${shifts}`);
    holds((await page.locator(".glance-card").count()) === 3, "three items at a glance");
    holds(/cause \d/.test(await text(page, "#cell-shape .work figcaption")), "who causes the work");
    holds((await page.locator("#cell-map circle").count()) > 50, "a map");
  });

  test("a file of one's own is read, searched, and has the program's neighbours", async ({ page, url }) => {
    await page.goto(url);
    await done(page, "glance");
    await drop(page, shop.path);
    await shows(page, "file", shop.name);
    await done(page, "data");
    await shows(page, "data", /rows read in/);
    if (shop.isReal) {
      await shows(page, "data", "541,909 rows read");
      await shows(page, "data", "135,080 set aside: without a user");
      await page.locator("#cell-data summary").first().click();
      await shows(page, "data", "623");
    }
    await shows(page, "shape", "customers");
    await shows(page, "similar", /\d customers/);
    const box = page.locator(".search input");
    await box.fill("WHITE HANGING HEART T-LIGHT HOLDER");
    await page.locator('[role=option][aria-selected="true"]').filter({ hasText: "85123A" }).waitFor();
    await box.press("Enter");
    await shows(page, "similar", "85123A");
    await done(page, "similar");
    const rows = page.locator("#cell-similar .near > li");
    const found = await rows.evaluateAll((all) =>
      all.map((row) => [
        row.querySelector(".near-name").textContent,
        row.querySelector(".near-score").textContent,
        Number(/^([\d,]+) of/.exec(row.querySelector(".near-counts").textContent)[1].replaceAll(",", "")),
      ]),
    );
    const expected = await neighboursOf(shop.path, JOB, "85123A");
    equal(found, expected.map((one) => [one.label, one.score.toFixed(2), one.overlap]));
    // Walk to the first, and back by the way that was walked.
    await rows.first().locator(".near-name").click();
    await shows(page, "similar", expected[0].id);
    equal(await page.evaluate(() => document.activeElement.textContent), expected[0].label, "the focus goes along");
    await page.locator(".trail button").last().click();
    await shows(page, "similar", "85123A");
  });

  test("columns can be changed, and everything follows", async ({ page, url }) => {
    await page.goto(url);
    await done(page, "ladder");
    const chip = (name) => page.locator(".chip").filter({ hasText: name }).locator("select");
    equal(await chip("User").inputValue(), "member");
    await chip("Item").selectOption("category");
    await shows(page, "shape", /items\d\dinteractions/);
    await chip("User").selectOption("");
    await shows(page, "data", "Choose a column for the user");
    await shows(page, "shape", /Not run: /);
    await page.locator("#undo").click();
    await shows(page, "shape", /items\d\dinteractions/);
    await page.locator("#undo").click();
    await shows(page, "shape", /items300/);
    await done(page, "home");
  });

  test("the slider takes a sample, and what depends on it follows", async ({ page, url }) => {
    await page.goto(url);
    await done(page, "stability");
    const slider = page.locator(".slider input");
    await slider.focus();
    for (let step = 0; step < 5; step++) await slider.press("PageDown");
    await shows(page, "share", "50 %");
    await shows(page, "stability", /With 50 % of members/);
    await done(page, "glance");
  });

  test("an edited cell runs, what depends on it follows, and undo goes back", async ({ page, url }) => {
    await page.goto(url);
    await allDone(page);
    await shows(page, "home", "--measure cosine");
    const before = await text(page, "#cell-similar .near-score");
    const table = await text(page, "#cell-data .output");
    await edit(page, "job", 'const job = { measure: "jaccard", top: 3, min_overlap: 5 }');
    await shows(page, "home", "--measure jaccard --top 3");
    await done(page, "similar");
    holds((await page.locator("#cell-similar .near > li").count()) === 3, "three neighbours");
    holds((await text(page, "#cell-similar .near-score")) !== before, "other scores");
    equal(await text(page, "#cell-data .output"), table, "what does not depend on it stays");
    await page.locator("#undo").click();
    await shows(page, "home", "--measure cosine");
    await page.locator("#redo").click();
    await shows(page, "home", "--measure jaccard");
    // A new cell, by keyboard alone.
    await page.locator("#cell-job").focus();
    await page.keyboard.press("b");
    await page.keyboard.insertText("job.top * 14");
    await page.keyboard.press("Control+Enter");
    await page.locator(".cell.code .output").filter({ hasText: /^42$/ }).waitFor();
    // Once for what is offered to complete, once to leave the code.
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Delete");
    await page.locator(".cell.code .output").filter({ hasText: /^42$/ }).waitFor({ state: "detached" });
    // What is wrong is said where it is wrong.
    await edit(page, "machine", "const machine = { cores: 8,");
    await shows(page, "machine", /SyntaxError/);
    await edit(page, "machine", "const machine = { cores: cpus }");
    await shows(page, "machine", "cpus is not defined");
    await shows(page, "ladder", /Not run:\s*machine/);
  });

  test("what was changed is there again after a reload, also without a network", async ({ page, context, url, server }) => {
    await page.goto(url);
    await allDone(page);
    await edit(page, "job", 'const job = { measure: "jaccard", top: 4, min_overlap: 5 }');
    await shows(page, "home", "--measure jaccard --top 4");
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.waitForFunction(async () => {
      const keys = await caches.keys();
      return keys.length > 0 && (await (await caches.open(keys[0])).keys()).length > 4 && navigator.serviceWorker.controller;
    });
    await context.setOffline(true);
    server.close();
    server.closeAllConnections();
    await page.reload();
    await shows(page, "home", "--measure jaccard --top 4");
    await done(page, "glance");
    holds((await page.locator(".glance-card").count()) === 3, "the demo is computed again");
  });

  test("other jobs than the first are named as what they are", async ({ page, url }) => {
    await page.goto(url);
    await allDone(page);
    // The job as it is stands beside the measures; what means nothing to those is left out of them.
    await edit(page, "job", 'const job = { measure: "cosine", weighting: "bm25", top: 5, strict: false }');
    await shows(page, "beside", /cosine, bm25[^]*your job \(baseline\)/);
    await shows(page, "home", "--strict=false");
    await done(page, "beside");
    equal(await page.locator("#cell-beside .problem").count(), 0);
    const first = (cell) => page.locator(`#cell-${cell} .near-name`).first().innerText();
    equal(await first("beside"), await first("similar"), "the first of both");
    await edit(page, "job", 'const job = { measure: "tversky", alpha: 0.3, beta: 0.7, top: 5 }');
    await shows(page, "beside", "tversky");
    await done(page, "beside");
    await edit(page, "job", 'const job = { of: "users", top: 5 }');
    await shows(page, "sample", /neighbours of [\d,]+ members/);
    await shows(page, "similar", /The most similar members/i);
    await shows(page, "similar", /\d items/);
    // Numbers for people keep their zeros.
    const point = "{ rate: 1, users: 1000, pairOperations: 110e6, seconds: 1, halves: { mean: 0.5, low: 0.4, high: 0.6 } }";
    await edit(page, "stability", `display(show.stability([${point}], data, job))`);
    await shows(page, "stability", "110 million pair operations");
    await edit(page, "machine", "const machine = { cores: 0 }");
    await shows(page, "ladder", "A machine needs cores");
  });

  test("code that only waits can be cancelled, and holds up nothing once it is changed", async ({ page, url }) => {
    await page.goto(url);
    await allDone(page);
    const waiting = "const machine = { cores: 8, memory: 16, price: 0.4 }\nfor (;;) await new Promise((next) => setTimeout(next, 50))";
    await edit(page, "machine", waiting);
    const cancel = page.locator("#cell-machine .running:not([hidden]) .cancel");
    await cancel.waitFor();
    await page.locator("#undo").click();
    await done(page, "ladder");
    await edit(page, "machine", waiting);
    await cancel.click();
    await shows(page, "machine", "Cancelled. Run the cell again to continue.");
  });

  test("code that brought the page to a stop is not run again by itself", async ({ page, url }) => {
    await page.goto(url);
    await allDone(page);
    // As the page leaves it that stops answering while cells run.
    await page.goto("about:blank");
    await page.addInitScript(() => sessionStorage.getItem("once") ?? (localStorage.setItem("ilk-working", "1"), sessionStorage.setItem("once", "1")));
    await page.goto(url);
    await page.locator(".hung").waitFor();
    await page.locator("#cell-machine .cm-content").waitFor();
    equal(await page.locator(".cell.code[data-state]").count(), 0, "cells that run");
    await page.locator(".hung button").first().click();
    await allDone(page);
    equal(await page.locator(".hung").count(), 0);
    // Code that is at work leaves a sign, which goes when the page answers again.
    const isMarked = () => page.evaluate(() => localStorage.getItem("ilk-working") !== null);
    await edit(page, "machine", "const machine = { cores: 8, memory: 16, price: 0.4 }\nawait new Promise((next) => (globalThis.goOn = next))");
    await page.waitForFunction(() => globalThis.goOn);
    holds(await isMarked(), "there is a sign while a cell runs");
    await page.evaluate(() => globalThis.goOn());
    await done(page, "ladder");
    await page.waitForFunction(() => localStorage.getItem("ilk-working") === null);
  });

  test("names without a space are no wider than the page, and what is pasted is what is found", async ({ page, url }) => {
    const path = join(folder, "addresses.csv");
    const site = (place) => `https://www.example.com/section/with/a/long/name/and/no/blank/${"x".repeat(60)}/${place}`;
    const lines = Array.from({ length: 600 }, (_, place) => `visitor${place % 60},${site((place * 7 + (place % 60)) % 40)}`);
    await writeFile(path, ["visitor,page", ...lines, ""].join("\n"));
    await page.goto(url);
    await allDone(page);
    await drop(page, path);
    await shows(page, "data", "600 rows read");
    await allDone(page);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      const [inside, outside] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
      holds(outside <= inside, `the page is ${outside} wide in ${inside}`);
    }
    const box = page.locator(".search input");
    await box.focus();
    await page.locator("[role=option]").first().waitFor();
    // Pasted, and Enter at once: the offers on the page are still those of before.
    await box.evaluate((input, value) => {
      input.value = value;
      input.dispatchEvent(new Event("input"));
      input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    }, site(16));
    await shows(page, "similar", site(16));
  });

  test("a long run shows its progress and can be cancelled, and the page stays quick", async ({ page, url }) => {
    const path = join(folder, "long.csv");
    await writeLines(path, shopLines(250_000, 8000));
    await page.goto(url);
    await allDone(page);
    const watch = await watchTasks(page);
    await drop(page, path);
    await page.locator("#cell-data .running:not([hidden]) progress").waitFor();
    await done(page, "similar", 60_000);
    // The page answers while samples are compared.
    await edit(page, "stability", "for (const measure of ['llr', 'pmi', 'npmi', 'lift', 'dice', 'jaccard']) await ilk.stability(data, { ...job, measure }, 1)");
    const cancel = page.locator("#cell-stability .running:not([hidden]) .cancel");
    await cancel.waitFor();
    await page.locator(".search input").fill("heart");
    await page.locator("[role=option]").first().waitFor();
    await cancel.click();
    await shows(page, "stability", "Cancelled. Run the cell again to continue.");
    await shows(page, "home", "--measure cosine");
    await edit(page, "stability", "const stability = await ilk.stability(data, job, 0.05)\ndisplay(show.stability(stability, data, job))");
    await done(page, "stability", 90_000);
    await done(page, "ladder", 90_000);
    const worst = await watch();
    console.log(`   longest task of the page while computing: ${Math.round(worst)} ms`);
    holds(worst < 100, `a task of ${worst} ms`);
  });

  test("files that cannot be used are refused with a reason, and the page lives on", async ({ page, url }) => {
    const good = await readFile(new URL("../../wasm/tests/data/zstd.parquet", import.meta.url));
    const corrupt = join(folder, "corrupt.parquet");
    const broken = Buffer.from(good);
    broken.fill(0x5a, 4, Math.floor(good.length * 0.4));
    await writeFile(corrupt, broken);
    const cut = join(folder, "cut.parquet");
    await writeFile(cut, good);
    await truncate(cut, Math.floor(good.length / 2));
    const wrong = join(folder, "holiday.jpg");
    await writeFile(wrong, Buffer.from([0xff, 0xd8, 0xff, 0xe0, ...Array(600).keys()].map((byte) => byte & 255)));
    const userless = join(folder, "userless.csv");
    await writeFile(userless, "customer,product\n,apple\n,bread\n,cheese\n");
    const empty = join(folder, "empty.csv");
    await writeFile(empty, "");
    await page.goto(url);
    await done(page, "glance");
    for (const [path, cell] of [[corrupt, "data"], [cut, "source"], [wrong, "source"], [userless, "data"], [empty, "source"]]) {
      await drop(page, path);
      const problem = page.locator(".problem");
      await shows(page, "file", path.split("/").at(-1));
      await page.waitForFunction(
        (name) => [...document.querySelectorAll(".problem")].some((one) => one.isConnected) && document.querySelector("#cell-file strong").textContent === name,
        path.split("/").at(-1),
      );
      const said = (await problem.first().innerText()).trim();
      console.log(`   ${path.split("/").at(-1)}: ${said}`);
      holds(said.length > 20 && !/undefined|\[object|RuntimeError: unreachable|panicked/.test(said), said);
      holds((await page.locator(`#cell-${cell}[data-state=failed]`).count()) + (await page.locator("#cell-data[data-state=failed], #cell-source[data-state=failed]").count()) > 0, "the cell says so");
      await page.locator("#cell-file button").filter({ hasText: "Back to the demo shop" }).click();
      await page.locator(".problem").first().waitFor({ state: "detached" });
      await page.locator(".waiting").first().waitFor({ state: "detached" });
      await done(page, "similar");
      equal(await page.locator(".problem").count(), 0, "all is well again");
    }
  });

  test("the notebook is shared as a file and opens again, for Jupyter too", async ({ page, url }) => {
    await page.goto(url);
    await allDone(page);
    await edit(page, "job", 'const job = { measure: "dice", top: 6 }');
    await shows(page, "home", "--measure dice --top 6");
    const save = async (button) => {
      await page.locator("#more summary").click();
      const [download] = await Promise.all([page.waitForEvent("download"), page.locator(button).click()]);
      return download.path();
    };
    const ours = await save("#save-ilk");
    const theirs = await save("#save-jupyter");
    const jupyter = JSON.parse(await readFile(theirs, "utf8"));
    equal([jupyter.nbformat, jupyter.cells[0].cell_type], [4, "markdown"]);
    holds(jupyter.cells.some((cell) => cell.outputs?.[0]?.data["text/html"].join("").includes("--measure dice")), "outputs are kept");
    for (const [place, path] of [ours, theirs].entries()) {
      await page.locator("#more summary").click();
      await page.locator("#anew").click();
      await shows(page, "home", "--measure cosine");
      const file = join(folder, place === 0 ? "mine.ilk.json" : "mine.ipynb");
      await writeFile(file, await readFile(path));
      await page.locator("#more summary").click();
      const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.locator("#open").click()]);
      await chooser.setFiles(file);
      await shows(page, "home", "--measure dice --top 6");
    }
    await done(page, "home");
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".downloads button").filter({ hasText: "CSV" }).click()]);
    const csv = await readFile(await download.path(), "utf8");
    holds(csv.startsWith("item,neighbour,rank,score,overlap,item_label,neighbour_label\n") || csv.startsWith("item,neighbour,rank,score,overlap"), csv.slice(0, 80));
  });

  test("no code in a cell can send anything to anybody else", async ({ page, url }) => {
    let asked = 0;
    const other = createServer((_, response) => {
      asked += 1;
      response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end("heard");
    });
    await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${other.address().port}/`;
    await page.goto(url);
    await allDone(page);
    await edit(page, "machine", `const answer = await fetch("${address}?rows=all").then((one) => one.text())`);
    await shows(page, "machine", "TypeError");
    await edit(page, "machine", `const image = new Image()\nimage.src = "${address}?rows=all"\nconst sent = navigator.sendBeacon("${address}", "all")\ndisplay("tried")`);
    await shows(page, "machine", "tried");
    await page.waitForTimeout(500);
    other.close();
    equal(asked, 0, "what the other heard");
  }, { expects: /Content Security Policy|Refused to|violates the following|Failed to fetch/, isForeign: true });

  test("a handful of rows is enough for the page, and it says what they are too few for", async ({ page, url }) => {
    const path = join(folder, "handful.csv");
    const rows = ["u1,tea", "u1,cups", "u2,tea", "u2,cups", "u3,tea", "u3,jam", "u4,bread", "u4,jam"];
    await writeFile(path, ["customer,product", ...rows, ""].join("\n"));
    await page.goto(url);
    await done(page, "glance");
    await drop(page, path);
    await shows(page, "data", "8 rows read");
    await shows(page, "glance", "No two items are neighbours under this job");
    await edit(page, "job", "const job = { top: 10 }");
    await shows(page, "similar", /4 items|tea|cups|jam|bread/);
    await shows(page, "ladder", "Too few customers");
    for (const id of ["glance", "shape", "stability", "similar", "beside", "map", "home"]) await done(page, id);
    equal(await page.locator(".problem").count(), 0);
  });

  test("where memory is shared, several threads find the same", async ({ page, url }) => {
    await page.goto(url);
    await allDone(page);
    const [cores, isolated] = await page.evaluate(() => [navigator.hardwareConcurrency, crossOriginIsolated]);
    holds(isolated, "the page is isolated");
    await page.locator("#about").filter({ hasText: cores > 1 ? `${cores} threads` : "one thread" }).waitFor();
    // As many as one thread finds, and the same first one.
    const read = async () => [(await text(page, "#cell-sample .output")).split(" in ")[0], await text(page, "#cell-similar .loved")];
    const several = await read();
    await page.evaluate(() => localStorage.clear());
    const { server, url: plain } = await serve();
    await page.goto(plain);
    await allDone(page);
    await page.locator("#about").filter({ hasText: "one thread" }).waitFor();
    equal(several, await read());
    server.close();
    server.closeAllConnections();
  }, { server: { isolated: true }, isForeign: true });

  test("the map is readable with 300 items, and goes where one points", async ({ page, url }) => {
    await page.goto(url);
    await allDone(page);
    const watch = await watchTasks(page);
    await edit(page, "map", "await show.map(neighbours, undefined, 300)");
    await page.locator('#cell-map .map[aria-label="Map of 300 items"]').waitFor();
    const names = await page.locator("#cell-map text:not([display])").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON()));
    holds(names.length > 25, `${names.length} names`);
    const covered = names.filter((one, place) =>
      names.some((other, at) => at < place && one.left + 3 < other.right && other.left + 3 < one.right && one.top + 3 < other.bottom && other.top + 3 < one.bottom),
    );
    holds(covered.length === 0, `${covered.length} of ${names.length} names cover another`);
    const before = await text(page, "#cell-similar h3");
    const dot = page.locator("#cell-map circle[tabindex='0']");
    await dot.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.waitForFunction((old) => document.querySelector("#cell-similar h3").textContent !== old, before);
    const worst = await watch();
    console.log(`   longest task: ${Math.round(worst)} ms; ${names.length} of 300 items named`);
    holds(worst < 100, `a task of ${worst} ms`);
  });

  for (const look of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 390, height: 844 } }]) {
    const name = look.viewport ? "on a phone" : `in ${look.colorScheme} colours`;
    test(`axe finds nothing to complain about ${name}`, async ({ page, url, axe }) => {
      await page.goto(url);
      await allDone(page);
      await page.locator("#cell-similar .why-button").first().click();
      await page.locator(".why div").first().waitFor();
      await page.locator("#cell-data summary").first().click();
      await page.waitForTimeout(500);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      equal(violations.map((one) => `${one.id}: ${one.nodes[0].target} ${one.nodes[0].failureSummary}`), []);
      const [inside, outside] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
      holds(outside <= inside, `the page is ${outside} wide in ${inside}`);
    }, { browser: look });
  }

  if (process.env.LARGE) {
    test("a file of 300 MB is read from disk", async ({ page, url }) => {
      const path = join(folder, "large.csv");
      const size = await writeLines(path, shopLines(Infinity, 20_000), 300e6);
      await page.goto(url);
      await done(page, "glance");
      const begin = performance.now();
      await drop(page, path);
      await shows(page, "data", /rows read in/, 300_000);
      await page.waitForFunction(() => /[1-9]\d,\d{3},\d{3} rows/.test(document.querySelector("#cell-data .output").textContent), null, { timeout: 300_000 });
      console.log(`   ${Math.round(size / 1e6)} MB read after ${Math.round(performance.now() - begin)} ms: ${await text(page, "#cell-data .output")}`);
      await done(page, "similar", 300_000);
      await shows(page, "similar", "ITEM", 300_000);
      console.log(`   similar items after ${Math.round(performance.now() - begin)} ms`);
    });
  }
  // What is served by the program needs one.
  if (process.env.ILK) exploreTests({ test, holds, equal, text, done, allDone, edit, shows, folder });
  else console.log("ILK=PROGRAM adds the tests of `ilk explore`");
  return tests;
}
