// Compiled and not run: what people write must have the types they expect.
import {
  addFile,
  load,
  run,
  type Data,
  type Explanation,
  type IlkError,
  type Ilk,
  type ItemRecord,
  type LadderReport,
  type NeighbourRecord,
  type Neighbours,
  type Progress,
  type ReadRequest,
  type Shape,
  type SimilarityJob,
} from "../pkg/index.js";
import { addPath } from "../pkg/node.js";

export async function everything(file: File, signal: AbortSignal): Promise<string> {
  const ilk: Ilk = await load({ threads: 2 });
  const files = new ilk.Files();
  addFile(files, file);
  const close: () => void = addPath(files, "orders.parquet");
  const { guess, columns } = files.inspect();
  const kind: "integer" | "text" | string = columns[0]?.kind ?? "other";
  const request: ReadRequest = {
    source: { user: guess.user ?? "", item: guess.item ?? "", where: ["quantity>0"] },
    sample: { rate: 0.1 },
  };
  const fits: boolean = files.estimate(request).fits;
  const data: Data = await run(files.read(request), {
    signal,
    onProgress: ({ stage, done, finished }: Progress) => void [stage, done, finished],
  });
  close();
  const job: SimilarityJob = { measure: "llr", top: 20, min_overlap: 3 };
  const shape: Shape = data.shape(job);
  const half: Data = data.sample({ rate: 0.5, rest: true });
  const neighbours: Neighbours = await run(half.compare({ job, exclude: ["bag"] }));
  const list: NeighbourRecord[] = neighbours.of("tent");
  const item: ItemRecord | undefined = neighbours.find("tent");
  const why: Explanation = neighbours.explain("tent", list[0]?.id ?? "");
  const { rungs, whole, verdict }: LadderReport = await run(data.ladder({ job, rate: 0.1 }));
  const cost: number = whole.seconds + (rungs[0]?.secondsOfAll ?? 0) + verdict.length;
  const scores: Float32Array = neighbours.columns().scores;
  const bytes: Uint8Array = neighbours.export("parquet");
  try {
    ilk.setMemoryLimit(1e9);
  } catch (error) {
    const { code, details } = error as IlkError;
    if (code === "memory") return `a sample of ${details.rate}`;
  }
  return [kind, fits, shape.users, cost, item?.label, why.standing, scores.length, bytes.length].join();
}

// @ts-expect-error: a measure that is none
export const wrong: SimilarityJob = { measure: "cosinus" };
