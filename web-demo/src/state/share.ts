// The notebook as a file: ours, or Jupyter's with the outputs as they are shown.
import { download } from "../dom";
import { notebookFrom, type Notebook } from "./notebook";

/** What a code cell shows, by its id, as HTML. */
export type Outputs = (id: string) => string;

const lines = (text: string) => text.split(/(?<=\n)/);

/** The notebook in Jupyter's format: reads as it does here, and opens here again. */
export function toJupyter(notebook: Notebook, outputs: Outputs): object {
  const cells = notebook.cells.map((cell) => {
    const common = { id: cell.id, metadata: {}, source: lines(cell.source) };
    if (cell.kind === "text") return { cell_type: "markdown", ...common };
    const html = outputs(cell.id);
    const shown = { output_type: "display_data", metadata: {}, data: { "text/html": lines(html) } };
    return { cell_type: "code", ...common, execution_count: null, outputs: html ? [shown] : [] };
  });
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: { name: "javascript", display_name: "JavaScript (Ilk notebook)", language: "javascript" },
      language_info: { name: "javascript", file_extension: ".js", mimetype: "text/javascript" },
      ilk: notebook,
    },
    cells,
  };
}

/** Offers the notebook as a file. */
export function share(notebook: Notebook, format: "ilk" | "jupyter", outputs: Outputs): void {
  if (format === "ilk") {
    download("similar-items.ilk.json", JSON.stringify(notebook, null, 1) + "\n", "application/json");
  } else {
    const text = JSON.stringify(toJupyter(notebook, outputs), null, 1) + "\n";
    download("similar-items.ipynb", text, "application/x-ipynb+json");
  }
}

/** Returns true if a dropped file is a notebook and not data. */
export function isNotebookFile(file: File): boolean {
  return /\.(ipynb|ilk\.json)$/i.test(file.name);
}

/** Reads a notebook from a file. */
export async function openNotebook(file: File): Promise<Notebook> {
  let value: unknown;
  try {
    value = JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is not a notebook: it is not JSON`);
  }
  return notebookFrom(value);
}
