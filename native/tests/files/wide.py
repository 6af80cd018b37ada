"""Makes `wide.json`: files with one field of 1.5 GiB, packed, as the pieces that they are put together of:
`python3 native/tests/files/wide.py`.

Of each: bytes to begin with, bytes of 16 MiB of `x` that stand there 96 times, and bytes to end with.
Packers take members one after the other; a ZIP archive has one member, of blocks.
"""

import bz2
import gzip
import json
import lzma
import pathlib
import struct
import subprocess
import zlib

TIMES = 96
FILLER = b"x" * (16 << 20)
ROWS = [(user, item) for user in range(1, 6) for item in "ab"]


def csv():
    rows = "".join(f"{user},{item}\n" for user, item in ROWS)
    return f'user,item\n{rows}9,"'.encode(), f'"\n{rows}'.encode()


def jsonl():
    rows = "".join(json.dumps({"user": user, "item": item}) + "\n" for user, item in ROWS)
    return f'{rows}{{"user": 9, "item": "'.encode(), f'"}}\n{rows}'.encode()


def zst(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def archive(name, head, tail):
    """A ZIP archive as the three pieces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    blocks = []
    for data, how in [(head, zlib.Z_FULL_FLUSH), (FILLER, zlib.Z_FULL_FLUSH), (tail, zlib.Z_FINISH)]:
        blocks.append(packer.compress(data) + packer.flush(how))
    check = zlib.crc32(head)
    for _ in range(TIMES):
        check = zlib.crc32(FILLER, check)
    check = zlib.crc32(tail, check)
    packed = len(blocks[0]) + TIMES * len(blocks[1]) + len(blocks[2])
    size = len(head) + TIMES * len(FILLER) + len(tail)
    numbers = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, check, packed, size, len(name), 0)
    begin = b"PK\x03\x04" + numbers + name.encode()
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + numbers + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name.encode()
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(begin) + packed, 0)
    return [begin + blocks[0], blocks[1], blocks[2] + entry + end]


PACKERS = {"gz": lambda data: gzip.compress(data, mtime=0), "zst": zst, "bz2": bz2.compress, "xz": lzma.compress}
CONTENTS = {"csv": csv(), "jsonl": jsonl()}
files = {}
for ending, pack in PACKERS.items():
    files[ending] = {"filler": pack(FILLER).hex()}
    files[ending] |= {name: [pack(data).hex() for data in content] for name, content in CONTENTS.items()}
files["zip"] = {}
for name, content in CONTENTS.items():
    begin, filler, end = archive(f"wide.{name}", *content)
    files["zip"] |= {"filler": filler.hex(), name: [begin.hex(), end.hex()]}
here = pathlib.Path(__file__).parent
(here / "wide.json").write_text(json.dumps(files, indent=1) + "\n")
