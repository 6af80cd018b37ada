// Written by `cargo xtask settings`: change the flags and the job instead.

export type Preset =
  | "implicit-cosine"
  | "implicit-tfidf"
  | "implicit-bm25"
  | "spark-column-similarities"
  | "sar-jaccard"
  | "sar-lift"
  | "mahout-llr"
  | "lenskit-itemknn"
  | "surprise-cosine"
  | "surprise-msd"
  | "surprise-pearson"
  | "similaripy-jaccard"
  | "sparse-dot-topn";

export type Of =
  | "items"
  | "users";

export type MeasureName =
  | "cosine"
  | "jaccard"
  | "dice"
  | "overlap"
  | "tversky"
  | "asymmetric-cosine"
  | "conditional"
  | "lift"
  | "sar-lift"
  | "pmi"
  | "npmi"
  | "lexicographers-mi"
  | "llr"
  | "mahout-llr"
  | "cooccurrence"
  | "dot"
  | "tanimoto"
  | "weighted-jaccard"
  | "pearson"
  | "common-cosine"
  | "msd";

export type WeightingName =
  | "binary"
  | "raw"
  | "log"
  | "tfidf"
  | "bm25"
  | "decay";

export type Center =
  | "none"
  | "user"
  | "item";

export type Pairs =
  | "both"
  | "once";

export type Duplicates =
  | "sum"
  | "max"
  | "last"
  | "one";

export type NegativeWeights =
  | "drop"
  | "net"
  | "error"
  | "keep";

/** Which column is what, spelled as under `[datasource.NAME]` in a job file. */
export interface DataSource {
  /** User ID column, or several that make an ID together, as in store,receipt. */
  user: string;
  /** Item ID column, or several, as for --user. */
  item: string;
  /** Weight column, such as a quantity, a rating or a number of plays. */
  weight?: string;
  /** Timestamp column. */
  time?: string;
  /** Item name column, shown beside the item ID. */
  item_label?: string;
  /** Separator between items in one cell, such as a space. Default: one item per cell. */
  item_separator?: string;
  /** Unit of numbers in the time column. Default: auto. */
  time_unit?: "auto" | "s" | "ms" | "us" | "ns" | "days" | "yyyymmdd";
  /** Format of times, as in '%d/%m/%Y %H:%M'. Default: ISO 8601. */
  time_format?: string;
  /** Keep only rows that match a condition, as in country=FR or 'price>=10'. */
  where?: string[];
  /** Field delimiter, such as ';', '::', '\t' or '\x01'. Default: detected. */
  delimiter?: string;
  /** Quote character: '"', "'" or none. Default: detected. */
  quote?: "\"" | "'" | "none";
  /** Escape character before quotes: '\', or none where quotes are doubled. Default: detected. */
  escape?: "\\" | "none";
  /** The first line is data; columns are named 1, 2, 3. */
  no_header?: boolean;
  /** Skip N lines before the header. Default: 0. */
  skip_lines?: number;
  /** Encoding: utf-8, utf-16, latin-1 or windows-1252. Default: utf-8, or by byte order mark. */
  encoding?: "utf-8" | "utf-16" | "latin-1" | "windows-1252";
  /** Text that means null, such as NULL; repeatable. Empty text always does. */
  null?: string[];
  /** Decimal separator of weights and of numbers in --where: . or ,. Default: .. */
  decimal?: string;
  /** Skip lines that begin with this text. */
  comment?: string;
  /** Longest record; longer ones are set aside as unreadable. Default: 1MiB. */
  max_record_size?: string | number;
  /** Format of the inputs, standard input (`-`) included. Default: detected. */
  input_format?: "parquet" | "csv" | "arrow" | "jsonl";
}

/** A job, spelled as under `[job]` in a job file; every setting is optional. */
export interface SimilarityJob {
  /** Use the measure, weighting and other defaults of another library. */
  like?: Preset;
  /** What to compare. Default: items. */
  of?: Of;
  /** Similarity measure. Default: cosine. */
  measure?: MeasureName;
  /** Weight of an interaction, for measures of x and y. Default: binary. */
  weighting?: WeightingName;
  /** Mean to subtract from weights, for weighting raw. Default: none. */
  center?: Center;
  /** Number of neighbours to keep per item. Default: 50. */
  top?: number;
  /** Minimum number of users per item; items with fewer are dropped first. Default: 1. */
  min_support?: number;
  /** Minimum number of shared users per pair. Default: 1. */
  min_overlap?: number;
  /** Damping H of pairs that share few users: scores are multiplied by c/(c+H). Default: 0. */
  shrinkage?: number;
  /** Minimum score of a pair. */
  threshold?: number;
  /** Write each pair once, or once for each of its items. Default: both. */
  pairs?: Pairs;
  /** Parameter α of tversky, asymmetric-cosine and conditional. Default: 0.5, for conditional 0. */
  alpha?: number;
  /** Parameter β of tversky. Default: 0.5. */
  beta?: number;
  /** Parameter κ of lift; larger values lower the scores of rare items. Default: 0. */
  kappa?: number;
  /** Parameter K1 of bm25. Default: 1.2. */
  k1?: number;
  /** Parameter B of bm25. Default: 0.75. */
  b?: number;
  /** Half-life of decay, as in 90d or 12h. */
  half_life?: string;
  /** Reference time for decay, as in 2026-01-31. Default: the newest time in the data. */
  now?: string;
  /** How to combine repeated rows of a user and item. Default: sum with a weight column (last for weighting raw with a time column), else one. */
  duplicates?: Duplicates;
  /** How to treat rows with a weight of 0 or less, such as returns. Default: drop. */
  negative_weights?: NegativeWeights;
  /** Maximum number of items per user; the largest weights are kept, then the newest rows. */
  max_items_per_user?: number;
  /** Maximum share of rows that are unreadable or have an invalid weight or time. Default: 1%, but never fewer than 10 rows. */
  max_bad_rows?: string;
  /** Fail when any row is set aside, except by a where condition. Default: false. */
  strict?: boolean;
}
