//! What is no table, or no text: told by its first bytes, so that it is refused by its name.

use crate::unpack::Packing;

/// What a file is, and what to do instead of reading it.
type Named = (&'static str, &'static str);

const EXPORT: &str = "export it as CSV, Parquet or Arrow";
const POINTER: &str = "version https://git-lfs.github.com/spec/";

/// First bytes, and whose they are.
const MAGIC: [(&[u8], Named); 14] = [
    (b"Obj\x01", ("an Avro file", EXPORT)),
    (b"SQLite format 3\0", ("an SQLite database", EXPORT)),
    (b"%PDF-", ("a PDF document", "export the table as CSV")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ("an old Excel workbook or Office document", EXPORT)),
    (b"\x89HDF\r\n\x1a\n", ("an HDF5 file", EXPORT)),
    (b"\x93NUMPY", ("a NumPy array", EXPORT)),
    (b"RDX", ("an R data file", EXPORT)),
    (b"7z\xbc\xaf\x27\x1c", ("a 7z archive", "unpack it first")),
    (b"Rar!\x1a\x07", ("a RAR archive", "unpack it first")),
    (b"\x04\x22\x4d\x18", ("packed with LZ4", "unpack it first, or pack it with gzip or zstd")),
    (
        b"\xff\x06\0\0sNaPpY",
        ("packed with Snappy", "unpack it first, or pack it with gzip or zstd"),
    ),
    (b"\x1f\x9d", ("packed with compress", "unpack it first, or pack it with gzip or zstd")),
    (b"\x1f\xa0", ("packed with compress", "unpack it first, or pack it with gzip or zstd")),
    (POINTER.as_bytes(), ("a Git LFS pointer, not the file", "fetch it with `git lfs pull`")),
];

/// Names what begins with `head`, if it is known to be no text.
pub(crate) fn foreign(head: &[u8]) -> Option<Named> {
    // Where an archive of tar names its first member's format.
    if head.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", "unpack it into a folder and name that"));
    }
    if head.starts_with(b"ORC") && head.contains(&0) {
        return Some(("an ORC file", EXPORT));
    }
    let known = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    known.map(|(_, named)| *named)
}

/// Does the same for what was in a packed file.
pub(crate) fn foreign_inside(head: &[u8], packing: Packing) -> Option<Named> {
    if packing == Packing::Plain {
        return foreign(head);
    }
    if head.starts_with(b"PAR1") || head.starts_with(b"ARROW1") {
        return Some(("a compressed Parquet or Arrow file", "unpack it first"));
    }
    match Packing::of_bytes(head) {
        Packing::Plain => foreign(head),
        Packing::Zip => Some(("a ZIP archive or spreadsheet", "unpack it or export it as CSV")),
        _ => Some(("packed twice", "unpack it once")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_foreign() {
        for text in ["user,item\n", "ORC,item\n1,2\n", "version,item\n", "", "{\"user\":1}\n"] {
            assert_eq!(foreign(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn archives_and_pointers_are_named() {
        let mut tar = b"a.csv".to_vec();
        tar.resize(257, 0);
        tar.extend(b"ustar\x0000");
        assert!(foreign(&tar).is_some_and(|(found, _)| found == "a tar archive"));
        let inside = |head: &[u8]| foreign_inside(head, Packing::Gzip).map(|(found, _)| found);
        assert_eq!(inside(&[0x1f, 0x8b, 8]), Some("packed twice"));
        assert_eq!(inside(b"PAR1"), Some("a compressed Parquet or Arrow file"));
        assert_eq!(inside(&tar), Some("a tar archive"));
        let pointer = foreign(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n");
        assert_eq!(pointer.map(|(found, _)| found), Some("a Git LFS pointer, not the file"));
    }
}
