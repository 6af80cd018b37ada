/** Compares a sample three times; returns sizes and the seconds of the fastest, by the clock `now`. */
export async function timed({ ilk, run, files, user, item, rate, kernel, now }) {
  const source = { user, item };
  const data = await run(files.read({ source, sample: { rate: Number(rate) } }));
  const { interactions } = data.shape();
  let seconds = Infinity;
  let neighbours = 0;
  for (let round = 0; round < 3; round++) {
    const task = data.compare({ kernel });
    const begin = now();
    const found = await run(task, { milliseconds: 1000 });
    seconds = Math.min(seconds, now() - begin);
    neighbours = found.length;
    found.free();
  }
  data.free();
  return { kernel: kernel ?? ilk.kernel(), threads: ilk.threads(), interactions, neighbours, seconds };
}
