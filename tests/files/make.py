"""Makes the files of this folder, and what is to be read of each: `python3 tests/files/make.py`.

`cases.json` lists the cases: a file, the settings it is read with (spelled as in a job file), and
either the rows that are to come out, how many records are to be set aside as unreadable and how many
rows as without a user or item, or words of the refusal.
"""

import gzip
import io
import json
import pathlib
import tarfile

HERE = pathlib.Path(__file__).parent
CASES = []


def case(name, content, rows=None, unreadable=0, null=0, refusal=None, **settings):
    """Writes a file and notes what is to come of it; settings without columns are user and item."""
    if content is not None:
        content = content if isinstance(content, bytes) else content.encode()
        path = HERE / "csv" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    settings = {"user": "user", "item": "item"} | settings
    made = {"file": f"csv/{name}", "settings": settings}
    if refusal is None:
        made |= {"rows": [list(row) for row in rows], "unreadable": unreadable, "null": null}
    else:
        made |= {"refusal": refusal}
    CASES.append(made)


def pairs(count, start=1):
    """Rows of users and items."""
    return [(f"u{row}", f"i{row % 5}") for row in range(start, start + count)]


def lines(rows, delimiter=",", end="\n"):
    return "".join(delimiter.join(row) + end for row in rows)


def text(rows, delimiter=",", end="\n"):
    """A file with a header."""
    return lines([("user", "item")], delimiter, end) + lines(rows, delimiter, end)


def tar(name, data):
    """An archive of one file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as made:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        made.addfile(member, io.BytesIO(data))
    return archive.getvalue()


TEN = pairs(10)

# Line ends and the ends of files.
case("plain.csv", text(TEN), TEN)
case("crlf.csv", text(TEN, end="\r\n"), TEN)
case("cr.csv", text(TEN, end="\r"), TEN)
case("no-last-line-end.csv", text(TEN).rstrip("\n"), TEN)
case("empty-lines.csv", text(TEN).replace("u4", "\n\nu4") + "\n\n", TEN)
case("ctrl-z.csv", text(TEN, end="\r\n") + "\x1a", TEN, unreadable=1)
case("empty.csv", "", refusal="empty")
case("only-header.csv", "user,item\n", [])

case("crcrlf.csv", text(TEN, end="\r\r\n"), refusal="convert its line ends")
case("mixed-line-ends.csv", text(TEN[:5], end="\r\n") + lines(TEN[5:]), TEN)
case("cr-with-breaks.csv", "user,item\r" + "".join(f'{u},"a\n{i}"\r' for u, i in TEN), [(u, f"a\n{i}") for u, i in TEN])
case("lone-cr.csv", text(TEN).replace("i0\nu6", "i0\ru6"), [row for row in TEN if row[0] not in ("u5", "u6")], unreadable=1)
case("ctrl-z-line.csv", text(TEN, end="\r\n") + "\x1a\r\n", TEN, unreadable=1)
case("zeros-after.csv", text(TEN) + "\0" * 512, refusal="zero bytes")

# Delimiters.
for name, delimiter in [
    ("semicolon.csv", ";"),
    ("tab.tsv", "\t"),
    ("pipe.csv", "|"),
    ("double-pipe.csv", "||"),
    ("colons.csv", "::"),
    ("caret.csv", "^"),
    ("tilde.csv", "~"),
    ("x01.csv", "\x01"),
]:
    case(name, text(TEN, delimiter), TEN)
case("decimal-comma.csv", "user;item;price\n" + "".join(f"{u};{i};1,{n}\n" for n, (u, i) in enumerate(TEN)), TEN)
case("delimiter-given.csv", text(TEN, "%%"), TEN, delimiter="%%")
case("ratings.csv", lines([(u, i, "5", "978300760") for u, i in TEN], "::"), TEN, user="1", item="2", no_header=True)
case("hive.csv", lines([(u, i, "x") for u, i in TEN], "\x01"), TEN, user="1", item="2", no_header=True, delimiter="\\x01")
case("escaped-delimiter.csv", "user,item\n" + "".join(f"{u},{i}\\, x\n" for u, i in TEN), refusal="--escape")
case("escaped-delimiter.csv", None, [(u, f"{i}, x") for u, i in TEN], escape="\\")
case("tab-utf-16.tsv", b"\xfe\xff" + text(TEN, "\t", "\r").encode("utf-16-be"), TEN)
case("semicolon-1252.csv", text([(u, f"€{i}") for u, i in TEN], ";", "\r\n").encode("cp1252"), [(u, f"€{i}") for u, i in TEN], encoding="windows-1252")
case("space.csv", text(TEN, " "), refusal="delimiter")
case("space-given.csv", text(TEN, " "), TEN, delimiter="space")

# Before the header and after the rows.
case("excel-sep.csv", "sep=;\r\n" + text(TEN, ";", "\r\n"), TEN)
case("excel-sep-mark.csv", b"\xef\xbb\xbfsep=;\r\n" + text(TEN, ";", "\r\n").encode(), TEN)
case("excel-sep-quoted.csv", '"sep=;"\r\n' + text(TEN, ";", "\r\n"), TEN)
case("excel-sep-tab.csv", "sep=\t\r\n" + text(TEN, "\t", "\r\n"), TEN)
case("excel-sep-utf-16.csv", ("sep=;\r\n" + text(TEN, ";", "\r\n")).encode("utf-16"), TEN)
case("excel-sep-wrong.csv", "sep=;\n" + text(TEN), refusal="is the delimiter right?")
case("mark-again.csv", b"\xef\xbb\xbf" + text(TEN[:5]).encode() + b"\xef\xbb\xbf" + text(TEN[5:]).encode(), TEN, unreadable=1)
case("mark-twice.csv", b"\xef\xbb\xbf" * 2 + text(TEN).encode(), TEN)
case("query-footer.csv", "user,item,n\n" + "".join(f"{u},{i},1\n" for u, i in TEN) + "\n(10 rows)\n", TEN, unreadable=1)
case("merge-marks.csv", text(TEN[:5]) + "<<<<<<< HEAD\n" + lines(TEN[5:8]) + "=======\n" + lines(TEN[8:]) + ">>>>>>> other\n", TEN, unreadable=3)
case("names-twice.csv", "user,item,x,x\n" + "".join(f"{u},{i},a,b\n" for u, i in TEN), TEN)
case("item-twice.csv", "user,item,item\n" + "".join(f"{u},{i},b\n" for u, i in TEN), refusal="columns named")
case("names-quoted.csv", '"user","item"\n' + lines(TEN), TEN)
case("last-name-empty.csv", "user,item,\n" + "".join(f"{u},{i},\n" for u, i in TEN), TEN)
case("name-of-no-width.csv", "user\u200b,item\n" + lines(TEN), refusal="did you mean")
case("markdown.csv", "| user | item |\n|---|---|\n" + "".join(f"| {u} | {i} |\n" for u, i in TEN), refusal="did you mean ` user `")
case("web-page.csv", "<html><body>Not found</body></html>\n", refusal="web page")
case("lfs-pointer.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", refusal="git lfs pull")
case("database.csv", b"SQLite format 3\0" + bytes(100), refusal="SQLite")
case("preamble.csv", "Report of sales\nMade on,2026-01-31\n\n" + text(TEN), TEN)
case("skip-lines.csv", "a,b\nc,d\n" + text(TEN), TEN, skip_lines=2)
case("footer.csv", text(TEN) + "Total: 10\n", TEN, unreadable=1)
case("comments.csv", "# made by hand\n" + text(TEN[:5]) + "# more\n" + lines(TEN[5:]), TEN, comment="#")
case("header-again.csv", text(TEN[:5]) + text(TEN[5:]), TEN, unreadable=1)
case("header-twice.csv", "user,item\n" + text(TEN), refusal="twice")
case("header-reordered.csv", text(TEN[:5]) + "item,user\n" + lines([(i, u) for u, i in TEN[5:]]), refusal="in another order")
case("pandas-index.csv", ",user,item\n" + lines([(str(n), u, i) for n, (u, i) in enumerate(TEN)]), TEN)
case("all-quoted.csv", b"\xef\xbb\xbf" + b"".join(f'"{u}","{i}"\r\n'.encode() for u, i in [("user", "item"), *TEN]), TEN)
case("postgres-copy.tsv", text(TEN, "\t") + "\\.\n", TEN, unreadable=1)
case("no-header.csv", lines(TEN), refusal="no column `user`")
case("no-header-said.csv", lines(TEN), TEN, user="1", item="2", no_header=True)
case("header-short.csv", "user,item\n" + lines([(u, i, "") for u, i in TEN]), refusal="header has 2 names, rows have 3 fields")
case("row-numbers.csv", "user,item\n" + lines([(str(n + 1), u, i) for n, (u, i) in enumerate(TEN)]), TEN)

# Quotes.
quoted = [(f"u{n}", f'S {n}"') for n in range(10)]
case("spark-escapes.csv", "user,item\n" + "".join(f'{u},"S {n}\\""\n' for n, (u, _) in enumerate(quoted)), quoted)
case("doubled-quotes.csv", "user,item\n" + "".join(f'{u},"S {n}"""\n' for n, (u, _) in enumerate(quoted)), quoted)
weird = [(f"u{n}", '"Weird Al" Yankovic' if n % 3 == 0 else "Weird Al Yankovic") for n in range(12)]
case("literal-quotes.tsv", text(weird, "\t"), weird)
case("single-quotes.csv", "user,item\n" + "".join(f"'{u}','{i}, x'\n" for u, i in TEN), [(u, f"{i}, x") for u, i in TEN])
long = pairs(2_000)
unclosed = text(long).replace("\nu3,i3\n", '\nu3,"i3\n', 1)
case("unclosed-quote.csv", unclosed, [row for row in long if row[0] != "u3"], unreadable=1)
meant = [(f"u{n}", "one\ntwo" if n == 4 else f"i{n}") for n in range(10)]
case("line-break-in-quotes.csv", "user,item\n" + "".join(f'{u},"{i}"\n' for u, i in meant), meant)
stray = "user,item,count\n" + "".join(
    f'{u},{chr(34) if n in (30, 60) else ""}{i},{n}\n' for n, (u, i) in enumerate(long[:200])
)
some = [row for n, row in enumerate(long[:200]) if n not in (30, 60)]
case("stray-quotes.csv", stray, some, unreadable=2)

# Records that are too short, too long, or not what they should be.
case("ragged.csv", text(TEN[:5]) + "u,i,more\nless\n" + lines(TEN[5:]), TEN, unreadable=2)
case("dropped-empties.csv", "user,item,note\n" + "".join(f"{u},{i}{'' if n == 7 else ','}\n" for n, (u, i) in enumerate(TEN)), [row for n, row in enumerate(TEN) if n != 7], unreadable=1)
case("mostly-wrong.csv", text(TEN) + "one\ntwo\n" * 6, refusal="cannot be read", delimiter=",")
huge = text(TEN[:5]).encode() + b'u,"' + b"x" * (3 << 20) + b'"\n' + lines(TEN[5:]).encode()
case("huge-field.csv.gz", gzip.compress(huge, mtime=0), TEN, unreadable=1)
long = text(TEN[:5]) + "u," + "x" * 2_000 + "\n" + lines(TEN[5:])
case("long-field.csv", long, TEN[:5] + [("u", "x" * 2_000)] + TEN[5:])
case("long-field.csv", None, TEN, unreadable=1, max_record_size="1KiB")

case("zeros-after.csv.gz", gzip.compress(text(TEN).encode(), mtime=0) + bytes(100), TEN)
case("members.csv.gz", gzip.compress(text(TEN[:5]).encode(), mtime=0) + gzip.compress(lines(TEN[5:]).encode(), mtime=0), TEN)
case("packed-twice.csv.gz", gzip.compress(gzip.compress(text(TEN).encode(), mtime=0), mtime=0), refusal="packed twice")
case("tar.csv.gz", gzip.compress(tar("a.csv", text(TEN).encode()), mtime=0), refusal="tar archive")
case("parquet.csv.gz", gzip.compress(b"PAR1" + bytes(200) + b"PAR1", mtime=0), refusal="compressed Parquet")
case("empty.csv.gz", gzip.compress(b"", mtime=0), refusal="empty")
case("utf-16.csv.gz", gzip.compress(text(TEN).encode("utf-16"), mtime=0), TEN)
case("not-gzip.csv.gz", text(TEN), refusal="gzip name")

# Encodings.
names = [("José", "naïve"), ("Zoë", "crème")] * 5
case("utf-8-mark.csv", b"\xef\xbb\xbf" + text(names).encode(), names)
case("utf-16-le.csv", b"\xff\xfe" + text(names).encode("utf-16-le"), names)
case("utf-16-be.csv", b"\xfe\xff" + text(names).encode("utf-16-be"), names)
case("utf-16-unmarked.csv", text(names).encode("utf-16-le"), refusal="--encoding utf-16")
case("utf-16-said.csv", text(names).encode("utf-16-le"), names, encoding="utf-16")
case("utf-32.csv", text(names).encode("utf-32"), refusal="UTF-32")
case("half-character.csv", text(TEN).encode("utf-16") + "u,".encode("utf-16-le") + b"\x00\xd8\n\x00", TEN, unreadable=1)
case("line-break-utf-16.csv", ("user,item\n" + "".join(f'{u},"a\n{i}"\n' for u, i in TEN)).encode("utf-16"), [(u, f"a\n{i}") for u, i in TEN])
case("latin-1.csv", text(names).encode("latin-1"), names, encoding="latin-1")
euros = [("10 €", "“x”"), ("5 €", "y…")] * 5
case("windows-1252.csv", text(euros).encode("cp1252"), euros, encoding="windows-1252")
case("bad-label.csv", b"user,item,label\nu1,i1,tea\nu2,i1,t\xe9a\n", [("u1", "i1"), ("u2", "i1")], item_label="label")

# JSON.
def objects(rows):
    return "".join(json.dumps({"user": u, "item": i}) + "\n" for u, i in rows)


case("mark.jsonl", b"\xef\xbb\xbf" + objects(TEN).encode(), TEN)
case("objects.csv", objects(TEN), refusal="--input-format jsonl")
case("utf-16.jsonl", objects(TEN).encode("utf-16"), refusal="JSON in UTF-16")
case("latin-1.jsonl", objects(names).encode().decode("unicode_escape").encode("latin-1"), refusal="not UTF-8")
case("text-sequence.json", "".join("\x1e" + line + "\n" for line in objects(TEN).splitlines()), refusal="text sequence")
case("no-number.jsonl", objects(TEN) + '{"user": NaN, "item": "a"}\n', TEN, unreadable=1)
case("crlf.jsonl", objects(TEN).replace("\n", "\r\n"), TEN)
case("two-on-a-line.jsonl", objects(TEN) + objects(TEN[:2]).replace("\n", "") + "\n", TEN, unreadable=1)
case("commas.jsonl", objects(TEN[:9]) + objects(TEN[9:]).replace("\n", ",\n"), TEN[:9], unreadable=1)
case("float-ids.jsonl", '{"user": 1.0, "item": "a"}\n{"user": 2.0, "item": "b"}\n', [("1", "a"), ("2", "b")])
case("big-ids.jsonl", "".join(f'{{"user": {2**53 + n}, "item": "a"}}\n' for n in range(3)), [(str(2**53 + n), "a") for n in range(3)])
case("rounded-ids.jsonl", f'{{"user": {2**53 + 1}.0, "item": "a"}}\n', refusal="to which other IDs round")
case("kinds.jsonl", objects(TEN) + '{"user": 7, "item": "a"}\n', TEN, unreadable=1)

# Nulls.
nulls = [("NULL", "i1"), ("u2", "i2"), ("u3", "NULL"), ("\\N", "i4")] + TEN
case("nulls.csv", text(nulls), nulls)

# Settings that do not fit the file.
case("delimiter-wrong.csv", text(TEN), refusal="its delimiter seems to be", delimiter=";")
case("delimiter-in-rows.csv", text([(f"u {n}", i) for n, (_, i) in enumerate(TEN)]), refusal="its delimiter seems to be", delimiter=" ")
case("skip-lines-too-many.csv", text(TEN), refusal="leave --skip-lines out", skip_lines=3)
case("no-header-wrong.csv", text(TEN), refusal="leave --no-header out", no_header=True)
case("mark-of-another.csv", "\ufeff" + text(TEN), refusal="byte order mark of utf-8", encoding="windows-1252")
case("utf-16-wrong.csv", text(TEN), refusal="holds no zero byte", encoding="utf-16")
case("column-1252.csv", ("käufer,ware\n" + lines(TEN)).encode("cp1252"), refusal="give --encoding windows-1252", user="käufer", item="ware")
case("column-utf-8.csv", "käufer,ware\n" + lines(TEN), refusal="leave --encoding out", user="käufer", item="ware", encoding="latin-1")

case("nulls.csv", None, [("u2", "i2"), ("\\N", "i4")] + TEN, null=2, null_texts=["NULL"])
case("nulls.csv", None, [("u2", "i2")] + TEN, null=3, null_texts=["NULL", "\\N"])

# Numbers: the integers of one file are those of the other.
case("jan.csv", "user,item\n1,10\n2,20\n2,10\n", [("1", "10"), ("2", "20"), ("2", "10")])
case("feb.csv", "user,item\n1.0,10\n3.00,20\n3.0,10\n", [("1.0", "10"), ("3.00", "20"), ("3.0", "10")])

for made in CASES:
    texts = made["settings"].pop("null_texts", None)
    if texts is not None:
        made["settings"]["null"] = texts
(HERE / "cases.json").write_text(json.dumps(CASES, indent=1, ensure_ascii=False) + "\n")
