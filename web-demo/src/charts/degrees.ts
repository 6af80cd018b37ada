// How many have how many: both axes logarithmic, for such data is skewed.
import * as Plot from "@observablehq/plot";
import type { Degrees } from "ilk-wasm";
import { about, capital, count } from "../dom";
import { described, figure, plain, responsive, spaced, tens } from "./common";

/** Draws a distribution of degrees: of those called `one` and `of`, so many have so many `what`. */
export function degreesChart(degrees: Degrees, [one, of]: [string, string], what: string, colour: string): HTMLElement {
  const bins = degrees.histogram
    .map((size, place) => ({ from: 2 ** place, to: 2 ** (place + 1), size }))
    .filter((bin) => bin.size > 0);
  const most = Math.max(...bins.map((bin) => bin.size), 1);
  const text = `Half of all ${of} have at most ${count(degrees.median)} ${what}, 1 % have more than ${count(degrees.p99)}, the maximum is ${count(degrees.most)}.`;
  const draw = (width: number) =>
    described(
      Plot.plot({
        ...plain(text),
        width,
        height: 220,
        marginLeft: 46,
        marginTop: 12,
        marginBottom: 42,
        x: { type: "log", base: 2, domain: [bins[0]?.from ?? 1, bins.at(-1)?.to ?? 2], label: `${what} →`, labelOffset: 38, tickFormat: about, ticks: spaced([...bins.map((bin) => bin.from), bins.at(-1)?.to ?? 2], width - 60) },
        y: { type: "log", domain: [0.7, most * 1.4], label: null, grid: true, ticks: tens(most), tickSize: 0, tickFormat: about },
        marks: [
          Plot.rect(bins, {
            x1: "from",
            x2: "to",
            y1: 0.7,
            y2: "size",
            fill: colour,
            insetLeft: 1,
            insetRight: 1,
            rx: 1.5,
            title: (bin: { from: number; to: number; size: number }) =>
              `${count(bin.size)} ${of} have ${bin.to - 1 === bin.from ? bin.from : `${count(bin.from)} to ${count(bin.to - 1)}`} ${what}`,
            tip: { fill: "var(--surface)", stroke: "var(--line)" },
          }),
        ],
      }),
      text,
    );
  return figure(`${capital(what)} per ${one}`, responsive(draw, 0.5), text);
}
