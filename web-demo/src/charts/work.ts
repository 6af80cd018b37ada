// How much of the work a few users cause.
import type { Shape } from "ilk-wasm";
import { count, h, percent } from "../dom";

/** One bar per share of users. */
export function workChart(shape: Shape, people: string): HTMLElement {
  const rows = shape.workOfHeaviest.map(({ users, work }) => {
    const number = Math.max(1, Math.round(users * shape.users));
    return h(
      "div",
      { class: "bar-row" },
      h("span", { class: "bar-name" }, `${percent(users)} of ${people}`, h("span", { class: "quiet" }, ` (${count(number)})`)),
      h("span", { class: "bar-track" }, h("span", { class: "bar", style: `width:${(work * 100).toFixed(2)}%` })),
      h("span", { class: "bar-value" }, percent(work)),
    );
  });
  const headline = shape.workOfHeaviest[1] ?? shape.workOfHeaviest[0];
  const title = headline ? `${percent(headline.users)} of ${people} cause ${percent(headline.work)} of the work` : "Work";
  return h("figure", { class: "work" }, h("figcaption", {}, title), ...rows, h("p", { class: "quiet" }, "Work grows with the square of a user's number of items: every pair of them is counted."));
}
