//! The neighbours of all items, in memory or on disk, on their way out.

use std::io::Write;

use ilk_core::result::{Neighbour, Neighbours, Overlaps};
use ilk_formats::{
    ListQuality, Names, OutputFormat, OutputStyle, Packer, write_lists, write_neighbours,
};

use crate::{error::Error, spill::Found};

/// What a job found.
pub(crate) enum Findings {
    /// In memory.
    Memory(Neighbours),
    /// On disk, because it does not fit.
    Disk(Found),
}

impl Findings {
    /// Hands every item's neighbours, best first, to a visitor.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(u32, &[Neighbour])) -> Result<(), Error> {
        match self {
            Self::Memory(found) => {
                (0..found.items() as u32).for_each(|item| visit(item, found.of(item)));
                Ok(())
            }
            Self::Disk(found) => found.walk().try_for_each(|list| {
                let (item, list) = list?;
                visit(item, &list);
                Ok(())
            }),
        }
    }

    /// Counts neighbours and items by overlap.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn overlaps(&self) -> Result<Overlaps, Error> {
        let mut overlaps = Overlaps::default();
        self.each(&mut |_, list| overlaps.see(list))?;
        Ok(overlaps)
    }

    /// Looks at the lists of so many items, by their codes.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn qualities(&self, items: usize) -> Result<Vec<ListQuality>, Error> {
        let mut qualities = vec![ListQuality::default(); items];
        self.each(&mut |item, list| qualities[item as usize] = ListQuality::of(list))?;
        Ok(qualities)
    }

    /// Returns how many neighbours all items have: the rows of the table. O(1) but for a few parts
    /// on disk.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Self::Memory(found) => found.len() as u64,
            Self::Disk(found) => found.rows(),
        }
    }

    /// Writes the table of neighbours; returns how many rows it has. `name` tells what could not
    /// be written.
    ///
    /// # Errors
    /// If a disk fails.
    pub(crate) fn write(
        &self,
        style: OutputStyle,
        out: impl Write + Send,
        names: Names<'_>,
        name: &dyn Fn(ilk_formats::Error) -> Error,
    ) -> Result<u64, Error> {
        let mut packer = Packer::new(out, style.packing).map_err(name)?;
        let rows = self.write_plain(style.format, &mut packer, names, name)?;
        packer.finish().map_err(name)?;
        Ok(rows)
    }

    fn write_plain(
        &self,
        format: OutputFormat,
        out: impl Write + Send,
        names: Names<'_>,
        name: &dyn Fn(ilk_formats::Error) -> Error,
    ) -> Result<u64, Error> {
        let found = match self {
            Self::Memory(found) => {
                write_neighbours(format, out, names, found).map_err(name)?;
                return Ok(self.rows());
            }
            Self::Disk(found) => found,
        };
        let mut failed = None;
        let good = found.walk().map_while(|list| list.map_err(|error| failed = Some(error)).ok());
        write_lists(format, out, names, good).map_err(name)?;
        failed.map_or(Ok(self.rows()), Err)
    }
}
