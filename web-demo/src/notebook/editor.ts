// The editor of a code cell.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext } from "@codemirror/autocomplete";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { minimalSetup } from "codemirror";

/** What the editor tells the notebook. */
export interface EditorEvents {
  changed(code: string): void;
  run(goOn: boolean): void;
  leave(): void;
  /** Names that can be completed. */
  names(): string[];
}

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--code-comment)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--code-function)" },
]);

function complete(events: EditorEvents, context: CompletionContext) {
  const word = context.matchBefore(/[\w$.]+/);
  if (!word || (word.from === word.to && !context.explicit)) return null;
  return { from: word.from, options: events.names().map((label) => ({ label, type: "variable" })) };
}

/** Makes an editor in a place. */
export function makeEditor(parent: HTMLElement, code: string, label: string, events: EditorEvents): EditorView {
  const run = (goOn: boolean) => () => {
    events.run(goOn);
    return true;
  };
  const keys = keymap.of([
    { key: "Shift-Enter", run: run(true) },
    { key: "Mod-Enter", run: run(false) },
  ]);
  const escape = keymap.of([{ key: "Escape", run: () => (events.leave(), true) }]);
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: code,
      extensions: [
        Prec.highest(keys),
        keymap.of([...closeBracketsKeymap, ...completionKeymap]),
        escape,
        minimalSetup,
        javascript(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ override: [(context) => complete(events, context)], icons: false }),
        syntaxHighlighting(colours),
        EditorView.lineWrapping,
        // Tab moves on: whoever uses the keyboard must be able to leave.
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) events.changed(update.state.doc.toString());
        }),
      ],
    }),
  });
}

/** Puts other code into an editor. */
export function setCode(editor: EditorView, code: string): void {
  const { length } = editor.state.doc;
  if (editor.state.doc.toString() !== code) editor.dispatch({ changes: { from: 0, to: length, insert: code } });
}
