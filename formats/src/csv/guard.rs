//! The guard against stray quotes: a record over several lines is believed only where its inner
//! lines are no records themselves.

use memchr::{memchr, memchr2};

use super::{
    kinds::Kind,
    scan::{Field, Form, Grammar, Reach},
};
use crate::dialect::LineEnd;

/// What is known of the columns from the sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    /// By column; empty where nothing is known yet, and every record is believed.
    pub(crate) kinds: Vec<Kind>,
    /// Columns of which the sample has records over several lines that are meant so.
    pub(crate) trusted: Vec<bool>,
}

/// Whether line breaks within a record are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spans {
    Meant,
    /// A stray quote holds together what does not belong together.
    Stray,
    /// It cannot be told.
    Unclear,
}

/// How many of the lines after a record's first are records themselves.
struct Lookalikes {
    lines: usize,
    records: usize,
}

impl Guard {
    /// Judges the record at `start..after`, whose fields are `fields` and which is sound.
    pub(crate) fn judge(
        &self,
        grammar: &Grammar,
        bytes: &[u8],
        start: usize,
        after: usize,
        fields: &[Field],
    ) -> Spans {
        if self.kinds.is_empty() {
            return Spans::Meant;
        }
        let is_typed =
            |column: usize| self.kinds.get(column).is_some_and(|kind| *kind != Kind::Text);
        let broken = broken(grammar, bytes, fields);
        if broken.iter().any(|column| is_typed(*column)) {
            return Spans::Stray;
        }
        let only_text = self.kinds.iter().all(|kind| *kind == Kind::Text);
        let is_trusted = |column: &usize| self.trusted.get(*column) == Some(&true);
        if only_text && broken.iter().all(is_trusted) {
            return Spans::Meant;
        }
        let closing = broken.last().map(|column| fields[*column]);
        let found = self.lookalikes(grammar, &bytes[start..after], start, closing);
        match found.records {
            0 => Spans::Meant,
            records if records == found.lines && !only_text => Spans::Stray,
            // Were the quote a stray one, the first line would be a record without it.
            _ if only_text
                && !self.begins_like_a_record(grammar, bytes, start, &broken, fields) =>
            {
                Spans::Meant
            }
            _ => Spans::Unclear,
        }
    }

    /// Returns true if the first line is a record without the quote that opens its broken field.
    fn begins_like_a_record(
        &self,
        grammar: &Grammar,
        bytes: &[u8],
        start: usize,
        broken: &[usize],
        fields: &[Field],
    ) -> bool {
        let Some((end, _)) = grammar.line(bytes, start, Reach::End) else { return true };
        let mut line = bytes[start..end].to_vec();
        let field = broken.first().map(|column| fields[*column]);
        if let Some(field) =
            field.filter(|field| matches!(field.form, Form::Quoted | Form::Escaped))
        {
            line.remove(field.start as usize - 1 - start);
        }
        let mut cut = Vec::new();
        grammar.cuts(&line, &mut cut) && self.fits(grammar, &line, &cut)
    }

    /// Returns true if no line after the first of a record is a record itself.
    pub(crate) fn has_no_lookalikes(
        &self,
        grammar: &Grammar,
        bytes: &[u8],
        start: usize,
        after: usize,
        fields: &[Field],
    ) -> bool {
        let closing = broken(grammar, bytes, fields).last().map(|column| fields[*column]);
        self.lookalikes(grammar, &bytes[start..after], start, closing).records == 0
    }

    /// Tests the lines after the first: inner ones as they are, the last one without the quote that
    /// closes the last field with a line break.
    fn lookalikes(
        &self,
        grammar: &Grammar,
        record: &[u8],
        start: usize,
        closing: Option<Field>,
    ) -> Lookalikes {
        let closing = closing.filter(|field| matches!(field.form, Form::Quoted | Form::Escaped));
        let closing = closing.map(|field| field.end as usize - start);
        let mut found = Lookalikes { lines: 0, records: 0 };
        let mut fields = Vec::new();
        let mut next = grammar.line(record, 0, Reach::End).map_or(record.len(), |(_, next)| next);
        while next < record.len() {
            let Some((end, after)) = grammar.line(record, next, Reach::End) else { break };
            let mut line = record[next..end].to_vec();
            if let Some(closing) = closing.filter(|closing| (next..end).contains(closing)) {
                line.remove(closing - next);
            }
            found.lines += 1;
            let is_record = !line.is_empty()
                && grammar.cuts(&line, &mut fields)
                && self.fits(grammar, &line, &fields);
            found.records += usize::from(is_record);
            next = after;
        }
        found
    }

    /// Returns true if the fields are of the columns' kinds.
    pub(crate) fn fits(&self, grammar: &Grammar, bytes: &[u8], fields: &[Field]) -> bool {
        let mut scratch = Vec::new();
        let mut fits = |(field, kind): (&Field, &Kind)| {
            *kind == Kind::Text || kind.admits(grammar.plain(bytes, *field, &mut scratch))
        };
        fields.iter().zip(&self.kinds).all(&mut fits)
    }
}

/// The columns whose fields hold line breaks.
pub(crate) fn broken(grammar: &Grammar, bytes: &[u8], fields: &[Field]) -> Vec<usize> {
    let is_broken = |field: &Field| {
        let raw = &bytes[field.start as usize..field.end as usize];
        match grammar.line_end {
            LineEnd::Lf => memchr(b'\n', raw).is_some(),
            LineEnd::Cr => memchr2(b'\n', b'\r', raw).is_some(),
        }
    };
    (0..fields.len()).filter(|column| is_broken(&fields[*column])).collect()
}
