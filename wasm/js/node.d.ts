import type { Files } from "./single/ilk_wasm.js";

/**
 * Adds a file on disk that is read slice by slice, so that it need not fit into memory. Returns
 * what closes it, to be called when it was read.
 */
export function addPath(files: Files, path: string): () => void;
