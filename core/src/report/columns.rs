//! Text in columns: the one place where results are aligned.

use unicode_width::UnicodeWidthStr;

/// Between columns.
const GAP: &str = "  ";

/// The text, and spaces up to this width: wide letters count as a terminal shows them.
pub(super) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Lines with their cells one below the other; the last one is as long as it is.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths = widths(rows);
    rows.iter().map(|row| joined(row, &widths)).collect()
}

/// The same below a head, as `az … --output table` prints it.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let head = head.map(str::to_owned);
    let all: Vec<[String; N]> = std::iter::once(&head).chain(rows).cloned().collect();
    let widths = widths(&all);
    let ruler = widths.map(|width| "-".repeat(width));
    let rows = [&head, &ruler].into_iter().chain(rows);
    rows.map(|row| joined(row, &widths)).collect()
}

fn widths<const N: usize>(rows: &[[String; N]]) -> [usize; N] {
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max();
    std::array::from_fn(|column| widest(column).unwrap_or_default())
}

fn joined<const N: usize>(row: &[String; N], widths: &[usize; N]) -> String {
    let cells: Vec<String> =
        row.iter().zip(widths).map(|(cell, width)| padded(cell, *width)).collect();
    cells.join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other_however_wide_their_letters_are() {
        let rows = [["a", "b"], ["漢字", "c"], ["é", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), ["a     b", "漢字  c", "é"]);
        let empty: [[String; 2]; 0] = [];
        assert!(columns(&empty).is_empty());
        assert_eq!(
            table(["One", "Two"], &rows),
            ["One   Two", "----  ---", "a     b", "漢字  c", "é"]
        );
        assert_eq!(table(["One", "Two"], &empty), ["One  Two", "---  ---"]);
    }
}
