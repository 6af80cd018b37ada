//! Which rows were compared with which columns, whatever the cut into tiles was: what is done stays
//! done when memory or threads change.

use std::{collections::BTreeSet, fmt, ops::Range, str::FromStr};

use ilk_core::plan::Sides;

/// The rows and columns of a tile, by position. Its text goes into files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Area {
    /// A pair is offered to both of its items; rows meet smaller columns only.
    is_mutual: bool,
    /// First position of the columns, and the one after the last.
    columns: (u32, u32),
    rows: Vec<Stretch>,
}

/// Rows of a circle of positions, each so many steps after the one before: how tiles in memory
/// spread their rows. Consecutive rows are a circle of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    first: u32,
    circle: u32,
    start: u32,
    step: u32,
    count: u32,
}

impl Area {
    /// Describes rows against columns; `circle`: the positions that rows are of.
    ///
    /// # Panics
    /// If a row is not on the circle.
    pub(crate) fn new(
        sides: Sides,
        columns: Range<u32>,
        circle: Range<u32>,
        rows: impl Iterator<Item = u32>,
    ) -> Self {
        let (first, length) = (circle.start, circle.len() as u32);
        let on_circle = |place: u64| (place % u64::from(length)) as u32;
        let mut stretches = Vec::<Stretch>::new();
        let mut next = None;
        for row in rows {
            assert!(circle.contains(&row), "a row is on the circle");
            let (start, circle) = (row - first, length);
            let place = u64::from(start);
            match stretches.last_mut() {
                Some(last) if last.count == 1 => {
                    last.step = on_circle(place + u64::from(length) - u64::from(last.start));
                    last.count = 2;
                }
                Some(last) if next == Some(start) => last.count += 1,
                _ => stretches.push(Stretch { first, circle, start, step: 1, count: 1 }),
            }
            let step = stretches.last().map_or(1, |last| last.step);
            next = Some(on_circle(place + u64::from(step)));
        }
        let columns = (columns.start, columns.end);
        Self { is_mutual: sides == Sides::Both, columns, rows: stretches }
    }

    /// Returns what the rows compute.
    pub(crate) const fn sides(&self) -> Sides {
        if self.is_mutual { Sides::Both } else { Sides::Row }
    }

    /// Returns the columns.
    pub(crate) fn columns(&self) -> Range<u32> {
        self.columns.0..self.columns.1
    }

    /// Walks the rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u32> {
        self.rows.iter().flat_map(|stretch| {
            let Stretch { first, circle, start, step, count } = *stretch;
            let place = move |number: u32| {
                let place = u64::from(start) + u64::from(number) * u64::from(step);
                first + (place % u64::from(circle)) as u32
            };
            (0..count).map(place)
        })
    }

    /// Counts the rows.
    pub(crate) fn len(&self) -> u32 {
        self.rows.iter().map(|stretch| stretch.count).sum()
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = if self.is_mutual { "both" } else { "row" };
        write!(f, "{sides}:{}-{}", self.columns.0, self.columns.1)?;
        self.rows.iter().try_for_each(|stretch| {
            let Stretch { first, circle, start, step, count } = stretch;
            write!(f, ":{first}.{circle}.{start}.{step}.{count}")
        })
    }
}

/// The text is no area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoArea;

impl FromStr for Area {
    type Err = NoArea;

    fn from_str(text: &str) -> Result<Self, NoArea> {
        let mut parts = text.split(':');
        let is_mutual = match parts.next() {
            Some("both") => true,
            Some("row") => false,
            _ => return Err(NoArea),
        };
        let number = |text: &str| text.parse::<u32>().map_err(|_| NoArea);
        let (start, end) = parts.next().and_then(|part| part.split_once('-')).ok_or(NoArea)?;
        let columns = (number(start)?, number(end)?);
        let stretch = |part: &str| {
            let numbers = part.split('.').map(number).collect::<Result<Vec<_>, _>>()?;
            let [first, circle, start, step, count] = numbers[..] else { return Err(NoArea) };
            if circle == 0 || start >= circle || first.checked_add(circle).is_none() {
                return Err(NoArea);
            }
            Ok(Stretch { first, circle, start, step, count })
        };
        let rows = parts.map(stretch).collect::<Result<_, _>>()?;
        Ok(Self { is_mutual, columns, rows })
    }
}

/// All that was done before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Covered<'a>(pub(crate) &'a [Area]);

impl Covered<'_> {
    /// Returns what rows compute, where anything was done.
    pub(super) fn sides(self) -> Option<Sides> {
        self.0.first().map(Area::sides)
    }

    /// Lists the positions at which columns of something begin or end: blocks that cross none of
    /// them were compared with a row wholly or not at all.
    pub(super) fn bounds(self) -> BTreeSet<u32> {
        self.0.iter().flat_map(|area| [area.columns.0, area.columns.1]).collect()
    }

    /// Marks the rows, of so many positions, that were compared with `columns`.
    pub(super) fn rows(self, columns: &Range<u32>, positions: usize) -> Vec<bool> {
        let mut done = vec![false; positions];
        let holds = |area: &&Area| area.columns.0 <= columns.start && columns.end <= area.columns.1;
        for row in self.0.iter().filter(holds).flat_map(Area::rows) {
            done.get_mut(row as usize).into_iter().for_each(|done| *done = true);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use ilk_core::plan::RowOrder;

    use super::*;

    #[test]
    fn areas_come_back_from_their_text() {
        let circles = [0..1, 0..7, 5..500, 4_294_960_000..4_294_967_294_u32];
        for (circle, sides) in circles.into_iter().zip([Sides::Both, Sides::Row].iter().cycle()) {
            for modulus in 1..6 {
                let rows = circle.clone().filter(|row| row % 7 * 3 % modulus == 0);
                let rows = rows.collect::<Vec<_>>();
                let area = Area::new(*sides, 3..9, circle.clone(), rows.iter().copied());
                assert_eq!(area.rows().collect::<Vec<_>>(), rows);
                assert_eq!(area.len() as usize, rows.len());
                assert_eq!((area.sides(), area.columns()), (*sides, 3..9));
                assert_eq!(area.to_string().parse(), Ok(area));
            }
        }
    }

    #[test]
    fn rows_of_a_tile_in_memory_take_one_stretch() {
        for (first, count) in [(0, 1), (0, 2), (3, 100), (512, 26_488)] {
            for order in [RowOrder::spread(first, count), RowOrder::rarest_first(first, count)] {
                for ranks in [0..count, count / 3..count / 2 + 1, count - 1..count] {
                    let rows = ranks.map(|rank| order.row(rank)).collect::<Vec<_>>();
                    let circle = first..first + count;
                    let area = Area::new(Sides::Both, 0..1, circle, rows.iter().copied());
                    assert_eq!(area.rows().collect::<Vec<_>>(), rows);
                    assert_eq!(area.rows.len(), 1);
                }
            }
        }
    }

    #[test]
    fn damaged_texts_are_no_areas() {
        for text in ["", "both", "both:1", "both:1-2:1.2.3", "none:1-2", "both:1-2:0.0.0.1.1"] {
            assert_eq!(text.parse::<Area>(), Err(NoArea), "{text}");
        }
    }

    #[test]
    fn rows_are_done_where_all_columns_are() {
        let area = |columns, rows: Range<u32>| Area::new(Sides::Both, columns, rows.clone(), rows);
        let areas = [area(0..10, 2..4), area(5..20, 4..6)];
        let covered = Covered(&areas);
        let rows = |columns| {
            let done = covered.rows(&columns, 8);
            (0..8).filter(|row| done[*row]).collect::<Vec<_>>()
        };
        assert_eq!(rows(5..10), [2, 3, 4, 5]);
        assert_eq!(rows(0..5), [2, 3]);
        assert_eq!(rows(0..20), [0; 0]);
        assert_eq!(covered.bounds().into_iter().collect::<Vec<_>>(), [0, 5, 10, 20]);
    }
}
