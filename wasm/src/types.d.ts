/** Which column is what, spelled as under `[datasource.NAME]` in a job file. */
export interface DataSource {
  /** Column that says who touched. */
  user: string;
  /** Column that says what was touched. */
  item: string;
  /** Column that says how much. */
  weight?: string;
  /** Column that says when. */
  time?: string;
  /** Column that says what the item is called. */
  item_label?: string;
  /** What stands between the items of a cell that holds several. */
  item_separator?: string;
  /** What numbers in the time column count; found out where absent or `auto`. */
  time_unit?: "auto" | "s" | "ms" | "us" | "ns" | "days" | "yyyymmdd";
  /** How times are written, in the terms of strftime, such as `%d/%m/%Y`; ISO 8601 where absent. */
  time_format?: string;
  /** What the files are; found out where absent. */
  format?: "parquet" | "csv" | "arrow" | "jsonl";
  /** Conditions such as `"country=DE"` or `"quantity>0"`; all must hold. */
  where?: string[];
  /** Delimiter of CSV files, such as `";"`, `"::"` or `"\\t"`; detected where absent. */
  delimiter?: string;
  /** Quote character of CSV files; detected where absent. */
  quote?: '"' | "'" | "none";
  /** What stands before quotes in CSV files, `none` where they are doubled; detected where absent. */
  escape?: "\\" | "none";
  /** The first line of CSV files is data; columns are named 1, 2, 3. */
  no_header?: boolean;
  /** Lines before the header of CSV files. */
  skip_lines?: number;
  /** Encoding of CSV files; UTF-8 unless a byte order mark says otherwise. */
  encoding?: "utf-8" | "utf-16" | "latin-1" | "windows-1252";
  /** Texts that mean null in CSV files, besides empty text. */
  null?: string[];
  /** Lines of CSV files that begin with this are skipped. */
  comment?: string;
  /** Longest record of CSV files in bytes; longer ones are unreadable. Default 1 MiB. */
  max_record_size?: number;
}

export type MeasureName =
  | "cosine" | "jaccard" | "dice" | "overlap" | "tversky" | "asymmetric-cosine" | "conditional"
  | "lift" | "sar-lift" | "pmi" | "npmi" | "lexicographers-mi" | "llr" | "mahout-llr"
  | "cooccurrence" | "dot";

export type WeightingName = "binary" | "raw" | "log" | "tfidf" | "bm25" | "decay";

export type Preset =
  | "implicit-cosine" | "implicit-tfidf" | "implicit-bm25" | "spark-column-similarities"
  | "sar-jaccard" | "sar-lift" | "mahout-llr";

/** A job, spelled as under `[job]` in a job file; every setting may be left out. */
export interface SimilarityJob {
  /** Take measure and weighting from another library's definition. */
  like?: Preset;
  /** What is compared; default `items`. */
  of?: "items" | "users";
  /** How alike two items are; default `cosine`. */
  measure?: MeasureName;
  /** α of `tversky`, `asymmetric-cosine` and `conditional`. */
  alpha?: number;
  /** β of `tversky`. */
  beta?: number;
  /** κ of `lift`. */
  kappa?: number;
  /** What an interaction counts; default `binary`. */
  weighting?: WeightingName;
  /** K1 of `bm25`. */
  k1?: number;
  /** B of `bm25`. */
  b?: number;
  /** Half-life of `decay`, as in `"90d"`. */
  half_life?: string;
  /** The present of `decay`; default the newest time in the data. */
  now?: string;
  /** Neighbours kept per item; default 50. */
  top?: number;
  /** Items with fewer users are dropped first. */
  min_support?: number;
  /** Pairs sharing fewer users are no neighbours. */
  min_overlap?: number;
  /** h: multiplies each score by c / (c + h). */
  shrinkage?: number;
  /** Pairs scoring below are no neighbours. */
  threshold?: number;
  /** Of users with more items only so many are kept. */
  max_items_per_user?: number;
  /** What becomes of several rows of one user and item; default `sum` with a weight, else `one`. */
  duplicates?: "sum" | "max" | "last" | "one";
  /** What becomes of rows whose weight is 0 or less; default `drop`. `net` works while reading. */
  negative_weights?: "drop" | "net" | "error";
  /** Share of rows that may be bad, as in `"1%"` (default). */
  max_bad_rows?: string;
  /** Set-aside rows of any reason but `filtered` are an error. */
  strict?: boolean;
}

/**
 * Which users to keep. Users are picked by a fixed hash of their ids: 10 % lies within 20 %, and
 * the same users are picked in every format and on every surface. Where users are compared, items
 * are sampled instead.
 */
export type SampleRequest =
  /** A share of the users, 0 to 1; with `rest` the others instead (of data that was read). */
  | { rate: number; rest?: boolean }
  /** So many users. */
  | { users: number };

/** What to read, and how much of it. */
export interface ReadRequest {
  source: DataSource;
  /** Of the job, `of` and `negative_weights` matter while reading. */
  job?: SimilarityJob;
  sample?: SampleRequest;
}

/** What to compare, and what with. */
export interface CompareRequest {
  job?: SimilarityJob;
  /** Ids that alone may be neighbours. */
  only?: string[];
  /** Ids that may not be neighbours. */
  exclude?: string[];
  /** Ids to compute neighbours for; all where absent. */
  for?: string[];
  /** `simd128` or `portable`, for measuring; the result is the same. */
  kernel?: string;
}

/** What to measure on samples. */
export interface LadderRequest {
  job?: SimilarityJob;
  /** The share of the users that the data was sampled to, if it was: rungs are shares of that. */
  rate?: number;
}

export type OutputFormat = "parquet" | "csv" | "jsonl" | "arrow";

/** How far a task has got. */
export interface Progress {
  /** What it is doing: `reading`, `sorting`, `arranging`, `comparing`, `calibrating`, `climbing`. */
  stage: string;
  /** Share of the stage that is done, 0 to 1. */
  done: number;
  /** The result can be taken. */
  finished: boolean;
}

/** What can be said of files before their rows are read. */
export interface Inspection {
  files: {
    name: string;
    format: "Parquet" | "CSV" | "Arrow file" | "Arrow stream";
    bytes: number;
    /** Where the file says it. */
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
  /** Which column is probably what, by its name. */
  guess: { user?: string; item?: string; weight?: string; time?: string; item_label?: string };
}

/** Whether files fit into memory. */
export interface Estimate {
  /** Rows there are; concluded from the first ones unless `isExact`. */
  rows: number;
  isExact: boolean;
  /** What a kept row takes at the height of the work. */
  bytesPerRow: number;
  /** What all rows take at the height of the work. */
  bytes: number;
  /** What is allowed; see `setMemoryLimit`. */
  limit: number;
  /** Rows, set-aside ones included, that fit. */
  rowsThatFit: number;
  fits: boolean;
  /** A sample of users that fits, about as large as there is room for, 0 to 1. */
  rate: number;
}

/** Why a row was set aside. */
export type Reason =
  | "unreadable" | "filtered" | "null_user" | "null_item" | "bad_weight" | "bad_time"
  | "nonpositive_weight";

/** What became of the rows. */
export interface RowsReport {
  rows: number;
  kept: number;
  setAside: {
    reason: Reason;
    rows: number;
    /** The first few, as they stand in their files; rows count from 1. */
    first: { file: string; row: number; user?: string; item?: string; detail?: string }[];
  }[];
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

/** What data looks like under a job. */
export interface Shape {
  users: number;
  items: number;
  interactions: number;
  /** Share of all pairs of user and item that are interactions. */
  density: number;
  /** What comparing everything with everything adds: every pair of items that a user has, once. */
  pairOperations: number;
  /** Items per user. */
  userDegrees: Degrees;
  /** Users per item. */
  itemDegrees: Degrees;
  /** Which share of the work the heaviest 0.1 %, 1 % and 10 % of users cause. */
  workOfHeaviest: { users: number; work: number }[];
  topUsers: { id: string; label?: string; count: number }[];
  topItems: { id: string; label?: string; count: number }[];
  /** What became of the rows on their way to interactions. */
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
  /** A user with so many items that `ilk run` refuses the job, and the cap that would help. */
  heavyUser?: { id: string; items: number; operations: number; cap: number; cappedOperations: number };
}

/** What a comparison takes, known before it is done. */
export interface Work {
  pairOperations: number;
  /** Predicted seconds of one core. */
  predictedSeconds: number;
  tiles: number;
  /** Items that are compared by bits. */
  headItems: number;
  /** Ids of the lists that are not in the data. */
  unknownIds: string[];
}

/** A job on nested samples, measured beside what the cost model predicts, and what follows for all. */
export interface LadderReport {
  /** Smallest first. */
  rungs: {
    /** Share of the users that are here. */
    rate: number;
    users: number;
    items: number;
    interactions: number;
    pairOperations: number;
    tiles: number;
    /** Tiles that were computed, drawn at random: all where that is quick. */
    computedTiles: number;
    /** Predicted CPU seconds of comparing, all tiles. */
    predictedSeconds: number;
    /** Measured seconds of the tiles that were computed, on one thread. */
    measuredSeconds: number;
    /** CPU seconds of all tiles, from those that were computed. */
    secondsOfAll: number;
    predictedBytes: number;
    /** What was taken at most beside the data. */
    measuredBytes: number;
  }[];
  /** Rates that were not measured: nothing to compare, or too little memory. */
  missing: { rate: number; why: "nothing" | "time" | "memory" }[];
  /** All of the data, by prediction that what was measured corrects. */
  whole: {
    users: number;
    items: number;
    interactions: number;
    pairOperations: number;
    /** Neighbours that there will be, about. */
    neighbours: number;
    cpuSeconds: number;
    /** Seconds that pass on these threads. */
    seconds: number;
    /** What comparing takes at its height beside the data. */
    bytes: number;
  };
  /** The exponent e of seconds ~ pair operations^e; absent where the rungs are too quick to tell. */
  growth?: number;
  /** What predictions of comparing are multiplied by. */
  correction: number;
  /** Threads that will share the whole here. */
  threads: number;
  /** Whether the whole fits into the memory allowed here, or where prediction ends; one sentence. */
  verdict: string;
  fits: boolean;
}

/** An item, or a user where users are compared. */
export interface ItemRecord {
  code: number;
  id: string;
  label?: string;
  /** Users of the item. */
  support: number;
}

/** One of an item's neighbours. */
export interface NeighbourRecord extends ItemRecord {
  /** From 1. */
  rank: number;
  score: number;
  /** Users of both. */
  overlap: number;
}

/** All lists: the neighbours of the item with code c are those from `starts[c]` up to `starts[c + 1]`. */
export interface NeighbourColumns {
  starts: Uint32Array;
  codes: Uint32Array;
  scores: Float32Array;
  overlaps: Uint32Array;
}

/** Why an item has a neighbour, or why it has not. */
export interface Explanation {
  item: ItemRecord;
  neighbour: ItemRecord;
  /** Users of both. */
  overlap: number;
  /** Users there are. */
  users: number;
  /** Σ x·y of the weights; with weights of 1 the overlap. */
  dot: number;
  /** Σ x² of the item and of the neighbour. */
  itemSquare: number;
  neighbourSquare: number;
  /** Weights differ: dot product and squares say more than overlap and supports. */
  isWeighted: boolean;
  /** Under the job, shrinkage included; absent where the measure sees no pair. */
  score?: number;
  standing:
    | "ranked" | "itself" | "nothing_shared" | "left_out" | "overlap_too_small" | "no_pair"
    | "below_threshold";
  /** From 1, where it is ranked; the job keeps it if this is at most `top`. */
  rank?: number;
  /** Neighbours that the item has, however many the job keeps. */
  qualified: number;
  /** What every measure makes of the pair; `reverse`: as seen from the neighbour, where it may differ. */
  measures: { measure: MeasureName; score?: number; reverse?: number }[];
  /** The users of both that contribute most. */
  contributions: {
    user: string;
    /** Items of the user. */
    items: number;
    itemWeight: number;
    neighbourWeight: number;
    /** Share of the dot product, 0 to 1. */
    share: number;
  }[];
  /** The neighbour just above, and what it would take to pass it. */
  above?: Rival;
  /** The neighbour just below. */
  below?: NeighbourRecord;
  /** The last neighbour kept, and what it would take to come before it, where this one is not kept. */
  entry?: Rival;
}

/** A neighbour ahead, and what the pair would need to pass it, all else as it is. */
export interface Rival {
  /** Absent where the job would keep more than there are. */
  neighbour?: NeighbourRecord;
  needs: { overlap: number } | { dot: number } | "impossible";
}

/** What is thrown. `message` says what is wrong, where, and what to do next. */
export interface IlkError extends Error {
  code:
    | "setting" | "column" | "damaged" | "dialect" | "unsupported" | "empty" | "read" | "input" | "ids"
    | "no_rows" | "refused" | "memory" | "unknown_item" | "unfinished" | "internal";
  details: {
    /** The setting that is wrong. */
    setting?: string;
    file?: string;
    column?: string;
    id?: string;
    /** Of `memory`: rows to hold, how many fit, the sample that does, the bytes all would take. */
    rows?: number;
    fits?: number;
    rate?: number;
    bytes?: number;
    limit?: number;
    /** 1 where the module cannot go on: begin anew in a fresh worker. */
    fatal?: number;
  };
}
