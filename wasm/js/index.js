// Loads the build that suits the place, and runs tasks so that a worker can answer in between.
import { readFilesWith } from "./aside.js";

/** Threads that load() starts where it is not told: one per core, if memory can be shared. */
function defaultThreads() {
  const canShare = globalThis.crossOriginIsolated === true && typeof Worker === "function";
  return canShare ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1;
}

/** Node's files, which its fetch does not read; nothing where the package comes over the network. */
async function fileSystem() {
  if (!import.meta.url.startsWith("file:")) return undefined;
  const fs = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:fs");
  readFilesWith(fs.readFileSync);
  return fs.promises;
}

async function loadSingle(wasm) {
  const module = await import("./single/ilk_wasm.js");
  const url = new URL("./single/ilk_wasm_bg.wasm", import.meta.url);
  const fs = await fileSystem();
  await module.default({ module_or_path: wasm ?? (await fs?.readFile(url)) ?? url });
  return module;
}

async function loadThreaded(threads) {
  const module = await import("./threads/ilk_wasm.js");
  const url = new URL("./threads/ilk_wasm_bg.wasm", import.meta.url);
  await module.default({ module_or_path: url });
  await module.initThreadPool(threads);
  return module;
}

/** Refuses what is no number of threads, as the module refuses its settings. */
function checkThreads(threads) {
  if (Number.isSafeInteger(threads) && threads > 0) return;
  const found = typeof threads === "number" ? threads : typeof threads;
  const error = new Error(`threads is ${found}, expected a whole number of 1 or more`);
  throw Object.assign(error, { code: "setting", details: { setting: "threads" } });
}

/** Loads the module; see index.d.ts. */
export async function load(options = {}) {
  const threads = options.threads ?? defaultThreads();
  checkThreads(threads);
  return threads > 1 ? loadThreaded(threads) : loadSingle(options.wasm);
}

/** Lets everything else run that waits: messages, timers, painting. */
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()?.();
// An open port would keep Node from ending.
channel.port1.unref?.();
function breathe() {
  return new Promise((resolve) => {
    channel.port1.ref?.();
    waiting.push(() => {
      channel.port1.unref?.();
      resolve();
    });
    channel.port2.postMessage(null);
  });
}

/** Runs a task to its end and returns its result; see index.d.ts. */
export async function run(task, options = {}) {
  const { onProgress, signal, milliseconds = 40 } = options;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const progress = task.step(milliseconds);
      onProgress?.(progress);
      if (progress.finished) return task.finish();
      await breathe();
    }
  } finally {
    task.free();
  }
}

/** Adds a File or Blob that is read from disk slice by slice; in a worker only. */
export function addFile(files, file, name = file.name) {
  const reader = new FileReaderSync();
  const read = (offset, length) =>
    new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, offset + length)));
  files.addReader(name, file.size, read);
}
