//! `ilk man`.

use std::io::{self, Write as _};

use clap::Command;

use super::{command, mistakes::no_command};
use crate::{error::Error, stdout};

pub(super) const EXAMPLES: &str = "\
Examples:
  One page for all commands:
    ilk man > ilk.1 && man ./ilk.1
  The page of a command:
    ilk man run > ilk-run.1 && man ./ilk-run.1";

/// Prints the manual: the page of the command `of`, or that of the program with those of all
/// commands.
///
/// # Errors
/// For a command that does not exist, and if standard output cannot be written.
pub(crate) fn man(of: Option<&str>) -> Result<(), Error> {
    let mut command = command();
    command.build();
    let pages = match of {
        None => manual(&command),
        Some(name) => {
            let of = command.find_subcommand(name).filter(|sub| sub.get_name() != "help");
            page(of.ok_or_else(|| no_command(name, &command))?)
        }
    };
    stdout::print(|out| out.write_all(pages?.as_bytes()))
}

/// Writes the page of one command.
fn page(command: &Command) -> io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(without_references(&page, command))
}

/// Writes the page of the program, with those of its commands.
fn manual(command: &Command) -> io::Result<String> {
    let mut pages = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut pages)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let sub = sub.clone();
        writeln!(pages, ".SH {}", sub.get_bin_name().unwrap_or_default().to_uppercase())?;
        let man = clap_mangen::Man::new(sub);
        let mut page = Vec::new();
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_extra_section(&mut page)?;
        // Sections of a command are subsections of the one manual.
        let page = String::from_utf8_lossy(&page).replace(".SH ", ".SS ");
        pages.write_all(page.as_bytes())?;
    }
    Ok(without_references(&pages, command))
}

/// Refers to subcommands by what is typed: their pages need not be installed.
fn without_references(page: &[u8], command: &Command) -> String {
    let mut page = String::from_utf8_lossy(page).replace(" EXTRA\n", " EXAMPLES\n");
    let parent = command.get_display_name().unwrap_or(command.get_name());
    for sub in command.get_subcommands() {
        let name = sub.get_name();
        let reference = format!("{parent}-{name}").replace('-', "\\-");
        let typed = format!("{} {name}", parent.replace('-', " "));
        page = page.replace(&format!("{reference}(1)"), &typed);
    }
    page
}
