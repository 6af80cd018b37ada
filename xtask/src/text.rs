//! Numbers and tables as people read them.

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let group = |(place, digit): (usize, char)| {
        let starts = place > 0 && (digits.len() - place).is_multiple_of(3);
        [starts.then_some(','), Some(digit)]
    };
    digits.chars().enumerate().flat_map(group).flatten().collect()
}

/// A Markdown table whose first row is its heading, aligned so that it reads well as it is.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths = (0..columns).map(|column| width(column).unwrap_or(0).max(3)).collect::<Vec<_>>();
    let mut lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    });
    let heading = lines.next().unwrap_or_default();
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join(" | ");
    std::iter::once(heading)
        .chain([format!("| {rule} |")])
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let texts = [0, 12, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "12", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [["a", "second"], ["1.00–2.00", "3"]].map(|row| row.map(String::from).to_vec());
        let expected = "| a         | second |\n| --------- | ------ |\n| 1.00–2.00 | 3      |";
        assert_eq!(table(&rows), expected);
    }
}
