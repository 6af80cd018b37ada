// Saving in the browser, so that closing the page loses nothing. The data itself is not saved.
import { notebookFrom, type Notebook } from "./notebook";

const NAME = "ilk-notebook";

/** Reads what was saved; nothing where there is nothing, or it cannot be read. */
export function saved(): Notebook | undefined {
  try {
    const text = localStorage.getItem(NAME);
    return text ? notebookFrom(JSON.parse(text)) : undefined;
  } catch {
    return undefined;
  }
}

/** Saves; returns false if the browser does not allow it. */
export function save(notebook: Notebook): boolean {
  try {
    localStorage.setItem(NAME, JSON.stringify(notebook));
    return true;
  } catch {
    return false;
  }
}

/** Forgets what was saved. */
export function forget(): void {
  try {
    localStorage.removeItem(NAME);
  } catch {
    // Nothing could be saved either.
  }
}
