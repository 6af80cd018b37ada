//! The interface on record, and the pages that tell of it.

use std::{fs, path::Path};

use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{Docs, PackageId, Resolve, TypeDefKind};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn interface() -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit");
    let (package, _) = resolve.push_path(path).expect("the interface");
    (resolve, package)
}

/// Spells a package without its comments.
fn printed(resolve: &Resolve, package: PackageId) -> String {
    let mut printer = WitPrinter::default();
    printer.emit_docs(false);
    printer.print(resolve, package, &[]).expect("a package that can be spelled");
    printer.output.to_string()
}

#[test]
fn a_change_of_the_interface_is_seen() {
    let (resolve, package) = interface();
    insta::assert_snapshot!("interface", printed(&resolve, package));
}

/// What was built exports the interfaces on record, each function and type of them, and nothing
/// more.
#[test]
fn what_is_built_is_the_interface_on_record() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugin/ilk.wasm");
    let bytes = fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask plugin`", path.display()));
    let decoded = wit_component::decode(&bytes).expect("a component");
    let DecodedWasm::Component(built, world) = &decoded else { panic!("no component") };
    let world = &built.worlds[*world];
    assert!(world.imports.is_empty(), "{:?}", world.imports.keys());
    let mut names = world.exports.keys().map(|key| built.name_world_key(key)).collect::<Vec<_>>();
    let expected =
        ["planning", "tables", "tiles"].map(|name| format!("ilk:similarity/{name}@0.1.0"));
    names.sort();
    assert_eq!(names, expected);
    let spelled = |resolve: &Resolve, package: PackageId, name: &str| {
        let mut printer = WitPrinter::default();
        printer.emit_docs(false);
        let interface = resolve.packages[package].interfaces[name];
        printer.print_interface(resolve, interface).expect("an interface that can be spelled");
        printer.output.to_string()
    };
    let (resolve, package) = interface();
    let of_built = built.packages.iter().find(|(_, one)| one.name.namespace == "ilk");
    let of_built = of_built.map(|(id, _)| id).expect("the package of the interfaces");
    for name in ["tables", "tiles", "planning"] {
        assert_eq!(spelled(built, of_built, name), spelled(&resolve, package, name), "{name}");
    }
}

#[test]
fn every_line_of_the_interface_is_documented() {
    let (resolve, _) = interface();
    let mut silent = Vec::new();
    let mut look = |name: String, docs: &Docs| {
        if docs.contents.as_ref().is_none_or(|text| text.trim().is_empty()) {
            silent.push(name);
        }
    };
    for (_, world) in &resolve.worlds {
        look(world.name.clone(), &world.docs);
    }
    for (_, interface) in &resolve.interfaces {
        let name = interface.name.clone().expect("no interface without a name");
        look(name.clone(), &interface.docs);
        for (function, it) in &interface.functions {
            look(format!("{name}.{function}"), &it.docs);
        }
    }
    for (_, of_type) in &resolve.types {
        let Some(name) = &of_type.name else { continue };
        look(name.clone(), &of_type.docs);
        match &of_type.kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|it| look(format!("{name}.{}", it.name), &it.docs));
            }
            TypeDefKind::Enum(cases) => {
                cases.cases.iter().for_each(|it| look(format!("{name}.{}", it.name), &it.docs));
            }
            TypeDefKind::Resource => {}
            other => panic!("{name} is a {}, which nobody looks at", other.as_str()),
        }
    }
    assert!(silent.is_empty(), "not documented: {}", silent.join(", "));
}

/// Finds the block of code that follows a heading.
fn block<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, after) = page.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}"));
    let (_, code) = after.split_once("```rust\n").expect("a block of code");
    code.split_once("```").expect("its end").0
}

#[test]
fn the_page_shows_what_is_compiled() {
    let page = read("docs/plugin.md");
    let guest = read("plugin/guest/src/lib.rs");
    let (_, code) = guest.split_once("\n\n").expect("what comes after the attributes");
    assert_eq!(block(&page, "\n## Write your own plugin"), code);
    let embedding = read("plugin-host/examples/embed.rs");
    let (_, code) = embedding.split_once("expect(clippy::print_stdout").expect("an attribute");
    let (_, code) = code.split_once("\n\n").expect("what comes after the attribute");
    assert_eq!(block(&page, "\n## Embedding"), code);
}

#[test]
fn the_embedding_on_the_page_runs() {
    // What `main` of the example does, with what it prints.
    let mut program = std::env::current_exe().expect("this test runs from somewhere");
    program.pop();
    let program = program.parent().expect("the profile's folder").join("examples/embed");
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugin/ilk.wasm");
    let output = std::process::Command::new(&program).arg(plugin).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Two of three who bought milk bought tea: 2 / sqrt(2 x 3).
    assert!(told.contains("0.8164966") && told.contains("\"milk\""), "{told}");
}
