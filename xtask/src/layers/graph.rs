//! Which file of a crate needs which: names followed to where they are defined.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path as FilePath, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::scan::{self, Module, Path};

/// A crate's modules, and the files they are in.
#[derive(Debug)]
pub(super) struct Crate {
    /// Files, from the root file on, relative to its folder.
    pub(super) files: Vec<PathBuf>,
    /// Modules with the place of their file.
    modules: BTreeMap<Path, (usize, Module)>,
}

/// A file needs another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    /// A line of `from` that says so.
    pub(super) line: usize,
}

impl Crate {
    /// Reads a crate from its root file on; `read` gives the text of a file, or nothing where there is
    /// none.
    ///
    /// # Errors
    /// Where a module has no file, or a file is not Rust.
    pub(super) fn read(
        root: &FilePath,
        read: &dyn Fn(&FilePath) -> Option<String>,
    ) -> Result<Self> {
        let mut this = Self { files: Vec::new(), modules: BTreeMap::new() };
        let mut open = vec![(Path::new(), root.to_owned())];
        while let Some((path, file)) = open.pop() {
            let text = read(&file).with_context(|| format!("no file {}", file.display()))?;
            let modules = scan::scan(&text, &path).with_context(|| file.display().to_string())?;
            let place = this.files.len();
            this.files.push(file.clone());
            for module in modules {
                for child in &module.children {
                    let child_path = [&module.path[..], std::slice::from_ref(child)].concat();
                    open.push((child_path, find(root, &module.path, child, read)?));
                }
                this.modules.insert(module.path.clone(), (place, module));
            }
        }
        Ok(this)
    }

    /// Every file that another one needs, once, with the first line that says so.
    pub(super) fn arrows(&self) -> Vec<Arrow> {
        let mut lines = BTreeMap::<(usize, usize), usize>::new();
        for (file, module) in self.modules.values() {
            for (target, line) in self.needs(module) {
                if target != *file {
                    let first = lines.entry((*file, target)).or_insert(line);
                    *first = line.min(*first);
                }
            }
        }
        lines.into_iter().map(|((from, to), line)| Arrow { from, to, line }).collect()
    }

    /// The files that a module's lines name.
    fn needs(&self, module: &Module) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for leaf in &module.uses {
            let Some(target) = self.absolute(&module.path, &leaf.target) else { continue };
            // Who hands a name on without a use for it needs nothing of it.
            let is_used = leaf.alias.as_ref().is_none_or(|alias| module.words.contains(alias));
            if leaf.is_export && (leaf.is_glob || !is_used) {
                continue;
            }
            // A module by itself is only a name: what is named through it counts.
            if leaf.is_glob || !self.modules.contains_key(&target) {
                found.extend(self.home(&target).map(|file| (file, leaf.line)));
            }
        }
        for named in &module.paths {
            let mut path = named.path.clone();
            let first = module.uses.iter().find(|leaf| leaf.alias.as_ref() == Some(&path[0]));
            if let Some(leaf) = first {
                path.splice(..1, leaf.target.iter().cloned());
            }
            let target = self.absolute(&module.path, &path);
            found.extend(target.and_then(|path| self.home(&path)).map(|file| (file, named.line)));
        }
        found
    }

    /// A path from the root on, if it leads into this crate.
    fn absolute(&self, from: &[String], path: &[String]) -> Option<Path> {
        let mut absolute = from.to_vec();
        for (place, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" if place == 0 => absolute.clear(),
                "self" if place == 0 => {}
                "super" => drop(absolute.pop()?),
                name if place == 0 => {
                    // What begins with a name begins in this module or outside of the crate.
                    let here = [from, &[name.to_owned()]].concat();
                    self.modules.contains_key(&here).then_some(())?;
                    absolute = here;
                }
                name => absolute.push(name.to_owned()),
            }
        }
        Some(absolute)
    }

    /// The file in which the item of an absolute path is defined.
    fn home(&self, path: &[String]) -> Option<usize> {
        self.follow(path, 0)
    }

    fn follow(&self, path: &[String], depth: usize) -> Option<usize> {
        // As far as there are modules; the next segment is an item of the last one.
        let modules =
            (0..=path.len()).rev().find(|&end| self.modules.contains_key(&path[..end]))?;
        let (file, module) = &self.modules[&path[..modules]];
        let Some(name) = path.get(modules) else { return Some(*file) };
        if module.definitions.contains(name) || depth > 16 {
            return Some(*file);
        }
        for leaf in &module.uses {
            let is_named = leaf.alias.as_ref() == Some(name);
            let Some(target) = self.absolute(&module.path, &leaf.target) else {
                // Handed on from another crate.
                if is_named {
                    return None;
                }
                continue;
            };
            if is_named {
                let target = [&target[..], &path[modules + 1..]].concat();
                return self.follow(&target, depth + 1);
            }
            let is_here = |module: &Module| module.definitions.contains(name);
            if leaf.is_glob && self.modules.get(&target).is_some_and(|(_, module)| is_here(module))
            {
                return self.modules.get(&target).map(|(file, _)| *file);
            }
        }
        Some(*file)
    }
}

/// The file of a child of a module.
fn find(
    root: &FilePath,
    path: &[String],
    child: &str,
    read: &dyn Fn(&FilePath) -> Option<String>,
) -> Result<PathBuf> {
    let folder = path.iter().fold(root.with_file_name(""), |folder, part| folder.join(part));
    let candidates = [folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs")];
    match candidates.iter().find(|file| read(file).is_some()) {
        Some(file) => Ok(file.clone()),
        None => bail!("the module {}::{child} has no file", path.join("::")),
    }
}

/// The circles: sets of files of which each needs each, by way of others.
pub(super) fn circles(files: usize, arrows: &[Arrow]) -> Vec<BTreeSet<usize>> {
    let reached = |start: usize| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(file) = open.pop() {
            for arrow in arrows.iter().filter(|arrow| arrow.from == file) {
                if seen.insert(arrow.to) {
                    open.push(arrow.to);
                }
            }
        }
        seen
    };
    let reached: Vec<_> = (0..files).map(reached).collect();
    let mut circles = BTreeSet::new();
    for file in 0..files {
        let back = reached[file].iter().filter(|&&other| reached[other].contains(&file));
        let circle: BTreeSet<_> = back.copied().collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}
