// Rarely needed: the Brotli decoder and the Parquet writer. Each is a module of its own, fetched on first
// use.
import { decode as decodeBrotli, initSync as initBrotli } from "./brotli/ilk_brotli.js";
import { Tables, initSync as initParquet } from "./parquet/ilk_parquet.js";

export { decodeBrotli, Tables };

let readFile;

/** Node's fetch does not read files: `read` does. */
export function readFilesWith(read) {
  readFile = read;
}

/** Fetches at once: neither what reads a file nor what writes one can wait for a promise. */
function fetched(url) {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  // Text of which each character is a byte: a page, unlike a worker, gets no bytes at once.
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  if (request.status !== 200) throw new Error(`cannot fetch ${url} (status ${request.status})`);
  return Uint8Array.from(request.responseText, (byte) => byte.charCodeAt(0) & 0xff);
}

/** Makes what fetches a module, unless it is there. */
function loader(url, init) {
  let isLoaded = false;
  return () => {
    if (isLoaded) return;
    init({ module: url.protocol === "file:" ? readFile(url) : fetched(url) });
    isLoaded = true;
  };
}

/** Fetches the decoder of brotli; to be called before it decodes. */
export const loadBrotli = loader(new URL("./brotli/ilk_brotli_bg.wasm", import.meta.url), initBrotli);

/** Fetches the writer of Parquet; to be called before `Tables` is used. */
export const loadParquet = loader(new URL("./parquet/ilk_parquet_bg.wasm", import.meta.url), initParquet);
