// What the program says of the data that it was started with.
import type { DataSource, SimilarityJob } from "ilk-wasm";

/** The lists: items allowed as neighbours, items excluded, and items to find neighbours for. */
export type ListName = "only" | "exclude" | "for";

/** A list of items. */
export interface List {
  files: string[];
  ids: string[];
}

/** The data that the program was started with, of which a sample is here. */
export interface Explored {
  /** What people call it. */
  name: string;
  /** As on the command line. */
  inputs: string[];
  where: string[];
  delimiter: string | null;
  columns: Partial<DataSource>;
  /** Settings of the job, as people wrote them. */
  job: SimilarityJob;
  /** Lists of items, by the flag that they were given with. */
  lists: Partial<Record<ListName, List>>;
  /** Share of the users that are here. */
  rate: number;
  /** Rows of everybody. */
  rows: number;
  sampledRows: number;
  /** Rows that are in no sample. */
  left: { unreadable: number; ofNobody: number };
  /** So many users were asked for. */
  users: number | null;
}
