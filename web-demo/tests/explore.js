// What holds of the notebook where `ilk explore` serves it. ILK names the program.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

import { shopLines, writeLines } from "./data.js";

const COLUMNS = ["--user", "customer_id", "--item", "stock_code", "--weight", "quantity", "--item-label", "description"];

/** A customer with so many things that comparing them takes long; not in the sample of 50 %. */
const HOARDER = "hoarder-2";

/** Orders of a shop, and of one who has everything. */
export async function hoard(folder) {
  const path = join(folder, "hoard.csv");
  const lines = [];
  for (let item = 0; item < 300_000; item++) lines.push(`${HOARDER},H${item},THING ${item},1\n`);
  await writeLines(path, (function* () {
    yield* shopLines(2000);
    yield lines.join("");
  })());
  return path;
}

/** Starts the program in a folder; calls `work` with the page's address, and ends the program. */
export async function exploring(folder, args, work) {
  const environment = { ...process.env, ILK_USAGE_FILE: "off" };
  const child = spawn(process.env.ILK, ["explore", ...args, "--no-open", "--quiet"], { cwd: folder, env: environment });
  let complaints = "";
  child.stderr.on("data", (text) => (complaints += text));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  try {
    const lines = createInterface({ input: child.stdout });
    const address = await Promise.race([new Promise((resolve) => lines.once("line", resolve)), ended]);
    if (typeof address !== "string") throw new Error(`ilk explore ended with ${address}: ${complaints}`);
    return await work(address, child);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

/** The tests; `tools`: what those of the suite use. */
export function exploreTests({ test, holds, equal, text, done, allDone, edit, shows, folder }) {
  const elsewhere = { isForeign: true };
  const batch = "#cell-home .batch";

  test("ilk explore opens with the data, and starts, cancels and reports the full run", async ({ page, requests }) => {
    const home = await mkdtemp(join(folder, "explore-"));
    const path = await hoard(home);
    const args = [path, ...COLUMNS, "--rate", "50%", "--measure", "dice", "--top", "6", "--where", "quantity>0"];
    await exploring(home, args, async (address) => {
      const begin = requests.length;
      await page.goto(address);
      await allDone(page);
      equal(requests.slice(begin).filter((one) => !one.startsWith(address) && !/^(blob|data)/.test(one)), [], "others were asked");
      equal(await text(page, "#cell-file strong"), basename(path));
      await shows(page, "file", "a sample: 50 % of the users");
      await shows(page, "data", "These are 50 % of the customers");
      await shows(page, "home", "--measure dice --top 6");
      await shows(page, "home", "--where 'quantity>0'");
      holds((await text(page, "#cell-home .copyable pre")).includes(path), "the command reads the whole");
      holds(/about 2,\d{3} customers|2 k customers/.test(await text(page, "#cell-ladder")) || (await text(page, "#cell-ladder")).includes("full run"), "the cost is that of all the data");
      holds(await page.evaluate(() => crossOriginIsolated), "the page is isolated");

      const button = page.locator(`${batch} button.main`);
      await button.click();
      const comparing = page.locator(`${batch} .stages .under-way`).filter({ hasText: "Comparing" });
      await comparing.filter({ hasText: "%" }).waitFor({ timeout: 60_000 });
      const share = Number(await comparing.locator("progress").getAttribute("value"));
      holds(share >= 0 && share < 1, `a share of ${share}`);
      holds(await page.locator(`${batch} .stages .over`).filter({ hasText: "Reading" }).count(), "reading is over");
      await page.screenshot({ path: join(process.env.PICTURES ?? ".", "explore-running.png") });
      // The page goes on meanwhile, and finds the run again when it is opened anew.
      await page.reload();
      await comparing.waitFor({ timeout: 60_000 });
      await page.locator(`${batch} button`).filter({ hasText: "Cancel" }).click();
      await page.locator(`${batch} .batch-said`).filter({ hasText: "Cancelled" }).waitFor();
      equal(await readdir(home), [basename(path)], "what is left");

      const job = { measure: "dice", top: 6, max_items_per_user: 100 };
      await edit(page, "job", `const job = ${JSON.stringify(job)}`);
      await shows(page, "home", "--max-items-per-user 100");
      await allDone(page);
      await button.click();
      await page.locator(`${batch} .batch-said`).filter({ hasText: "Done in" }).waitFor({ timeout: 60_000 });
      equal((await readdir(home)).sort(), [basename(path), "similar.html", "similar.parquet"]);
      const frame = page.frameLocator(`${batch} iframe`);
      await frame.locator("h1").filter({ hasText: /^Similar items in .* by dice$/ }).waitFor();
      await page.locator(batch).scrollIntoViewIfNeeded();
      await page.screenshot({ path: join(process.env.PICTURES ?? ".", "explore-done.png") });

      const expected = join(home, "expected.parquet");
      const settings = ["--measure", "dice", "--top", "6", "--max-items-per-user", "100", "--where", "quantity>0"];
      const ran = spawnSync(process.env.ILK, ["run", path, ...COLUMNS, ...settings, "--out", expected], { encoding: "utf8" });
      equal(ran.status, 0, ran.stderr);
      holds((await readFile(expected)).equals(await readFile(join(home, "similar.parquet"))), "the result is the program's");

      // Shares are of those who are here, and they are half of all.
      await edit(page, "glance", "`${(await ilk.shape(sample)).users} of ${(await ilk.shape(data)).users}`");
      await shows(page, "glance", /^(\d+) of \1$/);
      await page.locator("#cell-share input").fill("50");
      await page.waitForFunction(() => {
        const [part, whole] = document.querySelector("#cell-glance .output").textContent.split(" of ").map(Number);
        return part < 0.6 * whole && part > 0.4 * whole;
      });
      equal(await page.locator("#cell-ladder tbody tr").count(), 4, "the rungs with enough users, and the whole");

      // A result of other settings says so; a further one goes beside the first.
      await edit(page, "job", "const job = { measure: \"dice\", top: 5, max_items_per_user: 100 }");
      await page.locator(`${batch} .notice`).filter({ hasText: "--top=6" }).waitFor();
      await button.click();
      await page.locator(`${batch} .batch-said`).filter({ hasText: "similar-2.parquet" }).waitFor({ timeout: 60_000 });
    });
  }, elsewhere);

  test("lists of items apply in the page as in the full run", async ({ page }) => {
    const home = await mkdtemp(join(folder, "explore-"));
    const path = join(home, "orders.csv");
    await writeLines(path, shopLines(1000));
    const ids = [...new Set((await readFile(path, "utf8")).split("\n").slice(1, 4000).map((line) => line.split(",")[1]))].filter(Boolean).sort();
    const lists = { only: ids.slice(0, 40), exclude: ids.slice(5, 10), for: [ids[0], ids[50], "no such item"] };
    for (const [name, list] of Object.entries(lists)) await writeFile(join(home, `${name}.txt`), list.join("\n"));
    const flags = Object.keys(lists).flatMap((name) => [`--${name}`, join(home, `${name}.txt`)]);
    const settings = [...COLUMNS, "--measure", "jaccard", "--top", "5", ...flags];
    const ran = spawnSync(process.env.ILK, ["run", path, ...settings, "--out", join(home, "expected.csv")], { encoding: "utf8" });
    equal(ran.status, 0, ran.stderr);
    const expected = await readFile(join(home, "expected.csv"), "utf8");
    holds(expected.split("\n").length > 5, "there are neighbours");
    await exploring(home, [path, ...settings, "--rate", "100%"], async (address) => {
      await page.goto(address);
      await shows(page, "sample", "neighbours limited to 40 items (--only); 5 items excluded as neighbours (--exclude); neighbours computed for 3 items only (--for)");
      await shows(page, "ladder", "The prediction ignores the item lists");
      await shows(page, "home", "--exclude ");
      await edit(page, "glance", 'const list = document.createElement("pre"); list.textContent = new TextDecoder().decode(await ilk.export(neighbours, "csv")); display(list)');
      await done(page, "glance");
      equal(await page.locator("#cell-glance .output pre").evaluate((one) => one.textContent), expected, "the page's table");
    });
  }, elsewhere);

  test("ilk explore shows why a full run is refused, and when the program has stopped", async ({ page }) => {
    const home = await mkdtemp(join(folder, "explore-"));
    const path = join(home, "orders.csv");
    await writeLines(path, shopLines(300));
    await writeFile(path, (await readFile(path, "utf8")) + "7,S1,ITEM 1,some\n".repeat(200));
    await exploring(home, [path, ...COLUMNS], async (address, child) => {
      await page.goto(address);
      await edit(page, "job", 'const job = { max_bad_rows: "100%" }');
      await done(page, "home");
      await edit(page, "job", 'const job = { max_bad_rows: "50%" }');
      await shows(page, "home", "50%");
      await page.locator(`${batch} button.main`).click();
      await page.locator(`${batch} .batch-said`).filter({ hasText: "Done" }).waitFor({ timeout: 60_000 });
      await writeFile(path, "another,file\n1,2\n");
      await page.locator(`${batch} button.main`).click();
      await page.locator(`${batch} .problem`).filter({ hasText: "has no column" }).waitFor({ timeout: 60_000 });
      child.kill("SIGTERM");
      await new Promise((resolve) => child.on("exit", resolve));
      await page.locator(`${batch} button.main`).click();
      await page.locator(`${batch} .problem`).filter({ hasText: "start `ilk explore` again" }).waitFor();
    });
  }, { ...elsewhere, expects: /ERR_CONNECTION_REFUSED|Failed to load resource/ });

  for (const look of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 390, height: 844 } }]) {
    const name = look.viewport ? "on a phone" : `in ${look.colorScheme} colours`;
    test(`axe finds nothing to complain about where ilk explore serves, ${name}`, async ({ page, axe }) => {
      const home = await mkdtemp(join(folder, "explore-"));
      const path = join(home, "orders.csv");
      await writeLines(path, shopLines(1000));
      await exploring(home, [path, ...COLUMNS], async (address) => {
        await page.goto(address);
        await allDone(page);
        await page.locator(`${batch} button.main`).click();
        await page.frameLocator(`${batch} iframe`).locator("h1").waitFor({ timeout: 60_000 });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run({ exclude: ["iframe"] }));
        equal(violations.map((one) => `${one.id}: ${one.nodes[0].target} ${one.nodes[0].failureSummary}`), []);
        const [inside, outside] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
        holds(outside <= inside, `the page is ${outside} wide in ${inside}`);
        await page.locator(batch).evaluate((one) => one.scrollIntoView({ block: "start", behavior: "instant" }));
        await page.screenshot({ path: join(process.env.PICTURES ?? ".", `explore-${look.viewport ? "phone" : look.colorScheme}.png`) });
      });
    }, { ...elsewhere, browser: look });
  }
}
