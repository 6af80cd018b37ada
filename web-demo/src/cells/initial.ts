// The notebook as it opens.
import { homeFile } from "../state/files";
import type { Cell, Notebook } from "../state/notebook";

const text = (id: string, source: string): Cell => ({ id, kind: "text", source });
const code = (id: string, source: string): Cell => ({ id, kind: "code", source });

const cells: Cell[] = [
  text(
    "title",
    "# Which items are similar?\nComputed exactly, on this computer, from who bought, viewed or played what. Edit any code cell and press **Shift-Enter**: the cells that depend on it run again.",
  ),
  code("glance", "await show.glance(neighbours)"),

  text("data-text", "## 1. Data\nOne row per interaction. Only a user ID column and an item ID column are required."),
  code("file", "const file = view(ask.file())"),
  code("source", "const source = view(await ask.columns(file))"),
  code("data", "const data = await ilk.read(file, source)\ndisplay(show.rows(data))"),
  text(
    "job-text",
    "### The job\nHow similarity is measured. Try `measure: \"jaccard\"`, or other settings of a job file: `weighting`, `min_support`, `max_items_per_user`, …",
  ),
  code("job", 'const job = { measure: "cosine", top: 10, min_overlap: 5 }'),

  text("shape-text", "## 2. Shape\nThe size of the data, its skew, and which users cause the work."),
  code("shape", "const shape = await ilk.shape(data, job)\ndisplay(show.shape(shape, data))"),

  text("sample-text", "## 3. Sample\nHow many users are enough? A sample keeps all rows of a user, and the 10 % sample is part of the 20 % sample. If two halves agree, more users will change little."),
  code("share", "const share = view(await ask.share(data, job))"),
  code("sample", "const sample = await ilk.sample(data, share)\nconst neighbours = await ilk.neighbours(sample, job)\ndisplay(show.found(neighbours))"),
  code("stability", "const stability = await ilk.stability(data, job, share)\ndisplay(show.stability(stability, data, job))"),

  text("similar-text", "## 4. Similar items\nSearch for an item, then click through its neighbours."),
  code("item", "const item = view(await ask.item(neighbours))"),
  code("similar", "await show.similar(neighbours, item)"),
  text("measures-text", "### Side by side\nThe same item under other measures. A dot marks items that the first list lacks."),
  code("measures", 'const measures = view(ask.measures("cosine", "lift", "llr"))'),
  code("beside", "await show.beside(sample, job, item, measures)"),

  text("map-text", "## 5. Map\nSimilar items are close together. Larger dots are more popular; colours mark groups of connected items."),
  code("centre", 'const centre = view(ask.one("Show", "around this item", "most popular items"))'),
  code("map", 'await show.map(neighbours, centre === "around this item" ? item : undefined, 120)'),

  text("ladder-text", "## 6. Cost of the full run\nMeasured on growing samples, next to the prediction. Enter the machine you plan to use."),
  code("machine", "const machine = { cores: 8, memory: 16, price: 0.40 }  // cores, GiB, price per hour"),
  code("ladder", "const ladder = await ilk.ladder(data, job)\ndisplay(show.ladder(ladder, data, machine))"),

  text("home-text", "## 7. Run it on everything\nThe same job on all the data, with the program `ilk`. The neighbours are the same, bit for bit."),
  code("home", "show.takeHome(neighbours)"),
];

/** A new notebook as everybody gets it; with the job that the program was started with, if any. */
export function initialNotebook(): Notebook {
  const own = structuredClone(cells);
  const settings = Object.entries(homeFile().explored?.job ?? {}).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const job = own.find((cell) => cell.id === "job");
  if (job && settings.length > 0) job.source = `const job = { ${settings.join(", ")} }`;
  return { format: "ilk-notebook", version: 1, cells: own, chosen: {} };
}
