// Shows any value below a cell.
import * as Inputs from "@observablehq/inputs";
import { h } from "../dom";

function isTable(value: unknown): value is object[] {
  return Array.isArray(value) && value.length > 0 && value.every((row) => row !== null && typeof row === "object" && !Array.isArray(row));
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name}`;
  if (ArrayBuffer.isView(value)) return Array.from((value as Float32Array).subarray?.(0, 50) ?? []);
  if (Array.isArray(value) && value.length > 200) return [...value.slice(0, 200), `… ${value.length - 200} more`];
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

/** Makes an element of a value. */
export function inspect(value: unknown): Node {
  if (value instanceof Node) return value;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return h("p", { class: "value" }, String(value));
  }
  if (isTable(value)) return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table" }, Inputs.table(value, { rows: 12, select: false }));
  let text: string;
  try {
    text = JSON.stringify(value, plain, 2) ?? String(value);
  } catch {
    text = String(value);
  }
  return h("pre", { class: "value", tabindex: 0 }, text.slice(0, 20_000));
}
