//! Which columns of a file serve as what, checked once when it is opened.

use arrow_schema::DataType;
use ilk_core::data::{BadCell, TimeRule};

use crate::{
    columns::{self, Place},
    condition::{Condition, Number, check_condition},
    dialect::{CsvOptions, Decimal},
    error::Error,
    format::FileFormat,
    schema::{Column, ColumnKind, Schema, UNTYPED},
};

/// Which columns to read, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// Name of the user column, or of several with commas between; whose cells then make
    /// one text together.
    pub user: String,
    /// Name of the item column, or of several.
    pub item: String,
    /// Name of the weight column, if the job has one.
    pub weight: Option<String>,
    /// Name of the time column, if the job has one.
    pub time: Option<String>,
    /// Name of the label column, if the job has one.
    pub item_label: Option<String>,
    /// Conditions that a row must satisfy to be kept, all of them.
    pub conditions: Vec<Condition>,
    /// How CSV files are written; what is not said is detected.
    pub csv: CsvOptions,
    /// Texts that stand for nothing, beside the empty one, in formats without types.
    pub nulls: Vec<String>,
    /// How weights are written in formats without types.
    pub decimal: Decimal,
    /// What stands between the items of one cell, where cells hold several.
    pub item_separator: Option<String>,
    /// What the files are; found out where `None`.
    pub format: Option<FileFormat>,
    /// How times are written.
    pub times: TimeRule,
    /// Rows of a chunk at most; a limit of the format's own holds where `None`.
    pub chunk_rows: Option<usize>,
    /// Columns that have one value in the whole file (from `key=value` folders): name and value.
    /// They are text without a type; a column of the file with the same name goes first.
    pub constants: Vec<(String, String)>,
}

impl ReadOptions {
    /// Names the columns that a file must have itself.
    pub(crate) fn wanted(&self) -> Vec<&str> {
        let optional = [&self.weight, &self.time, &self.item_label].into_iter().flatten();
        let conditions = self.conditions.iter().map(|condition| &condition.column);
        let ids = [&self.user, &self.item].into_iter().flat_map(|names| names.split(','));
        let all = ids.chain(optional.chain(conditions).map(String::as_str));
        let is_constant = |name: &&str| self.constants.iter().any(|(key, _)| key == name);
        all.filter(|name| !is_constant(name)).collect()
    }
}

/// How Hive and Spark spell a null in a folder's name.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Where a needed column comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// A column of the file, by its position among the columns read.
    Read(usize),
    /// One value for the whole file, or null.
    Constant(Option<String>),
}

/// A needed column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pick {
    /// Its name.
    pub(crate) name: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// A condition with its column and its value, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) condition: Condition,
    pub(crate) pick: Pick,
    pub(crate) number: Option<Number>,
}

impl Check {
    /// Returns whether text satisfies the condition, if that can be told.
    pub(crate) fn admits(&self, decimal: Decimal, cell: &str) -> Option<bool> {
        // Text is compared with text: what number a cell is does not count then.
        let number = self.number.and_then(|_| Number::parse(&decimal.plain(cell)?));
        self.condition.admits_untyped((self.number, number), cell)
    }

    /// Describes a row of which the condition says nothing because of a cell that is no number.
    pub(crate) fn unclear(&self, row: u32, cell: &str) -> BadCell {
        let (condition, column) = (&self.condition, &self.condition.column);
        BadCell {
            row,
            text: format!("`{cell}` in column `{column}` is not a number: {condition}"),
            cell: Some(cell.into()),
        }
    }
}

/// What to read and what it serves as.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) file: u32,
    pub(crate) user: Pick,
    pub(crate) item: Pick,
    /// The further columns of users and of items whose ids are of several columns.
    pub(crate) further: [Vec<Pick>; 2],
    pub(crate) beside: Beside,
    pub(crate) cells: CellRules,
    pub(crate) checks: Vec<Check>,
    /// Positions in the file of the columns read, ascending.
    pub(crate) columns: Vec<usize>,
    /// Positions among the columns read of those without which a row cannot be: all but the label's.
    pub(crate) vital: Vec<usize>,
    /// Rows of a chunk at most.
    pub(crate) chunk_rows: usize,
}

/// Columns beside those of the ids.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    pub(crate) weight: Option<Pick>,
    pub(crate) time: Option<Pick>,
    pub(crate) label: Option<Pick>,
}

impl Beside {
    /// Walks the columns that there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Pick> {
        [&self.weight, &self.time, &self.label].into_iter().flatten()
    }
}

/// How cells are read.
#[derive(Clone, Debug)]
pub(crate) struct CellRules {
    pub(crate) times: TimeRule,
    pub(crate) item_separator: Option<String>,
    nulls: Vec<String>,
    pub(crate) decimal: Decimal,
}

impl Plan {
    /// Finds the columns.
    pub(crate) fn new(
        name: &str,
        schema: &Schema,
        file: u32,
        options: &ReadOptions,
    ) -> Result<Self, Error> {
        let mut finder = Finder { name, schema, options, columns: Vec::new() };
        // Two rounds: positions among the columns read are known only after all are found.
        let mut plan = Self::pick(&mut finder, file)?;
        finder.columns.sort_unstable();
        finder.columns.dedup();
        let columns = finder.columns;
        for pick in plan.picks_mut() {
            if let Origin::Read(place) = &mut pick.origin {
                *place = columns.partition_point(|column| column < place);
            }
        }
        plan.columns = columns;
        plan.vital = plan.vital_places();
        Ok(plan)
    }

    /// Walks the columns of the ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &Pick> {
        [&self.user, &self.item].into_iter().chain(self.further.iter().flatten())
    }

    fn vital_places(&self) -> Vec<usize> {
        let checks = self.checks.iter().map(|check| &check.pick);
        let picks = self.ids();
        let picks = picks.chain(&self.beside.weight).chain(&self.beside.time).chain(checks);
        let read = picks.filter_map(|pick| match pick.origin {
            Origin::Read(place) => Some(place),
            Origin::Constant(_) => None,
        });
        let mut places: Vec<usize> = read.collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Returns true if a cell without a type holds nothing.
    pub(crate) fn is_null(&self, text: &str) -> bool {
        text.is_empty() || self.cells.nulls.iter().any(|null| null == text)
    }

    fn pick(finder: &mut Finder<'_>, file: u32) -> Result<Self, Error> {
        let options = finder.options;
        let mut optional =
            |name: &Option<String>| name.as_ref().map(|name| finder.find(name)).transpose();
        let (weight, time, label) =
            (optional(&options.weight)?, optional(&options.time)?, optional(&options.item_label)?);
        let mut checks = Vec::with_capacity(options.conditions.len());
        for condition in &options.conditions {
            let pick = finder.find(&condition.column)?;
            let written = || options.decimal.plain(&condition.value);
            let number = Number::parse(&condition.value)
                .or_else(|| written().and_then(|text| Number::parse(&text)));
            checks.push(Check { condition: condition.clone(), pick, number });
        }
        let (user, more_of_user) = finder.find_id(&options.user)?;
        let (item, more_of_item) = finder.find_id(&options.item)?;
        if !more_of_item.is_empty() && options.item_separator.is_some() {
            return Err(Error::JoinedLists { columns: options.item.clone() });
        }
        Ok(Self {
            file,
            user,
            item,
            further: [more_of_user, more_of_item],
            beside: Beside { weight, time, label },
            cells: CellRules {
                times: options.times.clone(),
                // Between any two characters there is nothing.
                item_separator: options.item_separator.clone().filter(|text| !text.is_empty()),
                nulls: options.nulls.clone(),
                decimal: options.decimal,
            },
            checks,
            columns: Vec::new(),
            vital: Vec::new(),
            chunk_rows: options.chunk_rows.map_or(usize::MAX, |rows| rows.max(1)),
        })
    }

    fn picks_mut(&mut self) -> impl Iterator<Item = &mut Pick> {
        let checks = self.checks.iter_mut().map(|check| &mut check.pick);
        [&mut self.user, &mut self.item]
            .into_iter()
            .chain(self.beside.weight.as_mut())
            .chain(self.beside.time.as_mut())
            .chain(self.beside.label.as_mut())
            .chain(self.further.iter_mut().flatten())
            .chain(checks)
    }

    /// Checks that each column's type serves, given the types of the columns read.
    pub(crate) fn check_types(&self, file: &str, types: &[DataType]) -> Result<(), Error> {
        type Checker = fn(Place<'_>, &DataType) -> Result<(), Error>;
        let ids = self.ids().map(|pick| (pick, columns::check_id as Checker));
        let weight = self.beside.weight.iter().map(|pick| (pick, columns::check_weight as Checker));
        let time = self.beside.time.iter().map(|pick| (pick, columns::check_time as Checker));
        let label = self.beside.label.iter().map(|pick| (pick, columns::check_label as Checker));
        for (pick, check) in ids.chain(weight).chain(time).chain(label) {
            if let Origin::Read(place) = pick.origin {
                check(Place::new(file, &pick.name), &types[place])?;
            }
        }
        for check in &self.checks {
            if let Origin::Read(place) = check.pick.origin {
                check_condition(&check.condition, check.number, &types[place])?;
            }
        }
        Ok(())
    }
}

/// Returns the columns that make an id, of names with commas between; a column that is `known` by the
/// whole text is meant by it.
fn columns_of<'n>(names: &'n str, known: &[&str]) -> Vec<&'n str> {
    if known.contains(&names) || names.split(',').any(str::is_empty) {
        return vec![names];
    }
    names.split(',').collect()
}

/// Finds columns by name, among the file's own and then the constants.
struct Finder<'a> {
    name: &'a str,
    schema: &'a Schema,
    options: &'a ReadOptions,
    columns: Vec<usize>,
}

impl Finder<'_> {
    /// Finds the first column of an id, and those that follow.
    fn find_id(&mut self, names: &str) -> Result<(Pick, Vec<Pick>), Error> {
        let constants = self.options.constants.iter().map(|(name, _)| name.as_str());
        let known = self.schema.names().chain(constants).collect::<Vec<_>>();
        let mut picks = columns_of(names, &known).into_iter();
        let first = self.find(picks.next().unwrap_or(names))?;
        let further = picks.map(|name| self.find(name)).collect::<Result<_, _>>()?;
        Ok((first, further))
    }

    fn find(&mut self, name: &str) -> Result<Pick, Error> {
        let constant = self.options.constants.iter().find(|(key, _)| key == name);
        if let Some((_, value)) = constant
            && !self.schema.names().any(|column| column == name)
        {
            let is_null = value == HIVE_NULL || value.is_empty();
            let value = (!is_null).then(|| value.clone());
            return Ok(Pick { name: name.into(), origin: Origin::Constant(value) });
        }
        let found = self.schema.find(self.name, name);
        // The constants are columns as well: name them among those there are.
        let place = match found {
            Err(Error::MissingColumn { .. }) => self.with_constants().find(self.name, name)?,
            other => other?,
        };
        self.columns.push(place);
        Ok(Pick { name: name.into(), origin: Origin::Read(place) })
    }

    fn with_constants(&self) -> Schema {
        let constant = |(name, _): &(String, String)| Column {
            name: name.clone(),
            kind: ColumnKind::Untyped,
            type_name: UNTYPED.into(),
        };
        let mut schema = self.schema.clone();
        schema.columns.extend(self.options.constants.iter().map(constant));
        schema
    }
}
