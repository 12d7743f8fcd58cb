//! Plain-text tables and headings. Colour only where a person looks: never in a pipe or a log.

use std::io::IsTerminal;
use std::time::Duration;

/// Right or left alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows of text under a header, as wide as its cells need.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns; a name that starts with `>` is aligned to the right.
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        let align = columns.iter().map(|name| if name.starts_with('>') { Align::Right } else { Align::Left }).collect();
        let header = columns.iter().map(|name| name.trim_start_matches('>')).collect();
        Self { header, align, rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The table as lines, indented by two.
    pub(crate) fn render(&self) -> String {
        let columns = self.header.len();
        let mut widths: Vec<usize> = self.header.iter().map(|name| width(name)).collect();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate().take(columns) {
                widths[column] = widths[column].max(width(cell));
            }
        }
        let header: Vec<String> = self.header.iter().map(|name| (*name).to_owned()).collect();
        let rule: Vec<String> = widths.iter().map(|n| "─".repeat(*n)).collect();
        let mut out = String::new();
        for row in [&header, &rule].into_iter().chain(&self.rows) {
            let mut line = String::from("  ");
            for (column, wanted) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                let gap = " ".repeat(wanted - width(cell));
                match self.align[column] {
                    Align::Left => line.extend([cell, &gap]),
                    Align::Right => line.extend([gap.as_str(), cell]),
                }
                line.push_str("  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Columns that a text takes in a terminal: combining marks and colours take none. (Vietnamese
/// needs no more than that.)
fn width(text: &str) -> usize {
    let mut colour = false;
    let mut columns = 0;
    for c in text.chars() {
        match c {
            '\u{1b}' => colour = true,
            'm' if colour => colour = false,
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe0f}' => {}
            _ if colour => {}
            _ => columns += 1,
        }
    }
    columns
}

/// At most `most` columns of a text on one line, with `…` where it was cut.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let line = text.replace(['\n', '\t'], " ");
    if width(&line) <= most {
        return line;
    }
    let mut out = String::new();
    for c in line.chars() {
        if width(&out) + 1 >= most {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// A heading that stands out.
pub(crate) fn heading(text: &str) {
    let line = format!("━━ {text} ");
    let fill = "━".repeat(78_usize.saturating_sub(width(&line)));
    println!("\n{}", bold(&format!("{line}{fill}")));
}

/// ✓ or ✗.
pub(crate) fn mark(good: bool) -> String {
    if good { paint("32", "✓") } else { paint("31", "✗") }
}

/// Bold where a person looks.
pub(crate) fn bold(text: &str) -> String {
    paint("1", text)
}

fn paint(code: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Minutes, seconds and tenths.
pub(crate) fn time(taken: Duration) -> String {
    let seconds = taken.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", taken.as_secs() / 60, taken.as_secs() % 60)
    }
}

/// A number with a comma between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_under_vietnamese() {
        let mut table = Table::new(&["xã", ">n"]);
        table.row(["Đắk Mil".to_owned(), "7".to_owned()]);
        table.row(["Đa\u{323}".to_owned(), "12".to_owned()]);
        assert_eq!(table.render(), "  xã        n\n  ───────  ──\n  Đắk Mil   7\n  Đa\u{323}       12\n");
    }

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(width("\u{1b}[32m✓\u{1b}[0m"), 1);
    }

    #[test]
    fn clip_counts_columns_not_bytes() {
        assert_eq!(clip("thủy lợi", 8), "thủy lợi");
        assert_eq!(clip("thủy lợi", 5), "thủy…");
        assert_eq!(clip("a\nb", 5), "a b");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn time_reads_well() {
        assert_eq!(time(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(time(Duration::from_secs(125)), "2 min 05 s");
    }
}
