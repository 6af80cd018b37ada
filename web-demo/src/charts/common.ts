// What all charts have in common.
import { h } from "../dom";

/** How wide the column of cells is. */
function columnWidth(): number {
  return document.querySelector(".cells")?.clientWidth ?? 800;
}

/**
 * Draws a chart for the width there is, and again when that changes. `share`: part of the column
 * that it takes where there is room; below `narrow` pixels it takes the whole.
 */
export function responsive(draw: (width: number) => Element, share = 1, narrow = 640): HTMLElement {
  const width = () => {
    const column = columnWidth();
    return Math.max(260, Math.floor(column < narrow ? column : column * share - (share < 1 ? 12 : 0)));
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

/** Says to those who can't see a chart what it shows. */
export function described<T extends Element>(chart: T, text: string): T {
  const svg = chart.matches("svg") ? chart : chart.querySelector("svg");
  svg?.setAttribute("role", "img");
  svg?.setAttribute("aria-label", text);
  return chart;
}

/** A chart with its title above. */
export function figure(title: string, chart: Element, note?: string): HTMLElement {
  return h("figure", {}, h("figcaption", {}, title), chart, note !== undefined && h("p", { class: "quiet" }, note));
}
