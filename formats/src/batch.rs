//! One batch into one chunk of rows.

use std::cmp::Ordering;

use ilk_core::data::{
    BadCell, Cells, IdColumn, NumberColumn, Rows, TextColumn, TimeColumn, TimeRule, parse_time,
};

use crate::{
    cells::{Batch, Cells as Decoded, Column},
    columns::{self, Place, floats, push_time},
    condition::Number,
    decimal::Points,
    dialect::Decimal,
    error::Error,
    joined::{join, join_columns, spelled},
    plan::{Check, Origin, Pick, Plan},
    text::TextBuilder,
};

/// The columns of a batch, each given out for keeps at its last use.
struct Columns {
    left: Vec<Option<Column>>,
    uses: Vec<usize>,
}

impl Columns {
    fn new(batch: Batch, plan: &Plan) -> Self {
        let mut uses = vec![0; batch.columns.len()];
        let optional = plan.beside.all();
        for pick in plan.ids().chain(optional) {
            if let Origin::Read(place) = pick.origin {
                uses[place] += 1;
            }
        }
        Self { left: batch.columns.into_iter().map(Some).collect(), uses }
    }

    /// Gives out a column; it is copied only if it is needed again.
    fn take(&mut self, place: usize) -> Column {
        self.uses[place] -= 1;
        let column = &mut self.left[place];
        let given = if self.uses[place] > 0 { column.clone() } else { column.take() };
        given.unwrap_or(Column::nulls(0))
    }
}

/// A batch being turned into rows.
struct Turning<'a> {
    file: &'a str,
    number: u32,
    first_row: u64,
    places: Option<Vec<u32>>,
    rows: usize,
    columns: Columns,
    unreadable: Vec<BadCell>,
}

impl Turning<'_> {
    /// Makes a column: of its one value, or of what the file holds.
    fn column<T>(
        &mut self,
        pick: &Pick,
        constant: impl FnOnce(Option<&str>, usize) -> T,
        read: impl FnOnce(Place<'_>, Column) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &pick.origin {
            Origin::Constant(value) => Ok(constant(value.as_deref(), self.rows)),
            Origin::Read(place) => {
                let column = self.columns.take(*place);
                let (file, first_row, number) = (self.file, self.first_row, self.number);
                let places = self.places.as_deref();
                read(Place { file, column: &pick.name, first_row, number, places }, column)
            }
        }
    }

    /// Makes ids of one column, or of several.
    fn joined_ids(&mut self, first: &Pick, further: &[Pick]) -> Result<IdColumn, Error> {
        let ids = self.ids(first)?;
        if further.is_empty() {
            return Ok(ids);
        }
        let further = further.iter().map(|pick| self.ids(pick));
        let columns = [Ok(ids)].into_iter().chain(further).collect::<Result<Vec<_>, _>>()?;
        Ok(join_columns(&columns, self.rows))
    }

    fn ids(&mut self, pick: &Pick) -> Result<IdColumn, Error> {
        let constant =
            |value: Option<&str>, rows| (IdColumn::Text(constant_text(value, rows)), Vec::new());
        let (ids, broken) = self.column(pick, constant, columns::ids)?;
        let text = |row| {
            BadCell::new(row, format!("column `{}` holds bytes that are not text", pick.name))
        };
        self.unreadable.extend(broken.into_iter().map(text));
        Ok(ids)
    }
}

/// Turns a batch of the columns that `plan` reads into rows.
pub(crate) fn rows(plan: &Plan, file: &str, first_row: u64, batch: Batch) -> Result<Rows, Error> {
    let mut batch = batch;
    let mut unreadable = std::mem::take(&mut batch.unreadable);
    let mut kept = None;
    if !plan.checks.is_empty() {
        let mut answers = answers(plan, &batch)?;
        // Kept, so that they are counted as unreadable and not as filtered.
        for bad in &unreadable {
            answers.kept[bad.row as usize] = true;
        }
        unreadable.extend(answers.unclear());
        kept = Some(answers.kept);
    }
    let (rows, places) = (batch.rows, batch.places.take());
    let columns = Columns::new(batch, plan);
    let number = plan.file;
    let mut turning = Turning { file, number, first_row, places, rows, columns, unreadable };
    let [more_of_user, more_of_item] = &plan.further;
    let user = turning.joined_ids(&plan.user, more_of_user)?;
    let item = turning.joined_ids(&plan.item, more_of_item)?;
    let weight = plan.beside.weight.as_ref();
    let weight = weight.map(|pick| {
        let constant = |value: Option<&str>, rows| constant_weight(plan.cells.decimal, value, rows);
        turning.column(pick, constant, |place, column| {
            columns::weights(place, column, plan.cells.decimal)
        })
    });
    let time = plan.beside.time.as_ref();
    let time = time.map(|pick| {
        let constant = |value: Option<&str>, rows| constant_time(plan, first_row, value, rows);
        turning.column(pick, constant, |place, column| {
            columns::times(place, column, &plan.cells.times)
        })
    });
    let label = plan.beside.label.as_ref();
    let label = label
        .map(|pick| turning.column(pick, constant_text, |_, column| Ok(columns::labels(column))));
    let mut rows = Rows {
        file: plan.file,
        first_row,
        places: turning.places,
        user,
        item,
        weight: weight.transpose()?,
        time: time.transpose()?,
        label: label.transpose()?,
        kept,
        unreadable: turning.unreadable,
    };
    blank_unreadable(&mut rows);
    Ok(rows)
}

/// Makes all cells of unreadable rows null.
fn blank_unreadable(rows: &mut Rows) {
    if rows.unreadable.is_empty() {
        return;
    }
    rows.unreadable.sort_by_key(|bad| bad.row);
    rows.unreadable.dedup_by_key(|bad| bad.row);
    let mut readable = vec![true; rows.len()];
    for bad in &rows.unreadable {
        readable[bad.row as usize] = false;
    }
    let gone = || (0..readable.len()).filter(|row| !readable[*row]);
    for ids in [&mut rows.user, &mut rows.item] {
        match ids {
            IdColumn::Integer(Cells { valid, .. }) | IdColumn::Unsigned(Cells { valid, .. }) => {
                let valid = valid.get_or_insert_with(|| vec![true; readable.len()]);
                gone().for_each(|row| valid[row] = false);
            }
            IdColumn::Text(column) => gone().for_each(|row| column.codes[row] = TextColumn::NULL),
        }
    }
    if let Some(weight) = &mut rows.weight {
        gone().for_each(|row| weight.values[row] = f64::NAN);
        weight.bad.retain(|cell| readable[cell.row as usize]);
    }
    if let Some(time) = &mut rows.time {
        gone().for_each(|row| time.values[row] = TimeColumn::NONE);
        time.bad.retain(|cell| readable[cell.row as usize]);
    }
    if let Some(label) = &mut rows.label {
        gone().for_each(|row| label.codes[row] = TextColumn::NULL);
    }
}

/// A column that holds the same text in every row.
pub(crate) fn constant_text(value: Option<&str>, rows: usize) -> TextColumn {
    let code = if value.is_some() { 0 } else { TextColumn::NULL };
    TextColumn { codes: vec![code; rows], dictionary: value.iter().collect(), untyped: true }
}

/// A column that holds the same weight in every row.
pub(crate) fn constant_weight(decimal: Decimal, value: Option<&str>, rows: usize) -> NumberColumn {
    let weight = value.and_then(|text| decimal.parse(text));
    let bad = value.filter(|_| weight.is_none());
    NumberColumn { values: vec![weight.unwrap_or(f64::NAN); rows], bad: constant_bad(bad, rows) }
}

/// A column that holds the same time in every row.
fn constant_time(plan: &Plan, first_row: u64, value: Option<&str>, rows: usize) -> TimeColumn {
    let moment = value.and_then(|text| plan.cells.times.text(text));
    let bad = value.filter(|_| moment.is_none());
    let mut times = TimeColumn {
        values: vec![moment.map_or(TimeColumn::NONE, |moment| moment.micros); rows],
        bad: constant_bad(bad, rows),
        ..TimeColumn::default()
    };
    if let Some(moment) = moment.filter(|_| rows > 0) {
        let number = value.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
        times.guesses.note(moment.guess, number, plan.file, first_row);
    }
    times
}

fn constant_bad(text: Option<&str>, rows: usize) -> Vec<BadCell> {
    let Some(text) = text else { return Vec::new() };
    (0..rows as u32).map(|row| BadCell::new(row, text)).collect()
}

/// What the conditions say of the rows of a batch.
struct Answers {
    /// Which rows are not left out.
    kept: Vec<bool>,
    /// Rows of which a condition says nothing, by condition.
    unclear: Vec<BadCell>,
}

impl Answers {
    /// Takes out the rows that no condition leaves out and one says nothing of.
    fn unclear(&mut self) -> Vec<BadCell> {
        let mut unclear = std::mem::take(&mut self.unclear);
        unclear.retain(|bad| self.kept[bad.row as usize]);
        unclear
    }
}

/// Asks all conditions of all rows.
fn answers(plan: &Plan, batch: &Batch) -> Result<Answers, Error> {
    let mut answers = Answers { kept: vec![true; batch.rows], unclear: Vec::new() };
    for check in &plan.checks {
        match &check.pick.origin {
            Origin::Constant(None) => answers.kept.fill(false),
            Origin::Constant(Some(cell)) => match check.admits(plan.cells.decimal, cell) {
                Some(true) => {}
                Some(false) => answers.kept.fill(false),
                None => {
                    let rows = 0..batch.rows as u32;
                    answers.unclear.extend(rows.map(|row| check.unclear(row, cell)));
                }
            },
            Origin::Read(place) => {
                apply(check, plan.cells.decimal, &batch.columns[*place], &mut answers)?;
            }
        }
    }
    Ok(answers)
}

/// Clears the rows that do not satisfy the condition. The plan has checked that its value can be
/// compared with the column's type.
fn apply(
    check: &Check,
    decimal: Decimal,
    column: &Column,
    answers: &mut Answers,
) -> Result<(), Error> {
    let comparison = check.condition.comparison;
    let value = check.condition.value.as_str();
    let admits = |order: Option<Ordering>| order.is_some_and(|order| comparison.admits(order));
    let kept = &mut answers.kept;
    let mut mark = |row: usize, order: Option<Ordering>| kept[row] &= admits(order);
    match &column.cells {
        Decoded::Null(_) => kept.fill(false),
        Decoded::Bool(cells) => {
            let wanted = value == "true";
            for (row, cell) in cells.iter().enumerate() {
                mark(row, column.is_valid(row).then(|| cell.cmp(&wanted)));
            }
        }
        Decoded::Day(_) | Decoded::Time(..) => {
            let wanted = parse_time(value).unwrap_or_default();
            let place = Place::new("", &check.pick.name);
            let times = columns::times(place, column.clone(), &TimeRule::default())?;
            for (row, cell) in times.values.into_iter().enumerate() {
                mark(row, (cell != TimeColumn::NONE).then(|| cell.cmp(&wanted)));
            }
        }
        Decoded::Text(_) | Decoded::Uuid(_) => {
            compare_texts(check, decimal, &columns::labels(column.clone()), answers);
        }
        _ => compare_numbers(check.number, column, mark),
    }
    Ok(())
}

/// Asks the condition of text, each distinct one once: as of formats without types, numbers compare as
/// numbers.
fn compare_texts(check: &Check, decimal: Decimal, column: &TextColumn, answers: &mut Answers) {
    // Where a number is asked for, empty text holds none.
    let admits = |cell: &str| match check.number {
        Some(_) if cell.is_empty() => Some(false),
        _ => check.admits(decimal, cell),
    };
    let admitted: Vec<_> = column.dictionary.iter().map(admits).collect();
    for (row, code) in column.codes.iter().enumerate() {
        match admitted.get(*code as usize) {
            Some(Some(true)) => {}
            Some(None) => {
                let cell = column.dictionary.get(*code as usize);
                answers.unclear.push(check.unclear(row as u32, cell));
            }
            Some(Some(false)) | None => answers.kept[row] = false,
        }
    }
}

/// Compares each number with `wanted`: whole numbers exactly.
fn compare_numbers(
    wanted: Option<Number>,
    column: &Column,
    mut mark: impl FnMut(usize, Option<Ordering>),
) {
    let Some(wanted) = wanted else { return };
    let mut whole = |row: usize, cell: i128| {
        let order = column.is_valid(row).then(|| Number::Whole(cell).compare(wanted));
        mark(row, order.flatten());
    };
    match &column.cells {
        Decoded::I32(cells) => (0..).zip(cells).for_each(|(row, c)| whole(row, (*c).into())),
        Decoded::U32(cells) => (0..).zip(cells).for_each(|(row, c)| whole(row, (*c).into())),
        Decoded::I64(cells) => (0..).zip(cells).for_each(|(row, c)| whole(row, (*c).into())),
        Decoded::U64(cells) => (0..).zip(cells).for_each(|(row, c)| whole(row, (*c).into())),
        _ => {
            for (row, cell) in floats(column).unwrap_or_default().into_iter().enumerate() {
                mark(row, Number::Float(cell).compare(wanted));
            }
        }
    }
}

/// What the conditions say of a row.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    Kept,
    LeftOut,
    /// One of them cannot be answered, and why.
    Unclear(BadCell),
}

/// The weights of a chunk, and how they are written.
#[derive(Default)]
struct Weights {
    column: NumberColumn,
    points: Points,
}

impl Weights {
    /// Appends a cell.
    fn push(&mut self, row: u32, cell: Option<&str>, decimal: Decimal) {
        let weight = cell.and_then(|text| decimal.parse(text));
        self.column.values.push(weight.unwrap_or(f64::NAN));
        match (cell, weight) {
            (Some(cell), None) => self.column.bad.push(BadCell::new(row, cell)),
            (Some(cell), Some(_)) if decimal == Decimal::Point => self.points.see(cell.trim()),
            _ => {}
        }
    }
}

/// Builds a chunk of rows cell by cell, for formats without types.
pub(crate) struct Untyped<'a> {
    plan: &'a Plan,
    first_row: u64,
    rows: usize,
    user: TextBuilder,
    item: TextBuilder,
    label: Option<TextBuilder>,
    weight: Option<Weights>,
    time: Option<TimeColumn>,
    kept: Option<Vec<bool>>,
    unreadable: Vec<BadCell>,
}

impl<'a> Untyped<'a> {
    /// Starts a chunk at `first_row`.
    pub(crate) fn new(plan: &'a Plan, first_row: u64) -> Self {
        Self {
            plan,
            first_row,
            rows: 0,
            user: TextBuilder::default(),
            item: TextBuilder::default(),
            label: plan.beside.label.is_some().then(TextBuilder::default),
            weight: plan.beside.weight.is_some().then(Weights::default),
            time: plan.beside.time.is_some().then(TimeColumn::default),
            kept: (!plan.checks.is_empty()).then(Vec::new),
            unreadable: Vec::new(),
        }
    }

    /// Counts the rows.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Returns how weights are written.
    pub(crate) fn points(&self) -> Points {
        self.weight.as_ref().map(|weights| weights.points).unwrap_or_default()
    }

    /// Counts the bytes of text held.
    pub(crate) fn bytes(&self) -> usize {
        self.user.bytes() + self.item.bytes() + self.label.as_ref().map_or(0, TextBuilder::bytes)
    }

    /// Appends a row that could not be read; `text` says why, and what stands there.
    pub(crate) fn push_unreadable(&mut self, text: String) {
        self.push_bad(BadCell::new(0, text));
    }

    fn push_bad(&mut self, bad: BadCell) {
        self.unreadable.push(BadCell { row: self.rows as u32, ..bad });
        self.rows += 1;
        self.push_blank();
    }

    /// Appends a row. `cell` gives the bytes of a column read.
    pub(crate) fn push<'c>(&mut self, cell: impl Fn(usize) -> &'c [u8]) {
        if let Some(text) = self.find_unreadable(&cell) {
            self.push_unreadable(text);
            return;
        }
        let admitted = self.admission(&cell);
        if let Admission::Unclear(bad) = admitted {
            self.push_bad(bad);
            return;
        }
        let row = self.rows as u32;
        self.rows += 1;
        let plan = self.plan;
        let [more_of_user, more_of_item] = &plan.further;
        push_id(&mut self.user, plan, (&plan.user, more_of_user), &cell);
        push_id(&mut self.item, plan, (&plan.item, more_of_item), &cell);
        if let (Some(column), Some(pick)) = (&mut self.label, &plan.beside.label) {
            column.push(text(plan, pick, &cell));
        }
        if let (Some(weights), Some(pick)) = (&mut self.weight, &plan.beside.weight) {
            weights.push(row, text(plan, pick, &cell), plan.cells.decimal);
        }
        if let (Some(column), Some(pick)) = (&mut self.time, &plan.beside.time) {
            let cell = text(plan, pick, &cell);
            let moment = cell.and_then(|cell| plan.cells.times.text(cell));
            let (number, first_row) = (plan.file, self.first_row);
            let place = Place { first_row, number, ..Place::new("", &pick.name) };
            push_time(column, place, row as usize, moment, cell);
        }
        if let Some(kept) = &mut self.kept {
            kept.push(admitted == Admission::Kept);
        }
    }

    /// Tells whether the conditions keep a row: a number cannot be compared with text that is none.
    fn admission<'c>(&self, cell: &impl Fn(usize) -> &'c [u8]) -> Admission {
        let mut unclear = None;
        for check in &self.plan.checks {
            let Some(cell) = text(self.plan, &check.pick, cell) else { return Admission::LeftOut };
            match check.admits(self.plan.cells.decimal, cell) {
                Some(true) => {}
                Some(false) => return Admission::LeftOut,
                None => drop(unclear.get_or_insert_with(|| check.unclear(0, cell))),
            }
        }
        unclear.map_or(Admission::Kept, Admission::Unclear)
    }

    /// Describes the first required cell that is not text, if any. A label that is none is lost,
    /// not its row.
    fn find_unreadable<'c>(&self, cell: &impl Fn(usize) -> &'c [u8]) -> Option<String> {
        let broken = |place: &usize| std::str::from_utf8(cell(*place)).is_err();
        let place = self.plan.vital.iter().copied().find(broken)?;
        Some(format!("not UTF-8: {}", String::from_utf8_lossy(cell(place))))
    }

    fn push_blank(&mut self) {
        self.user.push(None);
        self.item.push(None);
        if let Some(column) = &mut self.label {
            column.push(None);
        }
        if let Some(Weights { column, .. }) = &mut self.weight {
            column.values.push(f64::NAN);
        }
        if let Some(column) = &mut self.time {
            column.values.push(TimeColumn::NONE);
        }
        // Kept, so that it is counted as unreadable and not as filtered.
        if let Some(kept) = &mut self.kept {
            kept.push(true);
        }
    }

    /// Returns the chunk.
    pub(crate) fn finish(self) -> Rows {
        // Ids of several columns are text whatever they look like.
        let ids = |builder: TextBuilder, further: &[Pick]| {
            IdColumn::Text(TextColumn { untyped: further.is_empty(), ..builder.finish() })
        };
        let [more_of_user, more_of_item] = &self.plan.further;
        let label = self.label.map(|builder| TextColumn { untyped: false, ..builder.finish() });
        Rows {
            file: self.plan.file,
            first_row: self.first_row,
            places: None,
            user: ids(self.user, more_of_user),
            item: ids(self.item, more_of_item),
            weight: self.weight.map(|weights| weights.column),
            time: self.time,
            label,
            kept: self.kept,
            unreadable: self.unreadable,
        }
    }
}

/// Appends the id of a row, of one column or of several.
fn push_id<'t, 'c: 't>(
    ids: &mut TextBuilder,
    plan: &'t Plan,
    (first, further): (&'t Pick, &'t [Pick]),
    cell: &impl Fn(usize) -> &'c [u8],
) {
    if further.is_empty() {
        ids.push(text(plan, first, cell));
        return;
    }
    let picks = [first].into_iter().chain(further);
    let cells = picks.map(|pick| text(plan, pick, cell).map(spelled));
    let mut id = String::new();
    let is_id = join(&mut id, cells);
    ids.push(is_id.then_some(id.as_str()));
}

/// The text of a cell; an empty one is null, and so is one that is no UTF-8.
fn text<'t, 'c: 't>(
    plan: &'t Plan,
    pick: &'t Pick,
    cell: &impl Fn(usize) -> &'c [u8],
) -> Option<&'t str> {
    match &pick.origin {
        Origin::Constant(value) => value.as_deref(),
        Origin::Read(place) => {
            std::str::from_utf8(cell(*place)).ok().filter(|text| !plan.is_null(text))
        }
    }
}
