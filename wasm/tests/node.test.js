// The suite in Node: `node --test node.test.js`, with CASES and REFERENCE naming what
// `cargo xtask wasm-test` prepares.
import { deepStrictEqual as equal, rejects, throws } from "node:assert";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { load, run } from "../pkg/index.js";
import { addPath } from "../pkg/node.js";
import { recovers } from "./recovery.js";
import { suite } from "./suite.js";

const prepared = process.env.PREPARED;
const bytes = async (path) => new Uint8Array(await readFile(path));
const file = (name) => bytes(new URL(`data/${name}`, import.meta.url));
const cases = JSON.parse(await readFile(`${prepared}/cases.json`, "utf8"));
const reference = {
  neighbours: await bytes(`${prepared}/neighbours.parquet`),
  items: await bytes(`${prepared}/items.parquet`),
};

const ilk = await load();
for (const [name, body] of suite({ ilk, run, cases, file, reference })) test(name, body);

test("a file on disk is read by its path", async () => {
  const files = new ilk.Files();
  const close = addPath(files, fileURLToPath(new URL("data/gzip.parquet", import.meta.url)));
  const data = await run(files.read({ source: { user: "member", item: "product" } }));
  close();
  if (data.rows().rows !== 13) throw new Error(`${data.rows().rows} rows`);
});

test("what is no number of threads is refused", async () => {
  for (const threads of [0, -1, 1.5, NaN, Infinity, 2 ** 53, "2", 2n, {}]) {
    const isTyped = ({ code, details }) => code === "setting" && details.setting === "threads";
    await rejects(load({ threads }), isTyped, String(threads));
  }
  equal((await load({ threads: 1 })).threads(), 1);
});

/** Loads the package from a copy that lacks a file. */
async function without(path, body) {
  const copy = await mkdtemp(join(tmpdir(), "ilk-wasm-"));
  try {
    await cp(new URL("../pkg", import.meta.url), copy, { recursive: true });
    await rm(join(copy, path));
    await body(await (await import(pathToFileURL(join(copy, "index.js")))).load());
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Holds that what does not go on for want of a file says which, and is no damage of the data. */
function lacks(path, body) {
  throws(body, ({ code, message }) => code === "read" && message.includes(path));
}

test("a decoder that cannot be fetched is no damage of the file", async () => {
  const path = "brotli/ilk_brotli_bg.wasm";
  await without(path, async (other) => {
    const files = new other.Files();
    files.addBytes("brotli.parquet", await file("brotli.parquet"));
    lacks(path, () => files.estimate({ source: { user: "member", item: "product" } }));
  });
});

test("where the writer of Parquet cannot be fetched, the other formats go on", async () => {
  const path = "parquet/ilk_parquet_bg.wasm";
  await without(path, async (other) => {
    const data = await run(other.Files.demo().read(other.Files.demoRequest()));
    const found = await run(data.compare({}));
    lacks(path, () => found.export("parquet"));
    lacks(path, () => found.exportItems("parquet"));
    equal(found.export("csv").length > 1000, true);
  });
});

test("after a file that ends a worker the next worker goes on", async () => {
  await recovers((damage) => new Promise((resolve, reject) => {
    const script = new URL("recovery.worker.js", import.meta.url);
    const worker = new Worker(script, { workerData: { damage } });
    worker.once("message", (answer) => worker.terminate().then(() => resolve(answer)));
    worker.once("error", reject);
  }));
});

test("every kernel of the build equals the oracle on made-up data", async () => {
  const kernels = await import(`${prepared}/kernels/kernels.js`);
  const module_or_path = await readFile(`${prepared}/kernels/kernels_bg.wasm`);
  await kernels.default({ module_or_path });
  const difference = kernels.checkKernels(200);
  if (difference !== undefined) throw new Error(difference);
});
