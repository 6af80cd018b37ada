// The full run at the press of a button, with its progress and its report.
import type { Found } from "../cells/ilk";
import { append, capital, duration, h, percent } from "../dom";
import type { Context } from "../notebook/context";
import type { Explored } from "./explored";
import { beginBatch, cancelBatch, lastBatch, reportAddress, type Batch, type Stage, type Wish } from "./served";

/** Milliseconds between two looks at a batch that runs. */
const PAUSE = 250;

/** What the cells above come to. */
function wishOf(found: Found): Wish {
  const { user, item, weight, time, item_label } = found.rows.source;
  // What is absent is left out, so that wishes can be compared.
  return JSON.parse(JSON.stringify({ columns: { user, item, weight, time, item_label }, job: found.job })) as Wish;
}

function isSame(one: Wish, other: Wish): boolean {
  const sorted = (value: object) => JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return sorted(one.columns) === sorted(other.columns) && sorted(one.job) === sorted(other.job);
}

function nameOf(stage: Stage): string {
  return capital(stage.name);
}

function stageLine(stage: Stage): HTMLElement {
  const name = nameOf(stage);
  const isOver = stage.message !== null;
  const bar = h("progress", { "aria-label": name, max: 1, value: isOver ? 1 : (stage.done ?? undefined) });
  const said = isOver ? `${stage.message} (${duration(stage.seconds ?? 0)})` : stage.done === null ? "…" : percent(stage.done);
  return h("li", { class: isOver ? "over" : "under-way" }, h("span", { class: "stage-name" }, name), bar, h("span", { class: "quiet" }, said));
}

/** The button, and below it what came of pressing it. */
export function batchElement(context: Context, found: Found, explored: Explored): HTMLElement {
  const wish = wishOf(found);
  const run = h("button", { type: "button", class: "main", onclick: () => void begin() }, "Start the full run");
  const cancel = h("button", { type: "button", onclick: () => void stop(), hidden: true }, "Cancel");
  const said = h("p", { role: "status", class: "batch-said" });
  const stages = h("ol", { class: "stages" });
  const rest = h("div");
  const element = h(
    "section",
    { class: "batch", "aria-label": "Full run" },
    h("p", { class: "eyebrow" }, "Full run, on this computer"),
    h("p", {}, `Runs the job above on all of ${explored.name}, with the program that serves this page.`),
    h("div", { class: "batch-ways" }, run, cancel, said),
    stages,
    rest,
  );
  let timer = 0;
  let isGone = false;
  let isRunning = false;
  context.later(() => {
    isGone = true;
    clearTimeout(timer);
  });

  const complain = (error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    rest.replaceChildren(h("div", { class: "problem", role: "alert" }, h("p", {}, capital(text))));
    run.disabled = false;
    cancel.hidden = true;
  };
  const show = (batch: Batch | null) => {
    if (isGone || !batch) return;
    const wasRunning = isRunning;
    isRunning = batch.state === "running";
    run.disabled = isRunning;
    run.textContent = isRunning ? "Running…" : "Start the full run again";
    if (cancel === document.activeElement && !isRunning) run.focus();
    cancel.hidden = !isRunning;
    cancel.disabled = false;
    stages.replaceChildren(...batch.stages.map(stageLine));
    const current = batch.stages.at(-1);
    const text = {
      running: current ? `${nameOf(current)}, ${duration(Math.max(1, Math.round(batch.seconds)))}` : "Starting",
      done: `Done in ${duration(batch.seconds)}. The result is in ${batch.out}.`,
      cancelled: "Cancelled. No partial output was left.",
      failed: "Run failed.",
    }[batch.state];
    // Who listens to the page hears of stages and ends, not of every second.
    said.setAttribute("aria-live", isRunning && wasRunning ? "off" : "polite");
    said.textContent = text;
    if (isRunning) {
      timer = window.setTimeout(() => void look(), PAUSE);
      if (!wasRunning) rest.replaceChildren();
      return;
    }
    rest.replaceChildren();
    append(rest, [
      !isSame(batch.wish, wish) && h("p", { class: "notice" }, "The cells above have changed since this run: ", h("code", {}, batch.command), "."),
      batch.error && h("div", { class: "problem" }, h("p", {}, batch.error.message), batch.error.help !== null && h("p", { class: "quiet" }, batch.error.help)),
      batch.notes.length > 0 &&
        h("details", { class: "aside" }, h("summary", {}, "Log"), h("ul", { class: "notes" }, ...batch.notes.map((note) => h("li", {}, note)))),
      batch.state === "done" && report(batch),
    ]);
  };
  const look = async () => {
    try {
      show(await lastBatch());
    } catch (error) {
      if (!isGone) complain(error);
    }
  };
  const begin = async () => {
    run.disabled = true;
    rest.replaceChildren();
    try {
      const batch = await beginBatch(wish);
      cancel.hidden = false;
      cancel.focus();
      show(batch);
    } catch (error) {
      complain(error);
    }
  };
  const stop = async () => {
    cancel.disabled = true;
    await cancelBatch().catch(complain);
  };
  // One may be under way: the page was opened anew, or the cell run again.
  void look();
  return element;
}

/** The report, as the program wrote it. */
function report(batch: Batch): HTMLElement {
  // Another number is another report.
  const address = `${reportAddress()}?${batch.out}`;
  return h(
    "div",
    { class: "report" },
    h("p", { class: "eyebrow" }, "Report ", h("a", { href: address, target: "_blank", rel: "noopener" }, "open in a new tab")),
    h("iframe", { src: address, title: "Report of the full run", sandbox: "", loading: "lazy" }),
  );
}
