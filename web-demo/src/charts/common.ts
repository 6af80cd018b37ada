// What all charts have in common.
import { h } from "../dom";

/** Columns narrower than this are a phone's. */
export const NARROW = 640;

/** How wide the column of cells is, in pixels. */
export function columnWidth(): number {
  return document.querySelector(".cells")?.clientWidth ?? 800;
}

/**
 * Draws a chart for the width there is, and again when that changes. `share`: part of the column
 * that it takes where there is room; on a phone it takes the whole.
 */
export function responsive(draw: (width: number) => Element, share = 1): HTMLElement {
  const width = () => {
    const column = columnWidth();
    return Math.max(260, Math.floor(column < NARROW ? column : column * share - (share < 1 ? 12 : 0)));
  };
  let drawn = width();
  const element = h("div", { class: "chart" }, draw(drawn));
  const redraw = () => {
    if (!element.isConnected) return;
    const now = width();
    if (Math.abs(now - drawn) < 2) return;
    drawn = now;
    element.replaceChildren(draw(now));
  };
  let timer = 0;
  const resized = () => {
    // Nobody looks at it any more.
    if (!element.isConnected) return removeEventListener("resize", resized);
    clearTimeout(timer);
    timer = window.setTimeout(redraw, 120);
  };
  addEventListener("resize", resized);
  return element;
}

/** Options that every plot shares. */
export function plain(title: string): object {
  return {
    style: { background: "none", color: "inherit", fontFamily: "inherit", fontSize: "12px", overflow: "visible" },
    ariaLabel: title,
  };
}

/** Describes a chart to people who can't see it. */
export function described<T extends Element>(chart: T, text: string): T {
  const svg = chart.matches("svg") ? chart : chart.querySelector("svg");
  // The marks' own labels only say what shape they have.
  for (const mark of svg?.querySelectorAll("[aria-label]") ?? []) mark.removeAttribute("aria-label");
  svg?.setAttribute("role", "img");
  svg?.setAttribute("aria-label", text);
  return chart;
}

/** Ticks of a logarithmic axis at some of these values, far enough apart to be read. */
export function spaced(values: number[], width: number): number[] {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const kept: number[] = [];
  for (const value of [...values].sort((a, b) => b - a)) {
    const last = kept.at(-1);
    if (last === undefined || ((Math.log(last) - Math.log(value)) / (high - low || 1)) * width > 56) kept.push(value);
  }
  return kept;
}

/** Powers of ten up to a number. */
export function tens(most: number): number[] {
  const count = Math.max(1, Math.ceil(Math.log10(Math.max(most, 2))));
  const step = Math.ceil(count / 4);
  return Array.from({ length: count + 1 }, (_, place) => 10 ** place).filter((ten, place) => place % step === 0 && ten <= Math.max(most, 1) * 1.2);
}

/** A chart with its title above. */
export function figure(title: string, chart: Element, note?: string): HTMLElement {
  return h("figure", {}, h("figcaption", {}, title), chart, note !== undefined && h("p", { class: "quiet" }, note));
}
