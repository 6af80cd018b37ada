//! Packs the built notebook into the program, where there is one: `web-demo/dist`, made by
//! `cargo xtask web`. Without it the program is built all the same, and `ilk explore` says what to do.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(has_pages)");
    if env::var_os("CARGO_FEATURE_EXPLORE").is_none() {
        return Ok(());
    }
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let notebook = manifest.join("../web-demo");
    let dist = notebook.join("dist");
    let mut table = String::from("[\n");
    if dist.join("index.html").is_file() {
        println!("cargo::rerun-if-changed={}", dist.display());
        // Tests ask the pages only where there are some.
        println!("cargo::rustc-cfg=has_pages");
        let out = PathBuf::from(env::var("OUT_DIR")?);
        for (number, path) in files(&dist)?.iter().enumerate() {
            let name = path.strip_prefix(&dist)?.to_str().ok_or("a name that is no text")?;
            let packed = out.join(format!("page-{number}.gz"));
            pack(&fs::read(path)?, name, &packed)?;
            let (name, packed) = (name.replace('\\', "/"), packed.display().to_string());
            writeln!(table, "    ({name:?}, include_bytes!({packed:?})),")?;
        }
    } else if notebook.is_dir() {
        // Cargo looks through the folder: the notebook appears in it when it is built.
        println!("cargo::rerun-if-changed={}", notebook.display());
    }
    table.push_str("]\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("pages.rs"), table)?;
    Ok(())
}

/// All files of a folder and below, by path. The service worker stays out: a page that a program
/// serves is not there without the program.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.file_name().is_some_and(|name| name != "sw.js") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Packs a file. The page itself is told that a program serves it, and where to ask it.
fn pack(bytes: &[u8], name: &str, place: &Path) -> Result<(), Box<dyn Error>> {
    let mut packed = GzEncoder::new(fs::File::create(place)?, Compression::best());
    if name == "index.html" {
        let page = std::str::from_utf8(bytes)?;
        let (before, after) = page.split_once("</head>").ok_or("a page without a head")?;
        let told = "<meta name=\"ilk-explore\" content=\"explore/\" />\n  </head>";
        packed.write_all([before, told, after].concat().as_bytes())?;
    } else {
        packed.write_all(bytes)?;
    }
    packed.finish()?;
    Ok(())
}
