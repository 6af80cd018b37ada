// Making elements, and numbers for people.

type Child = Node | string | number | false | null | undefined;
type Properties = Record<string, unknown>;

/** Makes an element: properties that begin with `on` are listeners, `class` and the rest attributes. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (name === "style") element.style.cssText = String(value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Appends what is there. */
export function append(parent: Element, children: Child[]): void {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    parent.append(typeof child === "number" ? String(child) : child);
  }
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `1,234,567`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `1.2 million`; below ten thousand every digit. */
export function about(value: number): string {
  if (value < 10_000) return count(value);
  if (value < 1e6) return `${Math.round(value / 1000)} k`;
  const [size, name] = value < 1e9 ? [1e6, "million"] : value < 1e12 ? [1e9, "billion"] : [1e12, "trillion"];
  return `${withoutZeros((value / size).toPrecision(3))} ${name}`;
}

/** Leaves out zeros that end a fraction; those of whole numbers stay. */
function withoutZeros(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}

/** The same with its first letter large. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `1 item`, `2 items`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** `3.4 %`: two digits, and as few as say it. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return "0 %";
  if (value >= 99.95) return value >= 100 ? "100 %" : "99.9 %";
  const digits = value >= 10 ? 0 : value >= 1 ? 1 : 2;
  return `${withoutZeros(value.toFixed(digits))} %`;
}

/** `1.3 s`, `4 min`. */
export function duration(seconds: number): string {
  if (seconds < 0.0095) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.95) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toPrecision(2)} h`;
}

/** `12 MB`. */
export function bytes(value: number): string {
  if (value < 1e3) return `${Math.round(value)} B`;
  if (value < 1e6) return `${Math.round(value / 1e3)} kB`;
  if (value < 1e9) return `${(value / 1e6).toPrecision(value < 1e7 ? 2 : 3)} MB`;
  return `${(value / 1e9).toPrecision(3)} GB`;
}

/** A score as it is shown: enough digits to tell neighbours apart. */
export function score(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Offers bytes as a download. */
export function download(name: string, content: BlobPart, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
