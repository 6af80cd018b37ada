/* tslint:disable */
/* eslint-disable */
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



/**
 * The rungs being climbed.
 */
export class Climb {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Takes what was found, once.
     *
     * # Errors
     * If there are rungs left to climb, or it was taken.
     */
    finish(): LadderReport;
    /**
     * Climbs for about so many milliseconds, at least one rung.
     *
     * # Errors
     * If `milliseconds` are no number.
     */
    step(milliseconds: number): Progress;
}

/**
 * Interactions being compared.
 */
export class Comparison {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Takes the neighbours, once.
     *
     * # Errors
     * If they are not computed yet, or were taken.
     */
    finish(): Neighbours;
    /**
     * Compares for about so many milliseconds.
     *
     * # Errors
     * If `milliseconds` are no number, and for a threshold or lists that leave nothing.
     */
    step(milliseconds: number): Progress;
    /**
     * Returns the work to do; arranges the matrix first if that is still to do.
     *
     * # Errors
     * If the comparison is finished.
     */
    work(): Work;
}

/**
 * Rows in memory, as codes. Every job can be run on them that keeps to the `negative_weights`
 * and the side (`of`) that they were read with.
 */
export class Data {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Begins to compare; the task's result are `Neighbours`.
     *
     * # Errors
     * For settings that cannot be, and guards of the job that refuse.
     */
    compare(request: CompareRequest | undefined): Comparison;
    /**
     * Begins to measure a job on nested samples of the users, 1, 10, 20 and 40 % of those that are
     * here, beside what the cost model predicts; the task's result is a `LadderReport`. What takes
     * long is measured on some of its tiles: a second or two in all, and one more the first time.
     *
     * # Errors
     * For settings that cannot be, and guards of the job that refuse.
     */
    ladder(request: LadderRequest | undefined): Climb;
    /**
     * Returns how many rows were kept and why others were set aside, with the first of them.
     *
     * # Errors
     * Never.
     */
    rows(): RowsReport;
    /**
     * Returns the data of some of the users: of a share of them (10 % lies within 20 %), the
     * others, or a number of them. Rows set aside are reported as those of the whole.
     *
     * # Errors
     * For a sample that cannot be.
     */
    sample(sample: SampleRequest): Data;
    /**
     * Returns users, items, interactions, degrees, skew and the exact work of a job.
     *
     * # Errors
     * For settings that cannot be, and guards of the job that refuse.
     */
    shape(job: SimilarityJob | undefined): Shape;
}

/**
 * Files that are read together, as one table. Nothing of them is loaded until it is read.
 */
export class Files {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Adds a file in memory. `name`: what messages call it; its ending may tell the format.
     *
     * # Errors
     * If `name` is no text, or `bytes` are none.
     */
    addBytes(name: string, bytes: Uint8Array): void;
    /**
     * Adds a file of `size` bytes that `read` gives slice by slice, at once and not by promise:
     * in a worker with `FileReaderSync`, in Node with `fs.readSync`.
     *
     * # Errors
     * If `name` is no text, `size` no whole number, or `read` no function.
     */
    addReader(name: string, size: number, read: (offset: number, length: number) => Uint8Array): void;
    /**
     * Returns what reads the demo's orders, and the job that people would write for them.
     *
     * # Errors
     * Never.
     */
    static demoRequest(): ReadRequest;
    /**
     * Returns the orders of a made-up shop, to try things on; `demoRequest()` reads them.
     */
    static demo(): Files;
    /**
     * Estimates how many rows the files have, how many fit into memory, and which sample does.
     * Reads the first rows.
     *
     * # Errors
     * For settings that cannot be, and files that cannot be read.
     */
    estimate(request: ReadRequest): Estimate;
    /**
     * Describes what the files are and which columns they have, with a guess which is which. Reads
     * the schemas only.
     *
     * # Errors
     * For files that cannot be read, or none.
     */
    inspect(settings?: string | Partial<DataSource>): Inspection;
    /**
     * Begins with no file.
     */
    constructor();
    /**
     * Begins to read the files, or a sample of their users; the task's result is a `Data`.
     *
     * # Errors
     * For settings that cannot be, files that cannot be opened, and rows that would not fit.
     */
    read(request: ReadRequest): Reading;
}

/**
 * The neighbours of every item, best first.
 */
export class Neighbours {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Returns all lists as columns: the neighbours of the item with code c are those from
     * `starts[c]` up to `starts[c + 1]`.
     */
    columns(): NeighbourColumns;
    /**
     * Explains why two items are alike, or why not: what the pair is made of, what every measure
     * makes of it, who contributes most, and what would change its rank. `users`: how many of
     * those who contribute to name; default 10.
     *
     * # Errors
     * If there is no such item, one of the two is no ID, or `users` no whole number.
     */
    explain(item: string | number | bigint, neighbour: string | number | bigint, users?: number | null): Explanation;
    /**
     * Writes the table of items: id, label, support, number of neighbours, and the share of them
     * that rest on a single user.
     *
     * # Errors
     * For another format, or where the writer of Parquet cannot be fetched.
     */
    exportItems(format: OutputFormat): Uint8Array;
    /**
     * Writes the table of neighbours as `ilk run` does: `parquet`, `csv`, `jsonl` or `arrow`; with
     * `pairs` `once`, each pair once.
     *
     * # Errors
     * For another format, or where the writer of Parquet cannot be fetched.
     */
    export(format: OutputFormat): Uint8Array;
    /**
     * Returns the item with this id; `undefined` where there is none.
     *
     * # Errors
     * If `id` is no ID.
     */
    find(id: string | number | bigint): ItemRecord | undefined;
    /**
     * Returns the ids of items by their codes, or of all.
     *
     * # Errors
     * If there is no such code, or `codes` are no whole numbers.
     */
    ids(codes?: Uint32Array | number[] | null): string[];
    /**
     * Returns the item with this code.
     *
     * # Errors
     * If there is no such code, or `code` is no whole number.
     */
    item(code: number): ItemRecord;
    /**
     * Returns the neighbours of the item with this id, best first.
     *
     * # Errors
     * If there is no such item, or `id` is no ID.
     */
    of(id: string | number | bigint): NeighbourRecord[];
    /**
     * Returns the most popular items whose id or label holds `text`, in any case of letters; of
     * an empty text, the most popular ones.
     *
     * # Errors
     * If `text` is no text, or `limit` no whole number.
     */
    search(text: string, limit: number): ItemRecord[];
    /**
     * Returns the users of every item, by code.
     */
    supports(): Uint32Array;
    /**
     * Counts the items, those without neighbours included; their codes are 0 up to this, in the
     * order of ids.
     */
    readonly items: number;
    /**
     * Counts the neighbours of all items together.
     */
    readonly length: number;
}

/**
 * Files being read.
 */
export class Reading {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Takes the data, once.
     *
     * # Errors
     * If it is not read yet, or was taken.
     */
    finish(): Data;
    /**
     * Reads for about so many milliseconds.
     *
     * # Errors
     * For damaged files, ids that do not go together, no rows, and rows that do not fit.
     */
    step(milliseconds: number): Progress;
}

/**
 * Names the instructions of the inner loops: `simd128` or `portable`.
 */
export function kernel(): string;

/**
 * Returns the bytes in use at present.
 */
export function memoryInUse(): number;

/**
 * Returns the bytes that data may take, working memory included.
 */
export function memoryLimit(): number;

/**
 * Sets the bytes that data may take; 2 GiB at first. What would take more is refused with the
 * sample that fits.
 *
 * # Errors
 * If it is not from 1 MiB to 3,840 MiB.
 */
export function setMemoryLimit(bytes: number): void;

/**
 * Prepares the module; runs when it is loaded.
 */
export function start(): void;

/**
 * Counts the workers that compute at the same time.
 */
export function threads(): number;

/**
 * Returns the version of the package.
 */
export function version(): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_climb_free: (a: number, b: number) => void;
    readonly __wbg_comparison_free: (a: number, b: number) => void;
    readonly __wbg_data_free: (a: number, b: number) => void;
    readonly __wbg_files_free: (a: number, b: number) => void;
    readonly __wbg_neighbours_free: (a: number, b: number) => void;
    readonly __wbg_reading_free: (a: number, b: number) => void;
    readonly climb_finish: (a: number) => [number, number, number];
    readonly climb_step: (a: number, b: any) => [number, number, number];
    readonly comparison_finish: (a: number) => [number, number, number];
    readonly comparison_step: (a: number, b: any) => [number, number, number];
    readonly comparison_work: (a: number) => [number, number, number];
    readonly data_compare: (a: number, b: any) => [number, number, number];
    readonly data_ladder: (a: number, b: any) => [number, number, number];
    readonly data_rows: (a: number) => [number, number, number];
    readonly data_sample: (a: number, b: any) => [number, number, number];
    readonly data_shape: (a: number, b: any) => [number, number, number];
    readonly files_addBytes: (a: number, b: any, c: any) => [number, number];
    readonly files_addReader: (a: number, b: any, c: any, d: any) => [number, number];
    readonly files_demo: () => number;
    readonly files_demoRequest: () => [number, number, number];
    readonly files_estimate: (a: number, b: any) => [number, number, number];
    readonly files_inspect: (a: number, b: any) => [number, number, number];
    readonly files_new: () => number;
    readonly files_read: (a: number, b: any) => [number, number, number];
    readonly kernel: () => [number, number];
    readonly memoryInUse: () => number;
    readonly memoryLimit: () => number;
    readonly neighbours_columns: (a: number) => any;
    readonly neighbours_explain: (a: number, b: any, c: any, d: any) => [number, number, number];
    readonly neighbours_export: (a: number, b: any) => [number, number, number];
    readonly neighbours_exportItems: (a: number, b: any) => [number, number, number];
    readonly neighbours_find: (a: number, b: any) => [number, number, number];
    readonly neighbours_ids: (a: number, b: any) => [number, number, number, number];
    readonly neighbours_item: (a: number, b: any) => [number, number, number];
    readonly neighbours_items: (a: number) => number;
    readonly neighbours_length: (a: number) => number;
    readonly neighbours_of: (a: number, b: any) => [number, number, number];
    readonly neighbours_search: (a: number, b: any, c: any) => [number, number, number];
    readonly neighbours_supports: (a: number) => any;
    readonly reading_finish: (a: number) => [number, number, number];
    readonly reading_step: (a: number, b: any) => [number, number, number];
    readonly setMemoryLimit: (a: any) => [number, number];
    readonly start: () => void;
    readonly threads: () => number;
    readonly version: () => [number, number];
    readonly rust_zstd_wasm_shim_calloc: (a: number, b: number) => number;
    readonly rust_zstd_wasm_shim_free: (a: number) => void;
    readonly rust_zstd_wasm_shim_malloc: (a: number) => number;
    readonly rust_zstd_wasm_shim_memcmp: (a: number, b: number, c: number) => number;
    readonly rust_zstd_wasm_shim_memcpy: (a: number, b: number, c: number) => number;
    readonly rust_zstd_wasm_shim_memmove: (a: number, b: number, c: number) => number;
    readonly rust_zstd_wasm_shim_memset: (a: number, b: number, c: number) => number;
    readonly rust_zstd_wasm_shim_qsort: (a: number, b: number, c: number, d: number) => void;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __externref_drop_slice: (a: number, b: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
