// The notebook as a record: what is saved, undone and shared.

/** A piece of text, or code with its output. */
export interface Cell {
  id: string;
  kind: "text" | "code";
  /** Text: a line that begins with `#` is a heading. Code: JavaScript. */
  source: string;
}

/** Everything a notebook is. */
export interface Notebook {
  format: "ilk-notebook";
  version: 1;
  cells: Cell[];
  /** What a person chose in a cell's inputs, by cell and name. */
  chosen: Record<string, Record<string, unknown>>;
}

/** A name for a new cell. */
export function newId(): string {
  return crypto.randomUUID?.().slice(0, 8) ?? Math.random().toString(36).slice(2, 10);
}

function isCell(value: unknown): value is Cell {
  const cell = value as Cell;
  return typeof cell?.id === "string" && typeof cell.source === "string" && ["text", "code"].includes(cell.kind);
}

/** Takes a parsed notebook, ours or Jupyter's; throws where it is neither. */
export function notebookFrom(value: unknown): Notebook {
  const record = value as Partial<Notebook> & { nbformat?: number; metadata?: { ilk?: unknown } };
  if (record?.nbformat !== undefined && record.metadata?.ilk) return notebookFrom(record.metadata.ilk);
  if (record?.format !== "ilk-notebook" || !Array.isArray(record.cells) || !record.cells.every(isCell)) {
    throw new Error("this is not an Ilk notebook: choose a file saved by this page");
  }
  if (record.version !== 1) throw new Error("this notebook was saved by a newer version: reload the page to update it");
  const ids = new Set(record.cells.map((cell) => cell.id));
  if (ids.size !== record.cells.length) throw new Error("this notebook is damaged: two cells have the same id");
  return { format: "ilk-notebook", version: 1, cells: record.cells, chosen: record.chosen ?? {} };
}

/** The same notebook, apart. */
export function copyOf(notebook: Notebook): Notebook {
  return structuredClone(notebook);
}
