"""Computes neighbours with one peer and prints, as a line of JSON, what each part took.

    python peers.py PEER FILE.parquet OUT.parquet --user COLUMN --item COLUMN
        [--weighting binary|tfidf|bm25] [-k 50] [--threads 2]

Reads the interactions of FILE, each counting once, and writes the table item, neighbour, score to
OUT. With binary or tfidf weights scores are cosines, with bm25 dot products: the definitions of
implicit's recommenders. Everything from the users x items matrix to the top k is the peer's
computing, as turning and weighting the matrix is part of ilk's.
"""

import time

STARTED = time.perf_counter()

import os

# Threads are the peers' own; those of BLAS would only stand in their way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import importlib
import json
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp


def implicit(matrix, weighting, top, threads):
    from implicit import nearest_neighbours as peer

    recommender = {
        "binary": peer.CosineRecommender,
        "tfidf": peer.TFIDFRecommender,
        "bm25": peer.BM25Recommender,
    }[weighting](K=top + 1, num_threads=threads)
    recommender.fit(matrix, show_progress=False)
    return recommender.similarity


def similaripy(matrix, weighting, top, threads):
    import similaripy as peer

    items = weighted(matrix, weighting)
    similarity = peer.dot_product if weighting == "bm25" else peer.cosine
    return similarity(items, k=top + 1, num_threads=threads, verbose=False, format_output="csr")


def sparse_dot_topn(matrix, weighting, top, threads):
    from sparse_dot_topn import sp_matmul_topn

    return times_transposed(sp_matmul_topn, matrix, weighting, top, threads)


def sp_matmul_rs(matrix, weighting, top, threads):
    from sp_matmul_rs import sp_matmul_topn

    return times_transposed(sp_matmul_topn, matrix, weighting, top, threads)


def times_transposed(multiply, matrix, weighting, top, threads):
    """The top of items x items, by one of two libraries with the same interface."""
    items = weighted(matrix, weighting)
    if weighting != "bm25":
        norms = np.sqrt(np.bincount(rows(items), items.data.astype(np.float64) ** 2))
        items.data /= np.repeat(np.where(norms == 0, 1, norms), np.diff(items.indptr))
    return multiply(items, items.T.tocsr(), top_n=top + 1, n_threads=threads, sort=True)


def weighted(matrix, weighting):
    """The matrix items x users with the weights of implicit, in single precision."""
    items = matrix.T.tocsr()
    if weighting == "binary":
        return items
    count = items.shape[0]
    idf = np.log(count) - np.log1p(np.bincount(items.indices, minlength=items.shape[1]))
    values = idf[items.indices]
    if weighting == "bm25":
        saturation, slope = 1.2, 0.75
        lengths = np.diff(items.indptr)
        damping = 1 - slope + slope * lengths / lengths.mean()
        values *= (saturation + 1) / (saturation * np.repeat(damping, lengths) + 1)
    return sp.csr_matrix((values.astype(np.float32), items.indices, items.indptr), items.shape)


def rows(matrix):
    """The row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


class Spark:
    """Spark in local mode: it reads, computes and writes in a process of its own."""

    def __init__(self, threads):
        from pyspark.sql import SparkSession

        # Its workers would otherwise be whichever Python comes first.
        os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = SparkSession.builder.master(f"local[{threads}]")
        for key, value in {
            "spark.driver.memory": "8g",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": str(4 * threads),
        }.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.process = self.session.sparkContext._gateway.proc.pid

    def usage(self):
        """CPU seconds and peak MiB of Spark's process."""
        with open(f"/proc/{self.process}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        with open(f"/proc/{self.process}/status") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return cpu, int(peak.split()[1]) / 1024

    def load(self, arguments):
        from pyspark.mllib.linalg import Vectors
        from pyspark.mllib.linalg.distributed import RowMatrix

        matrix, names = load(arguments)
        size = matrix.shape[1]
        vectors = [
            Vectors.sparse(size, matrix.indices[start:end], matrix.data[start:end])
            for start, end in zip(matrix.indptr, matrix.indptr[1:])
        ]
        lines = self.session.sparkContext.parallelize(vectors).cache()
        lines.count()
        return RowMatrix(lines, len(vectors), size), names

    def compute(self, matrix, top):
        from pyspark.mllib.common import callMLlibFunc
        from pyspark.sql import Window
        from pyspark.sql import functions as f

        pairs = matrix.columnSimilarities()
        # The table itself: pairs would otherwise pass through Python one by one.
        upper = callMLlibFunc("getMatrixEntries", pairs._java_matrix_wrapper._java_model)
        lower = upper.select(f.col("j").alias("i"), f.col("i").alias("j"), "value")
        best = Window.partitionBy("i").orderBy(f.desc("value"), "j")
        both = upper.union(lower).withColumn("rank", f.row_number().over(best))
        found = both.where(f.col("rank") <= top).toPandas()
        shape = (matrix.numCols(), matrix.numCols())
        return sp.coo_matrix((found["value"], (found["i"], found["j"])), shape)


class IlkOnSpark(Spark):
    """ilk's own tiles on Spark in local mode: it reads, computes and writes as a cluster does."""

    def load(self, arguments):
        frame = self.session.read.parquet(arguments.file).select(arguments.user, arguments.item)
        frame.count()
        return frame, arguments

    def compute(self, frame, arguments):
        from ilk_plugin.spark import similar_items

        self.folder = tempfile.TemporaryDirectory()
        columns = {"user": arguments.user, "item": arguments.item}
        job = {"top": arguments.top}
        found = similar_items(frame, job=job, checkpoint=self.folder.name, **columns)
        self.seconds = json.loads(Path(self.folder.name, "run.json").read_text())["seconds"]
        return found

    def usage(self):
        """Counts what its Python workers have used, too: they live until the end."""
        cpu, peak = super().usage()
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        workers = sum(tree_cpu(child) for child in children(self.process))
        return cpu + workers + (int(fields[13]) + int(fields[14])) / TICKS, peak

    def write(self, found, out):
        pq.write_table(found.select("item", "neighbour", "score").toArrow(), out)
        self.folder.cleanup()


TICKS = os.sysconf("SC_CLK_TCK")


def children(process):
    """The processes that a process began."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def tree_cpu(process):
    """CPU seconds of a process, those it began and those that ended."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS + sum(map(tree_cpu, children(process)))


def load(arguments):
    """Reads the users x items matrix, all ones, and the items' names."""
    columns = [arguments.user, arguments.item]
    table = pq.read_table(arguments.file, columns=columns).drop_null()
    user, item = (table[name].combine_chunks().dictionary_encode() for name in columns)
    users, names = len(user.dictionary), item.dictionary
    at = user.indices.to_numpy(), item.indices.to_numpy()
    del table, user, item
    matrix = sp.csr_matrix((np.ones(len(at[0]), np.float32), at), shape=(users, len(names)))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix, names


def write(similarity, names, top, out):
    """Writes the neighbours without the items themselves."""
    found = similarity.tocoo()
    others = found.row != found.col
    item, neighbour = found.row[others], found.col[others]
    columns = {
        "item": names.take(pa.array(item)),
        "neighbour": names.take(pa.array(neighbour)),
        "score": found.data[others],
    }
    pq.write_table(pa.table(columns), out, compression="zstd")


def own_cpu():
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


PEERS = {
    "implicit": implicit,
    "similaripy": similaripy,
    "sparse_dot_topn": sparse_dot_topn,
    "sp_matmul_rs": sp_matmul_rs,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=[*PEERS, "spark", "ilk_spark"])
    parser.add_argument("file")
    parser.add_argument("out")
    parser.add_argument("--user", required=True)
    parser.add_argument("--item", required=True)
    parser.add_argument("--weighting", choices=["binary", "tfidf", "bm25"], default="binary")
    parser.add_argument("-k", "--top", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    on_spark = arguments.peer in ("spark", "ilk_spark")
    if on_spark:
        if arguments.weighting != "binary":
            parser.error("spark is compared with binary weights only")
        spark = (Spark if arguments.peer == "spark" else IlkOnSpark)(arguments.threads)
        read = spark.load
        cpu = lambda: own_cpu() + spark.usage()[0]
        what = arguments.top if arguments.peer == "spark" else arguments
        compute = lambda matrix: spark.compute(matrix, what)
    else:
        importlib.import_module(arguments.peer)
        read, cpu = load, own_cpu
        options = arguments.weighting, arguments.top, arguments.threads
        compute = lambda matrix: PEERS[arguments.peer](matrix, *options)

    clock = time.perf_counter
    ready = clock()
    matrix, names = read(arguments)
    loaded, cpu_before = clock(), cpu()
    similarity = compute(matrix)
    computed, cpu_after = clock(), cpu()
    if arguments.peer == "ilk_spark":
        spark.write(similarity, arguments.out)
    else:
        write(similarity, names, arguments.top, arguments.out)
    taken = {
        "start": ready - STARTED,
        "load": loaded - ready,
        "compute": computed - loaded,
        "compute_cpu": cpu_after - cpu_before,
        "write": clock() - computed,
    }
    if on_spark:
        taken["peak_mib"] = spark.usage()[1]
    if arguments.peer == "ilk_spark":
        taken["stages"] = spark.seconds
    if on_spark:
        # A session that has worked before has compiled its code and begun its workers.
        begin = clock()
        compute(matrix)
        taken["again"] = clock() - begin
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
