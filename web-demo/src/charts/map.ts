// The map: items as dots, neighbours joined, what belongs together near each other.
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from "d3-force";
import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";
import { count, counted, h, score } from "../dom";
import { columnWidth, NARROW } from "./common";
import type { Graph } from "../worker/protocol";

/** Colours there are. Groups take them in turn, the largest first; what is alone or two is grey. */
const COLOURS = 8;
const SMALLEST_GROUP = 3;
const SVG = "http://www.w3.org/2000/svg";

interface Spot extends SimulationNodeDatum {
  id: string;
  name: string;
  support: number;
  cluster: number;
  radius: number;
  x: number;
  y: number;
}

interface Link {
  source: Spot;
  target: Spot;
  score: number;
}

/** What the map needs to know. */
export interface MapOptions {
  /** The item in the middle. */
  around?: string;
  people: string;
  walk(id: string): void;
  signal: AbortSignal;
}

function svg(name: string, attributes: Record<string, string | number> = {}): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** Left, top, right, bottom. */
type Box = [number, number, number, number];

function meets(one: Box, other: Box): boolean {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

/** Where a name can stand: above its dot, below, to the right, to the left. */
function places(x: number, y: number, radius: number, wide: number): { box: Box; x: number; y: number; anchor: string }[] {
  const [half, high] = [wide / 2, 14];
  const beside = radius + 3;
  return [
    { box: [x - half, y - beside - high, x + half, y - beside], x, y: y - beside - 3, anchor: "middle" },
    { box: [x - half, y + beside, x + half, y + beside + high], x, y: y + beside + 11, anchor: "middle" },
    { box: [x + beside, y - high / 2, x + beside + wide, y + high / 2], x: x + beside + 1, y: y + 4, anchor: "start" },
    { box: [x - beside - wide, y - high / 2, x - beside, y + high / 2], x: x - beside - 1, y: y + 4, anchor: "end" },
  ];
}

/** Places the nodes, a little at a time so that the page stays quick. */
async function arrange(nodes: Spot[], links: Link[], around: string | undefined, signal: AbortSignal): Promise<void> {
  const isNarrow = columnWidth() < NARROW;
  const strongest = Math.max(...links.map((link) => link.score), 1e-9);
  const simulation = forceSimulation(nodes)
    .force("link", forceLink<Spot, Link>(links).distance((link) => 34 + 46 * (1 - link.score / strongest)).strength((link) => 0.25 + 0.6 * (link.score / strongest)))
    .force("charge", forceManyBody().strength(-130).distanceMax(420))
    .force("collide", forceCollide<Spot>((node) => node.radius + 7))
    // As wide and as high as the picture.
    .force("x", forceX(0).strength(isNarrow ? 0.075 : 0.035))
    .force("y", forceY(0).strength(isNarrow ? 0.045 : 0.065))
    .stop();
  const middle = nodes.find((node) => node.id === around);
  if (middle) [middle.fx, middle.fy] = [0, 0];
  let ticks = 0;
  while (ticks < 260) {
    const end = performance.now() + 9;
    while (performance.now() < end && ticks < 260) {
      simulation.tick();
      ticks += 1;
    }
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
}

/** Draws the map. */
export async function mapChart(graph: Graph, options: MapOptions): Promise<HTMLElement> {
  const linked = new Set(graph.edges.flatMap((edge) => [edge.source, edge.target]));
  const most = Math.max(...graph.nodes.map((node) => node.support), 1);
  const all: Spot[] = graph.nodes.map((node) => ({
    id: node.id,
    name: node.label ?? node.id,
    support: node.support,
    cluster: node.cluster,
    radius: (columnWidth() < NARROW ? 0.7 : 1) * (3.5 + 8 * Math.sqrt(node.support / most)),
    x: 0,
    y: 0,
  }));
  all.forEach((node, place) => {
    // A spiral, so that the same graph is always drawn alike.
    const [distance, angle] = [12 * Math.sqrt(place + 0.5), place * 2.399963];
    node.x = distance * Math.cos(angle);
    node.y = distance * Math.sin(angle);
  });
  const nodes = all.filter((node, place) => linked.has(place) || node.id === options.around);
  if (nodes.length === 0) return h("p", {}, "No two of these items are neighbours: the map is empty.");
  const links: Link[] = graph.edges.map((edge) => ({ source: all[edge.source]!, target: all[edge.target]!, score: edge.score }));
  await arrange(nodes, links, options.around, options.signal);
  return drawn(nodes, links, all.length - nodes.length, options);
}

function drawn(nodes: Spot[], links: Link[], alone: number, options: MapOptions): HTMLElement {
  const column = columnWidth();
  const [width, height] = [column, column < NARROW ? 500 : 560];
  const strongest = Math.max(...links.map((link) => link.score), 1e-9);
  const canvas = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  const lines = svg("g", { class: "map-lines" });
  const dots = svg("g", { class: "map-dots" });
  const names = svg("g", { class: "map-names", "aria-hidden": "true" });
  canvas.append(lines, dots, names);

  const lineOf = links.map((link) => {
    const line = svg("line", { "stroke-width": (0.6 + 2.4 * (link.score / strongest)).toFixed(2) });
    lines.append(line);
    return line;
  });
  const order = [...nodes.keys()].sort((a, b) => {
    const isMiddle = (node: Spot) => Number(node.id === options.around);
    return isMiddle(nodes[b]!) - isMiddle(nodes[a]!) || nodes[b]!.support - nodes[a]!.support;
  });
  const sizes = new Map<number, number>();
  for (const { cluster } of nodes) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const dotOf = nodes.map((node, place) => {
    const dot = svg("circle", {
      r: node.radius.toFixed(1),
      class: `cluster-${(sizes.get(node.cluster) ?? 0) < SMALLEST_GROUP ? "rest" : node.cluster % COLOURS}${node.id === options.around ? " middle" : ""}`,
      role: "button",
      tabindex: place === order[0] ? 0 : -1,
      "aria-label": `${node.name}, ${count(node.support)} ${options.people}`,
    });
    return dot;
  });
  const nameOf = nodes.map((node) => {
    const text = svg("text");
    text.textContent = node.name.length > 30 ? `${node.name.slice(0, 13)}…${node.name.slice(-14)}` : node.name;
    return text;
  });
  for (const place of order) {
    dots.append(dotOf[place]!);
    names.append(nameOf[place]!);
  }
  // Measuring each would make the browser lay everything out; capitals are wider.
  const widths = nameOf.map((text) => [...text.textContent!].reduce((sum, letter) => sum + (/[A-Z@%&]/.test(letter) ? 7.9 : 6.2), 6));
  const near = nodes.map(() => new Set<number>());
  const placeOf = new Map(nodes.map((node, place) => [node, place]));
  for (const link of links) {
    const [one, other] = [placeOf.get(link.source)!, placeOf.get(link.target)!];
    near[one]!.add(other);
    near[other]!.add(one);
  }

  const middle = [...nodes.keys()].filter((place) => nodes[place]!.id === options.around);
  let view: ZoomTransform = zoomIdentity;
  let lit: number | undefined;
  /** Puts names where they do not cover each other; the lit one and its neighbours go first. */
  const name = () => {
    const taken: Box[] = nodes.map((node) => {
      const [x, y] = view.apply([node.x, node.y]);
      const side = node.radius * 0.7;
      return [x - side, y - side, x + side, y + side];
    });
    const first = lit === undefined ? middle : [lit, ...near[lit]!];
    for (const text of nameOf) text.setAttribute("display", "none");
    for (const place of new Set([...first, ...order])) {
      const node = nodes[place]!;
      const [x, y] = view.apply([node.x, node.y]);
      if (x < 0 || x > width || y < 0 || y > height) continue;
      const text = nameOf[place]!;
      const spot = places(x, y, node.radius, widths[place]!).find(
        ({ box }) => box[0] >= 0 && box[2] <= width && !taken.some((other) => meets(box, other)),
      );
      const chosenSpot = spot ?? (first.includes(place) ? places(x, y, node.radius, widths[place]!)[0] : undefined);
      if (!chosenSpot) continue;
      taken.push(chosenSpot.box);
      text.removeAttribute("display");
      text.setAttribute("text-anchor", chosenSpot.anchor);
      text.setAttribute("x", chosenSpot.x.toFixed(1));
      text.setAttribute("y", chosenSpot.y.toFixed(1));
      text.classList.toggle("dim", lit !== undefined && place !== lit && !near[lit]!.has(place));
    }
  };
  const draw = () => {
    for (const [place, node] of nodes.entries()) {
      const [x, y] = view.apply([node.x, node.y]);
      dotOf[place]!.setAttribute("cx", x.toFixed(1));
      dotOf[place]!.setAttribute("cy", y.toFixed(1));
    }
    for (const [place, link] of links.entries()) {
      const [x1, y1] = view.apply([link.source.x, link.source.y]);
      const [x2, y2] = view.apply([link.target.x, link.target.y]);
      const line = lineOf[place]!;
      line.setAttribute("x1", x1.toFixed(1));
      line.setAttribute("y1", y1.toFixed(1));
      line.setAttribute("x2", x2.toFixed(1));
      line.setAttribute("y2", y2.toFixed(1));
    }
    name();
  };
  const light = (place: number | undefined) => {
    lit = place;
    canvas.classList.toggle("lit", place !== undefined);
    for (const [other, dot] of dotOf.entries()) {
      dot.classList.toggle("dim", place !== undefined && other !== place && !near[place]!.has(other));
    }
    for (const [at, link] of links.entries()) {
      const touches = place !== undefined && (link.source === nodes[place] || link.target === nodes[place]);
      lineOf[at]!.classList.toggle("bright", touches);
    }
    said.textContent = place === undefined ? hint : saidOf(place);
    name();
  };
  const saidOf = (place: number) => {
    const best = links
      .filter((link) => link.source === nodes[place] || link.target === nodes[place])
      .sort((a, b) => b.score - a.score)
      .slice(0, 3)
      .map((link) => `${(link.source === nodes[place] ? link.target : link.source).name} (${score(link.score)})`);
    return `${nodes[place]!.name}: ${count(nodes[place]!.support)} ${options.people}. Nearest: ${best.join(", ") || "none on this map"}.`;
  };
  const hint = "Point at an item to see its neighbours; click it to go there. Arrow keys move between items.";
  const said = h("p", { class: "map-said quiet", "aria-live": "polite" }, hint);

  const zooming = zoom<SVGSVGElement, unknown>()
    .scaleExtent([0.2, 12])
    // The page scrolls as ever; zooming wants a key, the buttons, or two fingers.
    .filter((event: Event) => {
      if (event.type === "wheel") return (event as WheelEvent).ctrlKey || (event as WheelEvent).metaKey;
      if (event.type.startsWith("touch")) return (event as TouchEvent).touches.length > 1;
      return (event as MouseEvent).button === 0;
    })
    .on("zoom", (event: { transform: ZoomTransform }) => {
      view = event.transform;
      draw();
    });
  const chosen = select(canvas as SVGSVGElement);
  chosen.call(zooming).on("dblclick.zoom", null);
  const fit = () => {
    const [xs, ys] = [nodes.map((node) => node.x), nodes.map((node) => node.y)];
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const side = column < NARROW ? 30 : 80;
    const scale = Math.min((width - 2 * side) / Math.max(right - left, 60), (height - 70) / Math.max(bottom - top, 60), 2.2);
    const target = zoomIdentity
      .translate(width / 2 - (scale * (left + right)) / 2, height / 2 + 8 - (scale * (top + bottom)) / 2)
      .scale(scale);
    chosen.call(zooming.transform, target);
  };
  const button = (label: string, text: string, act: () => void) =>
    h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);

  for (const [place, dot] of dotOf.entries()) {
    dot.addEventListener("pointerenter", () => light(place));
    dot.addEventListener("pointerleave", () => light(undefined));
    dot.addEventListener("focus", () => light(place));
    dot.addEventListener("blur", () => light(undefined));
    dot.addEventListener("click", () => options.walk(nodes[place]!.id));
    dot.addEventListener("keydown", (event) => step(event as KeyboardEvent, place));
  }
  const step = (event: KeyboardEvent, place: number) => {
    const ways: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (event.key === "Enter" || event.key === " ") options.walk(nodes[place]!.id);
    else if (event.key === "+" || event.key === "-") chosen.call(zooming.scaleBy, event.key === "+" ? 1.4 : 1 / 1.4);
    else if (way) {
      const from = nodes[place]!;
      let [best, least] = [-1, Infinity];
      for (const [other, node] of nodes.entries()) {
        const [dx, dy] = [node.x - from.x, node.y - from.y];
        const along = dx * way[0] + dy * way[1];
        if (other === place || along <= 0) continue;
        const far = along + 2.5 * Math.abs(dx * way[1] + dy * way[0]);
        if (far < least) [best, least] = [other, far];
      }
      if (best >= 0) {
        dotOf[place]!.setAttribute("tabindex", "-1");
        dotOf[best]!.setAttribute("tabindex", "0");
        (dotOf[best] as SVGCircleElement).focus();
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const element = h(
    "div",
    { class: "map", role: "group", "aria-label": `Map of ${nodes.length} items` },
    h(
      "div",
      { class: "map-tools" },
      button("Zoom in", "+", () => chosen.call(zooming.scaleBy, 1.4)),
      button("Zoom out", "−", () => chosen.call(zooming.scaleBy, 1 / 1.4)),
      button("Fit to view", "⤢", fit),
    ),
    canvas,
    said,
    alone > 0 && h("p", { class: "quiet" }, `${counted(alone, "more item")} without a neighbour on this map.`),
  );
  fit();
  return element;
}
