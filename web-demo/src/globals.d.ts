/** Whether the page came with the build that has threads. */
declare const HAS_THREADS: boolean;

declare module "@observablehq/inputs" {
  type Input = HTMLElement & { value: unknown };
  export function range(extent: [number, number], options?: object): Input;
  export function radio(data: Iterable<unknown>, options?: object): Input;
  export function checkbox(data: Iterable<unknown>, options?: object): Input;
  export function select(data: Iterable<unknown>, options?: object): Input;
  export function table(data: Iterable<unknown>, options?: object): Input;
}

declare module "@observablehq/runtime" {
  export class Runtime {
    constructor(builtins?: object, global?: (name: string) => unknown);
    module(): Module;
    dispose(): void;
  }
  export interface Observer {
    pending?(): unknown;
    fulfilled?(value: unknown, name?: string): unknown;
    rejected?(error: unknown, name?: string): unknown;
  }
  export interface Module {
    variable(observer?: Observer | true, options?: object): Variable;
  }
  export interface Variable {
    define(name: string | null, inputs: string[], definition: (...values: never[]) => unknown): this;
    delete(): this;
  }
  export class RuntimeError extends Error {
    input?: string;
  }
}
