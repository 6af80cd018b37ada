// Data for the tests: made up where the real one is not there.
import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";

import { addPath } from "../../wasm/pkg/node.js";
import { load, run } from "../../wasm/pkg/index.js";

/** Rows that look like a shop's: a few heavy customers, popular items, labels. */
export function* shopLines(customers, items = 400) {
  yield "customer_id,stock_code,description,quantity\n";
  let state = 12345;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let customer = 0; customer < customers; customer++) {
    const basket = 3 + Math.floor(20 * next() ** 4) + (customer % 100 === 0 ? 60 : 0);
    const taste = Math.floor(next() * 20);
    let lines = "";
    for (let place = 0; place < basket; place++) {
      const item = next() < 0.6 ? taste * 20 + Math.floor(20 * next() ** 2) : Math.floor(items * next() ** 2);
      const label = item === 7 ? "WHITE HANGING HEART T-LIGHT HOLDER" : `ITEM ${item}`;
      lines += `${customer},${item === 7 ? "85123A" : `S${item}`},${label},${1 + (place % 4)}\n`;
    }
    yield lines;
  }
}

/** The real orders where they are there, else made-up ones: where to find them, and their columns. */
export async function orders(folder) {
  const real = new URL("../../../shared/data/online_retail.parquet", import.meta.url).pathname;
  if (existsSync(real)) return { path: real, name: "online_retail.parquet", isReal: true };
  const path = `${folder}/orders.csv`;
  await writeLines(path, shopLines(3000));
  return { path, name: "orders.csv", isReal: false };
}

/** Writes lines as they come. */
export async function writeLines(path, lines, until = Infinity) {
  const file = await open(path, "w");
  let size = 0;
  let waiting = [];
  const flush = async () => {
    const text = waiting.join("");
    waiting = [];
    await file.write(text);
  };
  for (const part of lines) {
    size += part.length;
    waiting.push(part);
    if (waiting.length === 20_000) await flush();
    if (size >= until) break;
  }
  await flush();
  await file.close();
  return size;
}

/** The first neighbours of an item, as the package finds them in Node. */
export async function neighboursOf(path, job, item) {
  const ilk = await load();
  const files = new ilk.Files();
  const shut = addPath(files, path);
  const source = { user: "customer_id", item: "stock_code", weight: "quantity", item_label: "description" };
  const data = await run(files.read({ source }));
  const found = await run(data.compare({ job }));
  shut();
  return found.of(item).map(({ id, label, score, overlap }) => ({ id, label, score, overlap }));
}

/** A file of this folder or another, as bytes. */
export const bytes = (path) => readFile(path);
