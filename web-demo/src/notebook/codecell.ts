// A code cell on the page: editor, progress, output.
import type { EditorView } from "@codemirror/view";
import { capital, h, percent } from "../dom";
import { Cancelled, IlkFailure } from "../worker/client";
import type { Cell } from "../state/notebook";
import type { Context } from "./context";
import { makeEditor, setCode } from "./editor";
import type { CellEvents } from "./graph";
import { inspect } from "./inspect";

/** What a cell asks of its notebook. */
export interface CellHost {
  changed(cell: Cell): void;
  run(cell: Cell, goOn: boolean): void;
  menu(cell: Cell): HTMLElement;
  names(): string[];
  chosen(cell: string, name: string): unknown;
  choose(cell: string, name: string, value: unknown): void;
  settled(cell: string): void;
  say(text: string): void;
  freeze(cell: HTMLElement): void;
}

/** Work shorter than this shows no bar: it would only flicker. */
const PATIENCE = 300;

/** What a cell is called where its output can't be seen. */
function nameOf(code: string): string {
  return /(?:const|let)\s+(\w+)/.exec(code)?.[1] ?? code.split("\n")[0]!.slice(0, 40);
}

/** A code cell. */
export class CodeCell implements CellEvents {
  readonly cell: Cell;
  readonly element: HTMLElement;
  #host: CellHost;
  #place: HTMLElement;
  #output: HTMLElement;
  #bar: HTMLProgressElement;
  #stage: HTMLElement;
  #running: HTMLElement;
  #editor: EditorView | undefined;
  #stop: AbortController | undefined;
  #timer = 0;
  /** Shown values of the present run; those of the run before stay until it shows something. */
  #isFresh = false;
  /** What was run last; the code may have been changed since. */
  #ran: string;

  constructor(cell: Cell, host: CellHost) {
    this.cell = cell;
    this.#host = host;
    this.#ran = cell.source;
    this.#place = h("div", { class: "editor", onclick: () => this.focus() }, h("pre", { class: "still" }, cell.source));
    this.#bar = h("progress", { max: 1, "aria-label": `Progress of ${nameOf(cell.source)}` });
    this.#stage = h("span", { class: "stage" });
    const cancel = h("button", { type: "button", class: "cancel", onclick: () => this.cancel() }, "Cancel");
    this.#running = h("div", { class: "running", hidden: true }, this.#bar, this.#stage, cancel);
    this.#output = h("div", { class: "output" });
    const run = h("button", {
      type: "button",
      class: "run",
      title: "Run (Shift-Enter)",
      "aria-label": `Run ${nameOf(cell.source)}`,
      onclick: () => host.run(cell, false),
    }, "▶");
    this.element = h(
      "section",
      { class: "cell code", id: `cell-${cell.id}`, tabindex: -1, "aria-label": `Code: ${nameOf(cell.source)}` },
      h("div", { class: "box" }, run, this.#place, this.#running, host.menu(cell)),
      this.#output,
    );
  }

  /** Turns the still text into an editor. */
  enliven(): void {
    if (this.#editor) return;
    this.#place.replaceChildren();
    this.#editor = makeEditor(this.#place, this.cell.source, `Code of ${nameOf(this.cell.source)}`, {
      changed: (code) => {
        this.cell.source = code;
        this.#mark();
        this.#host.changed(this.cell);
      },
      run: (goOn) => this.#host.run(this.cell, goOn),
      leave: () => this.element.focus(),
      names: () => this.#host.names(),
    });
  }

  focus(): void {
    if (this.#editor?.hasFocus) return;
    this.enliven();
    this.#editor?.focus();
  }

  /** Takes code from elsewhere: undo, or a file. */
  set(source: string): void {
    this.cell.source = source;
    if (this.#editor) setCode(this.#editor, source);
    else this.#place.replaceChildren(h("pre", { class: "still" }, source));
  }

  /** Says that the present code is what runs. */
  ran(): void {
    this.#ran = this.cell.source;
    this.#mark();
  }

  #mark(): void {
    this.element.classList.toggle("changed", this.cell.source !== this.#ran);
  }

  cancel(): void {
    this.#stop?.abort(new Cancelled());
  }

  html(): string {
    return this.#output.innerHTML;
  }

  dispose(): void {
    this.#stop?.abort(new Cancelled());
    this.#rest();
    this.#editor?.destroy();
    this.element.remove();
  }

  pending(): void {
    this.#host.freeze(this.#output);
    this.element.dataset["state"] = "pending";
  }

  begin(stopped: Promise<void>): Context {
    this.#stop?.abort(new Cancelled());
    const stop = new AbortController();
    this.#stop = stop;
    this.#isFresh = false;
    void stopped.then(() => stop.abort(new Cancelled()));
    // Code that only waits tells no progress, and can be cancelled all the same.
    this.#progress("working", 0);
    const undo: (() => void)[] = [];
    stop.signal.addEventListener("abort", () => undo.splice(0).forEach((one) => one()));
    return {
      cell: this.cell.id,
      signal: stop.signal,
      display: (value) => {
        if (!stop.signal.aborted) this.#show(inspect(value));
        return value;
      },
      progress: (stage, done) => {
        if (!stop.signal.aborted) this.#progress(stage, done);
      },
      later: (one) => void (stop.signal.aborted ? one() : undo.push(one)),
      remembered: (name) => this.#host.chosen(this.cell.id, name),
      remember: (name, value) => this.#host.choose(this.cell.id, name, value),
    };
  }

  #show(node: Node): void {
    if (this.#isFresh) this.#output.append(node);
    else this.#output.replaceChildren(node);
    this.#isFresh = true;
  }

  #progress(stage: string, done: number): void {
    this.#stage.textContent = done > 0 ? `${stage}, ${percent(Math.min(1, done))}` : stage;
    if (done > 0) this.#bar.value = done;
    else this.#bar.removeAttribute("value");
    if (this.#timer === 0) {
      this.#timer = window.setTimeout(() => (this.#running.hidden = false), PATIENCE);
    }
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#running.hidden = true;
  }

  done(): void {
    this.#rest();
    if (!this.#isFresh) this.#output.replaceChildren();
    this.element.dataset["state"] = "done";
    this.#output.style.minHeight = "";
    this.#host.settled(this.cell.id);
  }

  failed(reason: unknown, isOwn: boolean): void {
    this.#rest();
    const error = reason instanceof Error ? reason : new Error(String(reason));
    if (!isOwn) {
      this.element.dataset["state"] = "waiting";
      const input = (error as { input?: string }).input;
      const above = input && !input.startsWith("cell ") ? h("code", {}, input) : "a cell";
      this.#output.replaceChildren(h("p", { class: "waiting" }, "Not run: ", above, " failed or was cancelled."));
    } else if (error instanceof Cancelled) {
      this.element.dataset["state"] = "cancelled";
      this.#output.replaceChildren(h("p", { class: "waiting" }, error.message));
      this.#host.say(error.message);
    } else {
      this.element.dataset["state"] = "failed";
      this.#output.replaceChildren(problem(error));
      this.#host.say(error.message);
    }
    this.#output.style.minHeight = "";
    this.#host.settled(this.cell.id);
  }
}

/** An error as people read it: what, and what to do next. */
function problem(error: Error): HTMLElement {
  // A message may begin with the name of a file or of a variable, which stays as it is.
  const isWord = /^[a-z]+ (?!is not defined|is defined)/.test(error.message);
  const text = isWord ? capital(error.message) : error.message;
  const isCode = !(error instanceof IlkFailure);
  const kind = isCode && error.name !== "Error" && error.name !== "RuntimeError" ? `${error.name}: ` : "";
  return h("div", { class: "problem", role: "alert" }, h("p", {}, kind + text));
}
