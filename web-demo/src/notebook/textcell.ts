// A text cell on the page: shown as text, edited as what was typed.
import { h } from "../dom";
import type { Cell } from "../state/notebook";
import { render } from "./text";

/** What a text cell asks of its notebook. */
export interface TextHost {
  changed(cell: Cell): void;
  edited(cell: Cell): void;
  menu(cell: Cell): HTMLElement;
}

/** A text cell. */
export class TextCell {
  readonly cell: Cell;
  readonly element: HTMLElement;
  #host: TextHost;
  #shown: HTMLElement;

  constructor(cell: Cell, host: TextHost) {
    this.cell = cell;
    this.#host = host;
    this.#shown = h("div", { class: "shown", ondblclick: () => this.focus() }, ...render(cell.source));
    this.element = h(
      "section",
      { class: "cell text", id: `cell-${cell.id}`, tabindex: -1, "aria-label": `Text: ${cell.source.split("\n")[0]}` },
      this.#shown,
      host.menu(cell),
    );
  }

  /** Opens the text for editing. */
  focus(): void {
    if (this.element.querySelector("textarea")) return;
    const area = h("textarea", { "aria-label": "Text", rows: Math.max(3, this.cell.source.split("\n").length + 1) });
    area.value = this.cell.source;
    area.addEventListener("input", () => {
      this.cell.source = area.value;
      this.#host.changed(this.cell);
    });
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      this.set(area.value);
      this.#host.edited(this.cell);
    };
    area.addEventListener("blur", close);
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey))) {
        event.preventDefault();
        event.stopPropagation();
        close();
        this.element.focus();
      }
    });
    this.#shown.replaceChildren(area);
    area.focus();
  }

  set(source: string): void {
    this.cell.source = source;
    this.#shown.replaceChildren(...render(source));
  }

  dispose(): void {
    this.element.remove();
  }
}
