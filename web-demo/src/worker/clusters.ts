// Which nodes of a graph belong together, for the colours of the map.

/** Weighted, undirected edges between node numbers. */
type Edge = { source: number; target: number; score: number };

/**
 * Gives every node the number of its group, the largest group being 0: labels spread along edges,
 * each node taking the one with the most weight around it, in a fixed order, until nothing changes.
 */
export function clusters(nodes: number, edges: Edge[]): number[] {
  const around: [number, number][][] = Array.from({ length: nodes }, () => []);
  for (const { source, target, score } of edges) {
    around[source]!.push([target, score]);
    around[target]!.push([source, score]);
  }
  const labels = Array.from({ length: nodes }, (_, node) => node);
  for (let round = 0; round < 30; round++) {
    let changes = 0;
    for (let node = 0; node < nodes; node++) {
      const weights = new Map<number, number>();
      for (const [other, score] of around[node]!) {
        const label = labels[other]!;
        weights.set(label, (weights.get(label) ?? 0) + score);
      }
      const best = [...weights].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0];
      if (best && best[1] > (weights.get(labels[node]!) ?? 0)) {
        labels[node] = best[0];
        changes += 1;
      }
    }
    if (changes === 0) break;
  }
  const sizes = new Map<number, number>();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  const order = [...sizes].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([label]) => label);
  const numbers = new Map(order.map((label, place) => [label, place]));
  return labels.map((label) => numbers.get(label)!);
}
