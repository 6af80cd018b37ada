"""Makes the files of this folder: the same rows in every encoding that the package opens.

Needs pyarrow; run it here. The files are committed, so that tests need no Python.
"""

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet

ROWS = pa.table(
    {
        "member": pa.array([7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 12, None], pa.int64()),
        "product": ["tea", "cup", "tea", "cup", "tea", "cup", "jam", "tea", "jam", "cup", "jam", "jam", "tea"],
        "quantity": pa.array([1, 2, 1, 1, 3, 1, 2, 1, 1, 5, 1, -1, 1], pa.int32()),
    }
)

for codec in ["none", "snappy", "zstd", "gzip", "lz4", "brotli"]:
    parquet.write_table(ROWS, f"{codec}.parquet", compression=codec, row_group_size=5)
for codec in ["uncompressed", "lz4", "zstd"]:
    feather.write_feather(ROWS, f"{codec}.arrow", compression=codec)
with pa.ipc.new_stream("stream.arrows", ROWS.schema) as stream:
    stream.write_table(ROWS, max_chunksize=5)
