"""Files of typed formats as other programs write them, for formats/tests/files and the program's
tests: python tests/files/typed.py FOLDER, with pyarrow 26. The same bytes each time."""

import bz2
import datetime as dt
import gzip
import io
import json
import lzma
import pathlib
import struct
import sys
import zipfile

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "typed")

USERS, ITEMS = ["ann", "", "bob", None, "ann"], ["tea", "jam", "", "tea", "jam"]
BASKETS = [["tea", "jam"], [], None, ["tea", None, ""]]


def parquet(name: str, table: pa.Table, **options) -> None:
    pq.write_table(table, FOLDER / name, **options)


def empty_text() -> None:
    table = pa.table({"user": USERS, "item": ITEMS})
    parquet("empty-text.parquet", table)
    feather.write_feather(table, FOLDER / "empty-text.arrow", compression="zstd")
    rows = (json.dumps({"user": u, "item": i}) + "\n" for u, i in zip(USERS, ITEMS))
    (FOLDER / "empty-text.jsonl").write_text("".join(rows))


def times() -> None:
    moments = [dt.datetime(9999, 12, 31), dt.datetime(1816, 3, 29), dt.datetime(2026, 1, 31, 12)]
    table = pa.table({"user": [1, 2, 3], "item": ["a", "b", "c"], "t": moments})
    table = table.set_column(2, "t", table["t"].cast(pa.timestamp("us")))
    # pyarrow's own INT96 does not reach past nanoseconds, so the cells are put in by hand.
    buffer = io.BytesIO()
    pq.write_table(
        table.set_column(2, "t", pa.array([dt.datetime(2000, 1, 1 + n) for n in range(3)])),
        buffer,
        use_deprecated_int96_timestamps=True,
        use_dictionary=False,
        compression="none",
        write_statistics=False,
    )
    data = buffer.getvalue()
    for day, moment in enumerate(moments, 1):
        data = data.replace(int96(dt.datetime(2000, 1, day)), int96(moment))
    (FOLDER / "int96.parquet").write_bytes(data)


def int96(moment: dt.datetime) -> bytes:
    since = moment - dt.datetime(1970, 1, 1)
    nanos = since.seconds * 1_000_000_000 + since.microseconds * 1_000
    return struct.pack("<qi", nanos, since.days + 2_440_588)


def baskets() -> None:
    table = pa.table(
        {
            "user": pa.array([{"id": 1}, {"id": 2}, {"id": 3}, None], pa.struct([("id", pa.int64())])),
            "items": pa.array(BASKETS, pa.list_(pa.string())),
            "codes": pa.array([[1, 2], [], None, [3, None, 4]], pa.large_list(pa.int32())),
            "lines": pa.array(
                [
                    [{"sku": "tea", "n": 2.0}, {"sku": "jam", "n": 1.0}],
                    [],
                    None,
                    [{"sku": "tea", "n": 1.0}, None, {"sku": None, "n": 3.0}],
                ],
                pa.list_(pa.struct([("sku", pa.string()), ("n", pa.float64())])),
            ),
            "short": pa.array([[1], [], [1], [1]], pa.list_(pa.int8())),
            "gift": pa.array([True, False, None, True]),
            "deep": pa.array([[[1]], [], None, [[2]]], pa.list_(pa.list_(pa.int8()))),
            "pair": pa.array([["a", "b"]] * 4, pa.list_(pa.string(), 2)),
        }
    )
    parquet("baskets.parquet", table)
    parquet("baskets-v2.parquet", table, data_page_version="2.0", use_dictionary=False)
    feather.write_feather(table, FOLDER / "baskets.arrow", compression="uncompressed")
    with pa.ipc.new_stream(FOLDER / "baskets.arrows", table.schema) as stream:
        stream.write_table(table)
    plain = table.drop_columns(["deep", "pair"]).to_pylist()
    (FOLDER / "baskets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in plain))


def footers() -> None:
    table = pa.table(
        {
            "user": [1, 2, 3, 4],
            "item": pa.array(["a", None, "b", "a"]),
            "label": pa.array([None] * 4, pa.string()),
            "nothing": pa.nulls(4),
        }
    )
    parquet("all-null.parquet", table)
    # A writer that says that there are no nulls where there is one: its count is the byte after
    # the field that holds it. Thrift's compact form of one is 2.
    buffer = io.BytesIO()
    pq.write_table(table.select(["user", "item"]), buffer, use_dictionary=False, compression="none")
    data = buffer.getvalue()
    counts = [place for place in range(len(data)) if data[place : place + 2] == b"\x36\x02"]
    for place in counts:
        data = data[: place + 1] + b"\x00" + data[place + 2 :]
    (FOLDER / "null-count.parquet").write_bytes(data)
    # An unknown field of the footer: a list of 2^31 - 1 flags, which take no bytes.
    parquet("plain.parquet", table.select(["user", "item"]))
    data = (FOLDER / "plain.parquet").read_bytes()
    length = struct.unpack("<I", data[-8:-4])[0]
    footer = data[-8 - length : -8]
    footer = footer[:-1] + bytes.fromhex("09c801f1ffffffff07") + footer[-1:]
    bomb = data[: -8 - length] + footer + struct.pack("<I", len(footer)) + b"PAR1"
    (FOLDER / "bomb.parquet").write_bytes(bomb)
    # Pages before the file: Thrift spells 46 and 4 as 92 and 8, and -46 and -4 as 91 and 7.
    assert data.count(bytes.fromhex("265c2608")) == 1
    before = data.replace(bytes.fromhex("265c2608"), bytes.fromhex("265b2607"))
    (FOLDER / "negative.parquet").write_bytes(before)


class Keys(pe.KmsClient):
    """Keys that hide nothing."""

    def __init__(self, _):
        super().__init__()

    def wrap_key(self, key, _):
        return key

    def unwrap_key(self, key, _):
        return key


def encrypted() -> None:
    table = pa.table({"user": [1, 2], "item": ["a", "b"], "name": ["Ann", "Bob"]})
    factory = pe.CryptoFactory(Keys)
    kms = pe.KmsConnectionConfig()
    for name, is_plain in [("encrypted-column.parquet", True), ("encrypted.parquet", False)]:
        config = pe.EncryptionConfiguration(
            footer_key="footer", column_keys={"column": ["name"]}, plaintext_footer=is_plain
        )
        properties = factory.file_encryption_properties(kms, config)
        with pq.ParquetWriter(
            FOLDER / name, table.schema, encryption_properties=properties
        ) as writer:
            writer.write_table(table)


def packed() -> None:
    text = b"user,item\n1,tea\n1,jam\n2,tea\n"
    lines = b'{"user":1,"item":"tea"}\n{"user":1,"item":"jam"}\n{"user":2,"item":"tea"}\n'
    (FOLDER / "orders.csv.bz2").write_bytes(bz2.compress(text))
    (FOLDER / "orders.csv.xz").write_bytes(lzma.compress(text))
    (FOLDER / "orders.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
    frame = pa.compress(text, "zstd", asbytes=True)
    skippable = struct.pack("<II", 0x184D2A50, 4) + b"note"
    (FOLDER / "skippable.csv.zst").write_bytes(skippable + frame)
    # A frame that asks for a window of 2 GiB and has one block of plain bytes.
    block = struct.pack("<I", len(text) << 3 | 1)[:3] + text
    window = bytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, (31 - 10) << 3])
    (FOLDER / "window.csv.zst").write_bytes(window + block)
    for name, members in {
        "one.zip": {"orders.csv": text, "__MACOSX/._orders.csv": b"x", "folder/": b""},
        "lines.zip": {"orders.jsonl": lines},
        "two.zip": {"a.csv": text, "b.csv": text},
        "sheet.xlsx.zip": {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<w/>"},
    }.items():
        with zipfile.ZipFile(FOLDER / name, "w") as archive:
            for member, data in members.items():
                info = zipfile.ZipInfo(member)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, data)
    # Names that say nothing: the content does.
    parquet("part-00001", pa.table({"user": [1, 1, 2], "item": ["tea", "jam", "tea"]}))
    (FOLDER / "part-00002").write_bytes(lines)
    (FOLDER / "orders.txt").write_bytes(gzip.compress(text, mtime=0))
    (FOLDER / "array.json").write_text('[\n{"user": 1, "item": "tea"}\n]\n')
    (FOLDER / "pretty.json").write_text('{\n  "user": 1,\n  "item": "tea"\n}\n')


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in [empty_text, times, baskets, footers, encrypted, packed]:
        make()
