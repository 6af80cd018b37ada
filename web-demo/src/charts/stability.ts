// How stable the neighbours are, and what they cost, as the sample grows.
import * as Plot from "@observablehq/plot";
import { about, duration, h, percent } from "../dom";
import type { StabilityPoint } from "../worker/protocol";
import { described, figure, plain, responsive, spaced } from "./common";

/** Draws the agreement of samples, and time and work beside it. */
export function stabilityChart(points: StabilityPoint[], people: string, top: number): HTMLElement {
  const last = points.at(-1);
  if (!last || last.users < 2) return h("p", {}, `Too few ${people} to take samples.`);
  if (last.pairOperations === 0) return h("p", {}, "Nothing to compare: no user has two items.");
  const before = points.at(-2);
  const text =
    `With ${percent(last.rate)} of ${people} (${about(last.users)}), two disjoint halves agree on ` +
    `${percent(last.halves.mean)} of each top ${top} (95 % interval: ${percent(last.halves.low)} to ${percent(last.halves.high)}).` +
    (before?.next ? ` Going from ${percent(before.rate)} to ${last.rate >= 1 ? `all ${people}` : percent(last.rate)} kept ${percent(before.next.mean)} of each top ${top}.` : "");
  const label = `${people} in the sample →`;
  // Logarithms, and their ticks where the samples are.
  const size = (point: StabilityPoint) => Math.log10(point.users);
  const users = points.map((point) => point.users);
  const next = points.filter((point) => point.next !== undefined);
  const draw = (width: number) =>
    described(
      Plot.plot({
        ...plain(text),
        width,
        height: 230,
        marginLeft: 44,
        marginTop: 14,
        marginBottom: 42,
        x: { label, labelOffset: 38, tickFormat: (value: number) => about(Math.round(10 ** value)), ticks: spaced(users, width - 60).map(Math.log10) },
        y: { domain: [0, 1], grid: true, label: null, ticks: 5, tickSize: 0, tickFormat: (value: number) => `${Math.round(value * 100)} %` },
        marks: [
          Plot.areaY(points, { x: size, y1: (point: StabilityPoint) => point.halves.low, y2: (point: StabilityPoint) => point.halves.high, fill: "var(--accent)", fillOpacity: 0.18 }),
          Plot.lineY(points, { x: size, y: (point: StabilityPoint) => point.halves.mean, stroke: "var(--accent)", strokeWidth: 2, marker: "dot" }),
          Plot.lineY(next, { x: size, y: (point: StabilityPoint) => point.next?.mean, stroke: "var(--second)", strokeWidth: 1.5, strokeDasharray: "4 3", marker: "dot" }),
        ],
      }),
      text,
    );
  const costs = (width: number) =>
    described(
      Plot.plot({
        ...plain("Time and work"),
        width,
        height: 230,
        marginLeft: 52,
        marginTop: 14,
        marginBottom: 42,
        x: { label, labelOffset: 38, tickFormat: about, domain: [0, Math.max(...users)], ticks: 4 },
        y: { domain: [0, Math.max(...points.map((point) => point.seconds)) * 1.1], grid: true, label: null, ticks: 4, tickSize: 0, tickFormat: (value: number) => (value === 0 ? "0" : duration(value)) },
        marks: [
          Plot.lineY(points, {
            x: "users",
            y: "seconds",
            stroke: "var(--accent)",
            strokeWidth: 2,
            marker: "dot",
            title: (point: StabilityPoint) => `${duration(point.seconds)}\n${about(point.pairOperations)} pair operations`,
            tip: { fill: "var(--surface)", stroke: "var(--line)" },
          }),
        ],
      }),
      `${duration(points[0]!.seconds)} at the smallest sample, ${duration(last.seconds)} and ${about(last.pairOperations)} pair operations at the largest.`,
    );
  const key = h(
    "p",
    { class: "key quiet" },
    h("span", {}, h("span", { class: "swatch" }), " two halves, with 95 % interval"),
    h("span", {}, h("span", { class: "swatch second" }), " with the next larger sample"),
  );
  return h(
    "div",
    { class: "stability" },
    h("p", { class: "finding" }, text),
    h(
      "div",
      { class: "pair" },
      h("div", {}, figure(`Agreement of the top ${top}`, responsive(draw, 0.5)), key),
      figure("Time in this browser", responsive(costs, 0.5), `${about(last.pairOperations)} pair operations at ${percent(last.rate)}.`),
    ),
  );
}
