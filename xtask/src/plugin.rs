//! `cargo xtask plugin`: the sandboxed plugin, as a component and as a core module.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::{
    house::{self, House},
    setup,
    wasm::{
        self,
        toolchain::{self, Build, TARGET},
    },
};

/// What is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// For hosts in Rust and JavaScript: `plugin/wit/similarity.wit`.
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

/// The folder of what is built.
pub(crate) fn folder(house: &House) -> PathBuf {
    house.target.join("plugin")
}

/// Builds the plugin both ways and the example, and prints what they weigh and that they import
/// nothing.
///
/// # Errors
/// Where something cannot be built, or imports anything.
pub(crate) fn build(house: &House) -> Result<()> {
    fs::create_dir_all(folder(house))?;
    for kind in [Kind::Component, Kind::Module, Kind::Guest] {
        let module = compile(house, kind)?;
        let path = folder(house).join(kind.file());
        fs::copy(&module, &path)?;
        wasm::shrink(house, Build::Single, &path)?;
        let mut bytes = fs::read(&path)?;
        if kind != Kind::Module {
            let mut encoder = ComponentEncoder::default();
            encoder.validate(true).module(&bytes)?;
            bytes = encoder.encode().context("the component cannot be made of its module")?;
            fs::write(&path, &bytes)?;
        }
        let (imports, exports) = surface(&bytes).context(kind.file())?;
        println!(
            "{:<16} {:>9} bytes, {:>7} with gzip; imports {}; exports {}",
            kind.file(),
            house::grouped(bytes.len() as u64),
            house::grouped(wasm::gzip(&bytes)?),
            if imports.is_empty() { "nothing".into() } else { imports.join(", ") },
            exports.join(", ")
        );
        if !imports.is_empty() {
            bail!("{} imports {}: a plugin imports nothing", kind.file(), imports.join(", "));
        }
    }
    assemble(house)?;
    println!("all of it is in {}, with the Python package", folder(house).display());
    Ok(())
}

/// Puts the Python package together: its source, and the module in it.
fn assemble(house: &House) -> Result<()> {
    let (source, package) = (house.root.join("plugin-host/python"), folder(house).join("python"));
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
    fs::copy(folder(house).join(module), package.join("ilk_plugin").join(module))?;
    Ok(())
}

/// Lets the program check the plugin that was built.
///
/// # Errors
/// Where the program cannot be built, or the plugin does not find what is expected.
pub(crate) fn check(house: &House) -> Result<()> {
    let program = house.program()?;
    let plugin = folder(house).join(Kind::Component.file());
    let mut inspect = house.command(&program);
    house::run(inspect.args(["plugin", "inspect"]).arg(&plugin))?;
    house::run(house.command(&program).args(["plugin", "check"]).arg(&plugin))
}

/// Installs the Python package that was built into an environment of its own, and tests it there.
///
/// # Errors
/// Where it cannot be installed, or a test fails.
pub(crate) fn test(house: &House) -> Result<()> {
    let python = install(house, &setup::PLUGIN)?;
    let tests = "plugin-host/python/tests";
    house::run(house.command(&python).args(["-B", "-m", "unittest", "discover", "-s", tests]))
}

/// Does the same on Spark: in local mode, and with executors that are processes of their own.
///
/// # Errors
/// Where it cannot be installed, the program cannot be built, or a test fails.
pub(crate) fn test_spark(house: &House) -> Result<()> {
    let python = install(house, &setup::PLUGIN_SPARK)?;
    // Its neighbours are what those of Spark are held against.
    let program = house.program()?;
    let mut tests = house.command(&python);
    // Spark leaves its sockets to the collector.
    tests.args(["-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "discover"]);
    tests.args(["-s", "plugin-host/python/tests/spark"]);
    house::run(tests.env("ILK", program))
}

/// Installs the Python package that was built into `environment`; returns its Python.
///
/// # Errors
/// Where one of the two is missing.
pub(crate) fn install(house: &House, environment: &setup::Environment) -> Result<PathBuf> {
    let python = environment.python(house);
    if !python.exists() {
        bail!("the Python environment of the plugin is missing; run `cargo xtask setup`");
    }
    let package = folder(house).join("python");
    if !package.exists() {
        bail!("the Python package is not built; run `cargo xtask plugin`");
    }
    let mut install = house.command(&python);
    install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"])
        .args(["--no-deps", "--no-build-isolation", "--force-reinstall"])
        .arg(package);
    house::run(&mut install)?;
    Ok(python)
}

/// Compiles the module of a build; returns its path.
fn compile(house: &House, kind: Kind) -> Result<PathBuf> {
    let mut command = toolchain::build_command(house, Build::Single)?;
    command.args(["--profile", "wasm", "--package", kind.package(), "--lib"]);
    if kind == Kind::Module {
        command.args(["--features", "module"]);
    }
    house::run(&mut command)?;
    let target = house.target.join(format!("wasm-{}", Build::Single.name()));
    let name = kind.package().replace('-', "_");
    Ok(target.join(TARGET).join("wasm").join(name).with_extension("wasm"))
}

/// Names what a component or module imports and exports.
fn surface(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            // What is inside a component imports from its neighbours, which is no matter.
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            Payload::ImportSection(section) if depth == 0 => {
                for import in section.into_imports() {
                    let import = import?;
                    imports.push(format!("{}.{}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_imported_is_named() {
        // (module (import "a" "b" (func)) (export "c" (func 0)))
        let module =
            b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x07\x01\x01a\x01b\0\0\x07\x05\x01\x01c\0\0";
        let (imports, exports) = surface(module).expect("a module");
        assert_eq!((imports, exports), (vec!["a.b".to_owned()], vec!["c".to_owned()]));
        assert!(surface(b"no module").is_err());
    }
}
