// The notebook on the page: its cells in order, their running, undo and saving.
import { h } from "../dom";
import { History } from "../state/history";
import { copyOf, newId, type Cell, type Notebook } from "../state/notebook";
import { aboutToRun } from "../state/guard";
import { save } from "../state/save";
import { share } from "../state/share";
import { CodeCell } from "./codecell";
import { CellGraph, type Builtins } from "./graph";
import { parse } from "./parse";
import { TextCell } from "./textcell";

type Shown = CodeCell | TextCell;

/** What a notebook tells the page around it. */
export interface NotebookEvents {
  /** Undo and redo may have become possible. */
  changed(history: History): void;
  saved(worked: boolean): void;
  say(text: string): void;
}

/** A notebook that runs. */
export class NotebookView {
  readonly element = h("div", { class: "cells" });
  #notebook: Notebook;
  #history: History;
  #shown = new Map<string, Shown>();
  #graph: CellGraph;
  #builtins: string[];
  #events: NotebookEvents;
  #saving = 0;
  /** The code that runs, by cell: undo must not run what is not changed. */
  #inForce = new Map<string, string>();

  constructor(notebook: Notebook, builtins: Builtins, builtinNames: string[], events: NotebookEvents) {
    this.#notebook = copyOf(notebook);
    this.#history = new History(notebook);
    this.#builtins = builtinNames;
    this.#events = events;
    this.#graph = new CellGraph(builtins, builtinNames.filter((name) => !name.includes(".")));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    for (const cell of this.#notebook.cells) this.element.append(this.#make(cell).element);
  }

  get notebook(): Notebook {
    return copyOf(this.#notebook);
  }

  /** Some cell is at work. */
  get isWorking(): boolean {
    return this.element.querySelector('[data-state="pending"]') !== null;
  }

  /** Runs all cells unless told not to, and turns their code into editors when the first results are there. */
  async start(run = true): Promise<void> {
    if (run) this.runAll();
    for (let waited = 0; waited < 20 && (waited < 2 || this.isWorking); waited++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    for (const cell of this.#notebook.cells) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const shown = this.#shown.get(cell.id);
      if (shown instanceof CodeCell) shown.enliven();
    }
  }

  runAll(): void {
    for (const cell of this.#notebook.cells) if (cell.kind === "code") this.#define(cell);
  }

  #make(cell: Cell): Shown {
    const host = {
      changed: () => this.#autosave(),
      edited: () => this.#step(),
      run: (one: Cell, goOn: boolean) => this.run(one, goOn),
      menu: (one: Cell) => this.#menu(one),
      names: () => this.#names(),
      chosen: (id: string, name: string) => this.#notebook.chosen[id]?.[name],
      choose: (id: string, name: string, value: unknown) => {
        (this.#notebook.chosen[id] ??= {})[name] = value;
        this.#step();
      },
      settled: () => undefined,
      say: (text: string) => this.#events.say(text),
      // What is below must not move while a cell is at work.
      freeze: (output: HTMLElement) => {
        if (output.offsetHeight > 0) output.style.minHeight = `${output.offsetHeight}px`;
      },
    };
    const shown = cell.kind === "code" ? new CodeCell(cell, host) : new TextCell(cell, host);
    this.#shown.set(cell.id, shown);
    return shown;
  }

  #define(cell: Cell): void {
    const shown = this.#shown.get(cell.id);
    if (!(shown instanceof CodeCell)) return;
    shown.ran();
    aboutToRun();
    this.#inForce.set(cell.id, cell.source);
    this.#graph.define(cell.id, cell.source, shown);
  }

  /** Runs a cell and what depends on it. */
  run(cell: Cell, goOn: boolean): void {
    this.#define(cell);
    this.#step();
    if (goOn) this.#go(cell.id, 1, "code");
  }

  #names(): string[] {
    const made = this.#notebook.cells.flatMap((cell) => {
      if (cell.kind !== "code") return [];
      try {
        return parse(cell.source).outputs;
      } catch {
        return [];
      }
    });
    return [...new Set([...made, ...this.#builtins])];
  }

  /** Keeps a step for undo, and saves. */
  #step(): void {
    if (this.#history.step(this.#notebook)) this.#events.changed(this.#history);
    this.#autosave();
  }

  #autosave(): void {
    clearTimeout(this.#saving);
    this.#saving = window.setTimeout(() => this.flush(), 300);
  }

  /** Saves at once. */
  flush(): void {
    clearTimeout(this.#saving);
    this.#events.saved(save(this.#notebook));
  }

  undo(): void {
    // Code that was typed and not run yet is a step of its own.
    this.#history.step(this.#notebook);
    this.#restore(this.#history.undo());
  }

  redo(): void {
    this.#restore(this.#history.redo());
  }

  /** Puts another notebook in place of this one; what is the same goes on as it is. */
  open(notebook: Notebook): void {
    this.#restore(copyOf(notebook));
    this.#step();
  }

  #restore(notebook: Notebook | undefined): void {
    if (!notebook) return;
    const before = this.#notebook;
    this.#notebook = notebook;
    const ids = new Set(notebook.cells.map((cell) => cell.id));
    for (const cell of before.cells) if (!ids.has(cell.id)) this.#drop(cell.id);
    for (const [place, cell] of notebook.cells.entries()) {
      const old = this.#shown.get(cell.id);
      const isSame = old !== undefined && old.cell.kind === cell.kind;
      if (old && !isSame) this.#drop(cell.id);
      const shown = isSame ? old : this.#make(cell);
      if (isSame) {
        shown.set(cell.source);
        // The shown cell goes on with the record that is in force.
        notebook.cells[place] = shown.cell;
      }
      if (this.element.children[place] !== shown.element) {
        this.element.insertBefore(shown.element, this.element.children[place] ?? null);
      }
    }
    for (const cell of notebook.cells) {
      if (cell.kind !== "code") continue;
      const chose = JSON.stringify(notebook.chosen[cell.id]) !== JSON.stringify(before.chosen[cell.id]);
      if (this.#inForce.get(cell.id) !== cell.source || chose) this.#define(cell);
      const shown = this.#shown.get(cell.id);
      if (shown instanceof CodeCell) shown.enliven();
    }
    this.#events.changed(this.#history);
    this.#autosave();
  }

  #drop(id: string): void {
    this.#graph.remove(id);
    this.#shown.get(id)?.dispose();
    this.#shown.delete(id);
    this.#inForce.delete(id);
  }

  #place(id: string): number {
    return this.#notebook.cells.findIndex((cell) => cell.id === id);
  }

  #add(after: string, kind: Cell["kind"], before = false): void {
    const cell: Cell = { id: newId(), kind, source: "" };
    const place = this.#place(after) + (before ? 0 : 1);
    this.#notebook.cells.splice(place, 0, cell);
    const shown = this.#make(cell);
    this.element.insertBefore(shown.element, this.element.children[place] ?? null);
    if (kind === "code") this.#define(cell);
    this.#step();
    shown.focus();
  }

  #remove(id: string): void {
    const place = this.#place(id);
    if (place < 0 || this.#notebook.cells.length === 1) return;
    this.#notebook.cells.splice(place, 1);
    this.#drop(id);
    this.#step();
    const next = this.#notebook.cells[Math.min(place, this.#notebook.cells.length - 1)];
    if (next) this.#shown.get(next.id)?.element.focus();
    this.#events.say("Cell deleted. Undo restores it.");
  }

  #move(id: string, by: number): void {
    const [from, to] = [this.#place(id), this.#place(id) + by];
    if (to < 0 || to >= this.#notebook.cells.length) return;
    const [cell] = this.#notebook.cells.splice(from, 1);
    this.#notebook.cells.splice(to, 0, cell!);
    const element = this.#shown.get(id)!.element;
    const others = [...this.element.children].filter((other) => other !== element);
    this.element.insertBefore(element, others[to] ?? null);
    element.focus();
    this.#step();
  }

  #menu(cell: Cell): HTMLElement {
    const menu = h("details", { class: "menu" });
    const entry = (text: string, act: () => void) =>
      h("button", {
        type: "button",
        onclick: () => {
          menu.open = false;
          act();
        },
      }, text);
    menu.append(
      h("summary", { "aria-label": "Cell actions", title: "Cell actions" }, "⋯"),
      h(
        "div",
        { class: "entries" },
        entry(cell.kind === "code" ? "Run" : "Edit", () =>
          cell.kind === "code" ? this.run(cell, false) : this.#shown.get(cell.id)?.focus(),
        ),
        entry("Add code below", () => this.#add(cell.id, "code")),
        entry("Add text below", () => this.#add(cell.id, "text")),
        entry("Move up", () => this.#move(cell.id, -1)),
        entry("Move down", () => this.#move(cell.id, 1)),
        entry("Delete", () => this.#remove(cell.id)),
      ),
    );
    const shut = (event: Event) => {
      if (!menu.contains(event.target as Node)) menu.open = false;
    };
    menu.addEventListener("toggle", () => {
      if (menu.open) document.addEventListener("pointerdown", shut);
      else document.removeEventListener("pointerdown", shut);
    });
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget as Node)) menu.open = false;
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary")?.focus();
      event.stopPropagation();
    });
    return menu;
  }

  #go(id: string, by: number, kind?: Cell["kind"]): void {
    const { cells } = this.#notebook;
    for (let place = this.#place(id) + by; place >= 0 && place < cells.length; place += by) {
      const next = cells[place]!;
      if (kind && next.kind !== kind) continue;
      const shown = this.#shown.get(next.id);
      if (kind) shown?.focus();
      else shown?.element.focus();
      shown?.element.scrollIntoView({ block: "nearest" });
      return;
    }
  }

  /** Keys of a cell that is chosen as a whole, and not being edited. */
  #key(event: KeyboardEvent): void {
    const element = event.target as HTMLElement;
    if (!element.classList.contains("cell") || event.ctrlKey || event.metaKey || event.altKey) return;
    const id = element.id.slice("cell-".length);
    const cell = this.#notebook.cells[this.#place(id)];
    if (!cell) return;
    const keys: Record<string, () => void> = {
      ArrowUp: () => this.#go(id, -1),
      ArrowDown: () => this.#go(id, 1),
      Enter: () => (event.shiftKey && cell.kind === "code" ? this.run(cell, true) : this.#shown.get(id)?.focus()),
      a: () => this.#add(id, "code", true),
      b: () => this.#add(id, "code"),
      t: () => this.#add(id, "text"),
      Delete: () => this.#remove(id),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** Offers the notebook as a file. */
  share(format: "ilk" | "jupyter"): void {
    share(this.#notebook, format, (id) => {
      const shown = this.#shown.get(id);
      return shown instanceof CodeCell ? shown.html() : "";
    });
  }
}
