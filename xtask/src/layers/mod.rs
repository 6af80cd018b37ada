//! `cargo xtask check-layers`: which file of a crate may import which.
//!
//! Two rules, both read off the code's own paths. No file imports another one that imports it, by
//! however many steps; and between the parts of a crate (the files and folders beside its root)
//! arrows go only where `xtask/layers.toml` has them.

mod graph;
mod scan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use self::graph::{Arrow, Crate};
use crate::workspace::Workspace;

/// Where the table is, from the root.
const TABLE: &str = "xtask/layers.toml";

/// The table of layers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// For each crate its parts, and the parts that each may import.
    crates: BTreeMap<String, Parts>,
    /// Circles that are one thing in several files.
    #[serde(default)]
    circle: Vec<Circle>,
}

type Parts = BTreeMap<String, Vec<String>>;

/// A circle that may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Circle {
    /// Its files, from the workspace's root.
    files: BTreeSet<String>,
    /// Why they are one thing.
    reason: String,
}

/// A crate of the workspace: its files by their names from the root, and its arrows.
struct Map {
    name: String,
    files: Vec<String>,
    /// The part of each file.
    parts: Vec<String>,
    arrows: Vec<Arrow>,
}

/// Prints the arrows between the parts of a crate as the table would have them.
///
/// # Errors
/// Where a file cannot be read.
pub(crate) fn print(workspace: &Workspace) -> Result<()> {
    for map in maps(workspace)? {
        println!("[crates.{}]", map.name);
        for (part, imported) in map.between() {
            println!("{part} = [{}]", imported.join(", "));
        }
        println!();
    }
    Ok(())
}

/// Checks every crate of the workspace.
///
/// # Errors
/// Names every circle and every arrow that runs against the table.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let text = fs::read_to_string(workspace.root.join(TABLE)).context(TABLE)?;
    let table: Table = toml::from_str(&text).context(TABLE)?;
    let maps = maps(workspace)?;
    let violations = violations(&table, &maps);
    if !violations.is_empty() {
        bail!("imports run against {TABLE}:\n  {}", violations.join("\n  "));
    }
    let sum = |count: fn(&Map) -> usize| maps.iter().map(count).sum::<usize>();
    let circles = match table.circle.len() {
        0 => "no circle".to_owned(),
        listed => format!("no circle but the {listed} listed"),
    };
    let (files, arrows) = (sum(|map| map.files.len()), sum(|map| map.arrows.len()));
    println!("{files} files, {arrows} imports between files: {circles}; layers as in {TABLE}");
    Ok(())
}

/// Reads every library and program of the workspace.
fn maps(workspace: &Workspace) -> Result<Vec<Map>> {
    let mut maps = Vec::new();
    for package in workspace.members()? {
        for target in package.targets.iter().filter(|target| {
            target.is_bin() || target.is_lib() || target.is_cdylib() || target.is_rlib()
        }) {
            let root = Path::new(&target.src_path);
            let root = root.strip_prefix(&workspace.root).unwrap_or(root);
            let read = |file: &Path| fs::read_to_string(workspace.root.join(file)).ok();
            maps.push(Map::read(&package.name, root, &read)?);
        }
    }
    Ok(maps)
}

impl Map {
    fn read(name: &str, root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Result<Self> {
        let found = Crate::read(root, read).with_context(|| name.to_owned())?;
        let folder = root.parent().context("a root in a folder")?;
        let part = |file: &std::path::PathBuf| {
            let inner = file.strip_prefix(folder).unwrap_or(file);
            let first = inner.iter().next().map_or(inner, Path::new);
            first.with_extension("").display().to_string()
        };
        Ok(Self {
            name: name.to_owned(),
            parts: found.files.iter().map(part).collect(),
            files: found.files.iter().map(|file| file.display().to_string()).collect(),
            arrows: found.arrows(),
        })
    }
}

impl Map {
    /// Which parts each part imports, but for the root; those without imports first, then those above.
    fn between(&self) -> Vec<(String, Vec<String>)> {
        let mut imported = BTreeMap::<&str, BTreeSet<&str>>::new();
        for part in self.parts.iter().skip(1) {
            imported.entry(part).or_default();
        }
        for arrow in self.arrows.iter().filter(|arrow| arrow.from != 0) {
            let (from, to) = (&self.parts[arrow.from], &self.parts[arrow.to]);
            if from != to {
                imported.entry(from).or_default().insert(to);
            }
        }
        let mut floors = Vec::new();
        while !imported.is_empty() {
            let is_lowest =
                |parts: &BTreeSet<&str>| parts.iter().all(|one| !imported.contains_key(one));
            let next = imported.iter().find(|(_, parts)| is_lowest(parts));
            // In a circle no part comes before the others.
            let next = next.or_else(|| imported.iter().next());
            let Some(part) = next.map(|(part, _)| *part) else { break };
            let quoted = imported[part].iter().map(|one| format!("\"{one}\"")).collect();
            floors.push((part.to_owned(), quoted));
            imported.remove(part);
        }
        floors
    }
}

/// Lists the violations of the rules, one a line.
fn violations(table: &Table, maps: &[Map]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut met = BTreeSet::new();
    for map in maps {
        for circle in graph::circles(map.files.len(), &map.arrows) {
            let files = circle.iter().map(|&file| map.files[file].clone()).collect::<BTreeSet<_>>();
            match table.circle.iter().position(|listed| listed.files == files) {
                Some(place) => drop(met.insert(place)),
                None => lines.push(told(map, &circle)),
            }
        }
        if let Some(parts) = table.crates.get(&map.name) {
            lines.extend(against(map, parts));
        }
    }
    for (place, circle) in table.circle.iter().enumerate() {
        let files = circle.files.iter().cloned().collect::<Vec<_>>().join(", ");
        if !met.contains(&place) {
            lines.push(format!("{TABLE} lists a circle that does not exist: {files}"));
        }
        if circle.reason.is_empty() {
            lines.push(format!("{TABLE} gives no reason for a circle: {files}"));
        }
    }
    let strangers = table.crates.keys().filter(|name| maps.iter().all(|map| map.name != **name));
    lines.extend(
        strangers.map(|name| format!("{TABLE} has layers of {name}, which is not a crate")),
    );
    lines
}

/// A circle in words: its arrows, each with a line that says so.
fn told(map: &Map, circle: &BTreeSet<usize>) -> String {
    let inner = map
        .arrows
        .iter()
        .filter(|arrow| circle.contains(&arrow.from) && circle.contains(&arrow.to));
    let arrows = inner
        .map(|arrow| {
            format!("{}:{} imports {}", map.files[arrow.from], arrow.line, map.files[arrow.to])
        })
        .collect::<Vec<_>>();
    format!("{}: a circle of {} files:\n    {}", map.name, circle.len(), arrows.join("\n    "))
}

/// What runs against a crate's parts.
fn against(map: &Map, parts: &Parts) -> Vec<String> {
    let name = &map.name;
    let there: BTreeSet<_> = map.parts.iter().map(String::as_str).collect();
    let root = map.parts.first().map_or("", String::as_str);
    let mut lines = Vec::new();
    for part in there.iter().filter(|part| **part != root && !parts.contains_key(**part)) {
        lines.push(format!("{name}: `{part}` has no line in {TABLE}"));
    }
    for (part, imported) in parts {
        for one in [part].into_iter().chain(imported) {
            if !there.contains(one.as_str()) {
                lines.push(format!("{name}: {TABLE} names `{one}`, which is not a part of it"));
            }
        }
        if leads_back(parts, part) {
            lines.push(format!("{name}: {TABLE} lets `{part}` import itself by way of others"));
        }
    }
    for arrow in &map.arrows {
        let (from, to) = (&map.parts[arrow.from], &map.parts[arrow.to]);
        let is_listed = parts.get(from).is_none_or(|imported| imported.contains(to));
        if from != to && from != root && !is_listed {
            lines.push(format!(
                "{}:{} imports {}: `{from}` may not import `{to}`",
                map.files[arrow.from], arrow.line, map.files[arrow.to]
            ));
        }
    }
    lines
}

/// Returns true if the table's own arrows lead from a part back to it.
fn leads_back(parts: &Parts, start: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(part) = open.pop() {
        for next in parts.get(part).into_iter().flatten() {
            if next == start {
                return true;
            }
            if seen.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate made of these files.
    fn map(files: &[(&str, &str)]) -> Map {
        let read = |file: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == file);
            found.map(|(_, text)| (*text).to_owned())
        };
        Map::read("made-up", Path::new(files[0].0), &read).expect("a crate")
    }

    fn table(text: &str) -> Table {
        toml::from_str(text).expect("a table")
    }

    fn complaints(files: &[(&str, &str)], text: &str) -> Vec<String> {
        violations(&table(text), &[map(files)])
    }

    /// `low` and `high`, with these texts.
    fn two(low: &'static str, high: &'static str) -> [(&'static str, &'static str); 3] {
        [("src/lib.rs", "mod low; mod high;"), ("src/low.rs", low), ("src/high.rs", high)]
    }

    const LAYERS: &str = "[crates.made-up]\nlow = []\nhigh = [\"low\"]\n";

    #[test]
    fn arrows_downwards_are_allowed() {
        let files = two("pub(crate) struct A;", "use crate::low::A;\nfn f(_: A) {}");
        assert_eq!(complaints(&files, LAYERS), [""; 0]);
        let printed = map(&files).between();
        assert_eq!(printed, [("low".into(), vec![]), ("high".into(), vec!["\"low\"".into()])]);
    }

    #[test]
    fn arrows_upwards_are_named() {
        let files = two("use crate::high::B;\nfn f(_: B) {}", "pub(crate) struct B;");
        assert_eq!(
            complaints(&files, LAYERS),
            ["src/low.rs:1 imports src/high.rs: `low` may not import `high`"]
        );
    }

    #[test]
    fn a_circle_of_two_files_is_found() {
        let files = two("fn a() { crate::high::b() }", "use super::low;\nfn b() { low::a() }");
        let text = "[crates]";
        assert_eq!(
            complaints(&files, text),
            ["made-up: a circle of 2 files:\n    \
              src/high.rs:2 imports src/low.rs\n    src/low.rs:1 imports src/high.rs"]
        );
        let listed =
            "[crates]\n[[circle]]\nfiles = [\"src/high.rs\", \"src/low.rs\"]\nreason = \"one\"";
        assert_eq!(complaints(&files, listed), [""; 0]);
    }

    #[test]
    fn a_circle_by_way_of_a_third_file_is_found() {
        let files = [
            ("src/lib.rs", "mod a; mod b; mod c;"),
            ("src/a.rs", "use crate::b::B; struct A(B);"),
            ("src/b.rs", "struct B(crate::c::C);"),
            ("src/c.rs", "type C = Vec<crate::a::A>;"),
        ];
        let found = complaints(&files, "[crates]");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("made-up: a circle of 3 files"), "{found:?}");
    }

    #[test]
    fn names_are_followed_to_where_they_are_defined() {
        // The folder hands names on; its files do not depend on it for that.
        let files = [
            ("src/lib.rs", "mod m;"),
            ("src/m/mod.rs", "mod a; mod b; pub use a::A; pub(crate) use self::b::*;"),
            ("src/m/a.rs", "pub struct A;"),
            ("src/m/b.rs", "use super::A; pub struct B(A);"),
        ];
        assert_eq!(complaints(&files, "[crates]"), [""; 0]);
        let arrows = map(&files).arrows;
        assert_eq!(arrows.len(), 1, "{arrows:?}");
        // Once the folder's own code needs the name and a file the folder's code, it is a circle.
        let mut circle = files;
        circle[1].1 = "mod a; mod b; pub use b::B; pub struct A; fn f(_: B) {}";
        assert_eq!(complaints(&circle, "[crates]").len(), 1);
    }

    #[test]
    fn names_of_other_crates_are_no_matter() {
        let files = [
            ("src/lib.rs", "mod a; use other::b; use std::fmt; fn f() { a::g(); b::h() }"),
            ("src/a.rs", "pub fn g() { crate::b::h(); crate::fmt::i() }"),
        ];
        assert_eq!(complaints(&files, "[crates]"), [""; 0]);
        assert_eq!(map(&files).arrows.len(), 1);
    }

    #[test]
    fn what_is_listed_must_be_there() {
        let files = two("struct A;", "struct B;");
        let text = "[crates.made-up]\nlow = []\nhihg = []\n[crates.other]\n\
                    [[circle]]\nfiles = [\"x.rs\"]\nreason = \"\"";
        assert_eq!(
            complaints(&files, text),
            [
                "made-up: `high` has no line in xtask/layers.toml",
                "made-up: xtask/layers.toml names `hihg`, which is not a part of it",
                "xtask/layers.toml lists a circle that does not exist: x.rs",
                "xtask/layers.toml gives no reason for a circle: x.rs",
                "xtask/layers.toml has layers of other, which is not a crate",
            ]
        );
    }

    #[test]
    fn a_table_that_goes_round_is_refused() {
        let files = two("struct A;", "struct B;");
        let text = "[crates.made-up]\nlow = [\"high\"]\nhigh = [\"low\"]";
        assert_eq!(complaints(&files, text).len(), 2);
    }
}
