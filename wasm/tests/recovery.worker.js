// The worker of recovery.js in Node.
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";

import { load, run } from "../pkg/index.js";
import { open } from "./recovery.js";

const bytes = new Uint8Array(await readFile(new URL("data/none.parquet", import.meta.url)));
parentPort.postMessage(await open({ ilk: await load(), run, bytes, ...workerData }));
