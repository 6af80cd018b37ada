//! The data: made by `bench/sets.py`, or real data beside the checkout.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::{command, setup, workspace::Workspace};

/// A set of interactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Set {
    Views,
    Orders,
    Small,
    Dense,
    OnlineRetail,
    Completejourney,
    Msweb,
    /// A log of 22 million rows
    Clicks20m,
    /// A log of 220 million rows: minutes, and 10 GiB of memory for a job that is not limited
    Clicks200m,
    /// Items with long labels
    Labelled,
    /// Another label in every row
    Relabelled,
    /// IDs of text
    TextIds,
    /// Nine of ten rows without a user
    NullUsers,
    /// Many items of few users each
    Checkins,
}

/// A set on disk.
pub(super) struct Data {
    pub(super) set: Set,
    pub(super) path: PathBuf,
    pub(super) user: &'static str,
    pub(super) item: &'static str,
    pub(super) sha256: String,
}

impl Set {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Views => "views",
            Self::Orders => "orders",
            Self::Small => "small",
            Self::Dense => "dense",
            Self::OnlineRetail => "online_retail",
            Self::Completejourney => "completejourney",
            Self::Msweb => "msweb",
            Self::Clicks20m => "clicks20m",
            Self::Clicks200m => "clicks200m",
            Self::Labelled => "labelled",
            Self::Relabelled => "relabelled",
            Self::TextIds => "text_ids",
            Self::NullUsers => "null_users",
            Self::Checkins => "checkins",
        }
    }

    /// File, user and item column of real data; `None` for sets that are made.
    const fn real(self) -> Option<(&'static str, &'static str, &'static str)> {
        match self {
            Self::OnlineRetail => Some(("online_retail.parquet", "customer_id", "stock_code")),
            Self::Completejourney => {
                Some(("completejourney_transactions.parquet", "household_id", "product_id"))
            }
            Self::Msweb => Some(("msweb_views.parquet", "user", "item")),
            _ => None,
        }
    }

    /// Makes the set if it is not there yet; `None` where it is real data that is absent.
    ///
    /// # Errors
    /// Where it cannot be made or read.
    pub(super) fn get(self, workspace: &Workspace) -> Result<Option<Data>> {
        let (path, user, item) = match self.real() {
            Some((file, user, item)) => {
                let path = workspace.root.join("../shared/data").join(file);
                if !path.exists() {
                    return Ok(None);
                }
                (path, user, item)
            }
            None => (self.make(workspace)?, "user", "item"),
        };
        let sha256 = sha256(&path)?;
        Ok(Some(Data { set: self, path, user, item, sha256 }))
    }

    fn make(self, workspace: &Workspace) -> Result<PathBuf> {
        let script = workspace.root.join("bench/sets.py");
        // The bytes depend on the recipe and on the packages: another recipe, another folder.
        let mut recipe = fs::read(&script)?;
        recipe.extend(fs::read(setup::BENCH.requirements(workspace))?);
        let folder = workspace.target.join("bench/sets").join(&hex(&Sha256::digest(&recipe))[..12]);
        let path = folder.join(format!("{}.parquet", self.name()));
        if !path.exists() {
            fs::create_dir_all(&folder)?;
            let mut command = workspace.command(setup::BENCH.python(workspace));
            command::run(
                command.arg("-B").arg(&script).args([self.name(), "--seed", "0"]).arg(&path),
            )?;
        }
        Ok(path)
    }
}

/// Sums up a file.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(&Sha256::digest(b"")), empty);
    }
}
