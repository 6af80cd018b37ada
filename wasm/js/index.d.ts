import type * as Module from "./single/ilk_wasm.js";
import type { Files, Progress } from "./single/ilk_wasm.js";

export type * from "./single/ilk_wasm.js";

/** The loaded module: `Files` and everything that starts with them. */
export type Ilk = Pick<
  typeof Module,
  | "Files"
  | "kernel"
  | "memoryInUse"
  | "memoryLimit"
  | "setMemoryLimit"
  | "threads"
  | "version"
>;

export interface LoadOptions {
  /**
   * Number of computing workers. Default: one per core if the page is cross-origin isolated, else 1.
   * More than 1 requires that isolation, and load() to be called in a worker.
   */
  threads?: number;
  /** The module of the single build, or its bytes, if it cannot be fetched from next to this file. */
  wasm?: WebAssembly.Module | BufferSource | Response | URL | string;
}

/** Loads the module: with threads if memory can be shared, else the single build. */
export function load(options?: LoadOptions): Promise<Ilk>;

/** Long work in steps: `Reading` gives `Data`, `Comparison` gives `Neighbours`, `Climb` a `LadderReport`. */
export interface Task<T> {
  /** Works for about this number of milliseconds. */
  step(milliseconds: number): Progress;
  /** Takes the result, once, when step() returned `finished`. */
  finish(): T;
  free(): void;
}

export interface RunOptions {
  /** Called after each step. */
  onProgress?: (progress: Progress) => void;
  /** Stops between two steps; the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds per step. Default: 40. */
  milliseconds?: number;
}

/**
 * Runs a task to its end and frees it. Yields between steps, so that messages arrive and the signal can
 * be raised.
 */
export function run<T>(task: Task<T>, options?: RunOptions): Promise<T>;

/**
 * Adds a File or Blob that is read from disk slice by slice, so that it need not fit in memory. Works in a
 * worker only (it uses FileReaderSync).
 */
export function addFile(files: Files, file: Blob & { name?: string }, name?: string): void;
