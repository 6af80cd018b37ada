//! What development needs beyond Rust's toolchain, and how a machine comes by it.
//!
//! [`NEEDS`] is the whole list. Something new to install is one more entry.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    command,
    wasm::{
        self, checks,
        toolchain::{self, Build, Library},
    },
    web,
    workspace::Workspace,
};

/// Whether to install what is missing, or only to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Print,
    Install,
}

/// What things are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Formatting and lints.
    Lints,
    /// Checking what one changed.
    Quick,
    /// Checking and testing: what everybody needs.
    Tests,
    /// Timing the program beside its peers.
    Bench,
    /// The same beside Spark.
    Spark,
    /// Timing the readers of files beside other programs.
    Reading,
    /// Fuzzing.
    Fuzz,
}

/// One thing that is needed. Entries that need another come after it.
struct Need {
    name: &'static str,
    purpose: &'static str,
    scopes: &'static [Scope],
    is_met: fn(&Workspace) -> bool,
    /// What would meet it; an error says what a person has to do instead.
    remedy: fn(&Workspace) -> Result<Vec<Action>>,
}

const NEEDS: &[Need] = &[
    Need {
        name: "rustfmt",
        purpose: "formatting",
        scopes: &[Scope::Lints, Scope::Quick, Scope::Tests],
        is_met: |workspace| command::succeeds(&mut workspace.cargo(&["fmt", "--version"])),
        remedy: |workspace| component(workspace, "rustfmt"),
    },
    Need {
        name: "clippy",
        purpose: "lints",
        scopes: &[Scope::Lints, Scope::Quick, Scope::Tests],
        is_met: |workspace| command::succeeds(&mut workspace.cargo(&["clippy", "--version"])),
        remedy: |workspace| component(workspace, "clippy"),
    },
    Need {
        name: "cargo-nextest",
        purpose: "running tests, each in a process of its own",
        scopes: &[Scope::Quick, Scope::Tests],
        is_met: |workspace| has_subcommand(workspace, "nextest"),
        remedy: |workspace| Ok(install_subcommand(workspace, "cargo-nextest", "default-no-update")),
    },
    Need {
        name: "cargo-deny",
        purpose: "licences, sources and versions of dependencies",
        scopes: &[Scope::Tests],
        is_met: |workspace| has_subcommand(workspace, "deny"),
        remedy: |workspace| Ok(install_subcommand(workspace, "cargo-deny", "")),
    },
    Need {
        name: "wasm-compiler",
        purpose: "Rust for WebAssembly, and std's sources",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: toolchain::has_compiler,
        remedy: install_wasm_compiler,
    },
    Need {
        name: "wasm-c-compiler",
        purpose: "C for WebAssembly: zstd",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: toolchain::has_c_compiler,
        remedy: install_c_compiler,
    },
    Need {
        name: "wasm-std",
        purpose: "a standard library for WebAssembly, where rustup has none",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: |workspace| has_library(workspace, Build::Single),
        remedy: |_| Ok(make_library(Build::Single)),
    },
    Need {
        name: "wasm-std-threads",
        purpose: "a standard library for WebAssembly with threads",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: |workspace| has_library(workspace, Build::Threads),
        remedy: |_| Ok(make_library(Build::Threads)),
    },
    Need {
        name: "node",
        purpose: "18 or newer with npm, for the wasm package and its tests",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: has_node,
        remedy: |workspace| {
            let advice = "install Node 18 or newer with npm \
                          (Debian, Ubuntu: `apt-get install nodejs npm` as root)";
            apt(workspace, &["nodejs", "npm"], advice)
        },
    },
    Need {
        name: "npm-wasm-tests",
        purpose: "wasm-opt, TypeScript, and what drives a browser",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: |workspace| has_npm_packages(&wasm::tools(workspace)),
        remedy: |workspace| install_npm_packages(workspace, &wasm::tools(workspace)),
    },
    Need {
        name: "npm-notebook",
        purpose: "what the notebook is built from and tested with",
        scopes: &[Scope::Tests],
        is_met: |workspace| has_npm_packages(&web::tools(workspace)),
        remedy: |workspace| install_npm_packages(workspace, &web::tools(workspace)),
    },
    Need {
        name: "chromium",
        purpose: "the browser that the wasm package and the notebook are tested in",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: |workspace| checks::browser(workspace).is_some(),
        remedy: |workspace| {
            let advice = "install Chromium (Debian: `apt-get install chromium` as root), \
                          or name one in CHROMIUM";
            apt(workspace, &["chromium"], advice)
        },
    },
    Need {
        name: "python3",
        purpose: "3.11 or newer with venv, for comparing with other libraries",
        scopes: &[Scope::Tests, Scope::Bench, Scope::Spark, Scope::Reading],
        is_met: has_python,
        remedy: install_python,
    },
    Need {
        name: "venv-parity",
        purpose: "the libraries that tests/parity compares with",
        scopes: &[Scope::Tests],
        is_met: |workspace| PARITY.is_there(workspace),
        remedy: |workspace| PARITY.make(workspace),
    },
    Need {
        name: "venv-plugin",
        purpose: "what the plugin's Python package is tested with",
        scopes: &[Scope::Tests],
        is_met: |workspace| PLUGIN.is_there(workspace),
        remedy: |workspace| PLUGIN.make(workspace),
    },
    Need {
        name: "java",
        purpose: "17 or newer, for Spark",
        scopes: &[Scope::Tests, Scope::Spark],
        is_met: |workspace| command::succeeds(workspace.command("java").arg("-version")),
        remedy: |workspace| {
            let advice = "install Java 17 or newer (Debian, Ubuntu: \
                          `apt-get install openjdk-17-jre-headless` as root)";
            apt(workspace, &["openjdk-17-jre-headless"], advice)
        },
    },
    Need {
        name: "venv-plugin-spark",
        purpose: "Spark, and what the plugin's Python package is tested with on it",
        scopes: &[Scope::Tests, Scope::Spark],
        is_met: |workspace| PLUGIN_SPARK.is_there(workspace),
        remedy: |workspace| PLUGIN_SPARK.make(workspace),
    },
    Need {
        name: "venv-bench",
        purpose: "the peers that bench times",
        scopes: &[Scope::Bench],
        is_met: |workspace| BENCH.is_there(workspace),
        remedy: |workspace| BENCH.make(workspace),
    },
    Need {
        name: "venv-reading",
        purpose: "the programs that bench reads files with",
        scopes: &[Scope::Reading],
        is_met: |workspace| READING.is_there(workspace),
        remedy: |workspace| READING.make(workspace),
    },
    Need {
        name: "c++",
        purpose: "libFuzzer",
        scopes: &[Scope::Fuzz],
        is_met: |workspace| command::succeeds(workspace.command("c++").arg("--version")),
        remedy: |workspace| {
            apt(
                workspace,
                &["g++"],
                "install a C++ compiler (Debian, Ubuntu: `apt-get install g++`)",
            )
        },
    },
    Need {
        name: "venv-bench-spark",
        purpose: "Spark, which bench times on the small set",
        scopes: &[Scope::Spark],
        is_met: |workspace| SPARK.is_there(workspace),
        remedy: |workspace| SPARK.make(workspace),
    },
];

/// A Python environment below the target folder, made from a list of pinned packages.
pub(crate) struct Environment {
    /// Name of its folder.
    folder: &'static str,
    /// The list, from the root.
    requirements: &'static str,
    /// A package that is published as source only.
    from_source: Option<&'static str>,
}

/// What `tests/parity` compares with.
pub(crate) const PARITY: Environment = Environment {
    folder: "venv-parity",
    requirements: "tests/parity/requirements.txt",
    from_source: None,
};

/// What the plugin's Python package is tested with.
pub(crate) const PLUGIN: Environment = Environment {
    folder: "venv-plugin",
    requirements: "plugin-host/python/requirements.txt",
    from_source: None,
};

/// What the plugin's Python package is tested with on Spark.
pub(crate) const PLUGIN_SPARK: Environment = Environment {
    folder: "venv-plugin-spark",
    requirements: "plugin-host/python/requirements-spark.txt",
    from_source: Some("pyspark"),
};

/// What `bench` times.
pub(crate) const BENCH: Environment =
    Environment { folder: "venv-bench", requirements: "bench/requirements.txt", from_source: None };

/// What `bench --reading` reads files with.
pub(crate) const READING: Environment = Environment {
    folder: "venv-reading",
    requirements: "bench/requirements-reading.txt",
    from_source: None,
};

/// Spark, which is large and timed on request only.
pub(crate) const SPARK: Environment = Environment {
    folder: "venv-bench-spark",
    requirements: "bench/requirements-spark.txt",
    from_source: Some("pyspark"),
};

/// One step of an installation.
enum Action {
    /// Run a program.
    Run(Command),
    /// Remove a folder and what is in it.
    Remove(PathBuf),
    /// Build a standard library for WebAssembly.
    MakeLibrary(Library),
    /// Copy a file.
    Copy { from: PathBuf, to: PathBuf },
}

impl Action {
    fn perform(&mut self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Run(command) => return command::run(command),
            Self::MakeLibrary(library) => return library.make(workspace),
            Self::Remove(folder) => fs::remove_dir_all(folder),
            Self::Copy { from, to } => fs::copy(from, to).map(drop),
        }
        .with_context(|| self.to_string())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(command) => f.write_str(&command::display(command)),
            Self::Remove(folder) => write!(f, "remove {}", folder.display()),
            Self::MakeLibrary(library) => write!(f, "build std from its sources into {library}"),
            Self::Copy { from, to } => write!(f, "copy {} to {}", from.display(), to.display()),
        }
    }
}

/// Prints what of `scope` is installed and what is missing, then installs the latter.
///
/// # Errors
/// Where something is missing that cannot be installed here; then nothing is installed.
pub(crate) fn run(workspace: &Workspace, scope: Scope, mode: Mode) -> Result<()> {
    let mut plans = Vec::new();
    let mut hindrances = Vec::new();
    for need in NEEDS.iter().filter(|need| need.scopes.contains(&scope)) {
        if (need.is_met)(workspace) {
            println!("there    {} ({})", need.name, need.purpose);
            continue;
        }
        println!("missing  {} ({})", need.name, need.purpose);
        match (need.remedy)(workspace) {
            Ok(actions) => {
                for action in &actions {
                    println!("         will {action}", action = describe(action));
                }
                plans.push((need, actions));
            }
            Err(hindrance) => {
                println!("         {hindrance}");
                hindrances.push(format!("{}: {hindrance}", need.name));
            }
        }
    }
    if mode == Mode::Print {
        return Ok(());
    }
    if !hindrances.is_empty() {
        bail!("not everything needed can be installed here:\n  {}", hindrances.join("\n  "));
    }
    for (need, actions) in plans {
        println!("\n==> installing {}", need.name);
        for mut action in actions {
            action.perform(workspace).with_context(|| format!("installing {}", need.name))?;
        }
        if !(need.is_met)(workspace) {
            bail!("{} is still missing after its installation ({})", need.name, need.purpose);
        }
    }
    Ok(())
}

fn describe(action: &Action) -> String {
    match action {
        Action::Run(_) => format!("run {action}"),
        Action::Remove(_) | Action::Copy { .. } | Action::MakeLibrary(_) => action.to_string(),
    }
}

fn component(workspace: &Workspace, name: &str) -> Result<Vec<Action>> {
    if env::var_os("RUSTUP_AUTO_INSTALL").is_some_and(|value| value == "0") {
        bail!(
            "RUSTUP_AUTO_INSTALL=0 forbids fetching it; run `rustup component add {name}` \
             where fetching is allowed"
        );
    }
    let mut command = workspace.command("rustup");
    command.args(["component", "add", name]);
    Ok(vec![Action::Run(command)])
}

fn has_subcommand(workspace: &Workspace, name: &str) -> bool {
    command::succeeds(&mut workspace.cargo(&[name, "--version"]))
}

/// Builds a subcommand of cargo with the features it needs here. Not optimised: that takes a third
/// of the time, and they run other programs or read small files.
fn install_subcommand(workspace: &Workspace, name: &str, features: &str) -> Vec<Action> {
    let mut install = workspace.cargo(&["install", "--locked", "--debug", "--no-default-features"]);
    if !features.is_empty() {
        install.args(["--features", features]);
    }
    install.arg(name).env("CARGO_PROFILE_DEV_DEBUG", "false");
    vec![Action::Run(install)]
}

fn has_python(workspace: &Workspace) -> bool {
    let test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    command::succeeds(workspace.command("python3").args(["-c", test]))
}

fn install_python(workspace: &Workspace) -> Result<Vec<Action>> {
    let advice = "install Python 3.11 or newer with its venv module \
                  (Debian, Ubuntu: `apt-get install python3 python3-venv` as root)";
    apt(workspace, &["python3", "python3-venv"], advice)
}

/// Debian's packages, where this is Debian and we may install; else `advice` as an error.
fn apt(workspace: &Workspace, packages: &[&str], advice: &str) -> Result<Vec<Action>> {
    let is_root = workspace
        .command("id")
        .arg("-u")
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root || !command::succeeds(workspace.command("apt-get").arg("--version")) {
        bail!("{advice}");
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = workspace.command("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        Action::Run(command)
    };
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    Ok(vec![apt_get(&["update"]), apt_get(&install)])
}

fn install_wasm_compiler(workspace: &Workspace) -> Result<Vec<Action>> {
    if toolchain::uses_debian() {
        let advice = format!(
            "RUSTUP_AUTO_INSTALL=0 forbids fetching it with rustup; install Debian's packages \
             (`apt-get install {}` as root)",
            toolchain::PACKAGES.join(" ")
        );
        return apt(workspace, toolchain::PACKAGES, &advice);
    }
    let mut target = workspace.command("rustup");
    target.args(["target", "add", toolchain::TARGET]);
    Ok(vec![Action::Run(target)].into_iter().chain(component(workspace, "rust-src")?).collect())
}

fn install_c_compiler(workspace: &Workspace) -> Result<Vec<Action>> {
    let debian = toolchain::uses_debian();
    let packages = if debian { ["clang-22", "llvm-22"] } else { ["clang", "llvm"] };
    let [clang, llvm] = packages;
    let advice = format!(
        "install a clang that compiles to wasm32, and llvm-ar (Debian, Ubuntu: `apt-get install \
         {clang} {llvm}` as root; macOS: `brew install llvm`, on the path)"
    );
    apt(workspace, &packages, &advice)
}

fn has_library(workspace: &Workspace, build: Build) -> bool {
    Library::of(build).is_none_or(|library| library.is_there(workspace))
}

fn make_library(build: Build) -> Vec<Action> {
    Library::of(build).map(Action::MakeLibrary).into_iter().collect()
}

fn has_node(workspace: &Workspace) -> bool {
    let test = "process.exit(Number(process.versions.node.split('.')[0]) < 18 ? 1 : 0)";
    command::succeeds(workspace.command("node").args(["-e", test]))
        && command::succeeds(workspace.command("npm").arg("--version"))
}

/// The packages keep a copy of the list they were made from.
fn has_npm_packages(folder: &Path) -> bool {
    let made_from = fs::read(folder.join("made-from.json"));
    let wanted = fs::read(folder.with_file_name("package-lock.json"));
    matches!((made_from, wanted), (Ok(old), Ok(new)) if old == new)
}

fn install_npm_packages(workspace: &Workspace, folder: &Path) -> Result<Vec<Action>> {
    let list = folder.with_file_name("package-lock.json");
    if !list.exists() {
        bail!("{} is missing", list.display());
    }
    let mut install = workspace.command("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--prefix"]);
    install.arg(folder.parent().unwrap_or(folder));
    let copy = Action::Copy { from: list, to: folder.join("made-from.json") };
    Ok(vec![Action::Run(install), copy])
}

impl Environment {
    fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join(self.folder)
    }

    /// Its Python.
    pub(crate) fn python(&self, workspace: &Workspace) -> PathBuf {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        self.folder(workspace).join(program)
    }

    /// The list of its packages.
    pub(crate) fn requirements(&self, workspace: &Workspace) -> PathBuf {
        workspace.root.join(self.requirements)
    }

    /// It keeps a copy of what it was made from; it is made anew when that changes.
    fn is_there(&self, workspace: &Workspace) -> bool {
        let made_from = fs::read(self.folder(workspace).join("requirements.txt"));
        let wanted = fs::read(self.requirements(workspace));
        let is_current = matches!((made_from, wanted), (Ok(old), Ok(new)) if old == new);
        is_current && command::succeeds(workspace.command(self.python(workspace)).arg("--version"))
    }

    fn make(&self, workspace: &Workspace) -> Result<Vec<Action>> {
        let (folder, requirements) = (self.folder(workspace), self.requirements(workspace));
        if !requirements.exists() {
            bail!("{} is missing", requirements.display());
        }
        let mut make = workspace.command("python3");
        make.args(["-m", "venv"]).arg(&folder);
        let mut install = workspace.command(self.python(workspace));
        install
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--only-binary", ":all:"]);
        if let Some(package) = self.from_source {
            install.args(["--no-binary", package]);
        }
        install.arg("--requirement").arg(&requirements);
        let stamp = folder.join("requirements.txt");
        let outdated = folder.exists().then_some(Action::Remove(folder));
        let copy = Action::Copy { from: requirements, to: stamp };
        let rest = [Action::Run(make), Action::Run(install), copy];
        Ok(outdated.into_iter().chain(rest).collect())
    }
}
