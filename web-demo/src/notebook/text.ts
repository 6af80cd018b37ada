// Text cells: headings, paragraphs, lists and `code`; everything else is what it says.
import { h } from "../dom";

function inline(text: string): (Node | string)[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 2) return h("code", {}, part.slice(1, -1));
    if (part.startsWith("**") && part.length > 4) return h("strong", {}, part.slice(2, -2));
    return part;
  });
}

/** Renders text. */
export function render(source: string): Node[] {
  return source
    .split(/\n\s*\n|\n(?=#)|(?<=^#.*)\n/m)
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const heading = /^(#{1,3})\s+(.*)$/.exec(part);
      if (heading) {
        const level = (["h1", "h2", "h3"] as const)[heading[1]!.length - 1] ?? "h3";
        return h(level, {}, ...inline(heading[2]!));
      }
      const lines = part.split("\n");
      if (lines.every((line) => line.startsWith("- "))) {
        return h("ul", {}, ...lines.map((line) => h("li", {}, ...inline(line.slice(2)))));
      }
      return h("p", {}, ...inline(lines.join(" ")));
    });
}
