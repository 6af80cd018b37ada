// The data that is open. It is not saved with the notebook: a page may not open files by itself.
import type { Explored } from "../explore/explored";
import type { IdLists, Origin } from "../worker/protocol";

/** Data that a person opened. */
export interface OpenFile {
  name: string;
  /** Bytes on disk; none for the made-up shop. */
  size?: number;
  origin: Origin;
  /** The file is a sample of what the program was started with. */
  explored?: Explored;
}

/** The made-up shop. */
export const demoShop: OpenFile = { name: "demo shop", origin: { demo: true } };

/** The lists that the program was started with, as the package takes them. */
export function listsOf(file: OpenFile): IdLists {
  const lists = Object.entries(file.explored?.lists ?? {});
  return Object.fromEntries(lists.map(([name, { ids }]) => [name, ids]));
}

let home: OpenFile = demoShop;
let open: OpenFile = demoShop;
const listeners = new Set<() => void>();

/** What is open at first, and what one comes back to. */
export function homeFile(): OpenFile {
  return home;
}

/** Begins with something else than the demo shop. */
export function setHomeFile(file: OpenFile): void {
  [home, open] = [file, file];
}

/** What is open at present. */
export function openFile(): OpenFile {
  return open;
}

/** Opens something else. */
export function setOpenFile(file: OpenFile): void {
  open = file;
  for (const listener of listeners) listener();
}

/** Opens files from this computer, read as one table. */
export function setFiles(files: File[]): void {
  const [first] = files;
  if (!first) return;
  const name = files.length === 1 ? first.name : `${first.name} and ${files.length - 1} more`;
  const size = files.reduce((sum, file) => sum + file.size, 0);
  setOpenFile({ name, size, origin: { files } });
}

/** Hears of what is opened, until the returned function is called. */
export function onOpenFile(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
