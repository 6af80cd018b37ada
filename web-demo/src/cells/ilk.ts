// What cells compute with: every call runs in the worker, shows its progress in the cell that made
// it, and stops when that cell runs anew.
import type { DataSource, Explanation, Inspection, ItemRecord, NeighbourRecord, OutputFormat, RowsReport, Shape, SimilarityJob } from "ilk-wasm";
import type { Context } from "../notebook/context";
import { listsOf, type OpenFile } from "../state/files";
import { REASONS } from "./words";
import type { Client } from "../worker/client";
import type { CallName, Calls, CompareResult, Graph, Key, LadderResult, StabilityPoint } from "../worker/protocol";

/** Rows in the worker's memory. */
export interface Rows {
  key: Key;
  file: OpenFile;
  source: DataSource;
  report: RowsReport;
  /** Share of the users of the file that are here. */
  rate: number;
  /** The file did not fit as a whole. */
  isCut: boolean;
  seconds: number;
  /** What all rows of the file take at the height of reading. */
  bytes: number;
}

/** Neighbours in the worker's memory. */
export interface Found extends CompareResult {
  rows: Rows;
  job: SimilarityJob;
}

/** Anything that is named by a key. */
type Held = { key: Key };

/** What a cell calls `ilk`. */
export type Ilk = ReturnType<typeof ilkFor>;

/** Makes `ilk` for one run of a cell. */
export function ilkFor(client: Client, context: Context) {
  const { signal, progress: onProgress } = context;
  const call = <Name extends CallName>(name: Name, ...args: Parameters<Calls[Name]>) =>
    client.call(name, args, { signal, onProgress });
  const holding = <T extends Held>(held: T): T => {
    const { generation } = client;
    context.later(() => client.free(held.key, generation));
    return held;
  };
  return {
    /** What the files are, their columns, and which is probably what. */
    inspect: (file: OpenFile): Promise<Inspection> => call("inspect", file.origin),

    /** Reads rows; of a file that does not fit, the users that do. */
    async read(file: OpenFile, source: Partial<DataSource>, options: { rate?: number } = {}): Promise<Rows> {
      const { user, item } = source;
      if (!user || !item) {
        const missing = user ? "the item" : item ? "the user" : "the user and for the item";
        throw new Error(`choose a column for ${missing} above: both are required`);
      }
      const known = { ...source, user, item };
      onProgress("reading", 0);
      const estimate = await call("estimate", file.origin, known);
      const isCut = options.rate === undefined && !estimate.fits;
      const share = options.rate ?? (isCut ? estimate.rate : 1);
      const sample = share < 1 ? { rate: share } : undefined;
      // The file itself may be a sample.
      const drawn = file.explored?.rate ?? 1;
      const read = holding(await call("read", file.origin, known, sample));
      const { key, rows: report, seconds } = read;
      if (report.kept === 0) {
        const reasons = report.setAside.map(({ reason, rows }) => `${rows.toLocaleString("en")} ${REASONS[reason]}`);
        const detail = report.setAside[0]?.first[0]?.detail;
        const such = detail ? ` (${detail})` : "";
        throw new Error(`none of the ${report.rows.toLocaleString("en")} rows can be used: ${reasons.join(", ")}${such}. Is ${user} the user ID and ${item} the item ID? Change the columns above, or open another file`);
      }
      return { key, file, source: known, report, rate: share * drawn, isCut, seconds, bytes: estimate.bytes / drawn };
    },

    /** Some of the users: the 10 % sample is part of the 20 % sample. */
    async sample(rows: Rows, share: number): Promise<Rows> {
      if (share >= 1) return rows;
      const { key } = holding(await call("sample", rows.key, share * rows.rate));
      return { ...rows, key, rate: rows.rate * share };
    },

    /** Users, items, degrees, skew and work under a job. */
    shape: (rows: Rows, job: SimilarityJob = {}): Promise<Shape> => call("shape", rows.key, job),

    /** The neighbours of every item. */
    async neighbours(rows: Rows, job: SimilarityJob = {}): Promise<Found> {
      onProgress("comparing", 0);
      const found = holding(await call("compare", rows.key, job, listsOf(rows.file)));
      return { ...found, rows, job };
    },

    /** How much the neighbours depend on who happens to be in the sample. */
    async stability(rows: Rows, job: SimilarityJob, share = 1): Promise<StabilityPoint[]> {
      onProgress("queued", 0);
      return call("stability", rows.key, job, listsOf(rows.file), share, rows.rate);
    },

    /** Measures growing samples, and predicts the whole. */
    async ladder(rows: Rows, job: SimilarityJob): Promise<LadderResult> {
      onProgress("queued", 0);
      return call("ladder", rows.key, job, rows.rate);
    },

    /** The neighbours of one item, under another job. */
    beside: (rows: Rows, job: SimilarityJob, item: string): Promise<NeighbourRecord[]> =>
      call("beside", rows.key, job, listsOf(rows.file), item),

    /** The most popular items whose id or label holds a text. */
    search: (found: Found, text: string, limit = 8): Promise<ItemRecord[]> =>
      client.call("search", [found.key, text, limit]),

    /** One item. */
    find: (found: Found, id: string): Promise<ItemRecord | undefined> => client.call("find", [found.key, id]),

    /** The neighbours of one item, best first. */
    of: (found: Found, id: string): Promise<NeighbourRecord[]> => client.call("of", [found.key, id]),

    /** Why two items are alike. */
    explain: (found: Found, item: string, neighbour: string): Promise<Explanation> =>
      client.call("explain", [found.key, item, neighbour]),

    /** A part of the graph of neighbours. */
    graph: (found: Found, around: string | undefined, nodes: number): Promise<Graph> =>
      call("graph", found.key, around, nodes),

    /** The table of neighbours as `ilk run` writes it. */
    export: (found: Found, format: OutputFormat): Promise<Uint8Array> =>
      client.call("export", [found.key, format]),
  };
}

