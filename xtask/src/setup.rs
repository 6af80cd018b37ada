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
    house::{self, House},
    wasm::{
        self, checks,
        toolchain::{self, Build, Library},
    },
    web,
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
    /// Checking and testing: what everybody needs.
    Tests,
    /// Timing the program beside its peers.
    Bench,
    /// The same beside Spark.
    Spark,
    /// Fuzzing.
    Fuzz,
}

/// One thing that is needed. Entries that need another come after it.
struct Need {
    name: &'static str,
    purpose: &'static str,
    scopes: &'static [Scope],
    is_met: fn(&House) -> bool,
    /// What would meet it; an error says what a person has to do instead.
    remedy: fn(&House) -> Result<Vec<Action>>,
}

const NEEDS: &[Need] = &[
    Need {
        name: "rustfmt",
        purpose: "formatting",
        scopes: &[Scope::Tests],
        is_met: |house| house::succeeds(&mut house.cargo(&["fmt", "--version"])),
        remedy: |house| component(house, "rustfmt"),
    },
    Need {
        name: "clippy",
        purpose: "lints",
        scopes: &[Scope::Tests],
        is_met: |house| house::succeeds(&mut house.cargo(&["clippy", "--version"])),
        remedy: |house| component(house, "clippy"),
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
        is_met: |house| has_library(house, Build::Single),
        remedy: |_| Ok(make_library(Build::Single)),
    },
    Need {
        name: "wasm-std-threads",
        purpose: "a standard library for WebAssembly with threads",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: |house| has_library(house, Build::Threads),
        remedy: |_| Ok(make_library(Build::Threads)),
    },
    Need {
        name: "node",
        purpose: "18 or newer with npm, for the wasm package and its tests",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: has_node,
        remedy: |house| {
            let advice = "install Node 18 or newer with npm \
                          (Debian, Ubuntu: `apt-get install nodejs npm` as root)";
            apt(house, &["nodejs", "npm"], advice)
        },
    },
    Need {
        name: "npm-wasm-tests",
        purpose: "wasm-opt, TypeScript, and what drives a browser",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: |house| has_npm_packages(&wasm::tools(house)),
        remedy: |house| install_npm_packages(house, &wasm::tools(house)),
    },
    Need {
        name: "npm-notebook",
        purpose: "what the notebook is built from and tested with",
        scopes: &[Scope::Tests],
        is_met: |house| has_npm_packages(&web::tools(house)),
        remedy: |house| install_npm_packages(house, &web::tools(house)),
    },
    Need {
        name: "chromium",
        purpose: "the browser that the wasm package and the notebook are tested in",
        scopes: &[Scope::Tests, Scope::Bench],
        is_met: |house| checks::browser(house).is_some(),
        remedy: |house| {
            let advice = "install Chromium (Debian: `apt-get install chromium` as root), \
                          or name one in CHROMIUM";
            apt(house, &["chromium"], advice)
        },
    },
    Need {
        name: "python3",
        purpose: "3.11 or newer with venv, for comparing with other libraries",
        scopes: &[Scope::Tests, Scope::Bench, Scope::Spark],
        is_met: has_python,
        remedy: install_python,
    },
    Need {
        name: "venv-parity",
        purpose: "the libraries that tests/parity compares with",
        scopes: &[Scope::Tests],
        is_met: |house| PARITY.is_there(house),
        remedy: |house| PARITY.make(house),
    },
    Need {
        name: "venv-plugin",
        purpose: "what the plugin's Python package is tested with",
        scopes: &[Scope::Tests],
        is_met: |house| PLUGIN.is_there(house),
        remedy: |house| PLUGIN.make(house),
    },
    Need {
        name: "java",
        purpose: "17 or newer, for Spark",
        scopes: &[Scope::Tests, Scope::Spark],
        is_met: |house| house::succeeds(house.command("java").arg("-version")),
        remedy: |house| {
            let advice = "install Java 17 or newer (Debian, Ubuntu: \
                          `apt-get install openjdk-17-jre-headless` as root)";
            apt(house, &["openjdk-17-jre-headless"], advice)
        },
    },
    Need {
        name: "venv-plugin-spark",
        purpose: "Spark, and what the plugin's Python package is tested with on it",
        scopes: &[Scope::Tests, Scope::Spark],
        is_met: |house| PLUGIN_SPARK.is_there(house),
        remedy: |house| PLUGIN_SPARK.make(house),
    },
    Need {
        name: "venv-bench",
        purpose: "the peers that bench times",
        scopes: &[Scope::Bench],
        is_met: |house| BENCH.is_there(house),
        remedy: |house| BENCH.make(house),
    },
    Need {
        name: "c++",
        purpose: "libFuzzer",
        scopes: &[Scope::Fuzz],
        is_met: |house| house::succeeds(house.command("c++").arg("--version")),
        remedy: |house| {
            apt(house, &["g++"], "install a C++ compiler (Debian, Ubuntu: `apt-get install g++`)")
        },
    },
    Need {
        name: "venv-bench-spark",
        purpose: "Spark, which bench times on the small set",
        scopes: &[Scope::Spark],
        is_met: |house| SPARK.is_there(house),
        remedy: |house| SPARK.make(house),
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
    fn perform(&mut self, house: &House) -> Result<()> {
        match self {
            Self::Run(command) => return house::run(command),
            Self::MakeLibrary(library) => return library.make(house),
            Self::Remove(folder) => fs::remove_dir_all(folder),
            Self::Copy { from, to } => fs::copy(from, to).map(drop),
        }
        .with_context(|| self.to_string())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(command) => f.write_str(&house::display(command)),
            Self::Remove(folder) => write!(f, "remove {}", folder.display()),
            Self::MakeLibrary(library) => write!(f, "build std from its sources into {library}"),
            Self::Copy { from, to } => write!(f, "copy {} to {}", from.display(), to.display()),
        }
    }
}

/// Says what of `scope` is there and what is missing, then installs the latter.
///
/// # Errors
/// Where something is missing that cannot be installed here; then nothing is installed.
pub(crate) fn run(house: &House, scope: Scope, mode: Mode) -> Result<()> {
    let mut plans = Vec::new();
    let mut hindrances = Vec::new();
    for need in NEEDS.iter().filter(|need| need.scopes.contains(&scope)) {
        if (need.is_met)(house) {
            println!("there    {} ({})", need.name, need.purpose);
            continue;
        }
        println!("missing  {} ({})", need.name, need.purpose);
        match (need.remedy)(house) {
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
            action.perform(house).with_context(|| format!("installing {}", need.name))?;
        }
        if !(need.is_met)(house) {
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

fn component(house: &House, name: &str) -> Result<Vec<Action>> {
    if env::var_os("RUSTUP_AUTO_INSTALL").is_some_and(|value| value == "0") {
        bail!(
            "RUSTUP_AUTO_INSTALL=0 forbids fetching it; run `rustup component add {name}` \
             where fetching is allowed"
        );
    }
    let mut command = house.command("rustup");
    command.args(["component", "add", name]);
    Ok(vec![Action::Run(command)])
}

fn has_python(house: &House) -> bool {
    let test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    house::succeeds(house.command("python3").args(["-c", test]))
}

fn install_python(house: &House) -> Result<Vec<Action>> {
    let advice = "install Python 3.11 or newer with its venv module \
                  (Debian, Ubuntu: `apt-get install python3 python3-venv` as root)";
    apt(house, &["python3", "python3-venv"], advice)
}

/// Debian's packages, where this is Debian and we may install; else `advice` as an error.
fn apt(house: &House, packages: &[&str], advice: &str) -> Result<Vec<Action>> {
    let is_root = house
        .command("id")
        .arg("-u")
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root || !house::succeeds(house.command("apt-get").arg("--version")) {
        bail!("{advice}");
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = house.command("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        Action::Run(command)
    };
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    Ok(vec![apt_get(&["update"]), apt_get(&install)])
}

fn install_wasm_compiler(house: &House) -> Result<Vec<Action>> {
    if toolchain::uses_debian() {
        let advice = format!(
            "RUSTUP_AUTO_INSTALL=0 forbids fetching it with rustup; install Debian's packages \
             (`apt-get install {}` as root)",
            toolchain::PACKAGES.join(" ")
        );
        return apt(house, toolchain::PACKAGES, &advice);
    }
    let mut target = house.command("rustup");
    target.args(["target", "add", toolchain::TARGET]);
    Ok(vec![Action::Run(target)].into_iter().chain(component(house, "rust-src")?).collect())
}

fn install_c_compiler(house: &House) -> Result<Vec<Action>> {
    let debian = toolchain::uses_debian();
    let packages = if debian { ["clang-22", "llvm-22"] } else { ["clang", "llvm"] };
    let [clang, llvm] = packages;
    let advice = format!(
        "install a clang that compiles to wasm32, and llvm-ar (Debian, Ubuntu: `apt-get install \
         {clang} {llvm}` as root; macOS: `brew install llvm`, on the path)"
    );
    apt(house, &packages, &advice)
}

fn has_library(house: &House, build: Build) -> bool {
    Library::of(build).is_none_or(|library| library.is_there(house))
}

fn make_library(build: Build) -> Vec<Action> {
    Library::of(build).map(Action::MakeLibrary).into_iter().collect()
}

fn has_node(house: &House) -> bool {
    let test = "process.exit(Number(process.versions.node.split('.')[0]) < 18 ? 1 : 0)";
    house::succeeds(house.command("node").args(["-e", test]))
        && house::succeeds(house.command("npm").arg("--version"))
}

/// The packages keep a copy of the list they were made from.
fn has_npm_packages(folder: &Path) -> bool {
    let made_from = fs::read(folder.join("made-from.json"));
    let wanted = fs::read(folder.with_file_name("package-lock.json"));
    matches!((made_from, wanted), (Ok(old), Ok(new)) if old == new)
}

fn install_npm_packages(house: &House, folder: &Path) -> Result<Vec<Action>> {
    let list = folder.with_file_name("package-lock.json");
    if !list.exists() {
        bail!("{} is missing", list.display());
    }
    let mut install = house.command("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--prefix"]);
    install.arg(folder.parent().unwrap_or(folder));
    let copy = Action::Copy { from: list, to: folder.join("made-from.json") };
    Ok(vec![Action::Run(install), copy])
}

impl Environment {
    fn folder(&self, house: &House) -> PathBuf {
        house.target.join(self.folder)
    }

    /// Its Python.
    pub(crate) fn python(&self, house: &House) -> PathBuf {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        self.folder(house).join(program)
    }

    /// The list of its packages.
    pub(crate) fn requirements(&self, house: &House) -> PathBuf {
        house.root.join(self.requirements)
    }

    /// It keeps a copy of what it was made from; it is made anew when that changes.
    fn is_there(&self, house: &House) -> bool {
        let made_from = fs::read(self.folder(house).join("requirements.txt"));
        let wanted = fs::read(self.requirements(house));
        let is_current = matches!((made_from, wanted), (Ok(old), Ok(new)) if old == new);
        is_current && house::succeeds(house.command(self.python(house)).arg("--version"))
    }

    fn make(&self, house: &House) -> Result<Vec<Action>> {
        let (folder, requirements) = (self.folder(house), self.requirements(house));
        if !requirements.exists() {
            bail!("{} is missing", requirements.display());
        }
        let mut make = house.command("python3");
        make.args(["-m", "venv"]).arg(&folder);
        let mut install = house.command(self.python(house));
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
