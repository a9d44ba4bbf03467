//! Tables that read as such on a narrow screen, too, where each row becomes a block.

use super::html::Esc;

/// A table under construction. The style sheet turns rows into blocks on narrow screens, which takes
/// a table its meaning for those who hear it; the roles give it back.
pub(super) struct Table {
    columns: &'static [&'static str],
    rows: String,
}

impl Table {
    /// An empty table with these heads. Those that end in `#` are columns of numbers.
    pub(super) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: String::new() }
    }

    /// Adds a row of HTML, a cell for each column; empty ones take no room on narrow screens.
    pub(super) fn row(&mut self, cells: &[String]) {
        self.rows.push_str("<tr role=\"row\">");
        for (column, cell) in self.columns.iter().zip(cells) {
            self.rows.push_str(&format!(
                "<td role=\"cell\"{} data-label=\"{}\">{cell}</td>",
                class(column),
                Esc(name(column))
            ));
        }
        self.rows.push_str("</tr>\n");
    }

    /// The table as HTML.
    pub(super) fn html(&self) -> String {
        let heads: String = self
            .columns
            .iter()
            .map(|column| {
                format!("<th role=\"columnheader\" scope=\"col\"{}>{}</th>", class(column), Esc(name(column)))
            })
            .collect();
        format!(
            "<table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">{heads}</tr></thead>\
             <tbody role=\"rowgroup\">\n{}</tbody></table>\n",
            self.rows
        )
    }
}

fn name(column: &str) -> &str {
    column.trim_end_matches('#')
}

fn class(column: &str) -> &'static str {
    if column.ends_with('#') { " class=\"number\"" } else { "" }
}
