// Unpacks brotli, for the few Parquet files that are packed with it. The decoder is a module of its
// own, fetched when the first such page is read.
import { decode as unpack, initSync } from "./brotli/ilk_brotli.js";

let readFile;
let isLoaded = false;

/** Node's fetch does not read files: `read` does. */
export function readFilesWith(read) {
  readFile = read;
}

/** Fetches at once: what reads a file cannot wait for a promise. */
function fetched(url) {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  // Text of which each character is a byte: a page, unlike a worker, gets no bytes at once.
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  if (request.status !== 200) throw new Error(`${url} cannot be fetched (status ${request.status})`);
  return Uint8Array.from(request.responseText, (byte) => byte.charCodeAt(0) & 0xff);
}

/** Fetches the decoder, unless it is there. */
export function load() {
  if (isLoaded) return;
  const url = new URL("./brotli/ilk_brotli_bg.wasm", import.meta.url);
  initSync({ module: url.protocol === "file:" ? readFile(url) : fetched(url) });
  isLoaded = true;
}

/** Unpacks bytes; after load(). */
export function decode(packed) {
  return unpack(packed);
}
