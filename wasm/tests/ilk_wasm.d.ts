/* tslint:disable */
/* eslint-disable */
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
    /** Delimiter of CSV files; found by itself where absent. */
    delimiter?: string;
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
    | "setting" | "column" | "damaged" | "unsupported" | "empty" | "read" | "input" | "ids"
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
     * Never.
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
     * Never.
     */
    step(milliseconds: number): Progress;
    /**
     * Says what the work is; arranges the matrix first if that is still to do.
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
     */
    addBytes(name: string, bytes: Uint8Array): void;
    /**
     * Adds a file of `size` bytes that `read` gives slice by slice, at once and not by promise:
     * in a worker with `FileReaderSync`, in Node with `fs.readSync`.
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
     * Says how many rows the files have, how many fit into memory, and which sample does. Reads
     * the first rows.
     *
     * # Errors
     * For settings that cannot be, and files that cannot be read.
     */
    estimate(request: ReadRequest): Estimate;
    /**
     * Says what the files are and which columns they have, with a guess which is which. Reads
     * the schemas only.
     *
     * # Errors
     * For files that cannot be read, or none.
     */
    inspect(separator?: string | null): Inspection;
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
     * Says why two items are alike, or why not: what the pair is made of, what every measure
     * makes of it, who contributes most, and what would change its rank. `users`: how many of
     * those who contribute to name; default 10.
     *
     * # Errors
     * If there is no such item.
     */
    explain(item: string, neighbour: string, users?: number | null): Explanation;
    /**
     * Writes the table of items: id, label, support.
     *
     * # Errors
     * For another format, or where the writer of Parquet cannot be fetched.
     */
    exportItems(format: OutputFormat): Uint8Array;
    /**
     * Writes the table of neighbours as `ilk run` does: `parquet`, `csv`, `jsonl` or `arrow`.
     *
     * # Errors
     * For another format, or where the writer of Parquet cannot be fetched.
     */
    export(format: OutputFormat): Uint8Array;
    /**
     * Returns the item with this id; `undefined` where there is none.
     *
     * # Errors
     * Never.
     */
    find(id: string): ItemRecord | undefined;
    /**
     * Returns the ids of items by their codes, or of all.
     */
    ids(codes?: Uint32Array | number[] | null): string[];
    /**
     * Returns the item with this code.
     *
     * # Errors
     * If there is no such code.
     */
    item(code: number): ItemRecord;
    /**
     * Returns the neighbours of the item with this id, best first.
     *
     * # Errors
     * If there is no such item.
     */
    of(id: string): NeighbourRecord[];
    /**
     * Returns the most popular items whose id or label holds `text`, in any case of letters; of
     * an empty text, the most popular ones.
     *
     * # Errors
     * Never.
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
    readonly climb_step: (a: number, b: number) => [number, number, number];
    readonly comparison_finish: (a: number) => [number, number, number];
    readonly comparison_step: (a: number, b: number) => [number, number, number];
    readonly comparison_work: (a: number) => [number, number, number];
    readonly data_compare: (a: number, b: any) => [number, number, number];
    readonly data_ladder: (a: number, b: any) => [number, number, number];
    readonly data_rows: (a: number) => [number, number, number];
    readonly data_sample: (a: number, b: any) => [number, number, number];
    readonly data_shape: (a: number, b: any) => [number, number, number];
    readonly files_addBytes: (a: number, b: number, c: number, d: any) => void;
    readonly files_addReader: (a: number, b: number, c: number, d: number, e: any) => void;
    readonly files_demo: () => number;
    readonly files_demoRequest: () => [number, number, number];
    readonly files_estimate: (a: number, b: any) => [number, number, number];
    readonly files_inspect: (a: number, b: number, c: number) => [number, number, number];
    readonly files_new: () => number;
    readonly files_read: (a: number, b: any) => [number, number, number];
    readonly kernel: () => [number, number];
    readonly memoryInUse: () => number;
    readonly memoryLimit: () => number;
    readonly neighbours_columns: (a: number) => any;
    readonly neighbours_explain: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number];
    readonly neighbours_export: (a: number, b: number, c: number) => [number, number, number];
    readonly neighbours_exportItems: (a: number, b: number, c: number) => [number, number, number];
    readonly neighbours_find: (a: number, b: number, c: number) => [number, number, number];
    readonly neighbours_ids: (a: number, b: number, c: number) => [number, number];
    readonly neighbours_item: (a: number, b: number) => [number, number, number];
    readonly neighbours_items: (a: number) => number;
    readonly neighbours_length: (a: number) => number;
    readonly neighbours_of: (a: number, b: number, c: number) => [number, number, number];
    readonly neighbours_search: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly neighbours_supports: (a: number) => any;
    readonly reading_finish: (a: number) => [number, number, number];
    readonly reading_step: (a: number, b: number) => [number, number, number];
    readonly setMemoryLimit: (a: number) => [number, number];
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
