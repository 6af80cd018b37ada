//! What compiles to WebAssembly: rustup's toolchain with its target, or, where rustup must not
//! fetch anything, Debian's compiler with a standard library built from its sources.
//!
//! Threads need a standard library with atomics, which nobody ships: that one is built from
//! sources in either case. Both are built once, into sysroots below the target folder.

use std::{env, fmt, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{command, workspace::Workspace};

/// The target.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages: compiler, its sources and its linker, and C for zstd.
pub(crate) const PACKAGES: &[&str] =
    &["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22", "clang-22", "llvm-22"];

/// Which of the two builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// One thread.
    Single,
    /// Workers that share their memory.
    Threads,
}

impl Build {
    /// Its name, which is also that of its folder in the package.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Threads => "threads",
        }
    }

    /// The compiler's flags.
    pub(crate) fn flags(self) -> Vec<String> {
        let threads = [
            // What std must be built with, too.
            "-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals",
            "-Clink-arg=--shared-memory",
            "-Clink-arg=--import-memory",
            "-Clink-arg=--max-memory=4294967296",
            "-Clink-arg=--export=__wasm_init_tls",
            "-Clink-arg=--export=__tls_size",
            "-Clink-arg=--export=__tls_align",
            "-Clink-arg=--export=__tls_base",
            "-Clink-arg=--export=__heap_base",
        ];
        let mut flags = vec!["-Ctarget-feature=+simd128".to_owned()];
        if self == Self::Threads {
            flags.extend(threads.map(String::from));
        }
        flags
    }
}

/// Returns true if rustup must not fetch anything.
pub(crate) fn uses_debian() -> bool {
    env::var_os("RUSTUP_AUTO_INSTALL").is_some_and(|value| value == "0")
}

/// Returns true if the compiler itself is there; its standard library is another matter.
pub(crate) fn has_compiler(workspace: &Workspace) -> bool {
    if uses_debian() {
        let there = |path: &str| PathBuf::from(path).exists();
        return there("/usr/bin/rustc")
            && there("/usr/bin/cargo")
            && there("/usr/bin/wasm-ld-22")
            && sources(workspace).is_ok_and(|sources| sources.exists())
            && version(workspace).is_ok_and(|version| version.contains("host:"));
    }
    let library = sysroot(workspace).map(|root| root.join("lib/rustlib").join(TARGET));
    library.is_ok_and(|library| library.exists())
        && sources(workspace).is_ok_and(|sources| sources.exists())
}

/// Returns true if a C compiler for the target is there.
pub(crate) fn has_c_compiler(workspace: &Workspace) -> bool {
    let (clang, archiver) = c_tools();
    let targets = workspace.command(clang).arg("--print-targets").output();
    targets.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("wasm32"))
        && command::succeeds(workspace.command(archiver).arg("--version"))
}

/// Names the C compiler and its archiver.
fn c_tools() -> (&'static str, &'static str) {
    if uses_debian() { ("clang-22", "llvm-ar-22") } else { ("clang", "llvm-ar") }
}

/// Leaves out the compressors of zstd that its first level, the one files are written with, does not
/// call: bytes stay the same, and 40 KB less are loaded.
fn zstd_flags() -> String {
    let unused = ["DFAST", "GREEDY", "LAZY", "LAZY2", "BTLAZY2", "BTOPT", "BTULTRA"];
    unused.map(|name| format!("-DZSTD_EXCLUDE_{name}_BLOCK_COMPRESSOR")).join(" ")
}

/// A call of the compiler.
fn rustc(workspace: &Workspace) -> Command {
    workspace.command(if uses_debian() { "/usr/bin/rustc" } else { "rustc" })
}

/// A call of cargo with that compiler.
fn cargo(workspace: &Workspace) -> Command {
    if !uses_debian() {
        return workspace.cargo(&[]);
    }
    let mut command = workspace.command("/usr/bin/cargo");
    command.env("RUSTC", "/usr/bin/rustc");
    // Cargo sets these for what it runs; they name the other toolchain.
    for name in
        ["CARGO", "RUSTC_WRAPPER", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"]
    {
        command.env_remove(name);
    }
    command
}

/// A call of cargo that builds for the target; the caller adds what.
///
/// # Errors
/// Where the standard library is not there: setup makes it.
pub(crate) fn build_command(workspace: &Workspace, build: Build) -> Result<Command> {
    let mut flags = build.flags();
    if let Some(library) = Library::of(build) {
        if !library.is_there(workspace) {
            bail!("the wasm toolchain is not there: run `cargo xtask setup`");
        }
        flags.extend(["--sysroot".into(), library.folder(workspace).display().to_string()]);
    } else if !has_compiler(workspace) {
        bail!("the wasm toolchain is not there: run `cargo xtask setup`");
    }
    let (clang, archiver) = c_tools();
    let mut command = cargo(workspace);
    command
        .arg("build")
        .args(["--locked", "--target", TARGET, "--target-dir"])
        .arg(target_folder(workspace, build))
        // Only what is built for the target gets these, no build script.
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags.join(" "))
        .env("CC_wasm32_unknown_unknown", clang)
        .env("AR_wasm32_unknown_unknown", archiver)
        .env("CFLAGS_wasm32_unknown_unknown", zstd_flags());
    if build == Build::Threads {
        // Else crates are not told that there are atomics: the compiler calls that unstable.
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    Ok(command)
}

/// The target folder of a build: in one for both, each would build what the other's unstable features
/// made out of date, procedural macros among it.
fn target_folder(workspace: &Workspace, build: Build) -> PathBuf {
    workspace.target.join(format!("wasm-{}", build.name()))
}

/// The path of the module that the last build of `package` in a profile made.
pub(crate) fn module(workspace: &Workspace, build: Build, profile: &str, package: &str) -> PathBuf {
    let folder = target_folder(workspace, build).join(TARGET).join(profile);
    folder.join(package.replace('-', "_")).with_extension("wasm")
}

/// Names the compiler and its version.
pub(crate) fn version(workspace: &Workspace) -> Result<String> {
    let output = rustc(workspace).arg("-vV").output().context("rustc gave no answer")?;
    Ok(String::from_utf8(output.stdout)?)
}

fn sysroot(workspace: &Workspace) -> Result<PathBuf> {
    let output = rustc(workspace).args(["--print", "sysroot"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

fn sources(workspace: &Workspace) -> Result<PathBuf> {
    Ok(sysroot(workspace)?.join("lib/rustlib/src/rust/library/std/src/lib.rs"))
}

/// A standard library built from sources, in a sysroot below the target folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Library(Build);

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "target/wasm-sysroot-{} (a minute, 75 MB)", self.0.name())
    }
}

impl Library {
    /// The one that a build needs, unless rustup has it.
    pub(crate) fn of(build: Build) -> Option<Self> {
        (build == Build::Threads || uses_debian()).then_some(Self(build))
    }

    /// Its sysroot.
    pub(crate) fn folder(self, workspace: &Workspace) -> PathBuf {
        workspace.target.join(format!("wasm-sysroot-{}", self.0.name()))
    }

    /// What it was made with; it is made anew when that changes.
    fn stamp(self, workspace: &Workspace) -> Result<String> {
        Ok(format!("{}{}\n", version(workspace)?, self.std_flags()))
    }

    fn std_flags(self) -> String {
        // Link-time optimisation needs the bitcode.
        let threads = match self.0 {
            Build::Single => "",
            Build::Threads => " -Ctarget-feature=+atomics,+bulk-memory,+mutable-globals",
        };
        format!("-Cembed-bitcode=yes{threads}")
    }

    /// Returns true if it is there and of the present compiler.
    pub(crate) fn is_there(self, workspace: &Workspace) -> bool {
        let made_with = fs::read_to_string(self.folder(workspace).join("made-with.txt"));
        let wanted = self.stamp(workspace);
        matches!((made_with, wanted), (Ok(old), Ok(new)) if old == new)
    }

    /// Builds it: an empty crate with std as its dependency, of which the libraries are kept.
    ///
    /// # Errors
    /// Where the build fails.
    pub(crate) fn make(self, workspace: &Workspace) -> Result<()> {
        let work = workspace.target.join(format!("wasm-std-{}", self.0.name()));
        let (folder, out) = (self.folder(workspace), work.join("out"));
        for old in [&folder, &out] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
        }
        fs::create_dir_all(work.join("src"))?;
        fs::write(work.join("src/lib.rs"), "#![no_std]\n")?;
        fs::write(
            work.join("Cargo.toml"),
            "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
        )?;
        let mut command = cargo(workspace);
        command
            .args(["build", "--release", "--target", TARGET, "--target-dir"])
            .arg(&out)
            // Building std is not stable; what is built is the stable std all the same.
            .args(["-Zbuild-std=std,panic_abort,panic_unwind,proc_macro"])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", self.std_flags())
            .current_dir(&work);
        command::run(&mut command)?;
        let libraries = folder.join("lib/rustlib").join(TARGET).join("lib");
        fs::create_dir_all(&libraries)?;
        for entry in fs::read_dir(out.join(TARGET).join("release/deps"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_library = path.extension().is_some_and(|ending| ending == "rlib");
            if is_library && !name.starts_with("libnothing") {
                fs::copy(&path, libraries.join(name))?;
            }
        }
        fs::remove_dir_all(&work)?;
        // What was built against an older one does not fit.
        let built = target_folder(workspace, self.0);
        if built.exists() {
            fs::remove_dir_all(built)?;
        }
        fs::write(folder.join("made-with.txt"), self.stamp(workspace)?)?;
        Ok(())
    }
}
