// The worker: holds the wasm module and what was read, so that the page never waits.
import type * as Package from "ilk-wasm";
import type { CompareRequest, Data, DataSource, Files, Ilk, LadderReport, Neighbours, SimilarityJob, Task } from "ilk-wasm";
import { clusters } from "./clusters";
import { agreement, listsOf, type Lists } from "./lists";
import type {
  CallName,
  Calls,
  CompareResult,
  FromWorker,
  Graph,
  Key,
  LadderResult,
  Origin,
  SentError,
  StabilityPoint,
  ToWorker,
} from "./protocol";

/** Shares of users that are tried, up to the whole. */
const SHARES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
/** Fewer users say nothing. */
const FEWEST_USERS = 20;

type Library = Pick<typeof Package, "load" | "run" | "addFile">;

/** What a call may use: how to tell its progress, and whether it was cancelled. */
interface Call {
  signal: AbortSignal;
  tell(stage: string, done: number): void;
}

let library: Library;
let ilk: Ilk;
let opened: Promise<void> | undefined;
const data = new Map<Key, Data>();
const found = new Map<Key, Neighbours>();
let lastKey = 0;

async function open(base: string, threads?: number): Promise<void> {
  const address = new URL("ilk-wasm/index.js", base).href;
  library = (await import(/* @vite-ignore */ address)) as Library;
  try {
    ilk = await library.load({ threads });
  } catch (error) {
    // The build with threads may be missing offline, or refused; the other one does the same.
    if (threads === 1 || !globalThis.crossOriginIsolated) throw error;
    ilk = await library.load({ threads: 1 });
  }
}

/** The made-up shop: made once. */
let demo: Files | undefined;

function filesOf(origin: Origin): Files {
  if (origin.demo) return (demo ??= ilk.Files.demo());
  const files = new ilk.Files();
  for (const file of origin.files) library.addFile(files, file);
  return files;
}

function held<T>(things: Map<Key, T>, key: Key): T {
  const thing = things.get(key);
  if (!thing) throw gone();
  return thing;
}

function gone(): Error {
  const error = new Error("these rows are no longer in memory: run the cell that reads them again");
  return Object.assign(error, { code: "gone", details: {} });
}

function keep<T>(things: Map<Key, T>, thing: T): Key {
  lastKey += 1;
  things.set(lastKey, thing);
  return lastKey;
}

function run<T>(task: Task<T>, call: Call, from = 0, to = 1): Promise<T> {
  const onProgress = ({ stage, done }: { stage: string; done: number }) =>
    call.tell(stage, from + (to - from) * done);
  return library.run(task, { signal: call.signal, onProgress });
}

/**
 * Compares in the background, and says what it took; `use` takes what it needs of the neighbours.
 * Whatever a person waits for goes first, between two steps, and is not counted.
 */
async function timed<T>(rows: Data, request: CompareRequest, call: Call, use: (found: Neighbours) => T) {
  const first = await timedOnce(rows, request, call, use);
  // What takes next to no time is measured several times, and the middle one counts: a browser's
  // clock is coarse, and other programs take their share.
  const times = [first.seconds];
  while (first.seconds < 0.05 && times.length < 9) {
    times.push((await timedOnce(rows, request, call, () => undefined)).seconds);
  }
  times.sort((a, b) => a - b);
  return { ...first, seconds: times[Math.floor(times.length / 2)]! };
}

async function timedOnce<T>(rows: Data, request: CompareRequest, call: Call, use: (found: Neighbours) => T) {
  let begin = performance.now();
  const task = rows.compare(request);
  let milliseconds = performance.now() - begin;
  let result: Neighbours;
  try {
    for (;;) {
      call.signal.throwIfAborted();
      begin = performance.now();
      const { finished } = task.step(40);
      milliseconds += performance.now() - begin;
      if (finished) break;
      await new Promise((resolve) => setTimeout(resolve));
      await urgentFirst();
    }
    result = task.finish();
  } finally {
    task.free();
  }
  try {
    return { seconds: milliseconds / 1000, used: use(result) };
  } finally {
    result.free();
  }
}

async function stability(key: Key, request: CompareRequest, share: number, base: number, call: Call): Promise<StabilityPoint[]> {
  const all = held(data, key);
  const rates = [...new Set([...SHARES.filter((rate) => rate < share), share])];
  const { job } = request;
  const top = job?.top ?? 50;
  const points: StabilityPoint[] = [];
  let previous: Lists | undefined;
  for (const [place, rate] of rates.entries()) {
    call.tell("comparing samples", place / rates.length);
    const parts: Data[] = [];
    const part = (made: Data) => {
      parts.push(made);
      return made;
    };
    try {
      const sample = part(all.sample({ rate: rate * base }));
      const one = part(all.sample({ rate: (rate * base) / 2 }));
      const other = part(sample.sample({ rate: (rate * base) / 2, rest: true }));
      const { users, pairOperations } = sample.shape(job);
      const take = (neighbours: Neighbours) => listsOf(neighbours, top);
      const { seconds, used } = await timed(sample, request, call, take);
      const first = await timed(one, request, call, take);
      const second = await timed(other, request, call, take);
      const last = points.at(-1);
      if (last && previous) last.next = agreement(previous, used);
      previous = used;
      points.push({ rate, users, pairOperations, seconds, halves: agreement(first.used, second.used) });
    } catch (error) {
      // So few users that one of the halves has nothing: the larger samples say more.
      if (call.signal.aborted || (error as { details?: { fatal?: number } }).details?.fatal) throw error;
    } finally {
      for (const made of parts) made.free();
    }
  }
  return points.filter((point) => point.users >= FEWEST_USERS || point.rate === share);
}

/** Core's ladder; whatever a person waits for goes first, between two rungs. */
async function ladder(key: Key, job: SimilarityJob, rate: number, call: Call): Promise<LadderResult> {
  const all = held(data, key);
  const task = all.ladder({ job, rate });
  let report: LadderReport;
  try {
    for (;;) {
      call.signal.throwIfAborted();
      const { stage, done, finished } = task.step(40);
      call.tell(stage, done);
      if (finished) break;
      await new Promise((resolve) => setTimeout(resolve));
      await urgentFirst();
    }
    report = task.finish();
  } finally {
    task.free();
  }
  const rungs = report.rungs.filter(({ users }) => users >= FEWEST_USERS);
  const cap = Math.max(2, Math.round(all.shape(job).userDegrees.p99));
  const capped = all.shape({ ...job, max_items_per_user: cap });
  return { ...report, rungs, capped: { cap, users: capped.folding.cappedUsers, pairOperations: capped.pairOperations } };
}

/** Gathers nodes from an item outwards, or the most popular ones, with the links between them. */
function graph(key: Key, around: string | undefined, most: number): Graph {
  const neighbours = held(found, key);
  const { starts, codes, scores } = neighbours.columns();
  const links = (code: number, count: number) => {
    const end = Math.min(starts[code + 1]!, starts[code]! + count);
    return Array.from({ length: Math.max(0, end - starts[code]!) }, (_, place) => starts[code]! + place);
  };
  const chosen: number[] = [];
  if (around === undefined) {
    chosen.push(...neighbours.search("", most).map((item) => item.code));
  } else {
    const first = neighbours.find(around);
    if (first) chosen.push(first.code);
    const seen = new Set(chosen);
    // Nearest first: all neighbours of the item, then a few of each of those, and so on.
    for (let place = 0; place < chosen.length && chosen.length < most; place++) {
      for (const link of links(chosen[place]!, place === 0 ? 12 : 5)) {
        const code = codes[link]!;
        if (seen.has(code) || chosen.length >= most) continue;
        seen.add(code);
        chosen.push(code);
      }
    }
  }
  const places = new Map(chosen.map((code, place) => [code, place]));
  const edges = new Map<string, { source: number; target: number; score: number }>();
  for (const [place, code] of chosen.entries()) {
    let taken = 0;
    for (const link of links(code, 50)) {
      const target = places.get(codes[link]!);
      if (target === undefined) continue;
      const name = `${Math.min(place, target)} ${Math.max(place, target)}`;
      if (!edges.has(name)) edges.set(name, { source: place, target, score: scores[link]! });
      if (++taken === (place === 0 && around !== undefined ? 12 : 3)) break;
    }
  }
  const list = [...edges.values()];
  const groups = clusters(chosen.length, list);
  const nodes = chosen.map((code, place) => ({ ...neighbours.item(code), cluster: groups[place]! }));
  return { nodes, edges: list };
}

async function compare(key: Key, request: CompareRequest, call: Call): Promise<CompareResult> {
  const begin = performance.now();
  const task = held(data, key).compare(request);
  const { pairOperations } = task.work();
  const neighbours = await run(task, call);
  const seconds = (performance.now() - begin) / 1000;
  const { items, length } = neighbours;
  return { key: keep(found, neighbours), items, length, pairOperations, seconds };
}

async function read(origin: Origin, source: DataSource, sample: { rate: number } | { users: number } | undefined, call: Call) {
  const begin = performance.now();
  const files = filesOf(origin);
  try {
    const rows = await run(files.read({ source, sample }), call);
    const seconds = (performance.now() - begin) / 1000;
    return { key: keep(data, rows), rows: rows.rows(), seconds };
  } finally {
    if (files !== demo) files.free();
  }
}

async function beside(key: Key, request: CompareRequest, item: string, call: Call) {
  const neighbours = await run(held(data, key).compare({ ...request, for: [item] }), call);
  try {
    return neighbours.of(item);
  } finally {
    neighbours.free();
  }
}

function withFiles<T>(origin: Origin, use: (files: Files) => T): T {
  const files = filesOf(origin);
  try {
    return use(files);
  } finally {
    if (files !== demo) files.free();
  }
}

function inspect(origin: Origin, delimiter?: string) {
  return withFiles(origin, (files) => {
    const inspection = files.inspect(delimiter);
    if (!origin.demo) return inspection;
    const { user, item, weight, time, item_label } = ilk.Files.demoRequest().source;
    return { ...inspection, guess: { user, item, weight, time, item_label } };
  });
}

type Handlers = { [Name in CallName]: (call: Call, ...args: Parameters<Calls[Name]>) => unknown };

const handlers: Handlers = {
  about: () => ({ version: ilk.version(), kernel: ilk.kernel(), threads: ilk.threads() }),
  inspect: (_, origin, delimiter) => inspect(origin, delimiter),
  estimate: (_, origin, source) => withFiles(origin, (files) => files.estimate({ source })),
  read: (call, origin, source, sample) => read(origin, source, sample, call),
  sample: (_, key, rate) => ({ key: keep(data, held(data, key).sample({ rate })) }),
  shape: (_, key, job) => held(data, key).shape(job),
  compare: (call, key, job, lists) => compare(key, { job, ...lists }, call),
  beside: (call, key, job, lists, item) => beside(key, { job, ...lists }, item, call),
  stability: (call, key, job, lists, share, rate) => stability(key, { job, ...lists }, share, rate, call),
  ladder: (call, key, job, rate) => ladder(key, job, rate, call),
  search: (_, key, text, limit) => held(found, key).search(text, limit),
  find: (_, key, id) => held(found, key).find(id),
  of: (_, key, id) => held(found, key).of(id),
  explain: (_, key, item, neighbour) => held(found, key).explain(item, neighbour, 5),
  graph: (_, key, around, nodes) => graph(key, around, nodes),
  export: (_, key, format) => held(found, key).export(format),
};

/** Answered at once, between two steps of whatever runs. */
const QUICK = new Set<CallName>(["about", "search", "find", "of", "explain", "graph", "export"]);

/** Done when nothing else waits. */
const BACKGROUND = new Set<CallName>(["stability", "ladder"]);

const running = new Map<number, AbortController>();

/** What waits: what a person waits for, and what can wait. */
const urgent: (() => unknown)[] = [];
const patient: (() => unknown)[] = [];
let isBusy = false;

async function urgentFirst(): Promise<void> {
  for (let next = urgent.shift(); next; next = urgent.shift()) await next();
}

async function work(): Promise<void> {
  if (isBusy) return;
  isBusy = true;
  for (;;) {
    await urgentFirst();
    const next = patient.shift();
    if (!next) break;
    await next();
  }
  isBusy = false;
}

function post(message: FromWorker, transfer: Transferable[] = []): void {
  postMessage(message, { transfer });
}

function sent(reason: unknown): SentError {
  const error = reason as Partial<SentError>;
  const message = String(error?.message ?? reason);
  return { code: error?.code ?? "internal", message, details: error?.details ?? {} };
}

async function answer(id: number, name: CallName, args: unknown[], stop: AbortController): Promise<void> {
  let told = 0;
  const call: Call = {
    signal: stop.signal,
    tell(stage, done) {
      const now = performance.now();
      if (now - told < 50) return;
      told = now;
      post({ id, progress: { stage, done } });
    },
  };
  try {
    await opened;
    stop.signal.throwIfAborted();
    const handler = handlers[name] as (call: Call, ...args: unknown[]) => unknown;
    const result = await handler(call, ...args);
    post({ id, result }, result instanceof Uint8Array ? [result.buffer] : []);
  } catch (error) {
    post({ id, error: stop.signal.aborted ? { code: "cancelled", message: "cancelled", details: {} } : sent(error) });
  } finally {
    running.delete(id);
  }
}

addEventListener("message", ({ data: message }: MessageEvent<ToWorker>) => {
  if ("open" in message) {
    opened = open(message.open.base, message.open.threads);
    opened.catch(() => undefined);
  } else if ("cancel" in message) {
    running.get(message.cancel)?.abort();
  } else if ("free" in message) {
    // After everything that was asked before: it may still be in use there.
    patient.push(() => {
      for (const things of [data, found] as Map<Key, { free(): void }>[]) {
        things.get(message.free)?.free();
        things.delete(message.free);
      }
    });
    void work();
  } else if ("call" in message) {
    const { id, call, args } = message;
    const stop = new AbortController();
    running.set(id, stop);
    const task = () => answer(id, call, args, stop);
    if (QUICK.has(call)) return void task();
    (BACKGROUND.has(call) ? patient : urgent).push(task);
    void work();
  }
});
