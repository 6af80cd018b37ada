// What the page asks of the worker, and what comes back.
import type {
  CompareRequest,
  DataSource,
  Estimate,
  Explanation,
  Inspection,
  ItemRecord,
  LadderReport,
  NeighbourRecord,
  OutputFormat,
  RowsReport,
  SampleRequest,
  Shape,
  SimilarityJob,
} from "ilk-wasm";

/** Where rows come from: the made-up shop, or files on this computer. */
export type Origin = { demo: true } | { demo?: false; files: File[] };

/** Which items may be neighbours, which may not, and whose neighbours are wanted; all where absent. */
export type IdLists = Pick<CompareRequest, "only" | "exclude" | "for">;

/** Names something that lives in the worker's memory. */
export type Key = number;

/** Rows that were read. */
export interface ReadResult {
  key: Key;
  rows: RowsReport;
  seconds: number;
}

/** Neighbours that were computed. */
export interface CompareResult {
  key: Key;
  items: number;
  length: number;
  pairOperations: number;
  seconds: number;
}

/** How alike two sets of lists are: the mean share of common neighbours, and its 95 % interval. */
export interface Agreement {
  mean: number;
  low: number;
  high: number;
  items: number;
}

/** One sample on the way to the whole. */
export interface StabilityPoint {
  rate: number;
  users: number;
  pairOperations: number;
  seconds: number;
  /** Between two halves of the sample that share no user. */
  halves: Agreement;
  /** With the next larger sample. */
  next?: Agreement;
}

/** The ladder, and what is concluded of the whole. */
export interface LadderResult extends LadderReport {
  /** What keeping at most `cap` items of a user would change. */
  capped?: { cap: number; users: number; pairOperations: number };
}

/** A part of the neighbour graph. */
export interface Graph {
  nodes: (ItemRecord & { cluster: number })[];
  edges: { source: number; target: number; score: number }[];
}

/** Everything the worker does, by name. */
export interface Calls {
  about(): { version: string; kernel: string; threads: number };
  inspect(origin: Origin, delimiter?: string): Inspection;
  estimate(origin: Origin, source: DataSource): Estimate;
  read(origin: Origin, source: DataSource, sample?: SampleRequest): ReadResult;
  /** `rate` is of everybody, whatever share of them is in the data. */
  sample(data: Key, rate: number): { key: Key };
  shape(data: Key, job: SimilarityJob): Shape;
  compare(data: Key, job: SimilarityJob, lists: IdLists): CompareResult;
  beside(data: Key, job: SimilarityJob, lists: IdLists, item: string): NeighbourRecord[];
  /** Shares are of the data, which is the share `rate` of everybody. */
  stability(data: Key, job: SimilarityJob, lists: IdLists, share: number, rate: number): StabilityPoint[];
  ladder(data: Key, job: SimilarityJob, rate: number): LadderResult;
  search(neighbours: Key, text: string, limit: number): ItemRecord[];
  find(neighbours: Key, id: string): ItemRecord | undefined;
  of(neighbours: Key, id: string): NeighbourRecord[];
  explain(neighbours: Key, item: string, neighbour: string): Explanation;
  graph(neighbours: Key, around: string | undefined, nodes: number): Graph;
  export(neighbours: Key, format: OutputFormat): Uint8Array;
}

export type CallName = keyof Calls;

/** What the page sends. */
export type ToWorker =
  | { open: { base: string; threads?: number } }
  | { id: number; call: CallName; args: unknown[] }
  | { cancel: number }
  | { free: Key };

/** An error on its way from the worker. */
export interface SentError {
  code: string;
  message: string;
  details: Record<string, string | number>;
}

/** What the worker sends. */
export type FromWorker =
  | { id: number; progress: { stage: string; done: number } }
  | { id: number; result: unknown }
  | { id: number; error: SentError };
