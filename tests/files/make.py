"""Makes the files of this folder, and what is to be read of each: `python3 tests/files/make.py`.

`cases.json` lists the cases: a file, the settings it is read with (spelled as in a job file), and
either the rows that are to come out, how many records are to be set aside as unreadable and how many
rows as without a user or item, or words of the refusal.
"""

import gzip
import json
import pathlib

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
case("space.csv", text(TEN, " "), refusal="delimiter")
case("space-given.csv", text(TEN, " "), TEN, delimiter="space")

# Before the header and after the rows.
case("excel-sep.csv", "sep=;\r\n" + text(TEN, ";", "\r\n"), TEN)
case("preamble.csv", "Report of sales\nMade on,2026-01-31\n\n" + text(TEN), TEN)
case("skip-lines.csv", "a,b\nc,d\n" + text(TEN), TEN, skip_lines=2)
case("footer.csv", text(TEN) + "Total: 10\n", TEN, unreadable=1)
case("comments.csv", "# made by hand\n" + text(TEN[:5]) + "# more\n" + lines(TEN[5:]), TEN, comment="#")
case("header-again.csv", text(TEN[:5]) + text(TEN[5:]), TEN, unreadable=1)
case("header-twice.csv", "user,item\n" + text(TEN), refusal="twice")
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

# Encodings.
names = [("José", "naïve"), ("Zoë", "crème")] * 5
case("utf-8-mark.csv", b"\xef\xbb\xbf" + text(names).encode(), names)
case("utf-16-le.csv", b"\xff\xfe" + text(names).encode("utf-16-le"), names)
case("utf-16-be.csv", b"\xfe\xff" + text(names).encode("utf-16-be"), names)
case("utf-16-unmarked.csv", text(names).encode("utf-16-le"), refusal="--encoding utf-16")
case("utf-16-said.csv", text(names).encode("utf-16-le"), names, encoding="utf-16")
case("utf-32.csv", text(names).encode("utf-32"), refusal="UTF-32")
case("latin-1.csv", text(names).encode("latin-1"), names, encoding="latin-1")
euros = [("10 €", "“x”"), ("5 €", "y…")] * 5
case("windows-1252.csv", text(euros).encode("cp1252"), euros, encoding="windows-1252")
case("bad-label.csv", b"user,item,label\nu1,i1,tea\nu2,i1,t\xe9a\n", [("u1", "i1"), ("u2", "i1")], item_label="label")

# Nulls.
nulls = [("NULL", "i1"), ("u2", "i2"), ("u3", "NULL"), ("\\N", "i4")] + TEN
case("nulls.csv", text(nulls), nulls)
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
