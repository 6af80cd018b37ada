// Runs the suite for browser.js.
import { addFile, load, run } from "../pkg/index.js";
import { suite } from "./suite.js";

const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());

async function runAll(threads) {
  const ilk = await load({ threads });
  const cases = await (await fetch("/prepared/cases.json")).json();
  const reference = {
    neighbours: await bytes("/prepared/neighbours.parquet"),
    items: await bytes("/prepared/items.parquet"),
  };
  const tests = suite({ ilk, run, cases, file: (name) => bytes(`data/${name}`), reference });
  tests.push(["a File is read from disk slice by slice", async () => {
    const files = new ilk.Files();
    addFile(files, new File([await bytes("data/zstd.parquet")], "zstd.parquet"));
    const data = await run(files.read({ source: { user: "member", item: "product" } }));
    if (data.rows().rows !== 13) throw new Error(`${data.rows().rows} rows`);
  }]);
  const results = [];
  for (const [name, body] of tests) {
    const begin = performance.now();
    let error;
    try {
      await body();
    } catch (reason) {
      error = String(reason?.stack ?? reason);
    }
    results.push({ name, error, milliseconds: Math.round(performance.now() - begin) });
  }
  return { threads: ilk.threads(), tests: results };
}

onmessage = async ({ data }) => {
  if (data?.threads === undefined && data?.type) return;
  try {
    postMessage(await runAll(data.threads));
  } catch (reason) {
    postMessage({ failed: String(reason?.stack ?? reason) });
  }
};
