//! `docs/CONFORMANCE.md` names a test for each line; this says whether they are there.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context as _, Result, bail};

const PAGE: &str = "docs/CONFORMANCE.md";
/// What runs the suites in `tests/npm`.
const RUNNER: &str = "tests/e2e/npm.rs";

/// Fails with everything that is wrong with the page of the repository at `root`.
pub(crate) fn check(root: &Path) -> Result<()> {
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
    let wrong = mistakes(&page, |file| fs::read_to_string(root.join(file)).ok());
    if !wrong.is_empty() {
        bail!("{PAGE} is not as it should be:\n  {}", wrong.join("\n  "));
    }
    Ok(())
}

/// How many lines of each kind there are.
#[derive(Default)]
struct Count {
    shown: usize,
    differently: usize,
    not_applying: usize,
    missing: usize,
}

impl Count {
    /// The sentence that the page has to contain.
    fn sentence(&self) -> String {
        let total = self.shown + self.differently + self.not_applying + self.missing;
        format!(
            "**{total} lines: {} shown, {} differently, {} do not apply, {} missing.**",
            self.shown, self.differently, self.not_applying, self.missing
        )
    }
}

/// What is wrong with a page, given a way to read the files that it names.
fn mistakes(page: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let (mut wrong, mut count, mut files) = (Vec::new(), Count::default(), HashMap::new());
    for row in page.lines().filter_map(|line| line.strip_prefix("| ")) {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let [behaviour, answer] = cells[..] else {
            wrong.push(format!("a row has not two cells: {row}"));
            continue;
        };
        if behaviour == "behaviour" {
            continue;
        }
        let tests = tests_of(answer);
        if answer.starts_with("differently: ") {
            count.differently += 1;
        } else if answer.starts_with("does not apply: ") {
            count.not_applying += 1;
        } else if answer.starts_with("missing: ") {
            count.missing += 1;
        } else if tests.is_empty() {
            wrong.push(format!("no test is named for: {behaviour}"));
        } else {
            count.shown += 1;
        }
        for (file, name) in tests {
            if file.ends_with(".mjs") && !is_run(&file, &read) {
                wrong.push(format!("{RUNNER} does not run {file}"));
            }
            let text = files.entry(file.clone()).or_insert_with(|| read(&file));
            match text {
                None => wrong.push(format!("there is no file {file}")),
                Some(text) if !has_test(&file, text, &name) => {
                    wrong.push(format!("there is no test `{name}` in {file}"));
                }
                Some(_) => {}
            }
        }
    }
    let sentence = count.sentence();
    if !page.contains(&sentence) {
        wrong.push(format!("the count should read: {sentence}"));
    }
    wrong
}

/// Files and names of the tests in a cell: `` `a.rs::b` ``, `` `::c` `` in the same file, `` `d.mjs: title` ``.
fn tests_of(cell: &str) -> Vec<(String, String)> {
    let mut tests: Vec<(String, String)> = Vec::new();
    for code in cell.split('`').skip(1).step_by(2) {
        let named = code.split_once("::").or_else(|| code.split_once(".mjs: "));
        let Some((file, name)) = named else { continue };
        let file = match tests.last() {
            Some((file, _)) if code.starts_with("::") => file.clone(),
            _ if code.contains(".mjs: ") => format!("{file}.mjs"),
            _ => file.to_owned(),
        };
        tests.push((file, name.to_owned()));
    }
    tests
}

/// Whether a file has a test of that name. A suite for several implementations names its tests in a macro.
fn has_test(file: &str, text: &str, name: &str) -> bool {
    if file.ends_with(".mjs") {
        return text.contains(&format!("test('{name}'"));
    }
    let is_suite = file.contains("/suite/");
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    let attributes = |number: usize| {
        let above = lines[..number].iter().rev();
        above.take_while(|line| line.starts_with("#[") || line.starts_with("//"))
    };
    lines.iter().enumerate().any(|(number, line)| {
        line.contains(&format!("fn {name}(")) && (is_suite || attributes(number).any(|line| is_test(line)))
    })
}

/// Whether a suite is one that the tests run.
fn is_run(file: &str, read: impl Fn(&str) -> Option<String>) -> bool {
    let suite = file.strip_prefix("tests/npm/").unwrap_or(file);
    read(RUNNER).is_some_and(|runner| runner.contains(&format!("\"{suite}\"")))
}

fn is_test(line: &str) -> bool {
    line.starts_with("#[test]") || line.starts_with("#[tokio::test")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "#[test]\nfn good() {}\n\nfn helper() {}\n";

    fn check(rows: &str, count: &str, expected: &[&str]) {
        let page = format!("**{count}.**\n\n| behaviour | shown by |\n|---|---|\n{rows}");
        let read = |file: &str| match file {
            "a.rs" => Some(FILE.to_owned()),
            "tests/npm/b.mjs" | "tests/npm/c.mjs" => Some("test('works', async () => {".to_owned()),
            RUNNER => Some("run(\"b.mjs\")".to_owned()),
            _ => None,
        };
        assert_eq!(mistakes(&page, read), expected);
    }

    #[test]
    fn tests_that_are_not_there_are_told() {
        let count = "1 lines: 1 shown, 0 differently, 0 do not apply, 0 missing";
        check("| it is | `a.rs::good`, `::good`, `tests/npm/b.mjs: works`; `more` |", count, &[]);
        check("| it is | `a.rs::bad` |", count, &["there is no test `bad` in a.rs"]);
        check("| it is | `a.rs::good`, `::helper` |", count, &["there is no test `helper` in a.rs"]);
        check(
            "| it is | `tests/npm/b.mjs: sleeps` |",
            count,
            &["there is no test `sleeps` in tests/npm/b.mjs"],
        );
        let unheard = ["tests/e2e/npm.rs does not run tests/npm/c.mjs"];
        check("| it is | `tests/npm/c.mjs: works` |", count, &unheard);
        check("| it is | `c.rs::good` |", count, &["there is no file c.rs"]);
    }

    #[test]
    fn rows_and_numbers_have_to_be_right() {
        let rows =
            "| a | `a.rs::good` |\n| b | differently: so |\n| c | does not apply: so |\n| d | missing: so |";
        check(rows, "4 lines: 1 shown, 1 differently, 1 do not apply, 1 missing", &[]);
        let sentence =
            "the count should read: **1 lines: 0 shown, 0 differently, 0 do not apply, 1 missing.**";
        check("| d | missing: so |", "9 lines", &[sentence]);
        let none = "1 lines: 0 shown, 1 differently, 0 do not apply, 0 missing";
        check("| a | differently: so |\n| b | somehow |", none, &["no test is named for: b"]);
    }

    #[test]
    fn every_test_that_the_page_names_is_there() {
        super::check(&crate::system::workspace()).unwrap();
    }
}
