//! `ilk man`.

use std::io::Write as _;

use super::command;
use crate::{error::Error, stdout};

pub(super) const EXAMPLES: &str = "\
Examples:
    ilk man > ilk.1 && man ./ilk.1";

/// Prints the manual: the page of the program, then that of each command.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn man() -> Result<(), Error> {
    let mut command = command();
    command.build();
    stdout::print(|out| {
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
        let mut manual = String::from_utf8_lossy(&pages).replace(" EXTRA\n", " EXAMPLES\n");
        for sub in command.get_subcommands() {
            // There is one page, so no pages to refer to.
            let name = sub.get_name();
            manual = manual.replace(&format!("ilk\\-{name}(1)"), &format!("ilk {name}"));
        }
        out.write_all(manual.as_bytes())
    })
}
