// The notebook as it opens.
import { homeFile } from "../state/files";
import type { Cell, Notebook } from "../state/notebook";

const text = (id: string, source: string): Cell => ({ id, kind: "text", source });
const code = (id: string, source: string): Cell => ({ id, kind: "code", source });

const cells: Cell[] = [
  text(
    "title",
    "# Which items are alike?\nFound from who bought, viewed or played what, exactly and on this computer. Every box of code can be changed: press **Shift-Enter**, and whatever depends on it follows.",
  ),
  code("glance", "await show.glance(neighbours)"),

  text("data-text", "## 1. Data\nWho touched what: one row each time. A column for the user and one for the item is all it takes."),
  code("file", "const file = view(ask.file())"),
  code("source", "const source = view(await ask.columns(file))"),
  code("data", "const data = await ilk.read(file, source)\ndisplay(show.rows(data))"),
  text(
    "job-text",
    "### The job\nWhat makes two items alike. Try `measure: \"jaccard\"`, or other settings of a job file: `weighting`, `min_support`, `max_items_per_user`, …",
  ),
  code("job", 'const job = { measure: "cosine", top: 10, min_overlap: 5 }'),

  text("shape-text", "## 2. Shape\nHow much there is, how unevenly it is spread, and who causes the work."),
  code("shape", "const shape = await ilk.shape(data, job)\ndisplay(show.shape(shape, data))"),

  text("sample-text", "## 3. Sample\nHow many users are enough? A sample keeps whole users, and 10 % lies within 20 %. If two halves of it find the same neighbours, so will the rest."),
  code("share", "const share = view(await ask.share(data, job))"),
  code("sample", "const sample = await ilk.sample(data, share)\nconst neighbours = await ilk.neighbours(sample, job)\ndisplay(show.found(neighbours))"),
  code("stability", "const stability = await ilk.stability(data, job, share)\ndisplay(show.stability(stability, data, job))"),

  text("similar-text", "## 4. Similar items\nSearch for one, then go from item to item."),
  code("item", "const item = view(await ask.item(neighbours))"),
  code("similar", "await show.similar(neighbours, item)"),
  text("measures-text", "### Side by side\nThe same item under other measures. A dot marks what the first one does not have."),
  code("measures", 'const measures = view(ask.measures("cosine", "lift", "llr"))'),
  code("beside", "await show.beside(sample, job, item, measures)"),

  text("map-text", "## 5. Map\nItems that are alike lie together. Larger dots are more popular; colours are groups that hang together."),
  code("centre", 'const centre = view(ask.one("Show", "around this item", "most popular items"))'),
  code("map", 'await show.map(neighbours, centre === "around this item" ? item : undefined, 120)'),

  text("ladder-text", "## 6. Ladder\nMeasured on growing samples, beside what is predicted from the work. State the machine you mean to use."),
  code("machine", "const machine = { cores: 8, memory: 16, price: 0.40 }  // cores, GiB, money an hour"),
  code("ladder", "const ladder = await ilk.ladder(data, job)\ndisplay(show.ladder(ladder, data, machine))"),

  text("home-text", "## 7. Take it home\nThe same job on all the data, with the program `ilk`. It gives the same neighbours, bit for bit."),
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
