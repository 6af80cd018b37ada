//! The checkout: where it is, and its builds.

use std::{
    env,
    ffi::OsString,
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, Metadata, MetadataCommand, Package};

use crate::command;

/// What is built and tested: all members, the program with its sandbox. Naming it in one place
/// keeps everything from being built once more with other features.
pub(crate) const WHOLE: [&str; 3] = ["--workspace", "--features", "ilk/plugins"];

/// What is linted and documented: all members with every feature. The same for both, so that
/// dependencies are looked at once.
pub(crate) const ALL_OF_IT: [&str; 2] = ["--workspace", "--all-features"];

/// How much tests take on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// What every merge waits for.
    Usual,
    /// Everything, however long it takes.
    Full,
}

/// Tests in Rust, Python and JavaScript look at this variable: where it is set, they take on
/// everything.
const FULL: &str = "ILK_TESTS_FULL";

/// The checkout and its target folder.
pub(crate) struct Workspace {
    /// The folder of the workspace's manifest.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    size: Size,
    /// Whether crates are compiled for the next edit, or once and for all.
    incremental: bool,
}

impl Workspace {
    /// Finds the workspace that this program was built in.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = root.context("xtask has no parent folder")?.to_owned();
        let metadata = metadata(&root, &["--no-deps"])?;
        let target = metadata.target_directory.into();
        Ok(Self { root, target, size: Size::Usual, incremental: true })
    }

    /// The same, with tests that take on so much.
    pub(crate) fn sized(&self, size: Size) -> Self {
        Self { root: self.root.clone(), target: self.target.clone(), size, ..*self }
    }

    /// The same, with builds that keep nothing for edits to come: a cold one takes less time then.
    pub(crate) fn at_once(&self) -> Self {
        Self { root: self.root.clone(), target: self.target.clone(), incremental: false, ..*self }
    }

    /// Returns true if tests take on everything.
    pub(crate) fn is_full(&self) -> bool {
        self.size == Size::Full
    }

    /// The graph of all dependencies, with every feature and on every platform.
    pub(crate) fn dependencies(&self) -> Result<Metadata> {
        metadata(&self.root, &["--all-features"])
    }

    /// Checks that the lock file of another workspace of the checkout, in `folder`, is that of its
    /// manifests.
    ///
    /// # Errors
    /// Where it is not, or cargo does not tell.
    pub(crate) fn check_lock(&self, folder: &str) -> Result<()> {
        let metadata = metadata(&self.root.join(folder), &[]);
        metadata.map(drop).with_context(|| {
            format!("{folder}/Cargo.lock: `cargo update --workspace` there makes it current")
        })
    }

    /// The members of the workspace.
    ///
    /// # Errors
    /// Where cargo does not tell.
    pub(crate) fn members(&self) -> Result<Vec<Package>> {
        Ok(metadata(&self.root, &["--no-deps"])?.packages)
    }

    /// A call of cargo, in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(cargo());
        command.args(arguments);
        if !self.incremental {
            command.env("CARGO_INCREMENTAL", "0");
        }
        command
    }

    /// A call of any program, in the root and without standard input.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root).stdin(Stdio::null());
        if self.size == Size::Full {
            command.env(FULL, "1");
        }
        command
    }

    /// Builds all programs and tests in one go, and returns the path of `ilk`.
    ///
    /// # Errors
    /// Where the build fails.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        self.build(&[&WHOLE[..], &["--bins", "--tests"]].concat(), "ilk")
    }

    /// Builds what `arguments` say and returns the path of one of the programs.
    ///
    /// # Errors
    /// Where the build fails, or no such program was built.
    pub(crate) fn build(&self, arguments: &[&str], program: &str) -> Result<PathBuf> {
        let mut command = self.cargo(&["build", "--locked"]);
        command.args(arguments).arg("--message-format=json-render-diagnostics");
        command.stdout(Stdio::piped());
        println!("$ {}", command::display(&command));
        let mut child = command.spawn().context("cargo build could not be started")?;
        let output = BufReader::new(child.stdout.take().context("no output to read")?);
        let mut path = None;
        for message in Message::parse_stream(output) {
            if let Message::CompilerArtifact(artifact) = message?
                && artifact.target.is_bin()
                && artifact.target.name == program
                && !artifact.profile.test
            {
                path = artifact.executable;
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("cargo build failed ({status})");
        }
        Ok(path.with_context(|| format!("the workspace has no program `{program}`"))?.into())
    }
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn metadata(root: &Path, options: &[&str]) -> Result<Metadata> {
    let options = options.iter().copied().chain(["--locked"]).map(String::from);
    MetadataCommand::new()
        .cargo_path(cargo())
        .current_dir(root)
        .other_options(options.collect::<Vec<_>>())
        .exec()
        .context("cargo metadata gave no answer")
}
