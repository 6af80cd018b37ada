// A damaged file whose decoder gives up takes its module along; a new worker goes on. Here is what
// the workers do, in Node and in the browser, and what must hold of it.

/** What a byte of none.parquet is changed to, so that its decoder panics: the footer no longer has the dictionary. */
const DAMAGE = { place: 999, byte: 1 };

/** Opens none.parquet, damaged on request; returns the number of rows or what was thrown. */
export async function open({ ilk, run, bytes, damage }) {
  if (damage) bytes[damage.place] = damage.byte;
  const files = new ilk.Files();
  files.addBytes("none.parquet", bytes);
  try {
    const data = await run(files.read({ source: { user: "member", item: "product" } }));
    return { rows: data.rows().rows };
  } catch ({ code, message, details }) {
    return { code, message, details };
  }
}

/** Checks it. `ask(damage)` lets a new worker open the file and resolves to its answer. */
export async function recovers(ask) {
  const broken = await ask(DAMAGE);
  if (broken.code !== "damaged" || !broken.details?.fatal) {
    throw new Error(`a fatal error was expected, found ${JSON.stringify(broken)}`);
  }
  const whole = await ask();
  if (whole.rows !== 13) throw new Error(`13 rows were expected, found ${JSON.stringify(whole)}`);
}
