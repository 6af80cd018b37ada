//! Results written and read back.

use ilk_core::{
    data::{Ids, TextColumn},
    result::{Catalogue, Neighbour, Neighbours},
};
use ilk_formats::{
    CsvOptions, Error, Formulas, IdStyle, Input, ListQuality, Names, NeighbourRow, OutputFormat,
    OutputPacking, OutputStyle, Packer, Spelling, check_result, has_integer_ids, read_id_list,
    read_items, read_neighbours, write_items, write_neighbours,
};

use crate::tools::source;

fn neighbours() -> Neighbours {
    let neighbour = |code, score, overlap| Neighbour { code, score, overlap };
    let mut neighbours = Neighbours::new();
    neighbours.push([neighbour(2, 0.5, 3), neighbour(1, 1.0 / 3.0, 2)]);
    neighbours.push([]);
    neighbours.push([neighbour(0, 1e-7, 1)]);
    neighbours
}

fn catalogue(ids: Ids) -> Catalogue {
    Catalogue { ids, labels: None, supports: vec![5, 4, 3], target: None }
}

fn labelled() -> Catalogue {
    let labels = TextColumn {
        codes: vec![1, TextColumn::NULL, 0],
        dictionary: ["Mug, \"blue\"", "Grün\ntee"].into_iter().collect(),
        untyped: false,
    };
    Catalogue {
        labels: Some(labels),
        ..catalogue(Ids::Text(["a,b", "c", "z\"z"].into_iter().collect()))
    }
}

fn write(format: OutputFormat, catalogue: &Catalogue) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_neighbours(format, &mut bytes, catalogue, &neighbours()).unwrap();
    bytes
}

fn rows(style: impl Into<OutputStyle>, bytes: &[u8], item: Option<&str>) -> Vec<NeighbourRow> {
    let mut rows = Vec::new();
    let source = source(&format!("out.{}", style.into()), bytes);
    read_neighbours(source, item, &mut |row| {
        rows.push(row);
        Ok::<_, Error>(())
    })
    .unwrap();
    rows
}

#[test]
fn ids_spelled_as_text_are_those_of_a_catalogue_of_text() {
    let spelling = Spelling { ids: IdStyle::Text, ..Spelling::default() };
    let lists = [ListQuality::default(); 3];
    for ids in [
        Ids::Integer(vec![i64::MIN, -7, 12]),
        Ids::Unsigned(vec![0, 9, u64::MAX]),
        Ids::Text(["-7", "0", "ü"].into_iter().collect()),
    ] {
        let text = (0..3).map(|code| ids.display(code)).collect();
        let labels = labelled().labels;
        let as_text = Catalogue { labels: labels.clone(), ..catalogue(Ids::Text(text)) };
        let as_read = Catalogue { labels, ..catalogue(ids) };
        let spelled = Names::new(&as_read, spelling);
        for format in OutputFormat::ALL {
            let mut bytes = Vec::new();
            write_neighbours(*format, &mut bytes, spelled, &neighbours()).unwrap();
            assert_eq!(bytes, write(*format, &as_text), "{format}");
            let (mut items, mut expected) = (Vec::new(), Vec::new());
            write_items(*format, &mut items, spelled, &lists).unwrap();
            write_items(*format, &mut expected, &as_text, &lists).unwrap();
            assert_eq!(items, expected, "{format}");
        }
    }
}

#[test]
fn only_text_of_csv_is_kept_from_being_a_formula() {
    let labels = TextColumn {
        codes: vec![0, TextColumn::NULL, 1],
        dictionary: ["=1", "tea"].into_iter().collect(),
        untyped: false,
    };
    let integers = Catalogue { labels: Some(labels), ..catalogue(Ids::Integer(vec![-1, 2, 3])) };
    let formulas = Formulas::Prefixed;
    let write_as = |format, ids| {
        let (spelling, mut bytes) = (Spelling { ids, formulas }, Vec::new());
        let names = Names::new(&integers, spelling);
        write_items(format, &mut bytes, names, &[ListQuality::default(); 3]).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    for ids in [IdStyle::AsRead, IdStyle::Text] {
        let csv = write_as(OutputFormat::Csv, ids);
        assert!(csv.contains("\n-1,'=1,5,0,0\n2,,4,0,0\n3,tea,3,0,0\n"), "{csv}");
        assert!(write_as(OutputFormat::JsonLines, ids).contains("\"=1\""));
    }
    let texts = catalogue(Ids::Text(["+1", "@", "b"].into_iter().collect()));
    let mut bytes = Vec::new();
    let names = Names::new(&texts, Spelling { formulas, ..Spelling::default() });
    write_neighbours(OutputFormat::Csv, &mut bytes, names, &neighbours()).unwrap();
    let csv = String::from_utf8(bytes).unwrap();
    assert!(csv.contains("\n'+1,b,1,") && csv.contains("\n'+1,'@,2,"), "{csv}");
}

#[test]
fn every_format_gives_back_what_was_written() {
    for format in OutputFormat::ALL {
        for ids in [
            Ids::Integer(vec![i64::MIN, 7, (1 << 53) + 1]),
            Ids::Unsigned(vec![0, 7, u64::MAX]),
            Ids::Text(["00123", "é", "👍"].into_iter().collect()),
        ] {
            let catalogue = catalogue(ids);
            let id = |code| catalogue.ids.display(code).into_owned();
            let bytes = write(*format, &catalogue);
            let found = rows(*format, &bytes, None);
            let expected = [(0, 2, 1, 0.5, 3), (0, 1, 2, 1.0 / 3.0, 2), (2, 0, 1, 1e-7, 1)].map(
                |(item, neighbour, rank, score, overlap)| NeighbourRow {
                    item: id(item),
                    neighbour: id(neighbour),
                    rank,
                    score,
                    overlap,
                    ..NeighbourRow::default()
                },
            );
            assert_eq!(found, expected, "{format}");
            assert_eq!(rows(*format, &bytes, Some(&id(2))), expected[2..], "{format}");
            assert_eq!(rows(*format, &bytes, Some(&id(1))), [], "{format}");
            assert_eq!(rows(*format, &bytes, Some("nothing")), [], "{format}");
        }
    }
}

/// Text as it may be packed.
const PACKED: [OutputStyle; 4] = {
    const fn style(format: OutputFormat, packing: OutputPacking) -> OutputStyle {
        OutputStyle { format, packing }
    }
    [
        style(OutputFormat::Csv, OutputPacking::Gzip),
        style(OutputFormat::Csv, OutputPacking::Zstd),
        style(OutputFormat::JsonLines, OutputPacking::Gzip),
        style(OutputFormat::JsonLines, OutputPacking::Zstd),
    ]
};

fn pack(style: OutputStyle, catalogue: &Catalogue) -> Vec<u8> {
    let mut packer = Packer::new(Vec::new(), style.packing).unwrap();
    write_neighbours(style.format, &mut packer, catalogue, &neighbours()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn packed_text_gives_back_what_was_written_and_is_the_same_each_time() {
    for style in PACKED {
        let bytes = pack(style, &labelled());
        assert_eq!(bytes, pack(style, &labelled()), "{style}");
        let plain = write(style.format, &labelled());
        assert_eq!(rows(style, &bytes, None), rows(style.format, &plain, None), "{style}");
        assert_eq!(rows(style, &bytes, Some("z\"z")).len(), 1, "{style}");
        let name = format!("out.{style}");
        assert!(check_result(source(&name, &*bytes)).is_ok(), "{style}");
        let mut items = 0;
        read_items(source(&name, &*bytes), &mut |_, _| {
            items += 1;
            Ok::<_, Error>(())
        })
        .unwrap();
        assert_eq!(items, 2, "{style}");
        // A bit that flipped is found by the checksum.
        let mut damaged = bytes;
        let place = damaged.len() - 10;
        damaged[place] ^= 4;
        let read = read_neighbours(source(&name, damaged), None, &mut |_| Ok::<_, Error>(()));
        assert!(read.is_err(), "{style}");
    }
}

#[test]
fn gzip_says_neither_when_nor_where_it_was_written() {
    let bytes = pack(PACKED[0], &labelled());
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

#[test]
fn failures_of_the_place_come_through_packed() {
    for style in PACKED {
        let written = Packer::new(Full(10), style.packing).and_then(|mut packer| {
            write_neighbours(style.format, &mut packer, &labelled(), &neighbours())?;
            packer.finish().map(drop)
        });
        let Err(Error::Write { source }) = written else { panic!("{style} fits") };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{style}");
    }
}

#[test]
fn the_kind_of_ids_is_known_in_every_format() {
    let of = |style: OutputStyle, ids| {
        let source = source(&format!("out.{style}"), pack(style, &catalogue(ids)));
        has_integer_ids(source).unwrap()
    };
    let plain = OutputFormat::ALL.iter().map(|format| OutputStyle::from(*format));
    for style in plain.chain(PACKED) {
        assert!(of(style, Ids::Integer(vec![i64::MIN, 7, (1 << 53) + 1])), "{style}");
        assert!(of(style, Ids::Unsigned(vec![0, 7, u64::MAX])), "{style}");
        let texts = ["7", "8", "009"].into_iter().collect();
        assert!(!of(style, Ids::Text(texts)), "{style}");
    }
}

#[test]
fn labels_stand_beside_items() {
    for format in OutputFormat::ALL {
        let bytes = write(*format, &labelled());
        let found = rows(*format, &bytes, Some("a,b"));
        assert_eq!(found[0].item_label.as_deref(), Some("Grün\ntee"), "{format}");
        assert_eq!(found[0].neighbour_label.as_deref(), Some("Mug, \"blue\""), "{format}");
        assert_eq!(found[1].neighbour_label, None, "{format}");
        let mut items = Vec::new();
        let table = source(&format!("out.{format}"), bytes);
        read_items(table, &mut |item, label| {
            items.push((item.to_owned(), label.map(String::from)));
            Ok::<_, Error>(())
        })
        .unwrap();
        let expected = [("a,b", Some("Grün\ntee")), ("z\"z", Some("Mug, \"blue\""))];
        assert_eq!(items, expected.map(|(item, label)| (item.to_owned(), label.map(String::from))));
    }
}

#[test]
fn text_formats_are_as_people_expect_them() {
    let text = |format| String::from_utf8(write(format, &labelled())).unwrap();
    insta::assert_snapshot!(text(OutputFormat::Csv), @r#"
    item,neighbour,rank,score,overlap,item_label,neighbour_label
    "a,b","z""z",1,0.5,3,"Grün
    tee","Mug, ""blue"""
    "a,b",c,2,0.33333334,2,"Grün
    tee",
    "z""z","a,b",1,0.0000001,1,"Mug, ""blue""","Grün
    tee"
    "#);
    insta::assert_snapshot!(text(OutputFormat::JsonLines), @r#"
    {"item":"a,b","neighbour":"z\"z","rank":1,"score":0.5,"overlap":3,"item_label":"Grün\ntee","neighbour_label":"Mug, \"blue\""}
    {"item":"a,b","neighbour":"c","rank":2,"score":0.33333334,"overlap":2,"item_label":"Grün\ntee","neighbour_label":null}
    {"item":"z\"z","neighbour":"a,b","rank":1,"score":0.0000001,"overlap":1,"item_label":"Mug, \"blue\"","neighbour_label":"Grün\ntee"}
    "#);
    let mut items = Vec::new();
    let list = |neighbours, one_user_share| ListQuality { neighbours, one_user_share };
    let lists = [list(4, 0.25), list(0, 0.0), list(1, 1.0)];
    write_items(OutputFormat::Csv, &mut items, &labelled(), &lists).unwrap();
    insta::assert_snapshot!(String::from_utf8(items).unwrap(), @r#"
    item,label,support,neighbours,one_user_share
    "a,b","Grün
    tee",5,4,0.25
    c,,4,0,0
    "z""z","Mug, ""blue""",3,1,1
    "#);
    let mut items = Vec::new();
    let integers = catalogue(Ids::Integer(vec![1, 2, 3]));
    write_items(OutputFormat::JsonLines, &mut items, &integers, &lists).unwrap();
    insta::assert_snapshot!(String::from_utf8(items).unwrap(), @r#"
    {"item":1,"support":5,"neighbours":4,"one_user_share":0.25}
    {"item":2,"support":4,"neighbours":0,"one_user_share":0}
    {"item":3,"support":3,"neighbours":1,"one_user_share":1}
    "#);
}

#[test]
fn the_columns_have_the_types_of_the_contract() {
    let schema = |ids| {
        let bytes = write(OutputFormat::Parquet, &catalogue(ids));
        let input = Input::open(source("out.parquet", bytes), &CsvOptions::default()).unwrap();
        let columns = input.schema().columns.iter();
        columns.map(|c| format!("{} {}", c.name, c.type_name)).collect::<Vec<_>>().join(", ")
    };
    insta::assert_snapshot!(schema(Ids::Integer(vec![1, 2, 3])), @"item 64-bit integers, neighbour 64-bit integers, rank 32-bit integers, score 32-bit floats, overlap 64-bit integers");
    insta::assert_snapshot!(schema(Ids::Unsigned(vec![1, 2, u64::MAX])), @"item unsigned 64-bit integers, neighbour unsigned 64-bit integers, rank 32-bit integers, score 32-bit floats, overlap 64-bit integers");
}

#[test]
fn the_same_result_gives_the_same_bytes() {
    for format in OutputFormat::ALL {
        let bytes = write(*format, &labelled());
        assert_eq!(bytes, write(*format, &labelled()));
    }
    let bytes = write(OutputFormat::Parquet, &labelled());
    let footer = parquet::file::metadata::ParquetMetaDataReader::new();
    let metadata = footer.parse_and_finish(&bytes::Bytes::from(bytes)).unwrap();
    assert_eq!(metadata.file_metadata().created_by(), Some("ilk"));
    let notes = metadata.file_metadata().key_value_metadata().unwrap();
    assert_eq!(notes.iter().map(|note| &*note.key).collect::<Vec<_>>(), ["ilk.crc32"]);
}

#[test]
fn empty_results_are_tables_without_rows() {
    for format in OutputFormat::ALL {
        let mut bytes = Vec::new();
        let catalogue = Catalogue {
            ids: Ids::Integer(Vec::new()),
            labels: None,
            supports: Vec::new(),
            target: None,
        };
        write_neighbours(*format, &mut bytes, &catalogue, &Neighbours::new()).unwrap();
        assert_eq!(rows(*format, &bytes, None), []);
    }
}

#[test]
fn batches_and_row_groups_are_bounded() {
    let items = 30_000;
    let mut result = Neighbours::new();
    for item in 0..items {
        let neighbour = |n| Neighbour { code: (item + n) % items, score: 1.0, overlap: n };
        result.push((1..=40).map(neighbour));
    }
    let written = |ids, labels| {
        let supports = vec![1; items as usize];
        let catalogue = Catalogue { ids, labels, supports, target: None };
        let mut bytes = Vec::new();
        write_neighbours(OutputFormat::Parquet, &mut bytes, &catalogue, &result).unwrap();
        bytes
    };
    let groups = |bytes: &[u8]| {
        let source = source("out.parquet", bytes.to_vec());
        let input = Input::open(source, &CsvOptions::default()).unwrap();
        input.parts().iter().map(|part| part.rows.unwrap()).collect::<Vec<_>>()
    };
    let numbers = written(Ids::Integer((0..items.into()).collect()), None);
    assert_eq!(groups(&numbers), [1 << 20, 1_200_000 - (1 << 20)]);
    // 12 B of text in a row: 11 batches of 65,536 rows are the first with 8 MiB.
    let text = Ids::Text((0..items).map(|item| format!("{item:06}")).collect());
    let text = written(text, None);
    assert_eq!(groups(&text), [11 << 16, 1_200_000 - (11 << 16)]);
    for item in ["000000", "018022", "029999"] {
        assert_eq!(rows(OutputFormat::Parquet, &text, Some(item)).len(), 40, "{item}");
    }
    let dictionary = (0..items).map(|item| format!("{item:300}")).collect();
    let labels = TextColumn { dictionary, codes: (0..items).collect(), untyped: false };
    let named = written(Ids::Integer((0..items.into()).collect()), Some(labels));
    let longest = groups(&named).into_iter().max().unwrap();
    assert!(((8 << 20) / 600..(10 << 20) / 600).contains(&longest), "{longest}");
}

/// A place that can take so many bytes.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn failures_of_the_place_written_to_come_through() {
    for format in OutputFormat::ALL {
        for room in [0, 10] {
            let error = write_neighbours(*format, Full(room), &labelled(), &neighbours());
            let Err(Error::Write { source }) = error else { panic!("{format} fits {room}") };
            assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{format}");
        }
    }
}

#[test]
fn lists_of_ids_are_read_from_any_table_or_lines() {
    let list = |name: &str, bytes: &[u8]| {
        let list = read_id_list(source(name, bytes), "item").unwrap();
        list.iter().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(list("a.txt", b"tea\n mug \r\n\ntea\na,b\n"), ["tea", " mug ", "a,b"]);
    assert_eq!(list("a.txt", b"item\ntea\n"), ["tea"]);
    assert_eq!(list("a.csv", b"n,item\n1,tea\n2,\n3,mug\n"), ["tea", "mug"]);
    assert_eq!(list("a.csv", b"id,n\ntea,1\n"), ["tea"]);
    assert_eq!(list("a.csv", b"tea\nmug\n"), ["tea", "mug"]);
    assert_eq!(list("a.txt", b""), Vec::<String>::new());
    let bytes = write(OutputFormat::Parquet, &catalogue(Ids::Unsigned(vec![1, 2, u64::MAX])));
    assert_eq!(list("a.parquet", &bytes), ["1", "18446744073709551615"]);
    let by_name = read_id_list(source("a.parquet", bytes), "neighbour").unwrap();
    assert_eq!(by_name.len(), 3);
    let bytes = write(OutputFormat::Arrow, &labelled());
    assert_eq!(list("a.arrow", &bytes), ["a,b", "z\"z"]);
    assert!(read_id_list(source("a.parquet", "x"), "item").is_err());
}
