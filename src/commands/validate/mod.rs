//! `backstitch validate FILE…`: the checks of the pipeline, without a pipeline.

mod check;
mod files;
mod format;
mod sarif;

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;
use backstitch_processors::{Pipeline, Settings};
use backstitch_schemas::rules::Rules;
use backstitch_schemas::{EntityRef, Level, Problem};

use crate::cli::{ReportFormat, ValidateArgs};
use crate::surroundings::Surroundings;
use check::Checks;
use files::{Barren, Named};

/// All that was found.
#[derive(Debug, Default)]
struct Report {
    /// Files that were read.
    files: usize,
    /// Entities in them, the wrong ones included, but not what is something else altogether.
    entities: usize,
    /// Where each ref was found first: file and line.
    refs: HashMap<EntityRef, (String, i32)>,
    /// What is wrong, in the order of files and lines.
    findings: Vec<Finding>,
    /// Files and folders that could not be checked, or hold nothing to check.
    unchecked: Vec<Unchecked>,
}

/// A file or folder that could not be checked.
#[derive(Debug)]
struct Unchecked {
    /// As it was given.
    file: String,
    /// Why not, in a sentence about it.
    reason: String,
}

/// One problem of one file.
#[derive(Debug)]
struct Finding {
    /// The file as it was given.
    file: String,
    /// The entity, if its ref can be read.
    entity_ref: Option<String>,
    /// What is wrong, and where.
    problem: Problem,
}

impl Finding {
    /// What is wrong and what to do, in one line.
    fn text(&self) -> &str {
        self.problem.advice.as_deref().filter(|advice| !advice.is_empty()).unwrap_or(&self.problem.message)
    }

    fn line(&self) -> i32 {
        self.problem.line.unwrap_or(1)
    }

    fn is_error(&self) -> bool {
        self.problem.level() == Level::Error
    }
}

impl Report {
    fn not_checked(&mut self, file: String, reason: String) {
        self.unchecked.push(Unchecked { file, reason });
    }

    /// 0 if all is well (warnings apart), 1 if something is wrong, 2 if something could not be checked.
    fn exit_code(&self) -> u8 {
        let wrong = self.findings.iter().any(Finding::is_error);
        match (self.unchecked.is_empty(), wrong) {
            (false, _) => 2,
            (true, true) => 1,
            (true, false) => 0,
        }
    }
}

/// Checks the files, prints what is wrong with them, and gives the exit code.
///
/// # Errors
/// If the configuration cannot be used, or the report cannot be printed.
pub fn validate(args: &ValidateArgs, here: &Surroundings, out: &mut impl Write) -> Result<u8> {
    let config = here.with_files(&args.config)?;
    // Where a file will be read from is not known: what a rule lets in from anywhere may come from there.
    let rules = match args.config.is_empty() {
        true => Rules::everything(),
        false => config.catalog.rules()?.from_anywhere(),
    };
    let hosts = config.integrations.known_hosts();
    let settings = Settings { rules, model: config.backstitch.model()?, hosts: hosts.clone() };
    let checks = Checks { pipeline: Pipeline::new(settings), hosts, cwd: &here.cwd };
    let mut report = Report::default();
    for path in &args.files {
        let Named { files, barren } = files::named_by(&here.cwd, path);
        files.iter().for_each(|file| check::file(&checks, file, &mut report));
        for Barren { folder, reason } in barren {
            report.not_checked(folder.display().to_string(), reason);
        }
    }
    let text = match args.format {
        ReportFormat::Text => format::text(&report),
        ReportFormat::Json => format::json(&report),
        ReportFormat::Github => format::github(&report),
        ReportFormat::Sarif => sarif::sarif(&report),
    };
    out.write_all(text.as_bytes())?;
    Ok(report.exit_code())
}

#[cfg(test)]
mod tests;
