//! `cargo xtask check-surface`: what published crates offer, on record, so that it changes on purpose.
//!
//! Read off the code: every `pub` item but those under `#[doc(hidden)]`. The lint `unreachable_pub` sees
//! to it that what is `pub` can be reached.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail};
use clap::Args;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::{package::PUBLISHED, workspace::Workspace};

/// What `cargo xtask check-surface` is asked.
#[derive(Args)]
pub(crate) struct Options {
    /// Record what there is
    #[arg(long)]
    record: bool,
}

/// Where the records are, from the root.
const FOLDER: &str = "xtask/surface";

/// Holds what crates offer against the records.
///
/// # Errors
/// Names every line that differs.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { record: false })
}

/// Holds or records it.
///
/// # Errors
/// Those of [`check`].
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut differences = Vec::new();
    for package in workspace.members()? {
        if !PUBLISHED.contains(&package.name.as_str()) {
            continue;
        }
        let library = package.targets.iter().find(|target| target.is_lib());
        let root = &library.with_context(|| format!("{} has no library", package.name))?.src_path;
        let mut lines = Vec::new();
        module(Path::new(root), "", &mut lines)?;
        let lines = &mut of_public_types(lines);
        lines.sort();
        let path = workspace.root.join(FOLDER).join(format!("{}.txt", package.name));
        if options.record {
            fs::create_dir_all(workspace.root.join(FOLDER))?;
            fs::write(&path, lines.join("\n") + "\n")?;
        }
        let recorded = fs::read_to_string(&path).unwrap_or_default();
        println!("{}: {} public items", package.name, lines.len());
        differences.extend(compare(&package.name, &recorded, lines));
    }
    if differences.is_empty() {
        return Ok(());
    }
    bail!(
        "public items differ from {FOLDER}; if that is right, `cargo xtask check-surface --record` \
         rewrites it:\n  {}",
        differences.join("\n  ")
    )
}

/// Leaves out what is implemented for types that nobody sees.
fn of_public_types(lines: Vec<String>) -> Vec<String> {
    let kinds = ["pub struct ", "pub enum ", "pub type "];
    let after = |line: &String, mark: &str| {
        let rest = line.split_once(mark)?.1;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    };
    let public = |line| kinds.iter().find_map(|kind| after(line, kind));
    let types = lines.iter().filter_map(public).collect::<BTreeSet<_>>();
    let is_seen = |line: &String| {
        let of = after(line, " for ").filter(|_| line.contains(": impl"));
        of.is_none_or(|of| types.contains(&of))
    };
    let seen = lines.iter().map(is_seen).collect::<Vec<_>>();
    lines.into_iter().zip(seen).filter_map(|(line, seen)| seen.then_some(line)).collect()
}

/// Lines that are new or gone.
fn compare(name: &str, recorded: &str, found: &[String]) -> Vec<String> {
    let recorded = recorded.lines().collect::<Vec<_>>();
    let gone = recorded.iter().filter(|line| !found.iter().any(|one| one == *line));
    let new = found.iter().filter(|line| !recorded.contains(&line.as_str()));
    gone.map(|line| format!("{name}: - {line}"))
        .chain(new.map(|line| format!("{name}: + {line}")))
        .collect()
}

/// The public items of a file and of the files of its modules.
fn module(file: &Path, path: &str, lines: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let tokens: TokenStream =
        text.parse().map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    for child in items(tokens, path, lines) {
        // Beside `mod.rs` and `lib.rs`, else in the folder named like the file.
        let folder = if ["mod.rs", "lib.rs"].iter().any(|name| file.ends_with(name)) {
            file.with_file_name("")
        } else {
            file.with_extension("")
        };
        let candidates = [folder.join(format!("{child}.rs")), folder.join(&child).join("mod.rs")];
        let found = candidates.iter().find(|file| file.exists());
        let found = found.with_context(|| format!("{}: no file of {child}", file.display()))?;
        module(found, &joined(path, &child), lines)?;
    }
    Ok(())
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") }
}

/// Adds the public items among tokens; returns the modules that are files.
fn items(tokens: TokenStream, path: &str, lines: &mut Vec<String>) -> Vec<String> {
    let (mut children, mut attributes, mut item) = (Vec::new(), String::new(), Vec::new());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        if is_hash && item.is_empty() {
            tokens.next_if(|next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!'));
            attributes += &tokens.next().map(|group| group.to_string()).unwrap_or_default();
            continue;
        }
        let is_brace = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        let is_use = item.iter().any(|token| is_word(token, "use"));
        let ends = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ';')
            || (is_brace(&token) && !is_use);
        item.push(token);
        if ends {
            let is_left_out = ["doc (hidden)", "doc(hidden)", "cfg (test)", "cfg(test)"]
                .iter()
                .any(|one| attributes.contains(one));
            if !is_left_out {
                children.extend(add(&item, &attributes, path, lines));
            }
            attributes.clear();
            item.clear();
        }
    }
    children
}

/// Adds an item if it is public; returns its name if it is a module in a file.
fn add(
    item: &[TokenTree],
    attributes: &str,
    path: &str,
    lines: &mut Vec<String>,
) -> Option<String> {
    let is_public = is_word(item.first()?, "pub")
        && !matches!(item.get(1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
    let keyword = item.iter().find_map(|token| match token {
        TokenTree::Ident(word)
            if ["mod", "impl", "struct", "enum", "trait", "use"].iter().any(|one| word == one) =>
        {
            Some(word.to_string())
        }
        TokenTree::Ident(word)
            if ["fn", "const", "static", "type"].iter().any(|one| word == one) =>
        {
            Some("other".to_owned())
        }
        _ => None,
    });
    let block = match item.last() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            Some(group.stream())
        }
        _ => None,
    };
    let header = &item[..item.len() - 1];
    match (keyword.as_deref(), block) {
        (Some("mod"), block) => {
            let name = header.last()?.to_string();
            match block {
                Some(block) => {
                    items(block, &joined(path, &name), lines);
                    return None;
                }
                None => return Some(name),
            }
        }
        (Some("impl"), Some(block)) if !is_public => {
            let of = text(header);
            // What a trait asks for is said where the trait is.
            if of.contains(" for ") {
                lines.push(format!("{path}: {of}"));
            } else {
                items(block, &format!("{path}: {of}"), lines);
            }
        }
        (Some("struct"), Some(block)) if is_public => {
            lines.push(format!("{path}: {}{}", marks(attributes), text(header)));
            let name = name_after(header, "struct");
            for field in fields(block) {
                lines.push(format!("{path}: struct {name}: {field}"));
            }
        }
        (Some("enum" | "trait"), Some(block)) if is_public => {
            let block = text(&without_attributes(block));
            lines.push(format!("{path}: {}{} {{ {block} }}", marks(attributes), text(header)));
        }
        _ if is_public => {
            lines.push(format!("{path}: {}{}", marks(attributes), text(header)));
        }
        _ => {}
    }
    None
}

/// Attributes that callers feel.
fn marks(attributes: &str) -> &'static str {
    if attributes.contains("non_exhaustive") { "#[non_exhaustive] " } else { "" }
}

fn name_after(header: &[TokenTree], keyword: &str) -> String {
    let mut rest = header.iter().skip_while(|token| !is_word(token, keyword)).skip(1);
    rest.next().map(ToString::to_string).unwrap_or_default()
}

/// The public fields of a struct.
fn fields(block: TokenStream) -> Vec<String> {
    let tokens = without_attributes(block);
    let mut depth = 0_i32;
    let parts = tokens.split(|token| {
        if let TokenTree::Punct(punct) = token {
            match punct.as_char() {
                '<' => depth += 1,
                '>' => depth -= 1,
                ',' if depth == 0 => return true,
                _ => {}
            }
        }
        false
    });
    let is_public = |part: &&[TokenTree]| {
        part.first().is_some_and(|first| is_word(first, "pub"))
            && !matches!(part.get(1), Some(TokenTree::Group(_)))
    };
    parts.filter(is_public).map(text).collect()
}

fn without_attributes(block: TokenStream) -> Vec<TokenTree> {
    let mut found = Vec::new();
    let mut tokens = block.into_iter();
    while let Some(token) = tokens.next() {
        if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#') {
            tokens.next();
        } else if let TokenTree::Group(group) = token {
            let inner = without_attributes(group.stream()).into_iter().collect();
            found.push(TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inner)));
        } else {
            found.push(token);
        }
    }
    found
}

fn is_word(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(word) if word == text)
}

/// Tokens as one would write them, on one line.
fn text(tokens: &[TokenTree]) -> String {
    let mut line = String::new();
    // Whether a space is wanted before the next token.
    let mut is_apart = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let inner = group.stream().into_iter().collect::<Vec<_>>();
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                let is_value = line.ends_with(['=', ',', ':', '+']) || line.ends_with("->");
                if is_apart && (open != "(" || is_value) {
                    line.push(' ');
                }
                line.extend([open, &text(&inner), close]);
                is_apart = true;
            }
            TokenTree::Punct(punct) => {
                let mark = punct.as_char();
                let is_tight = ",;:.?<>'!".contains(mark) && !line.ends_with(['=', '+']);
                let is_arrow = mark == '>' && line.ends_with(['-', '=']);
                let is_lifetime = mark == '\'' && line.ends_with([',', ':', '=', '+']);
                if (is_apart && !is_tight && !is_arrow) || is_lifetime {
                    line.push(' ');
                }
                line.push(mark);
                let joins = punct.spacing() == Spacing::Joint
                    || "&<'.!*#".contains(mark)
                    || line.ends_with("::");
                is_apart = !joins;
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if is_apart {
                    line.push(' ');
                }
                line += &token.to_string();
                is_apart = true;
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        items(text.parse().expect("Rust"), "m", &mut lines);
        lines
    }

    #[test]
    fn public_items_are_found_and_others_are_not() {
        let text = "/// Doc.\npub struct A { pub x: Vec<u8>, y: u8, pub(crate) z: u8 }\n\
                    impl A { pub fn new<T: Into<u8>>(x: &'a T) -> Result<Self, E> { 1 } fn own() {} }\n\
                    pub(crate) fn f() {}\n#[doc(hidden)] pub fn g() {}\n\
                    #[non_exhaustive] pub enum B { #[x] C, D(u8) }\n\
                    pub use crate::n::{E, F};\npub const N: usize = 3;\n\
                    #[cfg(test)] mod tests { pub fn t() {} }";
        assert_eq!(
            found(text),
            [
                "m: pub struct A",
                "m: struct A: pub x: Vec<u8>",
                "m: impl A: pub fn new<T: Into<u8>>(x: &'a T) -> Result<Self, E>",
                "m: #[non_exhaustive] pub enum B { C, D(u8) }",
                "m: pub use crate::n::{ E, F }",
                "m: pub const N: usize = 3",
            ]
        );
    }

    #[test]
    fn types_that_nobody_sees_are_left_out() {
        let lines = ["m: pub struct A", "m: impl Drop for A", "m: impl<T> Drop for B<T>"];
        let lines = of_public_types(lines.map(String::from).to_vec());
        assert_eq!(lines, ["m: pub struct A", "m: impl Drop for A"]);
    }

    #[test]
    fn differences_are_named() {
        let found = ["a: pub fn f()".to_owned(), "a: pub fn g()".to_owned()];
        assert_eq!(
            compare("c", "a: pub fn f()\na: pub fn h()\n", &found),
            ["c: - a: pub fn h()", "c: + a: pub fn g()"]
        );
    }
}
