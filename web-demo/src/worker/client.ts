// The page's side of the worker.
import type { CallName, Calls, FromWorker, Key, SentError, ToWorker } from "./protocol";

/** An error of Ilk: what is wrong, where, and what to do next. */
export class IlkFailure extends Error {
  readonly code: string;
  readonly details: SentError["details"];

  constructor({ code, message, details }: SentError) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Work that was cancelled by a person, or replaced by a newer run. */
export class Cancelled extends Error {
  constructor() {
    super("Cancelled. Run the cell again to continue.");
  }
}

/** What goes along with a call. */
export interface CallOptions {
  signal?: AbortSignal;
  onProgress?: (stage: string, done: number) => void;
}

/** Workers that are started before it is given up. */
const MOST_STARTS = 50;

interface Pending extends CallOptions {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

/** Calls what the worker offers, and starts it anew where it cannot go on. */
export class Client {
  #worker: Worker | undefined;
  #pending = new Map<number, Pending>();
  #last = 0;
  /** Keys of one worker mean nothing to the next. */
  #generation = 0;

  constructor() {
    this.#start();
  }

  get generation(): number {
    return this.#generation;
  }

  #start(): void {
    this.#generation += 1;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "ilk" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#hear(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      const message = event.message || "the compute worker could not be loaded: reload the page";
      this.#restart({ code: "internal", message, details: {} });
    });
    this.#send({ open: { base: document.baseURI, threads: HAS_THREADS ? undefined : 1 } });
  }

  #restart(reason: SentError): void {
    this.#worker?.terminate();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(new IlkFailure(reason));
    // Where it fails each time, the page says so instead of trying for ever.
    if (this.#generation < MOST_STARTS) this.#start();
  }

  #send(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #hear(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if ("progress" in message) {
      pending.onProgress?.(message.progress.stage, message.progress.done);
      return;
    }
    this.#pending.delete(message.id);
    if ("result" in message) return pending.resolve(message.result);
    const { error } = message;
    pending.reject(error.code === "cancelled" ? new Cancelled() : new IlkFailure(error));
    if (error.details["fatal"]) this.#restart(error);
  }

  /** Asks the worker; the promise is rejected with an IlkFailure, or with Cancelled. */
  call<Name extends CallName>(
    name: Name,
    args: Parameters<Calls[Name]>,
    options: CallOptions = {},
  ): Promise<ReturnType<Calls[Name]>> {
    const { signal } = options;
    const id = (this.#last += 1);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const settle = (value: unknown) => resolve(value as ReturnType<Calls[Name]>);
      this.#pending.set(id, { ...options, resolve: settle, reject });
      signal?.addEventListener("abort", () => {
        if (!this.#pending.delete(id)) return;
        this.#send({ cancel: id });
        reject(signal.reason);
      });
      this.#send({ id, call: name, args });
    });
  }

  /** Lets go of something in the worker's memory. */
  free(key: Key, generation: number): void {
    if (generation === this.#generation) this.#send({ free: key });
  }
}
