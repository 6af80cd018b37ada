//! The npm package, from both builds and what is fetched
//! beside them: the decoder of brotli, the writer of Parquet.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::toolchain::{self, Build};
use crate::{command, text, workspace::Workspace};

/// What `cargo xtask wasm` is asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Record the sizes and types of this build as those to hold
    #[arg(long, conflicts_with = "quick")]
    record: bool,
    /// Only the single build, not optimised for size, for trying things out
    #[arg(long)]
    quick: bool,
    /// The builds that tests use: made in less time, larger, and of any size
    #[arg(long, conflicts_with_all = ["quick", "record"])]
    tests: bool,
}

/// What modules are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// People: as small and fast as they get.
    Release,
    /// Tests: the same code, put together in less time.
    Tests,
}

impl Purpose {
    /// Cargo's profile, which is also the name of its folder.
    pub(crate) const fn profile(self) -> &'static str {
        match self {
            Self::Release => "wasm",
            Self::Tests => "wasm-tests",
        }
    }
}

/// Where the sizes to hold are recorded, from the root.
const SIZES: &str = "wasm/sizes.toml";

/// A module may be larger than recorded by this factor: compilers differ a little.
const SLACK: f64 = 1.02;

/// The types that the package comes with, from its folder.
pub(super) const TYPES: &str = "single/ilk_wasm.d.ts";

/// The types on record, from the crate's folder.
pub(super) const RECORDED_TYPES: &str = "tests/ilk_wasm.d.ts";

/// The wasm crate's folder in the checkout.
pub(super) fn home(workspace: &Workspace) -> PathBuf {
    workspace.root.join("wasm")
}

/// The package.
pub(crate) fn package(workspace: &Workspace) -> PathBuf {
    home(workspace).join("pkg")
}

/// Builds the package, prints the sizes, and holds or records them.
///
/// # Errors
/// Where something cannot be built, or a module has grown.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.quick {
        for part in [Part::Brotli, Part::Parquet, Part::Module(Build::Single)] {
            let (module, out) =
                (compile(workspace, part, Purpose::Release)?, package(workspace).join(part.name()));
            glue(workspace, part.stem(), &module, &out)?;
        }
        return assemble(workspace, &package(workspace));
    }
    if options.tests {
        return build(workspace, Purpose::Tests).map(drop);
    }
    let sizes = build(workspace, Purpose::Release)?;
    if options.record {
        let lines = sizes.iter().map(|(name, size)| format!("{name} = {}\n", size.gzip));
        let text = "# Bytes of each module, packed with gzip. `cargo xtask wasm` holds them;\n\
                    # `cargo xtask wasm --record` writes them.\n";
        fs::write(workspace.root.join(SIZES), text.to_owned() + &lines.collect::<String>())?;
        fs::copy(package(workspace).join(TYPES), home(workspace).join(RECORDED_TYPES))?;
    }
    check_sizes(workspace, &sizes)
}

/// Builds the package as people get it, and holds the sizes on record.
///
/// # Errors
/// Those of [`run`].
pub(crate) fn build_and_hold(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { record: false, quick: false, tests: false })
}

/// Builds the package as tests use it: of any size.
///
/// # Errors
/// Those of [`run`].
pub(crate) fn build_for_tests(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { record: false, quick: false, tests: true })
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
fn build(workspace: &Workspace, purpose: Purpose) -> Result<BTreeMap<String, Size>> {
    let package = package(workspace);
    let mut sizes = BTreeMap::new();
    for part in Part::ALL {
        let module = compile(workspace, part, purpose)?;
        let size = refine(workspace, (part, purpose), &module, &package.join(part.name()))?;
        println!(
            "{:<8} {:>9} bytes, {:>9} with gzip",
            part.name(),
            text::grouped(size.raw),
            text::grouped(size.gzip)
        );
        sizes.insert(part.name().to_owned(), size);
    }
    assemble(workspace, &package)?;
    Ok(sizes)
}

/// Compiles; returns the path of the module.
fn compile(workspace: &Workspace, part: Part, purpose: Purpose) -> Result<PathBuf> {
    let mut command = toolchain::build_command(workspace, part.build())?;
    command.args(["--profile", purpose.profile(), "--package", part.crate_name(), "--lib"]);
    if part == Part::Module(Build::Threads) {
        command.args(["--features", "threads"]);
    }
    command::run(&mut command)?;
    Ok(toolchain::module(workspace, part.build(), purpose.profile(), part.crate_name()))
}

/// Makes the module that holds the kernels against the oracle.
pub(super) fn compile_kernels(workspace: &Workspace, out: &Path) -> Result<()> {
    let mut command = toolchain::build_command(workspace, Build::Single)?;
    let profile = Purpose::Tests.profile();
    command.args(["--profile", profile, "--package", "ilk-wasm", "--example", "kernels"]);
    command::run(&mut command)?;
    let module = toolchain::module(workspace, Build::Single, profile, "examples/kernels");
    glue(workspace, "kernels", &module, out)
}

/// Makes the glue and, for people, a smaller module, unless they are there for this very module.
fn refine(
    workspace: &Workspace,
    (part, purpose): (Part, Purpose),
    module: &Path,
    out: &Path,
) -> Result<Size> {
    let bytes = fs::read(module).with_context(|| module.display().to_string())?;
    let marker = out.join("made-from.json");
    let optimised = out.join(format!("{}_bg.wasm", part.stem()));
    let hash = Sha256::digest(&bytes).to_vec();
    let made: Option<(Vec<u8>, Size)> =
        fs::read(&marker).ok().and_then(|text| serde_json::from_slice(&text).ok());
    if let Some((_, size)) = made.filter(|(from, _)| *from == hash && optimised.exists()) {
        return Ok(size);
    }
    glue(workspace, part.stem(), module, out)?;
    if purpose == Purpose::Release {
        shrink(workspace, part.build(), &optimised)?;
    }
    let bytes = fs::read(&optimised)?;
    let size = Size { raw: bytes.len() as u64, gzip: gzip(&bytes)? };
    fs::write(marker, serde_json::to_vec(&(hash, size))?)?;
    Ok(size)
}

/// Writes the JavaScript that belongs to a module, and the module without its descriptions, into
/// a folder of their own.
fn glue(workspace: &Workspace, name: &str, module: &Path, out: &Path) -> Result<()> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    command::run(tool(workspace, "bindgen").arg(module).arg(name).arg(out))
}

/// A call of WebAssembly's tools, which are a program of their own, in a target folder of its own:
/// it is built and run while cargo builds other things.
pub(crate) fn tool(workspace: &Workspace, name: &str) -> Command {
    let mut command = workspace.cargo(&["run", "--quiet", "--locked", "--target-dir"]);
    command.arg(workspace.target.join("wasm-tools")).args(["--package", "xtask-wasm", "--", name]);
    command
}

/// Counts the bytes that are left when packed with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Result<u64> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    Ok(packed.finish()?.len() as u64)
}

/// Makes a module smaller, in place.
pub(crate) fn shrink(workspace: &Workspace, build: Build, module: &Path) -> Result<()> {
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
    let tool = tools(workspace).join("binaryen/bin/wasm-opt");
    if !tool.exists() {
        bail!("wasm-opt is not there: run `cargo xtask setup`");
    }
    let mut command = workspace.command("node");
    command.arg(tool).args(features.iter().map(|feature| format!("--enable-{feature}")));
    command.args(["-O1", "--strip-debug", "--strip-producers"]).arg(module).arg("-o").arg(module);
    command::run(&mut command)
}

/// The folder of the packages from npm.
pub(crate) fn tools(workspace: &Workspace) -> PathBuf {
    home(workspace).join("tests/node_modules")
}

/// Copies what stands beside the two builds.
fn assemble(workspace: &Workspace, package: &Path) -> Result<()> {
    let home = home(workspace);
    for name in ["aside.js", "index.js", "index.d.ts", "node.js", "node.d.ts"] {
        fs::copy(home.join("js").join(name), package.join(name))?;
    }
    fs::copy(home.join("README.md"), package.join("README.md"))?;
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(workspace.root.join(name), package.join(name))?;
    }
    let manifest = fs::read_to_string(home.join("js/package.json"))?;
    let mut manifest: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&manifest)?;
    manifest.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    fs::write(package.join("package.json"), serde_json::to_string_pretty(&manifest)? + "\n")?;
    println!("the package is in {}", package.display());
    Ok(())
}

fn check_sizes(workspace: &Workspace, sizes: &BTreeMap<String, Size>) -> Result<()> {
    let recorded = fs::read_to_string(workspace.root.join(SIZES)).context(SIZES)?;
    let recorded: BTreeMap<String, u64> = toml::from_str(&recorded).context(SIZES)?;
    for (name, size) in sizes {
        let most = recorded.get(name).copied().unwrap_or_default();
        if size.gzip as f64 > most as f64 * SLACK {
            bail!(
                "the {name} module is {} bytes with gzip, {SIZES} holds it to {}: make it smaller, or \
                 record it with `cargo xtask wasm --record`",
                text::grouped(size.gzip),
                text::grouped(most)
            );
        }
    }
    Ok(())
}
