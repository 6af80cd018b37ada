"""Makes the Parquet file of this folder, packed with brotli, which Ilk reads and does not write.

Needs pyarrow; run it here. The file is committed, so that tests need no Python.
"""

import pyarrow as pa
import pyarrow.parquet as parquet

SHOP = pa.table(
    {
        "other": pa.array([1, 2, 3], pa.date32()),
        "user": pa.array([7, 8, None], pa.int32()),
        "item": ["tea", None, "mug"],
        "weight": pa.array([2.0, -1.5, None], pa.float64()),
        "time": pa.array([1, None, -1], pa.timestamp("ms")),
        "label": pa.array(["Green tea", None, "Mug"]).dictionary_encode(),
    }
)

parquet.write_table(SHOP, "shop-brotli.parquet", compression="brotli", row_group_size=2)
