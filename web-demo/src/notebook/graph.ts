// The reactive graph: cells become variables of Observable's runtime, which runs what depends on a
// change and nothing else.
import { Runtime, RuntimeError, type Module, type Variable } from "@observablehq/runtime";
import { valuesOf, type Asking, type Context } from "./context";
import { parse, type Parsed } from "./parse";

/** What a cell hears of its runs. */
export interface CellEvents {
  pending(): void;
  done(): void;
  /** `isOwn`: it failed itself, and not something it waits for. */
  failed(error: unknown, isOwn: boolean): void;
  /** Makes what a new run may do; `stopped` resolves when the run's results are no longer wanted. */
  begin(stopped: Promise<void>): Context;
}

/** Names that every cell can use, made for each run of a cell. */
export type Builtins = (context: Context) => Record<string, unknown>;

type Body = (...values: unknown[]) => Promise<Record<string, unknown>>;
const AsyncFunction = (async () => undefined).constructor as new (...parameters: string[]) => Body;

interface Entry {
  cell: Variable;
  outputs: Variable[];
}

/** Fails once a run is to end, whatever its code is waiting for. */
function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

/** Cells by their ids, running. */
export class CellGraph {
  #runtime: Runtime;
  #module: Module;
  #entries = new Map<string, Entry>();
  #builtins: Builtins;
  #builtinNames: string[];
  /** Errors, and the cell in which each came up first. */
  #origins = new WeakMap<object, string>();

  constructor(builtins: Builtins, names: string[]) {
    this.#builtins = builtins;
    this.#builtinNames = names;
    const known = globalThis as Record<string, unknown>;
    this.#runtime = new Runtime({}, (name: string) => {
      if (name in known) return known[name];
      throw new RuntimeError(`${name} is not defined`);
    });
    this.#module = this.#runtime.module();
  }

  /** Puts code in force for a cell, and runs it and what depends on it. */
  define(id: string, code: string, events: CellEvents): void {
    this.remove(id);
    // A variable that was taken away settles once more, which is no news of the cell.
    const isCurrent = () => this.#entries.get(id)?.cell === variable;
    const variable: Variable = this.#module.variable({
      pending: () => isCurrent() && events.pending(),
      fulfilled: () => isCurrent() && events.done(),
      rejected: (error) => isCurrent() && events.failed(error, this.#isOwn(id, error)),
    });
    const entry: Entry = { cell: variable, outputs: [] };
    this.#entries.set(id, entry);
    let parsed: Parsed;
    try {
      parsed = parse(code);
    } catch (error) {
      variable.define(`cell ${id}`, [], () => this.#fail(id, error));
      return;
    }
    const inputs = parsed.inputs.filter((name) => !this.#builtinNames.includes(name));
    variable.define(`cell ${id}`, ["invalidation", ...inputs], (...values: unknown[]) =>
      this.#run(id, parsed, inputs, values, events),
    );
    for (const name of parsed.outputs) {
      const output = this.#module.variable();
      output.define(name, [`cell ${id}`], (made: never) => made[name]);
      entry.outputs.push(output);
    }
  }

  /** Takes a cell and its names away. */
  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    for (const variable of [...entry.outputs, entry.cell]) variable.delete();
  }

  async #run(id: string, parsed: Parsed, inputs: string[], values: unknown[], events: CellEvents) {
    const [stopped, ...given] = values;
    const context = events.begin(stopped as Promise<void>);
    const view = <T>(input: Asking<T>) => valuesOf(context.display(input));
    const builtins: Record<string, unknown> = { ...this.#builtins(context), display: context.display, view };
    try {
      const body = new AsyncFunction(...inputs, ...this.#builtinNames, `"use strict";\n${parsed.body}`);
      const made = body(...given, ...this.#builtinNames.map((name) => builtins[name]));
      return await Promise.race([made, ended(context.signal)]);
    } catch (error) {
      return this.#fail(id, error);
    }
  }

  #fail(id: string, reason: unknown): never {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    if (!this.#origins.has(error)) this.#origins.set(error, id);
    throw error;
  }

  /**
   * What the runtime itself finds (a name that nobody makes, or two, a circle) is the cell's own
   * problem; what it passes on names the input that failed.
   */
  #isOwn(id: string, error: unknown): boolean {
    if (typeof error !== "object" || error === null) return true;
    const origin = this.#origins.get(error);
    if (origin !== undefined) return origin === id;
    const { input, message } = error as { input?: string; message?: string };
    if (input === undefined) return true;
    return message === `${input} is not defined` || message === `${input} is defined more than once`;
  }
}
