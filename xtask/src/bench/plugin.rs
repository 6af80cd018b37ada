//! What the sandbox costs, on one set.

use anyhow::{Result, bail};

use super::sets::Data;
use crate::{
    house::{self, House},
    plugin,
};

/// Compares natively and in the plugin that was built, on one thread each.
///
/// # Errors
/// Where the plugin is not built, or finds other neighbours.
pub(super) fn run(house: &House, data: &Data) -> Result<()> {
    let plugin = plugin::folder(house).join("ilk.wasm");
    if !plugin.exists() {
        bail!("the plugin is not built: run `cargo xtask plugin`");
    }
    let arguments = ["--release", "--package", "ilk-bench", "--bin", "sandboxed"];
    let program = house.build(&arguments, "sandboxed")?;
    println!("{}:", data.set.name());
    let mut command = house.command(program);
    house::run(command.arg(&data.path).args([data.user, data.item]).arg(plugin))
}
