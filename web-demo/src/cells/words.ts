// Words for what is in the data: `customer_id` is a customer, of whom there are customers.
import type { Reason } from "ilk-wasm";

/** Names one of those that a column names. */
export function oneOf(column: string): string {
  const word = column
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[_\-.]+/g, " ")
    .replace(/\b(id|ids|key|code|no|nr|num|number|hash|uuid|guid)\b/gi, "")
    .trim()
    .toLowerCase();
  return /^[a-z][a-z ]{1,24}$/.test(word) ? word : "user";
}

/** Names many. */
export function manyOf(column: string): string {
  const word = oneOf(column);
  if (/(s|x|ch|sh)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

/** What a job compares, and what similarity is computed from. */
export interface Sides {
  /** One of those that are compared. */
  one: string;
  many: string;
  /** Those that two of them share. */
  by: string;
}

/** Items by those who have them, or the other way round. */
export function sidesOf(source: { user: string }, job: { of?: string | null }): Sides {
  const [one, many] = [oneOf(source.user), manyOf(source.user)];
  return job.of === "users" ? { one, many, by: "items" } : { one: "item", many: "items", by: many };
}

/** Why rows were set aside, in words. */
export const REASONS: Record<Reason, string> = {
  unreadable: "could not be read",
  filtered: "excluded by a condition",
  null_user: "without a user",
  null_item: "without an item",
  bad_weight: "with a weight that is not a number",
  bad_time: "with an invalid time",
  nonpositive_weight: "with a weight of 0 or less (returns)",
};
