// The notebook and what is around it.
import * as Inputs from "@observablehq/inputs";
import * as Plot from "@observablehq/plot";
import { askFor } from "./cells/ask";
import { ilkFor } from "./cells/ilk";
import { initialNotebook } from "./cells/initial";
import { showFor } from "./cells/show";
import { h } from "./dom";
import { exploredFile, place } from "./explore/served";
import type { Context } from "./notebook/context";
import { NotebookView } from "./notebook/view";
import { setFiles, setHomeFile } from "./state/files";
import { hasHung, watchOver } from "./state/guard";
import { forget, saved } from "./state/save";
import { isNotebookFile, openNotebook } from "./state/share";
import { client } from "./worker/shared";

function builtins(context: Context): Record<string, unknown> {
  const ilk = ilkFor(client, context);
  return { ilk, ask: askFor(context, ilk), show: showFor(context, ilk), Plot, Inputs, h };
}

/** Names for completion; those with a dot are parts of the others. */
function builtinNames(): string[] {
  const nothing = { signal: new AbortController().signal } as Context;
  const made = builtins(nothing);
  const parts = ["ilk", "ask", "show"].flatMap((name) => Object.keys(made[name] as object).map((part) => `${name}.${part}`));
  return [...Object.keys(made), "view", "display", ...parts];
}

function by<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

function say(text: string): void {
  by("said").textContent = text;
}

/** The program's own data in the place of the demo shop, where a program serves this page. */
async function beginExploring(): Promise<void> {
  try {
    setHomeFile(await exploredFile());
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
}

const isServed = place() !== undefined;
if (isServed) await beginExploring();
const notebook = new NotebookView(saved() ?? initialNotebook(), builtins, builtinNames(), {
  changed(history) {
    by<HTMLButtonElement>("undo").disabled = !history.canUndo;
    by<HTMLButtonElement>("redo").disabled = !history.canRedo;
  },
  saved(worked) {
    by("saved").textContent = worked ? "Saved in this browser" : "This browser cannot save: save the notebook as a file";
  },
  say,
});
by("notebook").append(notebook.element);
const hung = hasHung();
if (hung) by("notebook").prepend(hungNotice());
void notebook.start(!hung);
watchOver(() => notebook.isWorking);

/** Says why nothing runs by itself. */
function hungNotice(): HTMLElement {
  const runAll = h("button", { type: "button", onclick: () => (notice.remove(), notebook.runAll()) }, "Run all");
  const notice = h(
    "div",
    { class: "notice hung", role: "alert" },
    h("p", {}, "This page stopped responding the last time its code ran, perhaps because of an endless loop. No cell has been run. Check the code, then run it."),
    runAll,
    h("button", { type: "button", onclick: () => (notice.remove(), beginAnew()) }, "Start over"),
  );
  return notice;
}

function beginAnew(): void {
  forget();
  notebook.open(initialNotebook());
  say("The notebook was reset. Undo restores yours.");
}

void client.call("about", []).then(
  ({ version, threads }) => (by("about").textContent = `Version ${version}, ${threads === 1 ? "one thread" : `${threads} threads`}.`),
  () => undefined,
);

async function open(files: File[]): Promise<void> {
  const shared = files.find(isNotebookFile);
  if (!shared) return setFiles(files);
  try {
    notebook.open(await openNotebook(shared));
    say("Notebook opened. Undo restores the previous one.");
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
}

/** Says what went wrong where no cell can. */
function complain(text: string): void {
  const box = h("dialog", { class: "complaint", "aria-label": "Problem" }, h("p", { role: "alert" }, text), h("form", { method: "dialog" }, h("button", { class: "main" }, "Close")));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

function wireTools(): void {
  const more = by<HTMLDetailsElement>("more");
  const click = (id: string, act: () => void) =>
    by(id).addEventListener("click", () => {
      more.open = false;
      act();
    });
  click("undo", () => notebook.undo());
  click("redo", () => notebook.redo());
  click("run-all", () => notebook.runAll());
  click("save-ilk", () => notebook.share("ilk"));
  click("save-jupyter", () => notebook.share("jupyter"));
  click("help", () => by<HTMLDialogElement>("keys").showModal());
  click("anew", beginAnew);
  click("open", () => {
    const picker = h("input", { type: "file", accept: ".json,.ipynb" });
    picker.addEventListener("change", () => void open([...(picker.files ?? [])]));
    picker.click();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!more.contains(event.target as Node)) more.open = false;
  });
  more.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    more.open = false;
    more.querySelector("summary")?.focus();
  });
}

function wireKeys(): void {
  document.addEventListener("keydown", (event) => {
    const place = event.target as HTMLElement;
    const isTyping = place.closest("input, textarea, select, .cm-editor") !== null;
    const withKey = event.ctrlKey || event.metaKey;
    if (withKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      notebook.share("ilk");
    } else if (withKey && !isTyping && event.key.toLowerCase() === "z") {
      event.preventDefault();
      if (event.shiftKey) notebook.redo();
      else notebook.undo();
    } else if (event.key === "?" && !isTyping && !withKey) by<HTMLDialogElement>("keys").showModal();
  });
}

function wireDrop(): void {
  const veil = by("drop");
  let depth = 0;
  const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) veil.hidden = true;
  });
  addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    void open([...(event.dataTransfer?.files ?? [])]);
  });
}

wireTools();
wireKeys();
wireDrop();
addEventListener("pagehide", () => notebook.flush());

// Kept for opening without a network; where the browser has no such thing the page works all the
// same, and one that a program serves is nothing without it.
if (!isServed && import.meta.env.PROD && "serviceWorker" in navigator && window.isSecureContext) {
  void navigator.serviceWorker.register("./sw.js").catch(() => undefined);
}
