// Undo and redo, over whole notebooks: they are small.
import { copyOf, type Notebook } from "./notebook";

const MOST = 200;

/** Notebooks before and after the present one. */
export class History {
  #past: Notebook[] = [];
  #future: Notebook[] = [];
  #present: Notebook;

  constructor(present: Notebook) {
    this.#present = copyOf(present);
  }

  /** Keeps what is there now as a new step, if anything changed. */
  step(now: Notebook): boolean {
    if (JSON.stringify(now) === JSON.stringify(this.#present)) return false;
    this.#past.push(this.#present);
    if (this.#past.length > MOST) this.#past.shift();
    this.#present = copyOf(now);
    this.#future = [];
    return true;
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  undo(): Notebook | undefined {
    return this.#move(this.#past, this.#future);
  }

  redo(): Notebook | undefined {
    return this.#move(this.#future, this.#past);
  }

  #move(from: Notebook[], to: Notebook[]): Notebook | undefined {
    const next = from.pop();
    if (!next) return undefined;
    to.push(this.#present);
    this.#present = next;
    return copyOf(next);
  }
}
