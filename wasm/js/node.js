// Files from disk, in Node.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Adds a file that is read slice by slice; returns what closes it. See node.d.ts. */
export function addPath(files, path) {
  const file = openSync(path);
  const read = (offset, length) => {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(file, bytes, filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  };
  files.addReader(path, fstatSync(file).size, read);
  return () => closeSync(file);
}
