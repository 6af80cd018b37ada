// What cells ask a person: a file, its columns, a share of users, an item, measures.
import type { DataSource, Inspection, ItemRecord, MeasureName, SimilarityJob } from "ilk-wasm";
import { about, append, bytes, count, counted, h, percent } from "../dom";
import type { Explored } from "../explore/explored";
import type { Asking, Context } from "../notebook/context";
import { homeFile, onOpenFile, openFile, setFiles, setOpenFile, type OpenFile } from "../state/files";
import type { Found, Ilk, Rows } from "./ilk";
import { onWalk } from "./walk";
import { manyOf, sidesOf } from "./words";

/** What a cell calls `ask`. */
export type Ask = ReturnType<typeof askFor>;

function asking<T>(element: HTMLElement, value: T): Asking<T> {
  return Object.assign(element, { value });
}

function tell(element: HTMLElement): void {
  element.dispatchEvent(new Event("input"));
}

/** A choice of files. */
function askFile(context: Context): Asking<OpenFile> {
  const picker = h("input", {
    type: "file",
    multiple: true,
    class: "unseen",
    tabindex: -1,
    "aria-label": "Files",
    onchange: () => setFiles([...(picker.files ?? [])]),
  });
  const name = h("strong");
  const detail = h("span", { class: "quiet" });
  const back = h("button", { type: "button", onclick: () => setOpenFile(homeFile()) }, `Back to ${homeFile().origin.demo ? "the demo shop" : homeFile().name}`);
  const element = h(
    "div",
    { class: "file" },
    h("div", { class: "file-name" }, name, detail),
    h("div", { class: "file-ways" }, h("button", { type: "button", class: "main", onclick: () => picker.click() }, "Choose a file"), back, picker),
    h("p", { class: "quiet" }, "Or drop files anywhere on this page: Parquet, CSV or Arrow. They are read on this computer and not uploaded."),
  );
  const asked = asking(element, openFile());
  const show = () => {
    const file = openFile();
    asked.value = file;
    name.textContent = file.name;
    const size = file.size === undefined ? "" : bytes(file.size);
    detail.textContent = file.origin.demo ? "orders of a made-up shop" : file.explored ? sampleText(file.explored) : size;
    back.hidden = file === homeFile();
  };
  show();
  context.later(
    onOpenFile(() => {
      show();
      tell(element);
    }),
  );
  return asked;
}

/** What of the program's data is here. */
function sampleText({ rate, rows, sampledRows }: Explored): string {
  if (rate < 1) return `a sample: ${percent(rate)} of the users, ${about(sampledRows)} of ${about(rows)} rows`;
  return sampledRows < rows ? `all usable rows: ${about(sampledRows)} of ${about(rows)}` : "all rows";
}

type Role = keyof Inspection["guess"];

const ROLES: { role: Role; name: string; hint: string }[] = [
  { role: "user", name: "User", hint: "user ID column" },
  { role: "item", name: "Item", hint: "item ID column" },
  { role: "weight", name: "Weight", hint: "weight column, such as a quantity (optional)" },
  { role: "time", name: "Time", hint: "timestamp column (optional)" },
  { role: "item_label", name: "Label", hint: "column with the name of the item (optional)" },
];

/** Chips that choose the column of each role. */
async function askColumns(context: Context, ilk: Ilk, file: OpenFile): Promise<Asking<Partial<DataSource>>> {
  const { columns, guess: guessed, files } = await ilk.inspect(file);
  // Columns given to the program take precedence over a guess from names.
  const guess = file.explored?.columns ?? guessed;
  const before = context.remembered("columns") as { file: string; source: Partial<DataSource> } | undefined;
  const names = new Set(columns.map((column) => column.name));
  const isOurs = before?.file === file.name && Object.values(before.source).every((name) => name === undefined || names.has(String(name)));
  const source: Partial<DataSource> = { ...guess, ...(isOurs ? before.source : {}) };
  for (const { role } of ROLES) if (source[role] == null) delete source[role];
  if (isOurs) for (const { role } of ROLES) if (!before.source[role]) delete source[role];
  const element = h("div", { class: "chips", role: "group", "aria-label": "Columns" });
  const asked = asking(element, source);
  for (const { role, name, hint } of ROLES) {
    const isNeeded = role === "user" || role === "item";
    const choice = h("select", { title: hint });
    choice.append(h("option", { value: "" }, isNeeded ? "choose a column" : "none"));
    for (const column of columns) choice.append(h("option", { value: column.name, title: column.type }, column.name));
    choice.value = source[role] ?? "";
    const chip = h("label", { class: "chip" }, h("span", {}, name), choice);
    const mark = () => {
      chip.classList.toggle("missing", isNeeded && !choice.value);
      chip.classList.toggle("unused", !choice.value);
    };
    mark();
    choice.addEventListener("change", () => {
      mark();
      const next = { ...asked.value };
      if (choice.value) next[role] = choice.value;
      else delete next[role];
      asked.value = next;
      context.remember("columns", { file: file.name, source: next });
      tell(element);
    });
    element.append(chip);
  }
  const rows = files.every((one) => one.rows !== undefined) ? files.reduce((sum, one) => sum + (one.rows ?? 0), 0) : undefined;
  const format = [...new Set(files.map((one) => one.format))].join(" and ");
  append(element, [
    h("p", { class: "quiet" }, `${format}, ${counted(columns.length, "column")}${rows === undefined ? "" : `, ${counted(rows, "row")}`}. ${file.explored ? "The sample has these columns only. To use others, name them to `ilk explore`." : "Columns were guessed from their names. Change any that are wrong."}`),
  ]);
  return asked;
}

/** Work that is done at once while a person waits: about three seconds. */
const AT_ONCE = 1.25e8;

/** A slider over the users. */
async function askShare(context: Context, ilk: Ilk, rows: Rows, job: SimilarityJob): Promise<Asking<number>> {
  const shape = await ilk.shape(rows, job);
  const fits = Math.min(1, AT_ONCE / Math.max(1, shape.pairOperations));
  const most = fits >= 1 ? 100 : Math.max(1, Math.floor(fits * 100));
  const before = context.remembered("share") as { file: string; percent: number } | undefined;
  const first = before?.file === rows.file.name ? before.percent : most;
  const slider = h("input", { type: "range", min: 1, max: 100, step: 1, value: first, id: `share-${context.cell}` });
  const said = h("output", { for: slider.id });
  const people = manyOf(rows.source.user);
  const label = h("label", { for: slider.id }, `Share of ${people}`);
  const why = most < 100 && h("p", { class: "quiet" }, `Starts at ${most} %, which takes about three seconds here. 100 % uses all ${people}.`);
  const element = h("div", { class: "slider" }, label, slider, said, why);
  const asked = asking(element, first / 100);
  const show = () => {
    const share = Number(slider.value) / 100;
    said.textContent = `${percent(share)}, about ${about(Math.round(shape.users * share))} ${people}`;
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  let timer = 0;
  slider.addEventListener("input", (event) => {
    // The value changes when the slider rests, not at every step on its way.
    event.stopPropagation();
    show();
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      asked.value = Number(slider.value) / 100;
      context.remember("share", { file: rows.file.name, percent: Number(slider.value) });
      tell(element);
    }, 250);
  });
  context.later(() => clearTimeout(timer));
  show();
  return asked;
}

/** What an item is called. */
export function called(item: { id: string; label?: string }): string {
  return item.label ?? item.id;
}

/** The popular item that is most like another: a good one to begin with. */
async function firstItem(ilk: Ilk, found: Found): Promise<ItemRecord | undefined> {
  const popular = await ilk.search(found, "", 40);
  const lists = await Promise.all(popular.map((item) => ilk.of(found, item.id)));
  // A list that begins well and goes on.
  const worth = (place: number) => lists[place]!.slice(0, 5).reduce((sum, one) => sum + one.score, 0);
  const order = popular.map((_, place) => place).sort((a, b) => worth(b) - worth(a));
  return popular[order[0] ?? 0];
}

/** A search box over items, with the way that was walked. */
async function askItem(context: Context, ilk: Ilk, found: Found): Promise<Asking<ItemRecord>> {
  const before = context.remembered("item") as string | undefined;
  const start = (before !== undefined ? await ilk.find(found, before) : undefined) ?? (await firstItem(ilk, found));
  if (!start) throw new Error("no item is left under this job: relax its settings, such as min_support");
  const { one, many, by } = sidesOf(found.rows.source, found.job);
  const listName = `items-${context.cell}`;
  const box = h("input", {
    type: "search",
    id: `search-${context.cell}`,
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: found.job.of === "users" ? `ID of a ${one}` : "Name or ID of an item",
    "aria-expanded": "false",
    "aria-controls": listName,
    "aria-autocomplete": "list",
  });
  const list = h("ul", { id: listName, role: "listbox", "aria-label": `Matching ${many}`, hidden: true });
  const trail = h("p", { class: "trail quiet" });
  const element = h("div", { class: "search" }, h("label", { for: box.id }, found.job.of === "users" ? `Find a ${one}` : "Find an item"), h("div", { class: "search-box" }, box, list), trail);
  const asked = asking(element, start);
  let way: ItemRecord[] = [start];
  let offers: ItemRecord[] = [];
  let place = -1;

  const shut = () => {
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
    place = -1;
  };
  const go = (item: ItemRecord) => {
    const old = way.findIndex((one) => one.id === item.id);
    way = old >= 0 ? way.slice(0, old + 1) : [...way, item].slice(-6);
    asked.value = item;
    box.value = "";
    shut();
    showTrail();
    context.remember("item", item.id);
    tell(element);
  };
  const showTrail = () => {
    trail.replaceChildren("Path: ");
    way.forEach((item, step) => {
      const isLast = step === way.length - 1;
      const name = isLast
        ? h("strong", {}, called(item))
        : h("button", { type: "button", class: "link", onclick: () => go(item) }, called(item));
      append(trail, [step > 0 && " › ", name]);
    });
  };
  const point = (next: number) => {
    place = next;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
    const option = list.children[place];
    if (option) {
      box.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
  };
  let asks = 0;
  let looking: Promise<void> | undefined;
  const look = () => (looking = answered());
  const answered = async () => {
    const ask = (asks += 1);
    const answer = await ilk.search(found, box.value.trim(), 8).catch(() => undefined);
    if (!answer || ask !== asks || context.signal.aborted) return;
    offers = answer;
    list.replaceChildren(
      ...offers.map((item, at) =>
        h(
          "li",
          {
            role: "option",
            id: `${listName}-${at}`,
            "aria-selected": "false",
            onpointerdown: (event: Event) => {
              event.preventDefault();
              go(item);
            },
          },
          h("span", {}, called(item)),
          h("span", { class: "quiet" }, item.label === undefined ? "" : `${item.id} · `, `${count(item.support)} ${by}`),
        ),
      ),
    );
    if (offers.length === 0) list.append(h("li", { class: "quiet", role: "option", "aria-disabled": "true", "aria-selected": "false" }, `No matching ${one}`));
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
    point(offers.length ? 0 : -1);
  };
  const enter = async () => {
    // What was typed or pasted last may not be answered yet: an older offer is not what is meant.
    await looking;
    const item = list.hidden ? undefined : offers[place];
    if (item) go(item);
  };
  box.addEventListener("input", (event) => {
    event.stopPropagation();
    void look();
  });
  box.addEventListener("focus", () => void look());
  box.addEventListener("blur", shut);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) return void look();
      const by = event.key === "ArrowDown" ? 1 : -1;
      if (offers.length) point((place + by + offers.length) % offers.length);
    } else if (event.key === "Enter") {
      void enter();
    } else if (event.key === "Escape") {
      box.value = "";
      shut();
    }
  });
  context.later(
    onWalk((id) => {
      void ilk.find(found, id).then((item) => item && go(item)).catch(() => undefined);
    }),
  );
  showTrail();
  return asked;
}

/** Boxes to tick. */
function askSome<T extends string>(context: Context, name: string, label: string, offered: readonly T[], first: T[]): Asking<T[]> {
  const before = context.remembered(name) as T[] | undefined;
  const ticked = new Set(before ?? first);
  // Those that the code names come first, in its order.
  const all = [...first, ...offered.filter((one) => !first.includes(one))];
  const element = h("fieldset", { class: "ticks" }, h("legend", {}, label));
  const asked = asking(element, all.filter((one) => ticked.has(one)));
  for (const one of all) {
    const box = h("input", { type: "checkbox", checked: ticked.has(one) });
    box.addEventListener("input", (event) => event.stopPropagation());
    box.addEventListener("change", () => {
      if (box.checked) ticked.add(one);
      else ticked.delete(one);
      asked.value = all.filter((other) => ticked.has(other));
      context.remember(name, asked.value);
      tell(element);
    });
    element.append(h("label", {}, box, one));
  }
  return asked;
}

/** One of a few. */
function askOne<T extends string>(context: Context, name: string, label: string, all: readonly T[], first: T): Asking<T> {
  const before = context.remembered(name) as T | undefined;
  const element = h("fieldset", { class: "ticks" }, h("legend", {}, label));
  const asked = asking(element, before && all.includes(before) ? before : first);
  for (const one of all) {
    const box = h("input", { type: "radio", name: `${name}-${context.cell}`, checked: one === asked.value });
    box.addEventListener("input", (event) => event.stopPropagation());
    box.addEventListener("change", () => {
      asked.value = one;
      context.remember(name, one);
      tell(element);
    });
    element.append(h("label", {}, box, one));
  }
  return asked;
}

const MEASURES: readonly MeasureName[] = ["cosine", "jaccard", "llr", "lift", "npmi", "conditional", "overlap", "cooccurrence"];

/** Makes `ask` for one run of a cell. */
export function askFor(context: Context, ilk: Ilk) {
  return {
    /** A file of this computer; the demo shop at first. */
    file: () => askFile(context),
    /** Which column is what; guessed at first. */
    columns: (file: OpenFile) => askColumns(context, ilk, file),
    /** A share of the users, 0 to 1. */
    share: (rows: Rows, job: SimilarityJob) => askShare(context, ilk, rows, job),
    /** An item, by search or by walking. */
    item: (found: Found) => askItem(context, ilk, found),
    /** Measures to compare. */
    measures: (...first: MeasureName[]) => askSome(context, "measures", "Measures", MEASURES, first),
    /** One of a few words. */
    one: <T extends string>(label: string, ...all: T[]) => askOne(context, label, label, all, all[0]!),
  };
}
