//! `cargo xtask wasm`: the npm package, from both builds and what is fetched
//! beside them: the decoder of brotli, the writer of Parquet.

pub(crate) mod checks;
pub(crate) mod toolchain;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use self::toolchain::Build;
use crate::house::{self, House};

/// What `cargo xtask wasm` is asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Record the sizes and types of this build as those to hold
    #[arg(long, conflicts_with = "quick")]
    record: bool,
    /// Only the single build, not made smaller, for trying things out
    #[arg(long)]
    quick: bool,
}

/// Where the sizes to hold are recorded, from the root.
const SIZES: &str = "wasm/sizes.toml";

/// A module may be larger than recorded by this factor: compilers differ a little.
const SLACK: f64 = 1.02;

/// The wasm crate's folder in the checkout.
fn home(house: &House) -> PathBuf {
    house.root.join("wasm")
}

/// The package.
pub(crate) fn package(house: &House) -> PathBuf {
    home(house).join("pkg")
}

/// Builds the package, prints the sizes, and holds or records them.
///
/// # Errors
/// Where something cannot be built, or a module has grown.
pub(crate) fn run(house: &House, options: &Options) -> Result<()> {
    if options.quick {
        for part in [Part::Brotli, Part::Parquet, Part::Module(Build::Single)] {
            let (module, out) = (compile(house, part)?, package(house).join(part.name()));
            glue(part.stem(), fs::read(module)?, &out)?;
        }
        return assemble(house, &package(house));
    }
    let sizes = build(house)?;
    if options.record {
        let lines = sizes.iter().map(|(name, size)| format!("{name} = {}\n", size.gzip));
        let text = "# Bytes of each module, packed with gzip. `cargo xtask wasm` holds them;\n\
                    # `cargo xtask wasm --record` writes them.\n";
        fs::write(house.root.join(SIZES), text.to_owned() + &lines.collect::<String>())?;
        fs::copy(package(house).join(checks::TYPES), home(house).join(checks::RECORDED_TYPES))?;
    }
    check_sizes(house, &sizes)
}

/// Does so with the sizes on record.
///
/// # Errors
/// Those of [`run`].
pub(crate) fn build_and_hold(house: &House) -> Result<()> {
    run(house, &Options { record: false, quick: false })
}

/// A module of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Everything but what is below.
    Module(Build),
    /// The decoder of brotli, which few files need.
    Brotli,
    /// The writer of Parquet, which few results go through.
    Parquet,
}

impl Part {
    const ALL: [Self; 4] =
        [Self::Module(Build::Single), Self::Module(Build::Threads), Self::Brotli, Self::Parquet];

    /// How it is compiled: what stands beside the module shares no memory.
    const fn build(self) -> Build {
        match self {
            Self::Module(build) => build,
            Self::Brotli | Self::Parquet => Build::Single,
        }
    }

    /// Its name, which is also that of its folder in the package.
    const fn name(self) -> &'static str {
        match self {
            Self::Module(build) => build.name(),
            Self::Brotli => "brotli",
            Self::Parquet => "parquet",
        }
    }

    /// The beginning of its files' names.
    const fn stem(self) -> &'static str {
        match self {
            Self::Module(_) => "ilk_wasm",
            Self::Brotli => "ilk_brotli",
            Self::Parquet => "ilk_parquet",
        }
    }

    const fn crate_name(self) -> &'static str {
        match self {
            Self::Module(_) => "ilk-wasm",
            Self::Brotli => "ilk-wasm-brotli",
            Self::Parquet => "ilk-wasm-parquet",
        }
    }
}

/// The size of a module.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Size {
    raw: u64,
    gzip: u64,
}

/// Builds the package and prints the sizes.
fn build(house: &House) -> Result<BTreeMap<String, Size>> {
    let package = package(house);
    let mut sizes = BTreeMap::new();
    for part in Part::ALL {
        let module = compile(house, part)?;
        let size = refine(house, part, &module, &package.join(part.name()))?;
        println!(
            "{:<8} {:>9} bytes, {:>9} with gzip",
            part.name(),
            house::grouped(size.raw),
            house::grouped(size.gzip)
        );
        sizes.insert(part.name().to_owned(), size);
    }
    assemble(house, &package)?;
    Ok(sizes)
}

/// Compiles; returns the path of the module.
fn compile(house: &House, part: Part) -> Result<PathBuf> {
    let mut command = toolchain::build_command(house, part.build())?;
    command.args(["--profile", "wasm", "--package", part.crate_name(), "--lib"]);
    if part == Part::Module(Build::Threads) {
        command.args(["--features", "threads"]);
    }
    house::run(&mut command)?;
    let file = part.crate_name().replace('-', "_");
    Ok(target(house, part.build()).join(file).with_extension("wasm"))
}

/// Makes the module that holds the kernels against the oracle.
fn compile_kernels(house: &House, out: &Path) -> Result<()> {
    let mut command = toolchain::build_command(house, Build::Single)?;
    command.args(["--profile", "wasm", "--package", "ilk-wasm", "--example", "kernels"]);
    house::run(&mut command)?;
    let module = target(house, Build::Single).join("examples/kernels.wasm");
    let bytes = fs::read(&module).with_context(|| module.display().to_string())?;
    glue("kernels", bytes, out)
}

/// Where cargo puts what it builds.
fn target(house: &House, build: Build) -> PathBuf {
    let target = house.target.join(format!("wasm-{}", build.name()));
    target.join(toolchain::TARGET).join("wasm")
}

/// Makes the glue and a smaller module, unless they are there for this very module.
fn refine(house: &House, part: Part, module: &Path, out: &Path) -> Result<Size> {
    let bytes = fs::read(module).with_context(|| module.display().to_string())?;
    let marker = out.join("made-from.json");
    let optimised = out.join(format!("{}_bg.wasm", part.stem()));
    let hash = Sha256::digest(&bytes).to_vec();
    let made: Option<(Vec<u8>, Size)> =
        fs::read(&marker).ok().and_then(|text| serde_json::from_slice(&text).ok());
    if let Some((_, size)) = made.filter(|(from, _)| *from == hash && optimised.exists()) {
        return Ok(size);
    }
    glue(part.stem(), bytes, out)?;
    shrink(house, part.build(), &optimised)?;
    let bytes = fs::read(&optimised)?;
    let size = Size { raw: bytes.len() as u64, gzip: gzip(&bytes)? };
    fs::write(marker, serde_json::to_vec(&(hash, size))?)?;
    Ok(size)
}

/// Writes the JavaScript that belongs to a module, and the module without its descriptions, into
/// a folder of their own.
fn glue(name: &str, module: Vec<u8>, out: &Path) -> Result<()> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes(name, module).web(true)?.typescript(true);
    // index.js names the module, so that tools that bundle see one reference only.
    bindgen.omit_default_module_path(true);
    bindgen.generate(out)
}

/// Counts the bytes that are left when packed with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Result<u64> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    Ok(packed.finish()?.len() as u64)
}

/// Makes a module smaller, in place.
pub(crate) fn shrink(house: &House, build: Build, module: &Path) -> Result<()> {
    // Named one by one: the module no longer says which it uses, and what `all` would let in
    // some browsers refuse.
    let mut features = vec![
        "simd",
        "bulk-memory",
        "bulk-memory-opt",
        "nontrapping-float-to-int",
        "sign-ext",
        "mutable-globals",
        "reference-types",
        "multivalue",
    ];
    if build == Build::Threads {
        features.push("threads");
    }
    let tool = tools(house).join("binaryen/bin/wasm-opt");
    if !tool.exists() {
        bail!("wasm-opt is not there: run `cargo xtask setup`");
    }
    let mut command = house.command("node");
    command.arg(tool).args(features.iter().map(|feature| format!("--enable-{feature}")));
    command.args(["-O1", "--strip-debug", "--strip-producers"]).arg(module).arg("-o").arg(module);
    house::run(&mut command)
}

/// The folder of the packages from npm.
pub(crate) fn tools(house: &House) -> PathBuf {
    home(house).join("tests/node_modules")
}

/// Copies what stands beside the two builds.
fn assemble(house: &House, package: &Path) -> Result<()> {
    let home = home(house);
    for name in ["aside.js", "index.js", "index.d.ts", "node.js", "node.d.ts"] {
        fs::copy(home.join("js").join(name), package.join(name))?;
    }
    fs::copy(home.join("README.md"), package.join("README.md"))?;
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(house.root.join(name), package.join(name))?;
    }
    let manifest = fs::read_to_string(home.join("js/package.json"))?;
    let mut manifest: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&manifest)?;
    manifest.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    fs::write(package.join("package.json"), serde_json::to_string_pretty(&manifest)? + "\n")?;
    println!("the package is in {}", package.display());
    Ok(())
}

fn check_sizes(house: &House, sizes: &BTreeMap<String, Size>) -> Result<()> {
    let recorded = fs::read_to_string(house.root.join(SIZES)).context(SIZES)?;
    let recorded: BTreeMap<String, u64> = toml::from_str(&recorded).context(SIZES)?;
    for (name, size) in sizes {
        let most = recorded.get(name).copied().unwrap_or_default();
        if size.gzip as f64 > most as f64 * SLACK {
            bail!(
                "the {name} module is {} bytes with gzip, {SIZES} holds it to {}: make it smaller, or \
                 record it with `cargo xtask wasm --record`",
                house::grouped(size.gzip),
                house::grouped(most)
            );
        }
    }
    Ok(())
}
