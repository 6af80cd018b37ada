// Predictions from what was measured on smaller samples.

/** A measurement: how much there was to do, and what it took. */
export interface Measured {
  work: number;
  taken: number;
}

/**
 * Predicts what `work` takes: from one measurement in proportion, from more by the straight line
 * of least squares whose slope and foot are not negative.
 */
export function predict(measured: Measured[], work: number): number {
  const count = measured.length;
  const mean = (value: (one: Measured) => number) =>
    measured.reduce((sum, one) => sum + value(one), 0) / count;
  const [works, takens] = [mean((one) => one.work), mean((one) => one.taken)];
  const spread = mean((one) => (one.work - works) ** 2);
  const proportion = works > 0 ? takens / works : 0;
  if (count < 2 || spread === 0) return proportion * work;
  const slope = mean((one) => (one.work - works) * (one.taken - takens)) / spread;
  const foot = takens - slope * works;
  if (slope <= 0) return takens;
  return foot < 0 ? proportion * work : foot + slope * work;
}
