// What a running cell may do: show things, ask for input, tell its progress, be stopped.

/** One run of a cell. */
export interface Context {
  /** The cell's id. */
  readonly cell: string;
  /** Aborted when the cell runs anew, or a person cancels. */
  readonly signal: AbortSignal;
  /** Shows a value below the code. */
  display<T>(value: T): T;
  /** Says how far the work has got; 0 to 1. */
  progress(stage: string, done: number): void;
  /** Called once when this run's results are no longer wanted. */
  later(undo: () => void): void;
  /** What a person chose in this cell before, under a name. */
  remembered(name: string): unknown;
  /** Keeps what a person chose. */
  remember(name: string, value: unknown): void;
}

/** An element that holds a value and says when a person changes it. */
export type Asking<T> = HTMLElement & { value: T };

/**
 * The values of an input, one after the other, for the cells that use them: what the runtime takes
 * as a name whose value changes.
 */
export function valuesOf<T>(input: Asking<T>): { next(): Promise<{ done: boolean; value: T }>; return(): { done: true } } {
  let isFirst = true;
  let isFresh = false;
  let wake: (() => void) | undefined;
  const changed = () => {
    isFresh = true;
    wake?.();
  };
  input.addEventListener("input", changed);
  return {
    async next() {
      if (!isFirst && !isFresh) await new Promise<void>((resolve) => (wake = resolve));
      [isFirst, isFresh] = [false, false];
      return { done: false, value: input.value };
    },
    return() {
      input.removeEventListener("input", changed);
      return { done: true };
    },
  };
}
