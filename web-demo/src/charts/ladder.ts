// Measured against predicted, rung by rung.
import * as Plot from "@observablehq/plot";
import { duration, percent } from "../dom";
import type { LadderResult } from "../worker/protocol";
import { described, figure, plain, responsive } from "./common";

/** Draws the rungs that were measured and what was predicted of each, up to the whole. */
export function ladderChart({ rungs, whole }: LadderResult): HTMLElement {
  const measured = rungs.map((rung) => ({ rate: rung.rate, seconds: rung.secondsOfAll }));
  const predicted = [
    ...rungs.map((rung) => ({ rate: rung.rate, seconds: rung.predictedSeconds })),
    { rate: 1, seconds: whole.cpuSeconds },
  ];
  const most = Math.max(whole.cpuSeconds, ...measured.map((one) => one.seconds));
  const highest = Math.min(Math.max(most, ...predicted.map((one) => one.seconds)), 2 * most) * 1.15;
  const text = `${measured.map((rung) => `${percent(rung.rate)}: ${duration(rung.seconds)}`).join(", ")}; all: ${duration(whole.cpuSeconds)} predicted.`;
  const draw = (width: number) =>
    described(
      Plot.plot({
        ...plain(text),
        width,
        height: 220,
        marginLeft: 52,
        marginTop: 16,
        marginBottom: 42,
        x: { domain: [0, 1.04], label: "share of users →", labelOffset: 38, tickFormat: (value: number) => `${Math.round(value * 100)} %`, ticks: predicted.map((one) => one.rate) },
        y: { domain: [0, highest], grid: true, label: null, ticks: 4, tickSize: 0, tickFormat: (value: number) => (value === 0 ? "0" : duration(value)) },
        marks: [
          Plot.lineY(predicted, { x: "rate", y: "seconds", stroke: "var(--second)", strokeDasharray: "4 3", clip: true }),
          Plot.dot(predicted, { x: "rate", y: "seconds", r: 5, stroke: "var(--second)", fill: "var(--page)", strokeWidth: 1.5, clip: predicted.some((one) => one.seconds > highest) }),
          Plot.dot(measured, { x: "rate", y: "seconds", r: 4, fill: "var(--accent)" }),
        ],
      }),
      text,
    );
  return figure("Core time: ● measured here, ○ predicted from the work", responsive(draw));
}
