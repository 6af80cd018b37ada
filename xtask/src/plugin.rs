//! `cargo xtask plugin`: the sandboxed plugin, as a component and as a core module.

use std::{fs, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::{
    command, setup, text,
    wasm::{
        self, Purpose,
        toolchain::{self, Build},
    },
    workspace::Workspace,
};

/// What `cargo xtask plugin` is asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Build what tests use: the same code in less time, larger
    #[arg(long)]
    tests: bool,
}

/// What is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// For hosts in Rust and JavaScript: `plugin-host/wit/similarity.wit`.
    Component,
    /// For Python and everything else: calls over linear memory.
    Module,
    /// The example of a plugin of one's own.
    Guest,
}

impl Kind {
    const fn file(self) -> &'static str {
        match self {
            Self::Component => "ilk.wasm",
            Self::Module => "ilk.module.wasm",
            Self::Guest => "guest.wasm",
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Self::Component | Self::Module => "ilk-plugin",
            Self::Guest => "ilk-guest",
        }
    }
}

/// What a component or module imports and exports.
#[derive(Deserialize)]
struct Surface {
    imports: Vec<String>,
    exports: Vec<String>,
}

/// The folder of what is built.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("plugin")
}

/// Builds the plugin as people or as tests use it.
///
/// # Errors
/// Those of [`build`].
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.tests { build_for_tests(workspace) } else { build(workspace) }
}

/// Builds the plugin both ways and the example, and prints what they weigh and that they import
/// nothing.
///
/// # Errors
/// Where something cannot be built, or imports anything.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    build_for(workspace, Purpose::Release)
}

/// Builds the same as tests use it, in less time.
///
/// # Errors
/// Those of [`build`].
pub(crate) fn build_for_tests(workspace: &Workspace) -> Result<()> {
    build_for(workspace, Purpose::Tests)
}

fn build_for(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    fs::create_dir_all(folder(workspace))?;
    for kind in [Kind::Component, Kind::Module, Kind::Guest] {
        let module = compile(workspace, kind, purpose)?;
        let path = folder(workspace).join(kind.file());
        fs::copy(&module, &path)?;
        if purpose == Purpose::Release {
            wasm::shrink(workspace, Build::Single, &path)?;
        }
        if kind != Kind::Module {
            command::run(wasm::tool(workspace, "component").arg(&path))?;
        }
        let bytes = fs::read(&path)?;
        let Surface { imports, exports } =
            command::answer(wasm::tool(workspace, "surface").arg(&path))?;
        println!(
            "{:<16} {:>9} bytes, {:>7} with gzip; imports {}; exports {}",
            kind.file(),
            text::grouped(bytes.len() as u64),
            text::grouped(wasm::gzip(&bytes)?),
            if imports.is_empty() { "nothing".into() } else { imports.join(", ") },
            exports.join(", ")
        );
        if !imports.is_empty() {
            bail!("{} imports {}: a plugin imports nothing", kind.file(), imports.join(", "));
        }
    }
    assemble(workspace)?;
    println!("all of it is in {}, with the Python package", folder(workspace).display());
    Ok(())
}

/// Puts the Python package together: its source, and the module in it.
fn assemble(workspace: &Workspace) -> Result<()> {
    let (source, package) =
        (workspace.root.join("plugin-host/python"), folder(workspace).join("python"));
    if package.exists() {
        fs::remove_dir_all(&package)?;
    }
    fs::create_dir_all(&package)?;
    for name in ["pyproject.toml", "README.md"] {
        fs::copy(source.join(name), package.join(name))?;
    }
    for folder in ["ilk_plugin", "ilk_plugin/spark"] {
        fs::create_dir_all(package.join(folder))?;
        for entry in fs::read_dir(source.join(folder))? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                fs::copy(&path, package.join(folder).join(name))?;
            }
        }
    }
    let module = Kind::Module.file();
    fs::copy(folder(workspace).join(module), package.join("ilk_plugin").join(module))?;
    Ok(())
}

/// Lets the program check the plugin that was built.
///
/// # Errors
/// Where the program cannot be built, or the plugin does not find what is expected.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let program = workspace.program()?;
    let plugin = folder(workspace).join(Kind::Component.file());
    let mut inspect = workspace.command(&program);
    command::run(inspect.args(["plugin", "inspect"]).arg(&plugin))?;
    command::run(workspace.command(&program).args(["plugin", "check"]).arg(&plugin))
}

/// Installs the Python package that was built into an environment of its own, and tests it there.
///
/// # Errors
/// Where it cannot be installed, or a test fails.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let python = install(workspace, &setup::PLUGIN)?;
    let tests = "plugin-host/python/tests";
    command::run(workspace.command(&python).args(["-B", "-m", "unittest", "discover", "-s", tests]))
}

/// Does the same on Spark: in local mode, and with executors that are processes of their own.
///
/// # Errors
/// Where it cannot be installed, the program cannot be built, or a test fails.
pub(crate) fn test_spark(workspace: &Workspace) -> Result<()> {
    let python = install(workspace, &setup::PLUGIN_SPARK)?;
    // Its neighbours are what those of Spark are held against.
    let program = workspace.program()?;
    let mut tests = workspace.command(&python);
    // Spark leaves its sockets to the collector.
    tests.args(["-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "discover"]);
    tests.args(["-s", "plugin-host/python/tests/spark"]);
    command::run(tests.env("ILK", program))
}

/// Installs the Python package that was built into `environment`; returns its Python.
///
/// # Errors
/// Where one of the two is missing.
pub(crate) fn install(workspace: &Workspace, environment: &setup::Environment) -> Result<PathBuf> {
    let python = environment.python(workspace);
    if !python.exists() {
        bail!("the Python environment of the plugin is missing; run `cargo xtask setup`");
    }
    let package = folder(workspace).join("python");
    if !package.exists() {
        bail!("the Python package is not built; run `cargo xtask plugin`");
    }
    let mut install = workspace.command(&python);
    install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"])
        .args(["--no-deps", "--no-build-isolation", "--force-reinstall"])
        .arg(package);
    command::run(&mut install)?;
    Ok(python)
}

/// Compiles the module of a build; returns its path.
fn compile(workspace: &Workspace, kind: Kind, purpose: Purpose) -> Result<PathBuf> {
    let mut command = toolchain::build_command(workspace, Build::Single)?;
    command.args(["--profile", purpose.profile(), "--package", kind.package(), "--lib"]);
    if kind == Kind::Module {
        command.args(["--features", "module"]);
    }
    command::run(&mut command)?;
    Ok(toolchain::module(workspace, Build::Single, purpose.profile(), kind.package()))
}
