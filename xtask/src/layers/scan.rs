//! One source file's own lines: which modules it declares, what it defines, what it names.
//!
//! Tokens are enough: comments and strings are out of the way, and paths inside macro calls, which a
//! parser would leave alone, are seen like all others. Code for tests only is passed over.

use std::{collections::BTreeSet, str::FromStr};

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// Segments of a path, from the crate's root; the root itself has none.
pub(super) type Path = Vec<String>;

/// A module: a file, or a block of one.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) path: Path,
    /// Modules that are files of their own.
    pub(super) children: Vec<String>,
    /// Names of what it defines, modules among them.
    pub(super) definitions: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths in its code.
    pub(super) paths: Vec<Named>,
    /// Every word of its code outside `use`.
    pub(super) words: BTreeSet<String>,
}

/// A leaf of a `use`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// What it names, as written.
    pub(super) target: Path,
    /// Under which name; none for `*` and `_`.
    pub(super) alias: Option<String>,
    pub(super) is_glob: bool,
    /// Whether others see it too.
    pub(super) is_export: bool,
    pub(super) line: usize,
}

/// A path in code, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: Path,
    pub(super) line: usize,
}

/// Reads a file; the first module is the file's own, the others are blocks in it.
///
/// # Errors
/// Where the text is not Rust.
pub(super) fn scan(text: &str, path: &[String]) -> Result<Vec<Module>> {
    let tokens = TokenStream::from_str(text).map_err(|error| anyhow!("{error}"))?;
    let mut modules = Vec::new();
    module(tokens, path.to_vec(), &mut modules);
    Ok(modules)
}

/// Items of a module, one after another.
fn module(tokens: TokenStream, path: Path, modules: &mut Vec<Module>) {
    let place = modules.len();
    modules.push(Module { path, ..Module::default() });
    let mut rest = Cursor::new(tokens);
    while let Some(item) = rest.item() {
        if !item.is_test {
            add(&item.tokens, place, modules);
        }
    }
}

/// Adds an item to the module at `place`.
fn add(item: &[TokenTree], place: usize, modules: &mut Vec<Module>) {
    let is_export = word(item, 0).is_some_and(|word| word == "pub");
    let start = item.iter().position(|token| !is_qualifier(token)).unwrap_or(item.len());
    let keyword = word(item, start).unwrap_or_default();
    let name = word(item, start + 1);
    match (keyword.as_str(), &name) {
        ("use", _) => {
            for leaf in leaves(&item[start + 1..], is_export) {
                modules[place].uses.push(leaf);
            }
            return;
        }
        ("mod", Some(name)) => {
            modules[place].definitions.insert(name.clone());
            match item.last() {
                Some(TokenTree::Group(block)) => {
                    let path = [&modules[place].path[..], std::slice::from_ref(name)].concat();
                    module(block.stream(), path, modules);
                }
                _ => modules[place].children.push(name.clone()),
            }
            return;
        }
        (
            "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static",
            Some(name),
        ) => {
            modules[place].definitions.insert(name.clone());
        }
        ("macro_rules", _) => modules[place].definitions.extend(word(item, start + 2)),
        _ => {}
    }
    code(item, &mut modules[place]);
}

/// Returns true for what may stand before an item's keyword: `pub`, `pub(crate)`, `unsafe`,
/// `async`, …
fn is_qualifier(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => {
            ["pub", "unsafe", "async", "extern", "default"].iter().any(|one| word == one)
        }
        TokenTree::Group(group) => group.delimiter() == Delimiter::Parenthesis,
        TokenTree::Literal(_) => true,
        TokenTree::Punct(_) => false,
    }
}

/// Paths and words of code, in whatever groups.
fn code(tokens: &[TokenTree], module: &mut Module) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => block(group, module),
            TokenTree::Ident(first) => {
                let (path, next) = path_at(tokens, at);
                module.words.extend(path.iter().cloned());
                let line = first.span().start().line;
                if path.len() > 1 {
                    module.paths.push(Named { path, line });
                }
                at = next;
                continue;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

/// The same of a group, in which there may be items for tests, and `use`.
fn block(group: &Group, module: &mut Module) {
    let mut rest = Cursor::new(group.stream());
    while let Some(item) = rest.item() {
        if item.is_test {
            continue;
        }
        if group.delimiter() == Delimiter::Brace
            && word(&item.tokens, 0).is_some_and(|w| w == "use")
        {
            // Seen in this block only, which makes no difference to who needs whom.
            module.uses.extend(leaves(&item.tokens[1..], false));
        } else {
            code(&item.tokens, module);
        }
    }
}

/// The path that begins at a word, and where it ends.
fn path_at(tokens: &[TokenTree], start: usize) -> (Path, usize) {
    let mut path = Path::new();
    let mut at = start;
    while let Some(segment) = word(tokens, at) {
        path.push(segment);
        at += 1;
        if !is_colons(tokens, at) || word(tokens, at + 2).is_none() {
            break;
        }
        at += 2;
    }
    (path, at)
}

/// The leaves of a `use`, without the keyword.
fn leaves(tree: &[TokenTree], is_export: bool) -> Vec<Use> {
    let mut found = Vec::new();
    branch(tree, &Path::new(), &mut found);
    for leaf in &mut found {
        leaf.is_export = is_export;
    }
    found
}

/// Follows branches that are apart by commas, each below `prefix`.
fn branch(tree: &[TokenTree], prefix: &Path, found: &mut Vec<Use>) {
    for part in tree.split(|token| is_punct(token, ',') || is_punct(token, ';')) {
        let Some(first) = part.first() else { continue };
        let line = first.span().start().line;
        let mut leaf =
            Use { target: prefix.clone(), alias: None, is_glob: false, is_export: false, line };
        let mut at = 0;
        let mut renamed = None;
        while let Some(token) = part.get(at) {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    renamed = self::word(part, at + 1);
                    break;
                }
                TokenTree::Ident(word) => leaf.target.push(plain(word)),
                TokenTree::Punct(punct) if punct.as_char() == '*' => leaf.is_glob = true,
                TokenTree::Group(group) => {
                    let inner = group.stream().into_iter().collect::<Vec<_>>();
                    branch(&inner, &leaf.target, found);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
        if part.iter().any(|token| matches!(token, TokenTree::Group(_))) {
            continue;
        }
        // `use a::{self}` names `a`.
        if leaf.target.len() > 1 && leaf.target.last().is_some_and(|last| last == "self") {
            leaf.target.pop();
        }
        if !leaf.is_glob {
            let alias = renamed.or_else(|| leaf.target.last().cloned());
            leaf.alias = alias.filter(|alias| alias != "_");
        }
        found.push(leaf);
    }
}

/// Tokens of an item, without its attributes.
struct Item {
    tokens: Vec<TokenTree>,
    is_test: bool,
}

/// Goes from item to item.
struct Cursor {
    tokens: Vec<TokenTree>,
    at: usize,
}

impl Cursor {
    fn new(tokens: TokenStream) -> Self {
        Self { tokens: tokens.into_iter().collect(), at: 0 }
    }

    /// The next item or statement: up to a `;` or a block.
    fn item(&mut self) -> Option<Item> {
        let mut item = Item { tokens: Vec::new(), is_test: false };
        while let Some(token) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            if is_punct(&token, '#')
                && let Some(attribute) = self.attribute()
            {
                if item.tokens.is_empty() {
                    item.is_test |= is_for_tests(&attribute);
                }
                continue;
            }
            let is_use = word(&item.tokens, 0).is_some_and(|word| word == "use" || word == "pub");
            let is_block = matches!(&token, TokenTree::Group(group)
                if group.delimiter() == Delimiter::Brace);
            let ends = is_punct(&token, ';') || (is_block && !(is_use && is_tree(&item.tokens)));
            item.tokens.push(token);
            if ends {
                return Some(item);
            }
        }
        (!item.tokens.is_empty()).then_some(item)
    }

    /// The attribute after a `#`, if one is there; of the whole file, with `!`, too.
    fn attribute(&mut self) -> Option<Group> {
        let skipped = usize::from(self.tokens.get(self.at).is_some_and(|t| is_punct(t, '!')));
        match self.tokens.get(self.at + skipped) {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
                self.at += skipped + 1;
                Some(group.clone())
            }
            _ => None,
        }
    }
}

/// Returns true if the tokens so far are those of a `use` that goes on in braces.
fn is_tree(tokens: &[TokenTree]) -> bool {
    let start = tokens.iter().position(|token| !is_qualifier(token));
    start.is_some_and(|start| word(tokens, start).is_some_and(|word| word == "use"))
}

/// Returns true if an attribute leaves code to tests: `test`, `cfg(test)`, `cfg(all(test, …))`.
fn is_for_tests(attribute: &Group) -> bool {
    let tokens = attribute.stream().into_iter().collect::<Vec<_>>();
    match (word(&tokens, 0).as_deref(), tokens.get(1)) {
        (Some("test"), None) => true,
        (Some("cfg"), Some(TokenTree::Group(condition))) => {
            let inner = condition.stream().into_iter().collect::<Vec<_>>();
            match (word(&inner, 0).as_deref(), inner.get(1)) {
                (Some("test"), _) => true,
                (Some("all"), Some(TokenTree::Group(all))) => all
                    .stream()
                    .into_iter()
                    .any(|token| matches!(token, TokenTree::Ident(word) if word == "test")),
                _ => false,
            }
        }
        _ => false,
    }
}

fn word(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => Some(plain(word)),
        _ => None,
    }
}

/// A word without the mark of one that would be a keyword.
fn plain(word: &Ident) -> String {
    word.to_string().trim_start_matches("r#").to_owned()
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
    colon(at) && colon(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.split("::").map(String::from).collect()
    }

    #[test]
    fn uses_are_taken_apart() {
        let text = "use crate::{a::{self, B as C}, d::*};\npub(crate) use super::e::F;";
        let modules = scan(text, &[]).expect("Rust");
        let found = modules[0].uses.iter().map(|leaf| {
            (leaf.target.join("::"), leaf.alias.clone(), leaf.is_glob, leaf.is_export, leaf.line)
        });
        let alias = |name: &str| Some(name.to_owned());
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                ("crate::a".into(), alias("a"), false, false, 1),
                ("crate::a::B".into(), alias("C"), false, false, 1),
                ("crate::d".into(), None, true, false, 1),
                ("super::e::F".into(), alias("F"), false, true, 2),
            ]
        );
    }

    #[test]
    fn paths_in_code_and_macro_calls_are_seen() {
        let text =
            "fn f(x: crate::a::A) -> u8 {\n assert!(super::b(x), \"crate::no\"); g::h::<T>() }";
        let modules = scan(text, &[]).expect("Rust");
        let found = modules[0].paths.iter().map(|named| (named.path.clone(), named.line));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [(path("crate::a::A"), 1), (path("super::b"), 2), (path("g::h"), 2)]
        );
        assert!(modules[0].definitions.contains("f"));
    }

    #[test]
    fn code_for_tests_is_passed_over() {
        let text = "#[cfg(test)] mod tests { use crate::a; }\n#[test] fn t() { crate::b(); }\n\
                    #[cfg(all(test, unix))] use crate::c;\nfn f() { #[cfg(test)] crate::d(); }\n\
                    #[cfg(not(test))] use crate::e;\n// use crate::g;";
        let modules = scan(text, &[]).expect("Rust");
        assert_eq!(modules.len(), 1);
        assert_eq!(modules[0].uses.len(), 1);
        assert_eq!(modules[0].uses[0].target, path("crate::e"));
        assert_eq!(modules[0].paths, []);
    }

    #[test]
    fn modules_are_files_or_blocks() {
        let modules = scan("pub mod a;\nmod b { use super::c::D; }\nstruct D;", &[]).expect("Rust");
        assert_eq!(modules[0].children, ["a"]);
        assert_eq!(modules[1].path, ["b"]);
        assert_eq!(modules[1].uses[0].target, path("super::c::D"));
    }
}
