// The job for the program `ilk`: its command and its file.
import type { DataSource, SimilarityJob } from "ilk-wasm";
import type { Rows } from "./ilk";

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Inputs as the program is to read them. */
function inputsOf(rows: Rows): string[] {
  const { explored, origin } = rows.file;
  if (explored) return explored.inputs;
  return origin.demo ? ["shop/orders.csv"] : origin.files.map((file) => file.name);
}

/** Columns and conditions as the program is to take them. */
function sourceOf(rows: Rows): Partial<DataSource> {
  const { explored } = rows.file;
  if (!explored) return rows.source;
  const delimiter = explored.delimiter ?? undefined;
  return { ...rows.source, ...(explored.where.length > 0 && { where: explored.where }), ...(delimiter && { delimiter }) };
}

/** Lists of items as the program is to take them: the flag, and the file. */
function listsOf(rows: Rows): [string, string][] {
  const lists = Object.entries(rows.file.explored?.lists ?? {});
  return lists.flatMap(([name, { files }]) => files.map((file): [string, string] => [name, file]));
}

function settingsOf(job: SimilarityJob): [string, string | number | boolean][] {
  return Object.entries(job).filter(([, value]) => value !== undefined && value !== null) as [string, string | number | boolean][];
}

/** `ilk run …` with every setting, on lines of their own. */
export function commandOf(rows: Rows, job: SimilarityJob): string {
  const columns = Object.entries(sourceOf(rows)).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
    return values.map((one) => `--${name.replaceAll("_", "-")} ${quoted(String(one))}`);
  });
  // Switches take their value with `=` only.
  const between = (value: unknown) => (typeof value === "boolean" ? "=" : " ");
  const settings = settingsOf(job).map(([name, value]) => `--${name.replaceAll("_", "-")}${between(value)}${quoted(String(value))}`);
  const lists = listsOf(rows).map(([name, file]) => `--${name} ${quoted(file)}`);
  const files = inputsOf(rows).map((name) => quoted(name.startsWith("-") ? `./${name}` : name));
  return [`ilk run ${files.join(" ")}`, columns.join(" "), settings.join(" "), lists.join(" "), "--out similar.parquet"]
    .filter((part) => part !== "")
    .join(" \\\n    ");
}

/** A string as TOML takes it: JSON's escapes are TOML's. */
const text = (value: unknown) => (typeof value === "string" ? JSON.stringify(value).replaceAll("\u007f", "\\u007f") : String(value));

/** The job as `job.toml`. */
export function jobFileOf(rows: Rows, job: SimilarityJob): string {
  const name = rows.file.origin.demo ? "shop" : (/^[A-Za-z0-9_-]+/.exec(inputsOf(rows)[0] ?? "")?.[0] ?? "data");
  const source = Object.entries(sourceOf(rows))
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = ${Array.isArray(value) ? `[${value.map(text).join(", ")}]` : text(value)}`);
  return [
    "[job]",
    `datasource = ${text(name)}`,
    ...settingsOf(job).map(([key, value]) => `${key} = ${text(value)}`),
    ...Object.entries(rows.file.explored?.lists ?? {}).map(([key, { files }]) => `${key} = [${files.map(text).join(", ")}]`),
    'out = "similar.parquet"',
    "",
    `[datasource.${name}]`,
    `input = [${inputsOf(rows).map(text).join(", ")}]`,
    ...source,
    "",
  ].join("\n");
}

/** What runs the file. */
export function runFileOf(): string {
  return "ilk run job.toml";
}
