//! The dependency policy of `deny.toml`.
//!
//! cargo-deny checks all of it where it is installed. Building it takes longer than the rest of
//! the checks together, so what matters most is checked here in any case, from the same file:
//! licences, sources, and crates that may be there in one version only.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::house::{self, House};

/// The part of `deny.toml` that is read here.
#[derive(Deserialize)]
struct Policy {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    deny_multiple_versions: bool,
}

/// What is checked of a dependency.
#[derive(Clone, Debug)]
struct Dependency {
    name: String,
    version: String,
    licence: Option<String>,
    is_published: bool,
}

/// Checks all dependencies, of every feature and platform.
///
/// # Errors
/// Names every dependency that runs against the policy.
pub(crate) fn check(house: &House) -> Result<()> {
    let text = fs::read_to_string(house.root.join("deny.toml")).context("reading deny.toml")?;
    let policy: Policy = toml::from_str(&text).context("reading deny.toml")?;
    let dependencies = dependencies(house)?;
    let violations = policy.violations(&dependencies)?;
    if !violations.is_empty() {
        bail!("dependencies run against deny.toml:\n  {}", violations.join("\n  "));
    }
    println!("{} dependencies: licences, sources and versions as in deny.toml", dependencies.len());
    if house::succeeds(&mut house.cargo(&["deny", "--version"])) {
        house::run(&mut house.cargo(&["deny", "--locked", "check"]))
    } else {
        println!("skipped: cargo deny check (advisories); cargo-deny is not installed");
        Ok(())
    }
}

fn dependencies(house: &House) -> Result<Vec<Dependency>> {
    let metadata = house.dependencies()?;
    let packages = metadata.packages.into_iter();
    let dependencies = packages.map(|package| Dependency {
        name: package.name.to_string(),
        version: package.version.to_string(),
        licence: package.license,
        // A package without a source is a member of the workspace.
        is_published: package.source.is_none_or(|source| source.is_crates_io()),
    });
    Ok(dependencies.collect())
}

impl Policy {
    /// Says, one line each, what is against the policy.
    ///
    /// # Errors
    /// Where the policy itself names a licence that does not exist.
    fn violations(&self, dependencies: &[Dependency]) -> Result<Vec<String>> {
        let allowed = self.licenses.allow.iter().map(|licence| {
            Licensee::parse(licence).with_context(|| format!("deny.toml allows `{licence}`"))
        });
        let allowed = allowed.collect::<Result<Vec<_>>>()?;
        let mut lines = Vec::new();
        for Dependency { name, version, licence, is_published } in dependencies {
            match licence {
                None => lines.push(format!("{name} {version} names no licence")),
                Some(licence) if !is_allowed(licence, &allowed) => {
                    lines.push(format!("{name} {version} is under `{licence}`"));
                }
                Some(_) => {}
            }
            if !is_published {
                lines.push(format!("{name} {version} is not from crates.io"));
            }
        }
        lines.extend(self.doubles(dependencies));
        Ok(lines)
    }

    /// Crates in several versions that may be there in one only.
    fn doubles(&self, dependencies: &[Dependency]) -> Vec<String> {
        let mut versions = BTreeMap::<&str, Vec<&str>>::new();
        for dependency in dependencies {
            versions.entry(&dependency.name).or_default().push(&dependency.version);
        }
        let single = self.bans.deny.iter().filter(|ban| ban.deny_multiple_versions);
        single
            .filter_map(|ban| {
                let versions = versions.get(ban.name.as_str()).filter(|all| all.len() > 1)?;
                Some(format!("{} is there in several versions: {}", ban.name, versions.join(", ")))
            })
            .collect()
    }
}

/// Tells whether a licence expression can be met with the `allowed` licences.
fn is_allowed(expression: &str, allowed: &[Licensee]) -> bool {
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|requirement| allowed.iter().any(|one| one.satisfies(requirement)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        [bans]
        multiple-versions = "warn"
        deny = [{ crate = "arrow-array", deny-multiple-versions = true }, { crate = "openssl" }]
    "#;

    fn complaints(dependencies: &[Dependency]) -> Vec<String> {
        let policy: Policy = toml::from_str(POLICY).expect("valid policy");
        policy.violations(dependencies).expect("known licences")
    }

    fn dependency(name: &str, version: &str, licence: &str) -> Dependency {
        let (name, version) = (name.into(), version.into());
        Dependency { name, version, licence: Some(licence.into()), is_published: true }
    }

    #[test]
    fn licences_that_can_be_met_are_allowed() {
        for licence in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "MIT/Apache-2.0",
            "(MIT OR GPL-2.0-only) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            let complaints = complaints(&[dependency("a", "1.0.0", licence)]);
            assert_eq!(complaints, Vec::<String>::new(), "{licence}");
        }
    }

    #[test]
    fn other_licences_are_named() {
        for licence in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "Proprietary"] {
            assert_eq!(
                complaints(&[dependency("a", "1.0.0", licence)]),
                [format!("a 1.0.0 is under `{licence}`")]
            );
        }
        let none = Dependency { licence: None, ..dependency("a", "1.0.0", "") };
        assert_eq!(complaints(&[none]), ["a 1.0.0 names no licence"]);
    }

    #[test]
    fn other_sources_are_named() {
        let foreign = Dependency { is_published: false, ..dependency("a", "1.0.0", "MIT") };
        assert_eq!(complaints(&[foreign]), ["a 1.0.0 is not from crates.io"]);
    }

    #[test]
    fn only_crates_marked_so_must_be_single() {
        let twice = |name| [dependency(name, "1.0.0", "MIT"), dependency(name, "2.0.0", "MIT")];
        assert_eq!(
            complaints(&twice("arrow-array")),
            ["arrow-array is there in several versions: 1.0.0, 2.0.0"]
        );
        assert_eq!(complaints(&twice("rand")), Vec::<String>::new());
    }
}
