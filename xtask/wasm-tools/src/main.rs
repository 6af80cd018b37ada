//! What builds for WebAssembly need beyond a compiler; `cargo xtask wasm` and `plugin` call it.

#![expect(clippy::print_stdout, reason = "its answer goes to whoever called it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;
use wasm_bindgen_cli_support::Bindgen;
use wasmparser::{Parser as Wasm, Payload};
use wit_component::ComponentEncoder;

/// Glue, components, and what they import.
#[derive(Parser)]
enum Tool {
    /// Write the JavaScript of a module, and the module without its descriptions, into a folder
    Bindgen {
        /// The compiled module
        module: PathBuf,
        /// Beginning of the names of the files that are written
        name: String,
        /// The folder
        out: PathBuf,
    },
    /// Turn a module into a component, in place
    Component {
        /// The module
        file: PathBuf,
    },
    /// Print what a module or component imports and exports, as JSON
    Surface {
        /// The module or component
        file: PathBuf,
    },
}

fn main() -> Result<()> {
    match Tool::parse() {
        Tool::Bindgen { module, name, out } => bindgen(&name, read(&module)?, &out),
        Tool::Component { file } => component(&file).context(file.display().to_string()),
        Tool::Surface { file } => {
            let (imports, exports) = surface(&read(&file)?).context(file.display().to_string())?;
            println!("{}", json!({ "imports": imports, "exports": exports }));
            Ok(())
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

fn bindgen(name: &str, module: Vec<u8>, out: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes(name, module).web(true)?.typescript(true);
    // index.js names the module, so that tools that bundle see one reference only.
    bindgen.omit_default_module_path(true);
    bindgen.generate(out)
}

fn component(file: &Path) -> Result<()> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&read(file)?)?;
    let bytes = encoder.encode().context("the component cannot be made of its module")?;
    fs::write(file, bytes)?;
    Ok(())
}

/// Names what a component or module imports and exports.
fn surface(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Wasm::new(0).parse_all(bytes) {
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
