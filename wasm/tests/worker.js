// What browser.js and speed.js ask for.
import { addFile, load, run } from "../pkg/index.js";
import { open } from "./recovery.js";
import { suite } from "./suite.js";
import { timed } from "./timed.js";

const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());

async function runSuite(ilk) {
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
      error = `${reason?.message}\n${reason?.stack}`;
    }
    results.push({ name, error, milliseconds: Math.round(performance.now() - begin) });
  }
  return { threads: ilk.threads(), tests: results };
}

async function answer(request) {
  const ilk = await load({ threads: request.threads });
  if (request.suite) return runSuite(ilk);
  if (request.open) return open({ ilk, run, bytes: await bytes(request.open), damage: request.damage });
  const files = new ilk.Files();
  files.addBytes("sample.parquet", await bytes(request.path));
  return timed({ ilk, run, files, ...request, now: () => performance.now() / 1000 });
}

// Workers of the threaded build load this module's neighbours only; their messages are not ours.
onmessage = async ({ data }) => {
  try {
    postMessage(await answer(data));
  } catch (reason) {
    postMessage({ failed: `${reason?.message}\n${reason?.stack}` });
  }
};
