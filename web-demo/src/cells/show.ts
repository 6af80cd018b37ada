// What cells show: rows, shape, neighbours, map, cost, and the command for all the data.
import type { Explanation, ItemRecord, MeasureName, Shape, SimilarityJob } from "ilk-wasm";
import { degreesChart } from "../charts/degrees";
import { ladderChart } from "../charts/ladder";
import { mapChart } from "../charts/map";
import { stabilityChart } from "../charts/stability";
import { workChart } from "../charts/work";
import { about, append, bytes, capital, count, counted, download, duration, h, percent, score } from "../dom";
import { batchElement } from "../explore/batch";
import type { Context } from "../notebook/context";
import type { ListName } from "../explore/explored";
import { IlkFailure } from "../worker/client";
import type { LadderResult, StabilityPoint } from "../worker/protocol";
import { called } from "./ask";
import type { Found, Ilk, Rows } from "./ilk";
import { commandOf, jobFileOf, runFileOf } from "./job";
import { hasWalked, walkTo } from "./walk";
import { manyOf, oneOf, REASONS, sidesOf } from "./words";

/** What a cell calls `show`. */
export type Show = ReturnType<typeof showFor>;

/** The machine that the full run is for. */
export interface Machine {
  cores: number;
  /** GiB. */
  memory: number;
  /** Of an hour, in any money. */
  price: number;
}

function scroll(label: string, child: Node): HTMLElement {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, child);
}

function table(head: string[], rows: (string | Node)[][], numbers: number[] = []): HTMLTableElement {
  const cell = (tag: "td" | "th", value: string | Node, place: number) =>
    h(tag, { class: numbers.includes(place) ? "number" : undefined, scope: tag === "th" ? "col" : undefined }, value);
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...head.map((name, place) => cell("th", name, place)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((value, place) => cell("td", value, place))))),
  );
}

/** What was read, and what was set aside with the rows themselves. */
function showRows(rows: Rows): HTMLElement {
  const { report, seconds } = rows;
  const element = h("div", { class: "rows" });
  append(element, [
    h("p", { class: "finding" }, `${count(report.rows)} rows read in ${duration(seconds)}, ${count(report.kept)} kept.`),
    rows.file.explored && rows.rate < 1 && !rows.isCut &&
      h("p", { class: "notice" }, `These are ${percent(rows.rate)} of the ${manyOf(rows.source.user)} of ${rows.file.name}, each with all of their rows. The button at the end of this notebook starts the full run.`),
    leftNotice(rows),
    rows.isCut &&
      h("p", { class: "notice" }, `The file does not fit in the browser's memory, so these are ${percent(rows.rate)} of its ${manyOf(rows.source.user)}, each with all of their rows. Use the program for the full run: see the end of this notebook.`),
  ]);
  for (const note of report.notes ?? []) element.append(h("p", { class: "notice" }, note));
  for (const { reason, rows: number, first } of report.setAside) {
    element.append(
      h(
        "details",
        { class: "aside" },
        h("summary", {}, `${count(number)} set aside: ${REASONS[reason]} (${percent(number / report.rows)})`),
        scroll(
          `Rows ${REASONS[reason]}`,
          table(
            ["row", rows.source.user, rows.source.item, rows.source.weight ?? "detail"],
            first.map((row) => [count(row.row), row.user ?? "–", row.item ?? "–", row.detail ?? ""]),
            [0],
          ),
        ),
        h("p", { class: "quiet" }, `The first ${first.length} of ${count(number)}, as read from ${first[0]?.file ?? "the file"}.`),
      ),
    );
  }
  return element;
}

/** Rows that the program could not bring along: it draws by the user, which they lack. */
function leftNotice(rows: Rows): HTMLElement | false {
  const { explored } = rows.file;
  if (!explored) return false;
  const { unreadable, ofNobody } = explored.left;
  const parts = [
    ofNobody > 0 && `${count(ofNobody)} ${REASONS.null_user} (${percent(ofNobody / explored.rows)})`,
    unreadable > 0 && `${count(unreadable)} that could not be read`,
  ].filter((part) => part !== false);
  if (parts.length === 0) return false;
  return h("p", { class: "quiet" }, `Of the ${count(explored.rows)} rows of ${rows.file.name}, the program left out ${parts.join(" and ")}.`);
}

function showFigures(shape: Shape, rows: Rows): HTMLElement {
  const one = (value: string, name: string) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h(
    "dl",
    { class: "figures" },
    one(count(shape.users), manyOf(rows.source.user)),
    one(count(shape.items), "items"),
    one(about(shape.interactions), "interactions"),
    one(percent(shape.density), "density"),
  );
}

/** How many, how skewed, and who causes the work. */
function showShape(shape: Shape, rows: Rows): HTMLElement {
  const people = manyOf(rows.source.user);
  return h(
    "div",
    { class: "shape" },
    showFigures(shape, rows),
    workChart(shape, people),
    h("div", { class: "pair" }, degreesChart(shape.userDegrees, [oneOf(rows.source.user), people], "items", "var(--accent)"), degreesChart(shape.itemDegrees, ["item", "items"], people, "var(--second)")),
  );
}

/** Bars are as long as scores are high, beside the best of the list. */
function bar(value: number, best: number): HTMLElement {
  const share = Math.max(0, Math.min(1, value / Math.max(best, 1e-9)));
  return h("span", { class: "bar-track", "aria-hidden": "true" }, h("span", { class: "bar", style: `width:${(share * 100).toFixed(1)}%` }));
}

/** How long a bar may be: scores up to 1 are shown as they are, others beside the best. */
function longest(scores: number[]): number {
  const best = Math.max(...scores, 1e-9);
  return best <= 1 ? 1 : best;
}

/** A few items with their nearest. */
async function showGlance(ilk: Ilk, found: Found, items = 3): Promise<HTMLElement> {
  const popular = await ilk.search(found, "", 60);
  const lists = await Promise.all(popular.map(async (item) => ({ item, near: (await ilk.of(found, item.id)).slice(0, 3) })));
  const worth = (near: { score: number }[]) => (near.length < 3 ? 0 : near[2]!.score);
  lists.sort((a, b) => worth(b.near) - worth(a.near));
  const taken = new Set<string>();
  const chosen: typeof lists = [];
  for (const one of lists) {
    // Three corners of the shop, and not the same one three times.
    if (one.near.length === 0 || taken.has(one.item.id) || one.near.some((other) => taken.has(other.id))) continue;
    for (const other of [one.item, ...one.near]) taken.add(other.id);
    chosen.push(one);
    if (chosen.length === items) break;
  }
  if (chosen.length === 0) return h("p", {}, `No two ${sidesOf(found.rows.source, found.job).many} are neighbours under this job: lower min_overlap in the job below.`);
  const eyebrows = eyebrowsOf(found);
  const best = longest(chosen.flatMap(({ near }) => near.map((one) => one.score)));
  const card = ({ item, near }: (typeof lists)[number]) =>
    h(
      "article",
      { class: "glance-card" },
      h("p", { class: "eyebrow" }, eyebrows.viewed),
      h("h2", {}, h("button", { type: "button", class: "link", onclick: () => goTo(item.id) }, called(item))),
      h("p", { class: "eyebrow" }, eyebrows.loved),
      h("ol", {}, ...near.map((one) => h("li", {}, h("span", { class: "near-name" }, called(one)), bar(one.score, best), h("span", { class: "near-score" }, score(one.score))))),
    );
  return h("div", { class: "glance" }, ...chosen.map(card));
}

/** Goes to an item, and to the cell that shows it. */
function goTo(id: string): void {
  walkTo(id);
  document.querySelector(".search")?.scrollIntoView({ block: "start", behavior: "smooth" });
}

/** What stands above an item, and above its neighbours. */
function eyebrowsOf({ rows, job }: Found): { viewed: string; loved: string } {
  const { one, many } = sidesOf(rows.source, job);
  return job.of === "users"
    ? { viewed: capital(one), loved: `The most similar ${many}` }
    : { viewed: "Item you've viewed", loved: "Items we think you'll love" };
}

/** Which part of the data something is of, where it is not the whole. */
function partOf({ rate, source }: Rows): string {
  return rate < 1 ? `${percent(rate)} of the ${manyOf(source.user)}` : "";
}

/** "Item you've viewed | items we think you'll love". */
async function showSimilar(ilk: Ilk, found: Found, item: ItemRecord): Promise<HTMLElement> {
  const near = await ilk.of(found, item.id);
  const { one: thing, by: people } = sidesOf(found.rows.source, found.job);
  const [eyebrows, part] = [eyebrowsOf(found), partOf(found.rows)];
  const best = longest(near.map((one) => one.score));
  const title = h("h3", { tabindex: -1 }, called(item));
  const viewed = h(
    "div",
    { class: "viewed" },
    h("p", { class: "eyebrow" }, eyebrows.viewed),
    title,
    h("p", { class: "quiet" }, item.label === undefined ? "" : `${item.id} · `, `${count(item.support)} ${people}`, part && `, in a sample of ${part}`),
  );
  const list = h("ol", { class: "near" });
  for (const one of near) {
    const why = h("div", { class: "why", hidden: true });
    const ask = h("button", { type: "button", class: "link why-button", "aria-expanded": "false", "aria-label": `Why ${called(one)}?` }, "why?");
    ask.addEventListener("click", async () => {
      why.hidden = !why.hidden;
      ask.setAttribute("aria-expanded", String(!why.hidden));
      if (!why.hidden && !why.firstChild) why.append(await explained(ilk, found, item, one));
    });
    list.append(
      h(
        "li",
        {},
        h("button", { type: "button", class: "near-name", onclick: () => walkTo(one.id), title: `Go to ${called(one)}` }, called(one)),
        bar(one.score, best),
        h("span", { class: "near-score" }, score(one.score)),
        h("span", { class: "near-counts quiet" }, `${count(one.overlap)} of ${count(one.support)}`),
        ask,
        why,
      ),
    );
  }
  const loved = h(
    "div",
    { class: "loved" },
    h("p", { class: "eyebrow" }, eyebrows.loved),
    near.length > 0 && h("p", { class: "near-key quiet" }, `score; shared ${people} of the neighbour's total`),
    near.length ? list : h("p", {}, `No neighbours under this job: no other ${thing} shares enough ${people} with this one.`),
  );
  // The button that was pressed is gone: whoever uses the keyboard goes on from the new item.
  if (hasWalked()) requestAnimationFrame(() => title.focus({ preventScroll: true }));
  return h("div", { class: "similar" }, viewed, loved);
}

/** Why two items are alike. */
async function explained(ilk: Ilk, found: Found, item: ItemRecord, other: ItemRecord): Promise<HTMLElement> {
  const why = await ilk.explain(found, item.id, other.id);
  const text = found.job.of === "users" ? haveText(why, item, other) : areOfText(why, item, other, manyOf(found.rows.source.user));
  const expected = (why.item.support * why.neighbour.support) / Math.max(1, why.users);
  const chance = ` About ${expected < 10 ? expected.toFixed(1) : count(expected)} would be expected by chance.`;
  const above = why.above?.neighbour && "overlap" in Object(why.above.needs) ? ` With ${count((why.above.needs as { overlap: number }).overlap)} in common it would rank above ${called(why.above.neighbour)}.` : "";
  const shown = ["cosine", "jaccard", "lift", "llr", "conditional", found.job.measure];
  const measures = why.measures.filter((one) => one.score !== undefined && shown.includes(one.measure));
  return h("div", {}, h("p", {}, text + chance + above), h("p", { class: "quiet" }, measures.map((one) => `${one.measure} ${score(one.score!)}`).join(" · ")));
}

/** Who has both of two items. */
function areOfText(why: Explanation, item: ItemRecord, other: ItemRecord, people: string): string {
  const have = `${count(why.overlap)} ${people} have both. ${count(why.item.support)} have ${called(item)}, `;
  return `${have}${count(why.neighbour.support)} have ${called(other)}, of ${count(why.users)} in all.`;
}

/** What two users have in common. */
function haveText(why: Explanation, item: ItemRecord, other: ItemRecord): string {
  const both = `${count(why.overlap)} items are shared. ${called(item)} has ${count(why.item.support)}, `;
  return `${both}${called(other)} has ${count(why.neighbour.support)}, of ${count(why.users)} in all.`;
}

/** Settings that belong to one measure or weighting, and mean nothing to another. */
const OWN: (keyof SimilarityJob)[] = ["like", "measure", "weighting", "alpha", "beta", "kappa", "k1", "b", "half_life", "now", "center", "threshold"];

/** The job under another measure: what both understand. */
function under(job: SimilarityJob, measure: MeasureName): SimilarityJob {
  const common = Object.entries(job).filter(([name]) => !OWN.includes(name as keyof SimilarityJob));
  return { ...Object.fromEntries(common), measure };
}

/** What a job is called by how it measures. */
function nameOf({ like, measure, weighting }: SimilarityJob): string {
  const name = like ?? measure ?? "cosine";
  return weighting && weighting !== "binary" ? `${name}, ${weighting}` : name;
}

/** The same item under the job and under other measures, side by side. */
async function showBeside(ilk: Ilk, rows: Rows, job: SimilarityJob, item: ItemRecord, measures: MeasureName[], top = 8): Promise<HTMLElement> {
  const own = nameOf(job);
  const others = measures.filter((measure) => measure !== own).map((measure) => ({ name: String(measure), job: under(job, measure) }));
  const compared = [{ name: own, job }, ...others];
  const lists = await Promise.all(compared.map(({ job }) => ilk.beside(rows, { ...job, top }, item.id).catch(asProblem)));
  const [mine] = lists;
  const first = new Set(Array.isArray(mine) ? mine.map((one) => one.id) : []);
  const columns = compared.map(({ name }, place) => {
    const list = lists[place]!;
    if (!Array.isArray(list)) return h("div", { class: "beside-list" }, h("h3", {}, name), h("p", { class: "quiet" }, list.message));
    const common = list.filter((one) => first.has(one.id)).length;
    const best = Math.max(...list.map((one) => one.score), 1e-9);
    return h(
      "div",
      { class: "beside-list" },
      h("h3", {}, name),
      h("p", { class: "quiet" }, place === 0 ? "your job (baseline)" : `${common} of ${list.length} in common`),
      h(
        "ol",
        {},
        ...list.map((one) =>
          h(
            "li",
            { class: first.has(one.id) ? undefined : "new" },
            h("button", { type: "button", class: "near-name", onclick: () => walkTo(one.id) }, called(one)),
            bar(one.score, best),
            h("span", { class: "near-score" }, score(one.score)),
          ),
        ),
      ),
    );
  });
  return h("div", { class: "beside" }, ...columns);
}

/** What a measure cannot do is said in its place; what was cancelled is nothing to say. */
function asProblem(error: unknown): Error {
  if (!(error instanceof IlkFailure)) throw error;
  return error;
}

/** Refuses an invalid machine. */
function checked(machine: Machine): Machine {
  const { cores, memory, price } = Object(machine) as Machine;
  if (cores > 0 && memory > 0 && price >= 0) return machine;
  throw new Error("a machine needs cores, memory in GiB and a price per hour: { cores: 8, memory: 16, price: 0.40 }");
}

/** The full run: time, memory, money, and what would change them. */
function showLadder(ladder: LadderResult, rows: Rows, given: Machine): HTMLElement {
  const machine = checked(given);
  const { rungs, threads, whole, capped } = ladder;
  const people = manyOf(rows.source.user);
  if (whole.pairOperations === 0) return h("p", {}, "Nothing to compare: no user has two items.");
  if (rungs.length === 0) return h("p", {}, `Too few ${people} to measure on samples.`);
  // Two threads of one core do not do twice as much.
  const useful = (cores: number) => 1 + 0.85 * (cores - 1);
  const speed = useful(Math.max(1, machine.cores)) / useful(threads);
  const full = { seconds: whole.seconds / rows.rate / speed, bytes: Math.max(whole.bytes / rows.rate, rows.bytes), users: whole.users / rows.rate };
  const fits = full.bytes < machine.memory * 2 ** 30 * 0.8;
  const money = (full.seconds / 3600) * machine.price;
  // Where time or memory grew past the prediction, that is not to be trusted further on.
  const largest = rungs.at(-1)!;
  const off = largest.secondsOfAll / largest.predictedSeconds;
  const grows = ladder.verdict.startsWith("stops")
    ? ` Warning: the prediction ${ladder.verdict}.`
    : off >= 2
      ? ` Warning: the largest sample took ${off.toFixed(1)} times as long as predicted.`
      : "";
  const verdict = fits
    ? `It fits: ${full.seconds < 1 ? "less than a second" : `about ${duration(full.seconds)}`} of compute time and ${full.bytes < 1e6 ? "less than 1 MB" : `about ${bytes(full.bytes)}`} of memory on ${counted(machine.cores, "core")} like this one. Estimated cost: ${money < 0.01 ? "less than 0.01" : `about ${money.toFixed(2)}`}.`
    : `It does not fit: the run needs about ${bytes(full.bytes)}, and the machine has ${machine.memory} GiB. Cap heavy ${people}, or use a larger machine.`;
  const saved = capped ? 1 - capped.pairOperations / Math.max(1, whole.pairOperations) : 0;
  const cap = capped
    ? capped.users === 0
      ? `A cap would change nothing: no ${oneOf(rows.source.user)} has more than ${count(capped.cap)} items.`
      : `Keeping at most ${count(capped.cap)} items per ${oneOf(rows.source.user)} would shorten ${count(capped.users)} ${capped.users === 1 ? oneOf(rows.source.user) : people} and save ${percent(saved)} of the work. To do so, set `
    : "";
  const line = (rung: (typeof rungs)[number]) => [
    percent(rung.rate),
    count(rung.users),
    about(rung.pairOperations),
    duration(rung.secondsOfAll),
    duration(rung.predictedSeconds),
    bytes(rung.measuredBytes),
    bytes(rung.predictedBytes),
  ];
  const head = ["share", people, "pair operations", "core time", "predicted", "memory", "predicted"];
  const total = [rows.rate < 1 ? "all (sample)" : "all", count(whole.users), about(whole.pairOperations), "–", duration(whole.cpuSeconds), "–", bytes(whole.bytes)];
  return h(
    "div",
    { class: "ladder" },
    h("p", { class: fits ? "finding good" : "finding bad" }, verdict + grows),
    h("p", {}, cap, cap.endsWith("set ") && h("code", {}, `max_items_per_user: ${capped!.cap}`)),
    ladderChart(ladder),
    scroll("Measured samples", table(head, [...rungs.map(line), total], [1, 2, 3, 4, 5, 6])),
    h("p", { class: "quiet" }, `Measured in this browser on one thread${rungs.some((rung) => rung.computedTiles < rung.tiles) ? "; the larger samples on part of their work" : ""}. ${Object.keys(rows.file.explored?.lists ?? {}).length > 0 ? "The prediction ignores the item lists given to the program, which reduce the work. " : ""}Memory is for comparing; reading takes up to ${bytes(rows.bytes)}. ${rows.rate < 1 ? `The full run has about ${about(full.users)} ${people}. ` : ""}The program is faster on machines with AVX.`),
  );
}

function copyable(label: string, text: string): HTMLElement {
  const button = h("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // Where the browser forbids it, the text is chosen and the keyboard does the rest.
      getSelection()?.selectAllChildren(pre);
      button.textContent = "Press Ctrl-C";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  const pre = h("pre", { tabindex: 0, role: "region", "aria-label": label }, text);
  return h("div", { class: "copyable" }, h("p", { class: "eyebrow" }, label), pre, button);
}

const KINDS = { parquet: "application/vnd.apache.parquet", csv: "text/csv", arrow: "application/vnd.apache.arrow.file", jsonl: "application/jsonl" } as const;

/** The job for the program, and what was computed here. */
function showTakeHome(context: Context, ilk: Ilk, found: Found): HTMLElement {
  const { rows, job } = found;
  const { explored } = rows.file;
  const file = jobFileOf(rows, job);
  const button = (format: keyof typeof KINDS) =>
    h("button", { type: "button", onclick: async () => download(`similar.${format}`, (await ilk.export(found, format)) as Uint8Array<ArrayBuffer>, KINDS[format]) }, format === "csv" ? "CSV" : format === "jsonl" ? "JSON Lines" : format === "arrow" ? "Arrow" : "Parquet");
  return h(
    "div",
    { class: "home" },
    explored && batchElement(context, found, explored),
    rows.file.origin.demo && h("p", { class: "quiet" }, "The shop's orders come with the program: ", h("code", {}, "ilk demo --keep shop"), " writes them."),
    copyable("Command for all the data", commandOf(rows, job)),
    copyable("Job file, job.toml", file),
    copyable("Command for the job file", runFileOf()),
    h(
      "div",
      { class: "downloads" },
      h("p", { class: "eyebrow" }, `The ${counted(found.length, "neighbour")} computed here${rows.rate < 1 ? `, in a sample of ${partOf(rows)}` : ""}`),
      ...(["parquet", "csv", "jsonl", "arrow"] as const).map(button),
      h("button", { type: "button", onclick: () => download("job.toml", file, "application/toml") }, "job.toml"),
    ),
  );
}

/** How many neighbours were found, and how fast. */
function showFound(found: Found): HTMLElement {
  const { one, many } = sidesOf(found.rows.source, found.job);
  const text = `${counted(found.length, "neighbour")} of ${count(found.items)} ${found.items === 1 ? one : many} in ${duration(found.seconds)}.`;
  const part = partOf(found.rows);
  const sampled = part && h("p", { class: "quiet" }, `In a sample of ${part}. Scores, overlaps and some neighbours will differ on all the data.`);
  const given = found.rows.file.explored?.lists ?? {};
  const lists = (Object.keys(LISTS) as ListName[]).flatMap((name) => (given[name] ? [LISTS[name](counted(given[name].ids.length, "item"))] : []));
  const said = lists.length > 0 && h("p", { class: "quiet" }, `Item lists given to the program: ${lists.join("; ")}. The full run uses the same lists.`);
  return h("div", {}, h("p", { class: "finding" }, text), sampled, said);
}

/** What lists of so many items mean. */
const LISTS: Record<ListName, (items: string) => string> = {
  only: (items) => `neighbours limited to ${items} (--only)`,
  exclude: (items) => `${items} excluded as neighbours (--exclude)`,
  for: (items) => `neighbours computed for ${items} only (--for)`,
};

/** Makes `show` for one run of a cell. */
export function showFor(context: Context, ilk: Ilk) {
  return {
    rows: showRows,
    found: showFound,
    shape: showShape,
    stability: (points: StabilityPoint[], rows: Rows, job: SimilarityJob) => stabilityChart(points, manyOf(rows.source.user), job.top ?? 50),
    glance: (found: Found, items?: number) => showGlance(ilk, found, items),
    similar: (found: Found, item: ItemRecord) => showSimilar(ilk, found, item),
    beside: (rows: Rows, job: SimilarityJob, item: ItemRecord, measures: MeasureName[]) => showBeside(ilk, rows, job, item, measures),
    map: async (found: Found, item: ItemRecord | undefined, nodes = 120) => {
      context.progress("arranging the map", 0);
      const graph = await ilk.graph(found, item?.id, Math.max(2, Math.min(1000, nodes)));
      return mapChart(graph, { around: item?.id, people: manyOf(found.rows.source.user), walk: walkTo, signal: context.signal });
    },
    ladder: showLadder,
    takeHome: (found: Found) => showTakeHome(context, ilk, found),
  };
}
