// What holds of the package wherever it runs. `context`: the loaded module, run(), the conformance
// cases, and a way to the files of this folder. Each entry is a name and a function that throws.

const TEXT = new TextEncoder();

function equal(found, expected, what = "") {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what} found ${one}, expected ${other}`);
}

function holds(condition, what) {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

/** Runs what must throw; returns what it threw. */
async function thrown(work) {
  try {
    await work();
  } catch (error) {
    holds(error instanceof Error, `an Error is thrown, not ${error}`);
    return error;
  }
  throw new Error("nothing was thrown");
}

/** Bytes that do not depend on what they are cut into. */
function same(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

const PLAIN = { user: "member", item: "product" };

/** Rows of so many users, each with items of their own and popular ones. */
function csv(users, items = 8) {
  const lines = ["member,product,quantity"];
  for (let user = 0; user < users; user++) {
    for (let place = 0; place < items; place++) {
      const item = place % 2 === 0 ? (user * 7 + place) % 97 : (user + place * place) % 11;
      lines.push(`${user},p${item},${1 + (user % 3)}`);
    }
  }
  return TEXT.encode(lines.join("\n") + "\n");
}

export function suite({ ilk, run, cases, file, reference }) {
  const files = (...parts) => {
    const files = new ilk.Files();
    for (const [name, bytes] of parts) files.addBytes(name, bytes);
    return files;
  };
  const read = (files, request) => run(files.read(request));
  const compare = (data, request) => run(data.compare(request));
  const table = async (name, bytes, request, comparison) => {
    const data = await read(files([name, bytes]), request);
    const found = await compare(data, comparison);
    const text = new TextDecoder().decode(found.export("csv"));
    found.free();
    data.free();
    return text;
  };

  const tests = [];
  const test = (name, body) => tests.push([name, body]);

  test("every conformance case gives exactly the expected table", async () => {
    holds(cases.length >= 40, `${cases.length} cases`);
    for (const { name, source, job, lists, interactions, expected } of cases) {
      const request = { source, job };
      const found = await table("interactions.csv", TEXT.encode(interactions), request, {
        job,
        ...lists,
      });
      equal(found, expected, name);
    }
  });

  test("settings that are not taken are refused by name", async () => {
    for (const name of ["labels", "label", "label_id", "group", "ignore_table_format", "input"]) {
      const source = { ...PLAIN, [name]: "x" };
      const error = await thrown(() => read(files(["rows.csv", csv(3)]), { source }));
      equal(error.code, "setting", name);
      holds(error.message.includes(`\`${name}\``), error.message);
    }
  });

  test("what leaves nothing is named as by the program", async () => {
    const rows = TEXT.encode("member,product\n1,a\n1,b\n2,a\n3,c\n");
    const data = await read(files(["rows.csv", rows]), { source: PLAIN });
    for (const [words, request] of [
      [
        "threshold 2 leaves no neighbours; the highest score of the most popular items is 0.70710677",
        { job: { threshold: 2 } },
      ],
      ["for leaves no neighbours; leave out for to see what there is", { for: ["c"] }],
      ["only: its only ID, `x`, is not in the data;", { only: ["x"] }],
    ]) {
      const error = await thrown(() => compare(data, request));
      equal(error.code, "refused");
      holds(error.message.startsWith(words), error.message);
    }
    data.free();
    const source = { ...PLAIN, where: ["product=x"] };
    const none = await read(files(["rows.csv", rows]), { source });
    const error = await thrown(() => compare(none, {}));
    equal([error.code, error.message], ["refused", "no row is left of 4 (filtered: 4)"]);
    none.free();
  });

  test("the demo gives the bytes that the program writes", async () => {
    const request = ilk.Files.demoRequest();
    const data = await read(ilk.Files.demo(), request);
    const found = await compare(data, { job: request.job });
    holds(same(found.export("parquet"), reference.neighbours), "the neighbours are the same bytes");
    holds(same(found.exportItems("parquet"), reference.items), "the items are the same bytes");
  });

  test("every encoding gives the same table", async () => {
    const names = ["none", "snappy", "zstd", "gzip", "lz4", "brotli"].map((name) => `${name}.parquet`);
    names.push("uncompressed.arrow", "lz4.arrow", "zstd.arrow", "stream.arrows");
    const request = { source: { ...PLAIN, weight: "quantity" } };
    const tables = [];
    for (const name of names) tables.push(await table(name, await file(name), request));
    holds(tables[0].split("\n").length > 3, "there are neighbours");
    tables.forEach((text, place) => equal(text, tables[0], names[place]));
  });

  test("columns are guessed, and files described before they are read", async () => {
    const two = files(["zstd.parquet", await file("zstd.parquet")], ["b.arrow", await file("lz4.arrow")]);
    const inspection = two.inspect();
    equal(inspection.guess.user, "member");
    equal(inspection.guess.item, "product");
    equal(inspection.guess.weight, "quantity");
    equal(inspection.files.map((one) => [one.format, one.rows]), [["Parquet", 13], ["Arrow file", 13]]);
    equal(inspection.columns[0], { name: "member", kind: "integer", type: "64-bit integers" });
  });

  test("rows set aside are counted and shown", async () => {
    const data = await read(files(["zstd.parquet", await file("zstd.parquet")]), {
      source: { ...PLAIN, weight: "quantity" },
    });
    const { rows, kept, setAside } = data.rows();
    equal([rows, kept], [13, 11]);
    equal(setAside.map((one) => [one.reason, one.rows]), [["null_user", 1], ["nonpositive_weight", 1]]);
    equal(setAside[1].first[0], { file: "zstd.parquet", row: 12, user: "12", item: "jam", detail: "-1" });
  });

  test("what may be read otherwise than it is meant is noted", async () => {
    const notes = async (bytes, source) => {
      const data = await read(files(["a.csv", bytes]), { source });
      equal(data.sample({ rate: 1 }).rows().notes, data.rows().notes, "of a sample");
      return data.rows().notes ?? [];
    };
    equal(await notes(csv(3), PLAIN), []);
    // Behind what is looked at first.
    const plain = "1,2\n".repeat(100_000);
    const odd = TEXT.encode(`member,product\n${plain}Jos\u00e9,1\nNULL,1\n`);
    equal(await notes(odd, { ...PLAIN, encoding: "latin-1", time_unit: "ms", decimal: "," }), [
      "source.time_unit has no effect without source.time",
      "source.decimal has no effect without source.weight or source.where",
      "a.csv: 1 text is UTF-8, read as latin-1; leave --encoding out",
      "1 row has the user `NULL`; if that means none, add --null NULL",
    ]);
    const data = await read(files(["a.parquet", await file("zstd.parquet")]), {
      source: { ...PLAIN, delimiter: ";", null: ["x"] },
    });
    equal(data.rows().notes, ["source.delimiter, source.null have no effect on inputs that are not CSV"]);
  });

  test("the shape is that of the job's interactions", async () => {
    const data = await read(files(["a.csv", csv(50)]), { source: PLAIN });
    const shape = data.shape();
    equal(shape.users, 50);
    equal(shape.userDegrees.histogram.reduce((sum, count) => sum + count), 50);
    equal(shape.density, shape.interactions / (shape.users * shape.items));
    holds(data.shape({ max_items_per_user: 3 }).userDegrees.most === 3, "the cap is in force");
    equal(data.shape({ max_items_per_user: 3 }).folding.cappedUsers, 50);
  });

  test("one job after the other on the same data gives what each gives alone", async () => {
    const bytes = csv(200);
    const source = { ...PLAIN, weight: "quantity" };
    const data = await read(files(["a.csv", bytes]), { source });
    const jobs = [{}, { measure: "llr", top: 3 }, { like: "implicit-bm25" }, { of: "users", top: 2 }, {}];
    for (const job of jobs) {
      const found = await compare(data, { job });
      const alone = await table("a.csv", bytes, { source, job }, { job });
      equal(new TextDecoder().decode(found.export("csv")), alone, JSON.stringify(job));
    }
  });

  test("samples are nested, and the same while reading and after it", async () => {
    const bytes = csv(2000);
    const whole = await read(files(["a.csv", bytes]), { source: PLAIN });
    const users = async (data) => {
      const found = await compare(data, { job: { of: "users", top: 1 } });
      return new Set(found.ids());
    };
    const samples = {};
    for (const rate of [0.1, 0.2, 0.5]) {
      const sample = { rate };
      const after = await users(whole.sample(sample));
      const during = await users(await read(files(["a.csv", bytes]), { source: PLAIN, sample }));
      equal([...after], [...during], `rate ${rate}`);
      holds(Math.abs(after.size / 2000 - rate) < 0.05, `${after.size} users at rate ${rate}`);
      samples[rate] = after;
    }
    holds([...samples[0.1]].every((user) => samples[0.2].has(user)), "10 % is inside 20 %");
    const rest = await users(whole.sample({ rate: 0.5, rest: true }));
    equal(rest.size + samples[0.5].size, 2000);
    holds([...rest].every((user) => !samples[0.5].has(user)), "the rest are the others");
    const few = { users: 100 };
    const after = await users(whole.sample(few));
    const during = await users(await read(files(["a.csv", bytes]), { source: PLAIN, sample: few }));
    equal(after.size, 100);
    equal([...after], [...during]);
    holds([...after].every((user) => samples[0.1].has(user)), "the 100 are of the smallest hashes");
  });

  test("exports can be opened again, in every format", async () => {
    const data = await read(files(["a.csv", csv(100)]), { source: PLAIN });
    const found = await compare(data, { job: { top: 5 } });
    for (const [format, name] of [["parquet", "Parquet"], ["arrow", "Arrow file"], ["csv", "CSV"]]) {
      const inspection = files([`x.${format}`, found.export(format)]).inspect();
      equal(inspection.files[0].format, name);
      equal(inspection.columns.map((column) => column.name), ["item", "neighbour", "rank", "score", "overlap"]);
      if (format !== "csv") equal(inspection.files[0].rows, found.length);
    }
    const lines = new TextDecoder().decode(found.export("jsonl")).trimEnd().split("\n");
    equal(lines.length, found.length);
    const first = JSON.parse(lines[0]);
    const items = new TextDecoder().decode(found.exportItems("csv")).split("\n");
    equal(items[0], "item,support,neighbours,one_user_share");
    const list = found.of(first.item);
    equal([list[0].id, list[0].rank, list[0].overlap], [first.neighbour, 1, first.overlap]);
    const columns = found.columns();
    const code = found.find(first.item).code;
    equal(columns.starts.length, found.items + 1);
    equal(columns.codes.length, found.length);
    equal(columns.codes[columns.starts[code]], list[0].code);
    equal(columns.scores[columns.starts[code]], list[0].score);
    equal(found.supports()[code], found.find(first.item).support);
  });

  test("ids of every kind come back from Parquet", async () => {
    for (const ids of [["-3", "12"], ["7", "18446744073709551615"], ["a", "b"]]) {
      const rows = [1, 2].flatMap((user) => ids.map((id) => `${user},${id}`));
      const bytes = TEXT.encode(["member,product", ...rows].join("\n") + "\n");
      const found = await compare(await read(files(["a.csv", bytes]), { source: PLAIN }), {});
      const saved = files(["x.parquet", found.export("parquet")]);
      const again = await compare(await read(saved, { source: { user: "neighbour", item: "item" } }), {});
      equal(again.ids(), ids);
    }
  });

  test("items are found by id, code and text, and explained", async () => {
    const request = ilk.Files.demoRequest();
    const data = await read(ilk.Files.demo(), request);
    const found = await compare(data, { job: request.job });
    const [tent] = found.search("dome TENT", 5);
    equal(tent.label, "Dome tent, 3 persons");
    equal(found.item(tent.code), tent);
    equal(found.find(tent.id), tent);
    equal(found.find("nothing like it"), undefined);
    equal(found.search("", 3).length, 3);
    const [nearest] = found.of(tent.id);
    const why = found.explain(tent.id, nearest.id, 4);
    equal([why.standing, why.rank, why.overlap], ["ranked", 1, nearest.overlap]);
    equal([why.item, why.score], [tent, nearest.score]);
    equal(why.contributions.length, 4);
    equal(why.measures.length, 21);
    equal(found.explain(tent.id, tent.id).standing, "itself");
  });

  test("ids that are numbers may be given as numbers", async () => {
    const bytes = TEXT.encode("member,product\n1,1008\n1,2\n2,1008\n2,9007199254740993\n");
    const found = await compare(await read(files(["a.csv", bytes]), { source: PLAIN }), {});
    equal(found.of(1008), found.of("1008"));
    equal(found.of(1008).map((neighbour) => neighbour.id), ["2", "9007199254740993"]);
    equal(found.find(9007199254740993n).id, "9007199254740993");
    equal(found.explain(1008, 2n).rank, 1);
    const error = await thrown(() => found.of(1009));
    equal([error.code, error.message], ["unknown_item", "there is no item `1009`"]);
  });

  test("neighbours of one item are those it has among all", async () => {
    const data = await read(files(["a.csv", csv(300)]), { source: PLAIN });
    const all = await compare(data, {});
    const one = await compare(data, { for: ["p3"] });
    equal(one.of("p3"), all.of("p3"));
    equal(one.length, all.of("p3").length);
    const comparison = data.compare({ for: ["p3", "p9999"] });
    equal(comparison.work().unknownIds, ["p9999"]);
  });

  test("the ladder climbs nested samples and says what follows for the whole", async () => {
    const data = await read(files(["a.csv", csv(6000, 20)]), { source: PLAIN });
    const job = { measure: "llr", top: 10 };
    const stages = new Set();
    const onProgress = ({ stage, done }) => {
      stages.add(stage);
      holds(done >= 0 && done <= 1, `${done} done`);
    };
    const { rungs, missing, whole, correction, threads, verdict, fits } = await run(data.ladder({ job }), { milliseconds: 0, onProgress });
    equal(stages.delete("climbing"), true);
    stages.delete("calibrating");
    equal(stages.size, 0);
    equal([rungs.map(({ rate }) => rate), missing], [[0.01, 0.1, 0.2, 0.4], []]);
    for (const rung of rungs) {
      const shape = data.sample({ rate: rung.rate }).shape(job);
      equal([rung.users, rung.items, rung.interactions, rung.pairOperations], [shape.users, shape.items, shape.interactions, shape.pairOperations]);
      holds(rung.computedTiles >= 1 && rung.computedTiles <= rung.tiles, `${rung.computedTiles} of ${rung.tiles} tiles`);
      for (const name of ["predictedSeconds", "measuredSeconds", "secondsOfAll", "predictedBytes", "measuredBytes"]) {
        holds(rung[name] > 0 && Number.isFinite(rung[name]), `${name} is ${rung[name]}`);
      }
      // The peak of this rung, not of what else the module holds or held.
      const { measuredBytes, predictedBytes } = rung;
      // Beside what grows with the data, a worker takes some tens of KiB.
      const isNear = measuredBytes > predictedBytes / 2 && measuredBytes < 2 * predictedBytes + 32768;
      holds(isNear, `${measuredBytes} bytes, and ${predictedBytes} predicted`);
    }
    const shape = data.shape(job);
    equal([whole.users, whole.interactions, whole.pairOperations], [shape.users, shape.interactions, shape.pairOperations]);
    // With one thread both are the same sum, added up in another order.
    const { seconds, cpuSeconds, bytes } = whole;
    holds(seconds > 0 && seconds <= cpuSeconds * (1 + 1e-9), `${seconds} s, ${cpuSeconds} CPU s`);
    holds(bytes > rungs[3].predictedBytes, `${bytes} bytes, and ${rungs[3].predictedBytes} of a part`);
    holds(correction > 0 && threads === ilk.threads(), "how it was measured");
    holds(fits === verdict.startsWith("fits: "), verdict);
    const half = await run(data.sample({ rate: 0.5 }).ladder({ job, rate: 0.5 }));
    equal(half.rungs.map(({ users }) => users), [0.005, 0.05, 0.1, 0.2].map((rate) => data.sample({ rate }).shape(job).users), "shares of the sample");
    const tiny = await read(files(["b.csv", csv(1)]), { source: PLAIN });
    const nothing = await run(tiny.ladder());
    equal([nothing.rungs.length + nothing.missing.length, nothing.missing.at(-1).why], [4, "nothing"]);
    const task = data.ladder({ job });
    equal((await thrown(() => task.finish())).code, "unfinished");
    equal((await thrown(() => data.ladder({ job: { measure: "cosinus" } }))).code, "setting");
  });

  test("both kernels give the same", async () => {
    const data = await read(files(["a.csv", csv(3000, 20)]), { source: PLAIN });
    holds(ilk.kernel() === "simd128", `the kernel is ${ilk.kernel()}`);
    const [one, other] = [await compare(data, { kernel: "simd128" }), await compare(data, { kernel: "portable" })];
    holds(same(one.export("parquet"), other.export("parquet")), "the same bytes");
  });

  test("progress rises to its end, and a task can be stopped between steps", async () => {
    const bytes = csv(4000, 20);
    const seen = [];
    const data = await run(files(["a.csv", bytes]).read({ source: PLAIN }), {
      milliseconds: 0,
      onProgress: (progress) => seen.push(progress),
    });
    holds(seen.at(-1).finished && seen.every(({ done }) => done >= 0 && done <= 1), "shares");
    const stop = new AbortController();
    const tiles = [];
    const stopped = await thrown(() =>
      run(data.compare({ job: { measure: "llr" } }), {
        milliseconds: 0,
        signal: stop.signal,
        onProgress: (progress) => {
          tiles.push(progress);
          if (tiles.length === 3) stop.abort(new Error("enough"));
        },
      }),
    );
    equal([stopped.message, tiles.length], ["enough", 3]);
    const again = await compare(data, { job: { measure: "llr" } });
    holds(again.length > 0, "the data can be compared after it");
  });

  test("files are read slice by slice through a function", async () => {
    const bytes = await file("snappy.parquet");
    const asked = [];
    const slow = new ilk.Files();
    slow.addReader("snappy.parquet", bytes.length, (offset, length) => {
      asked.push(length);
      return bytes.slice(offset, offset + length);
    });
    equal((await read(slow, { source: PLAIN })).rows().rows, 13);
    holds(asked.length > 3 && Math.max(...asked) < bytes.length, "never the whole file");
    const gone = new ilk.Files();
    gone.addReader("gone.parquet", 5000, () => {
      throw new Error("the disk is gone");
    });
    const error = await thrown(() => gone.inspect());
    equal([error.code, error.details.file], ["read", "gone.parquet"]);
    holds(error.message.includes("the disk is gone"), error.message);
  });

  test("what is wrong is said with a code, a place and what to do", async () => {
    const parquet = await file("zstd.parquet");
    const open = (name, bytes) => () => files([name, bytes]).inspect();
    const reading = (bytes, request) => () => read(files(["a.csv", TEXT.encode(bytes)]), request);
    const wrong = [
      ["damaged", open("cut.parquet", parquet.slice(0, 900))],
      ["damaged", () => read(files(["bad.parquet", scrambled(parquet)]), { source: PLAIN })],
      ["unsupported", open("table.parquet", TEXT.encode("a,b\n1,2\n"))],
      ["unsupported", open("a.xlsx", TEXT.encode("PK\u0003\u0004 and more"))],
      ["empty", open("a.csv", new Uint8Array())],
      ["no_rows", reading("member,product\n", { source: PLAIN })],
      ["dialect", reading("member,product\n1,2,3,4\n", { source: PLAIN })],
      ["column", reading("member,product\n1,2\n", { source: { user: "membr", item: "product" } })],
      ["setting", reading("member,product\n1,2\n", { source: { item: "product" } })],
      ["setting", reading("member,product\n1,2\n", { sourse: PLAIN })],
      ["setting", reading("member,product\n1,2\n", { source: PLAIN, job: { measure: "cosinus" } })],
      ["setting", reading("member,product\n1,2\n", { source: PLAIN, job: { top: 0 } })],
      ["setting", reading("member,product\n1,2\n", { source: PLAIN, sample: { rate: 2 } })],
      ["setting", reading("member,product\n1,2\n", { source: { ...PLAIN, where: ["nonsense"] } })],
      ["setting", () => new ilk.Files().inspect()],
      ["refused", async () => {
        const data = await reading("member,product,n\n1,2,x\n1,3,1\n", { source: { ...PLAIN, weight: "n" } })();
        data.shape({ max_bad_rows: "1%" });
      }],
      ["ids", () => read(
        files(["a.parquet", parquet], ["b.csv", TEXT.encode("member,product\nanna,tea\n")]),
        { source: PLAIN },
      )],
      ["unknown_item", async () => {
        const found = await compare(await reading("member,product\n1,2\n", { source: PLAIN })());
        found.of("3");
      }],
      ...["of", "find", "explain"].flatMap((method) => [1.5, undefined, null, {}, NaN, 2 ** 60].map((id) => [
        "setting", async () => {
          const found = await compare(await reading("member,product\n1,2\n", { source: PLAIN })());
          found[method](id, id);
        },
      ])),
      ["setting", async () => {
        const found = await compare(await reading("member,product\n1,2\n", { source: PLAIN })());
        found.export(7);
      }],
      ["setting", async () => new ilk.Files().addBytes(7, new Uint8Array())],
      ["unfinished", () => files(["a.csv", csv(3)]).read({ source: PLAIN }).finish()],
      ["setting", async () => {
        const data = await reading("member,product,n\n1,2,1\n", { source: { ...PLAIN, weight: "n" } })();
        data.compare({ job: { negative_weights: "net", duplicates: "sum" } });
      }],
    ];
    const said = [];
    for (const [place, [code, work]] of wrong.entries()) {
      const error = await thrown(work);
      equal(error.code, code, `case ${place} (${error.message}):`);
      equal(typeof error.details, "object");
      holds(!error.details.fatal, error.message);
      said.push(error.message);
    }
    holds(said[7].includes("did you mean `member`?"), said[7]);
    holds(said[9].includes("sourse"), said[9]);
    holds(said.some((text) => text.endsWith('allow more with max_bad_rows: "50%"')), said.join("\n"));
    // The module goes on after all of them.
    equal(await table("a.csv", TEXT.encode("member,product\n1,2\n"), { source: PLAIN }), "item,neighbour,rank,score,overlap\n");
  });

  test("numbers that are none are refused by name, and never end the module", async () => {
    const reader = (size) => new ilk.Files().addReader("a.csv", size, () => new Uint8Array());
    const data = await read(files(["a.csv", csv(20)]), { source: PLAIN });
    const found = await compare(data, {});
    const task = data.compare({});
    const all = [NaN, Infinity, -1, 1.5, 2 ** 53, "3", 3n, {}, true, Symbol("3")];
    const calls = [
      ["size", reader, [undefined, null]],
      ["code", (code) => found.item(code), [undefined, null]],
      ["limit", (limit) => found.search("", limit), [undefined, null]],
      ["users", (users) => found.explain("p1", "p2", users), []],
      ["codes", (code) => found.ids([0, code]), [undefined, null]],
      ["codes", (codes) => found.ids(codes), []],
      ["memoryLimit", (bytes) => ilk.setMemoryLimit(bytes), [undefined, null, 0]],
    ];
    for (const [setting, call, more] of calls) {
      for (const value of [...all, ...more]) {
        const error = await thrown(() => call(value));
        const what = `${setting}, ${String(value)}: ${error.message}`;
        equal([error.code, error.details?.setting], ["setting", setting], what);
        holds(!error.details.fatal && error.message.startsWith(`${setting} is `), what);
      }
    }
    for (const value of [NaN, -1, "3", 3n, {}, undefined, null]) {
      const error = await thrown(() => task.step(value));
      equal([error.code, error.details?.setting], ["setting", "milliseconds"], String(value));
    }
    holds(task.step(Infinity).finished, "a step may take as long as it likes");
    equal((await thrown(() => found.item(4000))).code, "unknown_item");
    equal((await thrown(() => found.ids([0, 4000]))).code, "unknown_item");
    equal(found.ids(new Uint32Array([1])), found.ids([1]));
    equal(found.search("", 2 ** 40).length, found.items);
    equal((await thrown(() => new ilk.Files().addBytes("a", 3))).details.setting, "bytes");
    equal((await thrown(() => new ilk.Files().addReader("a", 3, 3))).details.setting, "read");
    holds((await compare(data, {})).length === found.length, "the module goes on");
  });

  test("numbers among settings are refused with their path", async () => {
    const rows = files(["a.csv", csv(20)]);
    const data = await read(rows, { source: PLAIN });
    const values = [NaN, Infinity, -1, 1.5, 2 ** 53, "3", true, {}, 2n ** 70n];
    const calls = [
      ["top", "job.top", (top) => data.compare({ job: { top } })],
      ["top", "top", (top) => data.shape({ top })],
      ["min_overlap", "job.min_overlap", (min_overlap) => data.ladder({ job: { min_overlap } })],
      ["users", "sample.users", (users) => rows.read({ source: PLAIN, sample: { users } })],
      ["skip_lines", "source.skip_lines", (skip_lines) => rows.estimate({ source: { ...PLAIN, skip_lines } })],
    ];
    for (const [setting, path, call] of calls) {
      for (const value of values) {
        const error = await thrown(() => call(value));
        const what = `${path}, ${String(value)}: ${error.message}`;
        equal(error.code, "setting", what);
        holds(!error.details.fatal, what);
        if (typeof value !== "bigint") {
          equal(error.details.setting, setting, what);
          holds(error.message.startsWith(path), what);
        }
      }
    }
    for (const rate of [NaN, Infinity, -1, 1.5, "0.5", 2n]) {
      for (const call of [() => data.sample({ rate }), () => data.ladder({ rate })]) {
        const error = await thrown(call);
        equal(error.code, "setting", `${String(rate)}: ${error.message}`);
      }
    }
    equal((await thrown(() => data.sample({ users: 0 }))).code, "setting");
    const circle = {};
    circle.job = circle;
    equal((await thrown(() => data.compare(circle))).code, "setting");
    // What JavaScript leaves out is left out.
    equal(data.shape({ top: undefined }).users, 20);
    equal(data.shape({ top: 3n }).users, 20);
  });

  test("what does not fit into memory is refused with the sample that does", async () => {
    const before = ilk.memoryLimit();
    const many = files(["many.csv", csv(60_000)]);
    try {
      ilk.setMemoryLimit(ilk.memoryInUse() + 16e6);
      const estimate = many.estimate({ source: PLAIN });
      holds(!estimate.fits && estimate.rate > 0 && estimate.rate < 1, JSON.stringify(estimate));
      holds(Math.abs(estimate.rows - 480_000) < 48_000, `${estimate.rows} rows`);
      const error = await thrown(() => read(many, { source: PLAIN }));
      equal(error.code, "memory");
      const { rate, rows, fits } = error.details;
      holds(rate > 0 && rate < 1 && fits < rows, error.message);
      holds(error.message.includes("open a sample of"), error.message);
      const offered = await read(many, { source: PLAIN, sample: { rate: estimate.rate } });
      holds(offered.rows().kept > 0, "the estimate's own sample is read");
      offered.free();
      const data = await read(many, { source: PLAIN, sample: { rate } });
      const found = await compare(data, {});
      holds(found.length > 0 && ilk.memoryInUse() < ilk.memoryLimit(), "the sample is worked on");
      found.free();
      data.free();
      const few = await read(many, { source: PLAIN, sample: { users: 500 } });
      equal(few.shape().users, 500);
      few.free();
    } finally {
      ilk.setMemoryLimit(before);
    }
    const error = await thrown(() => ilk.setMemoryLimit(1e12));
    equal(error.code, "setting");
  });

  return tests;
}

/** A file whose pages are damaged but whose footer is whole. */
function scrambled(bytes) {
  const copy = bytes.slice();
  for (let place = 40; place < 400; place++) copy[place] ^= 0x5a;
  return copy;
}
