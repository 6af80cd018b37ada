/**
 * Which users to keep. Users are picked by a fixed hash of their IDs: the 10 % sample is part of the
 * 20 % sample, and the same users are picked in every format and on every surface. When users are
 * compared, items are sampled instead.
 */
export type SampleRequest =
  /** A share of the users, 0 to 1; with `rest` the other users instead (only of data already read). */
  | { rate: number; rest?: boolean }
  /** A number of users. */
  | { users: number };

/** What to read, and how much of it. */
export interface ReadRequest {
  source: DataSource;
  /** Reading uses `of` and `negative_weights` of the job. */
  job?: SimilarityJob;
  sample?: SampleRequest;
}

/** What to compare. */
export interface CompareRequest {
  job?: SimilarityJob;
  /** IDs of the only items allowed as neighbours. */
  only?: string[];
  /** IDs of items excluded as neighbours. */
  exclude?: string[];
  /** IDs of the items to compute neighbours for. Default: all. */
  for?: string[];
  /** `simd128` or `portable`, for measurements; the result is the same. */
  kernel?: string;
}

/** What to measure on samples. */
export interface LadderRequest {
  job?: SimilarityJob;
  /** The share of all users in the data, if it is a sample; rungs are shares of that. */
  rate?: number;
}

export type OutputFormat = "parquet" | "csv" | "jsonl" | "arrow" | "arrows";

/** Progress of a task. */
export interface Progress {
  /** Current stage: `reading`, `sorting`, `arranging`, `comparing`, `calibrating`, `climbing`. */
  stage: string;
  /** Completed share of the stage, 0 to 1. */
  done: number;
  /** Whether the result is available. */
  finished: boolean;
}

/** What is known of files before their rows are read. */
export interface Inspection {
  files: {
    name: string;
    format: "Parquet" | "CSV" | "Arrow file" | "Arrow stream";
    bytes: number;
    /** Present if the file stores it. */
    rows?: number;
    /** How a CSV file is written, in words. */
    dialect?: string;
    /** What may be read otherwise than it is meant. */
    notes?: string[];
  }[];
  /** The columns of the first file. */
  columns: {
    name: string;
    kind: "integer" | "number" | "text" | "untyped" | "time" | "boolean" | "uuid" | "other";
    /** In words, such as `32-bit integers`. */
    type: string;
  }[];
  /** The probable columns, by their names. */
  guess: { user?: string; item?: string; weight?: string; time?: string; item_label?: string };
}

/** Whether files fit in memory. */
export interface Estimate {
  /** Number of rows; estimated from the first ones unless `isExact`. */
  rows: number;
  isExact: boolean;
  /** Peak bytes per kept row. */
  bytesPerRow: number;
  /** Peak bytes of all rows. */
  bytes: number;
  /** The memory limit in bytes; see `setMemoryLimit`. */
  limit: number;
  /** Number of rows that fit, including those set aside. */
  rowsThatFit: number;
  fits: boolean;
  /** The share of users, 0 to 1, that about fills the memory limit. */
  rate: number;
}

/** Why a row was set aside. */
export type Reason =
  | "unreadable" | "filtered" | "null_user" | "null_item" | "bad_weight" | "bad_time"
  | "nonpositive_weight";

/** Counts of kept rows and of rows set aside. */
export interface RowsReport {
  rows: number;
  kept: number;
  setAside: {
    reason: Reason;
    rows: number;
    /** The first few as they are in the files; rows are numbered from 1. */
    first: { file: string; row: number; user?: string; item?: string; detail?: string }[];
  }[];
  /** What may be read otherwise than it is meant, and settings without an effect. */
  notes?: string[];
}

/** A distribution of degrees. */
export interface Degrees {
  median: number;
  mean: number;
  p90: number;
  p99: number;
  most: number;
  /** Bin b counts degrees from 2^b to 2^(b + 1) − 1. */
  histogram: number[];
}

/** Size and skew of the data under a job. */
export interface Shape {
  users: number;
  items: number;
  interactions: number;
  /** Share of all pairs of user and item that are interactions. */
  density: number;
  /** Number of additions to compare all items: every pair of items of a user, once. */
  pairOperations: number;
  /** Items per user. */
  userDegrees: Degrees;
  /** Users per item. */
  itemDegrees: Degrees;
  /** Share of the work caused by the heaviest 0.1 %, 1 % and 10 % of users. */
  workOfHeaviest: { users: number; work: number }[];
  topUsers: { id: string; label?: string; count: number }[];
  topItems: { id: string; label?: string; count: number }[];
  /** Counts at each step from rows to interactions. */
  folding: {
    events: number;
    pairs: number;
    nettedAway: number;
    cappedUsers: number;
    cappedPairs: number;
    cappedOperations: number;
    rareItems: number;
    rarePairs: number;
    emptiedUsers: number;
  };
  /** A user with so many items that `ilk run` refuses the job, and the cap that fixes it. */
  heavyUser?: { id: string; items: number; operations: number; cap: number; cappedOperations: number };
}

/** Predicted work of a comparison. */
export interface Work {
  pairOperations: number;
  /** Predicted core time in seconds. */
  predictedSeconds: number;
  tiles: number;
  /** Number of items compared as bit sets. */
  headItems: number;
  /** Listed IDs that are not in the data. */
  unknownIds: string[];
}

/** A job measured on nested samples, compared with the prediction, and extrapolated to all the data. */
export interface LadderReport {
  /** Smallest first. */
  rungs: {
    /** Share of the loaded users. */
    rate: number;
    users: number;
    items: number;
    interactions: number;
    pairOperations: number;
    tiles: number;
    /** Number of tiles computed, drawn at random; all of them if that is fast. */
    computedTiles: number;
    /** Predicted core time of all tiles, in seconds. */
    predictedSeconds: number;
    /** Measured seconds of the computed tiles, on one thread. */
    measuredSeconds: number;
    /** Core time of all tiles in seconds, extrapolated from the computed ones. */
    secondsOfAll: number;
    predictedBytes: number;
    /** Measured peak bytes, without the data. */
    measuredBytes: number;
  }[];
  /** Rates that were skipped: nothing to compare, too little time or too little memory. */
  missing: { rate: number; why: "nothing" | "time" | "memory" }[];
  /** Prediction for all the data, corrected by the measurements. */
  whole: {
    users: number;
    items: number;
    interactions: number;
    pairOperations: number;
    /** Approximate number of neighbours. */
    neighbours: number;
    cpuSeconds: number;
    /** Elapsed seconds on these threads. */
    seconds: number;
    /** Peak bytes of the comparison, without the data. */
    bytes: number;
  };
  /** The exponent e of seconds ~ pair operations^e; absent if the samples are too fast to tell. */
  growth?: number;
  /** Factor applied to the predicted comparison time. */
  correction: number;
  /** Number of threads that the prediction assumes. */
  threads: number;
  /** Whether all the data fits in the memory limit, in one sentence. */
  verdict: string;
  fits: boolean;
}

/** An item, or a user when users are compared. */
export interface ItemRecord {
  code: number;
  id: string;
  label?: string;
  /** Number of users of the item. */
  support: number;
}

/** One of an item's neighbours. */
export interface NeighbourRecord extends ItemRecord {
  /** From 1. */
  rank: number;
  score: number;
  /** Number of shared users. */
  overlap: number;
}

/** All lists: the neighbours of the item with code c are those from `starts[c]` up to `starts[c + 1]`. */
export interface NeighbourColumns {
  starts: Uint32Array;
  codes: Uint32Array;
  scores: Float32Array;
  overlaps: Uint32Array;
}

/** Why an item has a neighbour, or why it does not. */
export interface Explanation {
  item: ItemRecord;
  neighbour: ItemRecord;
  /** Number of shared users. */
  overlap: number;
  /** Number of all users. */
  users: number;
  /** Σ x·y of the weights; equal to the overlap if all weights are 1. */
  dot: number;
  /** Σ x² of the item and of the neighbour. */
  itemSquare: number;
  neighbourSquare: number;
  /** Whether weights differ from 1. */
  isWeighted: boolean;
  /** The score under the job, with shrinkage; absent if the measure does not score the pair. */
  score?: number;
  standing:
    | "ranked" | "itself" | "nothing_shared" | "left_out" | "other_group" | "overlap_too_small" | "no_pair"
    | "below_threshold";
  /** From 1, if ranked; the job keeps the neighbour if this is at most `top`. */
  rank?: number;
  /** Number of neighbours of the item, including those the job does not keep. */
  qualified: number;
  /** The score of the pair by every measure; `reverse`: from the neighbour's side, if it may differ. */
  measures: { measure: MeasureName; score?: number; reverse?: number }[];
  /** The shared users that contribute most. */
  contributions: {
    user: string;
    /** Number of items of the user. */
    items: number;
    itemWeight: number;
    neighbourWeight: number;
    /** Share of the dot product, 0 to 1. */
    share: number;
  }[];
  /** The neighbour one rank above, and what it takes to pass it. */
  above?: Rival;
  /** The neighbour one rank below. */
  below?: NeighbourRecord;
  /** If the neighbour is not kept: the last one that is, and what it takes to pass it. */
  entry?: Rival;
}

/** A higher-ranked neighbour, and what the pair needs to pass it, all else equal. */
export interface Rival {
  /** Absent if the job keeps more neighbours than there are. */
  neighbour?: NeighbourRecord;
  needs: { overlap: number } | { dot: number } | "impossible" | "several";
}

/** What is thrown. `message` says what is wrong, where, and how to fix it. */
export interface IlkError extends Error {
  code:
    | "setting" | "column" | "damaged" | "dialect" | "unsupported" | "empty" | "read" | "input" | "ids"
    | "no_rows" | "refused" | "memory" | "unknown_item" | "unfinished" | "internal";
  details: {
    /** The invalid setting. */
    setting?: string;
    file?: string;
    column?: string;
    id?: string;
    /** With `memory`: rows to hold, rows that fit, the rate of a sample that fits, bytes of all rows. */
    rows?: number;
    fits?: number;
    rate?: number;
    bytes?: number;
    limit?: number;
    /** 1 if the module cannot continue: start a new worker. */
    fatal?: number;
  };
}
