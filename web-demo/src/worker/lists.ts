// Lists of neighbours of two samples, compared by ids.
import type { Neighbours } from "ilk-wasm";
import type { Agreement } from "./protocol";

/** The first neighbours of every item, by id. */
export type Lists = Map<string, string[]>;

/** Takes the first `top` neighbours of every item that has any. */
export function listsOf(found: Neighbours, top: number): Lists {
  const ids = found.ids();
  const { starts, codes } = found.columns();
  const lists: Lists = new Map();
  for (let code = 0; code < ids.length; code++) {
    const [from = 0, to = 0] = [starts[code], starts[code + 1]];
    if (from === to) continue;
    const list: string[] = [];
    for (let place = from; place < Math.min(to, from + top); place++) list.push(ids[codes[place]!]!);
    lists.set(ids[code]!, list);
  }
  return lists;
}

/**
 * Returns how similar the lists are: per item the share of common neighbours (0 where only one side has
 * any), then the mean over items with its 95 % interval.
 */
export function agreement(one: Lists, other: Lists): Agreement {
  let [items, sum, squares] = [0, 0, 0];
  const add = (share: number) => {
    items += 1;
    sum += share;
    squares += share * share;
  };
  for (const [id, list] of one) {
    const counterpart = other.get(id);
    if (!counterpart) {
      add(0);
      continue;
    }
    const common = list.filter((neighbour) => counterpart.includes(neighbour)).length;
    add(common / Math.max(list.length, counterpart.length));
  }
  for (const id of other.keys()) if (!one.has(id)) add(0);
  if (items === 0) return { mean: 0, low: 0, high: 0, items };
  const mean = sum / items;
  const variance = Math.max(0, squares / items - mean * mean);
  const reach = 1.96 * Math.sqrt(variance / items);
  return { mean, low: Math.max(0, mean - reach), high: Math.min(1, mean + reach), items };
}
