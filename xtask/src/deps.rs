//! Which members of the workspace may depend on which.
//!
//! `core <- formats <- {engine, wasm, plugin}` and `engine <- native`; `plugin-host` stands alone,
//! and `engine` and `native` know it only behind a feature; nobody depends on a leaf. Development
//! dependencies count too: a test that reaches upwards belongs in `tests`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata};

use crate::{fuzz, workspace::Workspace};

/// What a member may depend on: names, and whether only behind a feature.
struct Rule {
    package: &'static str,
    may_use: &'static [(&'static str, When)],
}

/// How a member may be depended on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    BehindFeature,
}

use When::{Always, BehindFeature};

const RULES: &[Rule] = &[
    Rule { package: "ilk-core", may_use: &[] },
    Rule { package: "ilk-shop", may_use: &[("ilk-core", Always)] },
    Rule { package: "brotli", may_use: &[] },
    Rule { package: "ilk-formats", may_use: &[("ilk-core", Always)] },
    Rule {
        package: "ilk-engine",
        may_use: &[
            ("ilk-core", Always),
            ("ilk-formats", Always),
            ("ilk-plugin-host", BehindFeature),
        ],
    },
    Rule {
        package: "ilk",
        may_use: &[
            ("ilk-core", Always),
            ("ilk-engine", Always),
            ("ilk-formats", Always),
            ("ilk-plugin-host", BehindFeature),
            ("ilk-shop", Always),
        ],
    },
    Rule {
        package: "ilk-wasm",
        may_use: &[
            ("brotli", Always),
            ("ilk-core", Always),
            ("ilk-formats", Always),
            ("ilk-shop", Always),
        ],
    },
    Rule { package: "ilk-wasm-brotli", may_use: &[] },
    Rule { package: "ilk-wasm-parquet", may_use: &[("ilk-core", Always), ("ilk-formats", Always)] },
    Rule { package: "ilk-plugin", may_use: &[("ilk-core", Always), ("ilk-formats", Always)] },
    Rule { package: "ilk-guest", may_use: &[] },
    Rule { package: "ilk-plugin-host", may_use: &[] },
];

/// Members that may depend on every other, and that no other may depend on.
const LEAVES: &[&str] = &["ilk-tests", "ilk-bench", "xtask", "xtask-wasm"];

/// One member depending on another.
#[derive(Clone, Debug)]
struct Edge {
    from: String,
    to: String,
    kind: DependencyKind,
    is_optional: bool,
}

/// Checks the workspace's own graph.
///
/// # Errors
/// Names every dependency that runs against the rules.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let metadata = workspace.dependencies()?;
    let members = members(&metadata);
    let edges = edges(&metadata, &members);
    let violations = violations(&members, &edges);
    fuzz::FOLDERS.iter().try_for_each(|folder| workspace.check_lock(folder))?;
    if violations.is_empty() {
        println!("{} members, {} dependencies among them: all allowed", members.len(), edges.len());
        return Ok(());
    }
    bail!("dependencies run against ARCHITECTURE.md:\n  {}", violations.join("\n  "))
}

fn members(metadata: &Metadata) -> BTreeSet<String> {
    metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect()
}

/// The dependencies among `members`, as their manifests state them.
fn edges(metadata: &Metadata, members: &BTreeSet<String>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            if dependency.path.is_some() && members.contains(&dependency.name) {
                edges.push(Edge {
                    from: package.name.to_string(),
                    to: dependency.name.clone(),
                    kind: dependency.kind,
                    is_optional: dependency.optional,
                });
            }
        }
    }
    edges
}

/// Lists the violations of the rules, one a line.
fn violations(members: &BTreeSet<String>, edges: &[Edge]) -> Vec<String> {
    let rule = |name: &str| RULES.iter().find(|rule| rule.package == name);
    let is_leaf = |name: &str| LEAVES.contains(&name);
    let strangers = members.iter().filter(|name| rule(name).is_none() && !is_leaf(name));
    let mut lines: Vec<_> = strangers
        .map(|name| format!("{name} has no rule; give it one in xtask/src/deps.rs"))
        .collect();
    for Edge { from, to, kind, is_optional } in edges {
        // A crate's tests may ask for more of the crate's own features.
        if from == to && *kind == DependencyKind::Development {
            continue;
        }
        if is_leaf(to) {
            lines.push(format!("{from} depends on {to}, which is a leaf: nothing may"));
            continue;
        }
        let Some(rule) = rule(from) else { continue };
        match rule.may_use.iter().find(|(name, _)| name == to) {
            None => lines.push(format!("{from} may not depend on {to}")),
            Some((_, BehindFeature)) if !is_optional => {
                lines.push(format!("{from} may depend on {to} only behind a feature (optional)"));
            }
            Some(_) => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: [&str; 10] = [
        "ilk-core",
        "ilk-formats",
        "ilk-engine",
        "ilk",
        "ilk-wasm",
        "ilk-plugin",
        "ilk-plugin-host",
        "ilk-tests",
        "ilk-bench",
        "xtask",
    ];

    fn edge(from: &str, to: &str) -> Edge {
        let (from, to) = (from.into(), to.into());
        Edge { from, to, kind: DependencyKind::Normal, is_optional: false }
    }

    /// What the rules say to a workspace with all members and these dependencies.
    fn complaints(edges: &[Edge]) -> Vec<String> {
        violations(&MEMBERS.map(String::from).into(), edges)
    }

    #[test]
    fn the_workspace_as_designed_is_allowed() {
        let optional = Edge { is_optional: true, ..edge("ilk", "ilk-plugin-host") };
        let own_features =
            Edge { kind: DependencyKind::Development, ..edge("ilk-core", "ilk-core") };
        let mut edges = vec![optional, own_features];
        for (from, to) in [
            ("ilk-formats", "ilk-core"),
            ("ilk-engine", "ilk-core"),
            ("ilk-engine", "ilk-formats"),
            ("ilk", "ilk-core"),
            ("ilk", "ilk-engine"),
            ("ilk", "ilk-formats"),
            ("ilk-wasm", "ilk-core"),
            ("ilk-wasm", "ilk-formats"),
            ("ilk-plugin", "ilk-core"),
            ("ilk-plugin", "ilk-formats"),
        ] {
            edges.push(edge(from, to));
        }
        for leaf in LEAVES {
            edges.extend(MEMBERS.iter().take(7).map(|member| edge(leaf, member)));
        }
        assert_eq!(complaints(&edges), Vec::<String>::new());
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (from, to) in [
            ("ilk-core", "ilk-formats"),
            ("ilk-core", "ilk-core"),
            ("ilk-formats", "ilk"),
            ("ilk-formats", "ilk-engine"),
            ("ilk-engine", "ilk"),
            ("ilk-wasm", "ilk-engine"),
            ("ilk-formats", "ilk-plugin-host"),
            ("ilk", "ilk-wasm"),
            ("ilk", "ilk-plugin"),
            ("ilk-wasm", "ilk"),
            ("ilk-wasm", "ilk-plugin"),
            ("ilk-plugin", "ilk"),
            ("ilk-plugin", "ilk-plugin-host"),
            ("ilk-plugin-host", "ilk-core"),
            ("ilk-plugin-host", "ilk-formats"),
        ] {
            assert_eq!(
                complaints(&[edge(from, to)]),
                [format!("{from} may not depend on {to}")],
                "{from} -> {to}"
            );
        }
    }

    #[test]
    fn tests_may_not_reach_upwards_either() {
        let upwards = Edge { kind: DependencyKind::Development, ..edge("ilk-core", "ilk-formats") };
        assert_eq!(complaints(&[upwards]), ["ilk-core may not depend on ilk-formats"]);
    }

    #[test]
    fn plugins_are_behind_a_feature() {
        assert_eq!(
            complaints(&[edge("ilk", "ilk-plugin-host")]),
            ["ilk may depend on ilk-plugin-host only behind a feature (optional)"]
        );
    }

    #[test]
    fn nothing_depends_on_a_leaf() {
        for leaf in LEAVES {
            for member in MEMBERS {
                let complaints = complaints(&[edge(member, leaf)]);
                assert_eq!(
                    complaints,
                    [format!("{member} depends on {leaf}, which is a leaf: nothing may")]
                );
            }
        }
    }

    #[test]
    fn a_new_member_needs_a_rule() {
        let members = ["ilk-core", "ilk-cloud"].map(String::from).into();
        assert_eq!(
            violations(&members, &[]),
            ["ilk-cloud has no rule; give it one in xtask/src/deps.rs"]
        );
    }
}
