// What the program that serves this page says and does, where it is `ilk explore`; a static host is
// asked nothing.
import type { DataSource, SimilarityJob } from "ilk-wasm";
import type { OpenFile } from "../state/files";
import type { Explored } from "./explored";

/** The requested full run. */
export interface Wish {
  columns: Partial<DataSource>;
  job: SimilarityJob;
}

/** A stage of the full run. */
export interface Stage {
  name: string;
  /** 0 to 1, where it is known. */
  done: number | null;
  /** What came of it, once it is over. */
  message: string | null;
  seconds: number | null;
}

/** The state of the full run. */
export interface Batch {
  state: "running" | "done" | "cancelled" | "failed";
  wish: Wish;
  command: string;
  out: string;
  seconds: number;
  stages: Stage[];
  notes: string[];
  error: { message: string; help: string | null } | null;
}

/** Where the program is asked; nothing on a static host. */
export function place(): string | undefined {
  return document.querySelector<HTMLMetaElement>('meta[name="ilk-explore"]')?.content;
}

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(place() + path, options);
  } catch {
    throw new Error("the program that serves this page has stopped: start `ilk explore` again and open the address it prints");
  }
  if (answer.ok) return answer;
  const said = (await answer.json().catch(() => undefined)) as { message?: string } | undefined;
  throw new Error(said?.message ?? `the program responded with status ${answer.status}`);
}

/** Takes the data that the program was started with. */
export async function exploredFile(): Promise<OpenFile> {
  const [setup, sample] = await Promise.all([ask("setup"), ask("sample")]);
  const explored = (await setup.json()) as Explored;
  const bytes = await sample.blob();
  // The name's ending says nothing of the sample, which is Parquet; it is known by its first bytes.
  const file = new File([bytes], explored.name);
  return { name: explored.name, size: bytes.size, origin: { files: [file] }, explored };
}

/** The state of the last run, if one was started. */
export async function lastBatch(): Promise<Batch | null> {
  return (await ask("run")).json() as Promise<Batch | null>;
}

/** Starts the full run. */
export async function beginBatch(wish: Wish): Promise<Batch> {
  const headers = { "Content-Type": "application/json" };
  return (await ask("run", { method: "POST", headers, body: JSON.stringify(wish) })).json() as Promise<Batch>;
}

/** Ends the batch that is under way. */
export async function cancelBatch(): Promise<void> {
  await ask("run", { method: "DELETE" });
}

/** The address of the last batch's report. */
export function reportAddress(): string {
  return `${place()}report`;
}
