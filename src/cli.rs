//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::client::Client;
use crate::config::{Listen, Secret};

const EXAMPLES: &str = "\
Examples:
  backstitch up                               the example catalog, on http://127.0.0.1:7007
  backstitch up catalog-info.yaml             your own descriptors
  backstitch up --config app-config.yaml      what an existing portal reads
  backstitch validate catalog-info.yaml       is it right?
  backstitch explain component:default/x      why is it not there?
  backstitch status --wait                    wait until everything is read, then show it

One process is enough to begin with: `up` runs all roles and keeps its data in ./.backstitch.
To grow, set backstitch.log (Kafka) and backstitch.database (Postgres), then run `migrate` once and
`ingest`, `process`, `stitch` and `serve` as processes of their own.";

/// Event-sourced software catalog with the Backstage catalog API.
///
/// Providers emit what changed into a log, processors validate and relate it, a stitcher builds the
/// final entities, and a query API serves them to an unmodified Backstage frontend.
#[derive(Debug, Parser)]
#[command(name = "backstitch", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process.
    Up(UpArgs),
    /// Run only the providers: read the outside world, emit what changed.
    Ingest(RoleArgs),
    /// Run only the processors: validate, enrich and relate.
    Process(RoleArgs),
    /// Run only the stitcher: build the final entities.
    Stitch(RoleArgs),
    /// Run only the query API.
    Serve(RoleArgs),
    /// Bring topics and database to the form that this version needs.
    Migrate(RoleArgs),
    /// Show what a running Backstitch holds, does, and finds wrong.
    Status(StatusArgs),
    /// Say why an entity or a document is not there, stale, or not what was written.
    Explain(ExplainArgs),
    /// Check descriptor files as the pipeline does, without a running Backstitch.
    Validate(ValidateArgs),
    /// Print the JSON Schema of all kinds, for editors.
    Schema(SchemaArgs),
    /// List providers, decide about held removals, withdraw a provider.
    Providers(ProvidersArgs),
    /// Measure this machine with a synthetic catalog.
    Bench(crate::bench::Options),
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigArgs {
    /// A configuration file such as a portal's app-config.yaml; give it again to put a second file
    /// over the first.
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// The folder of the embedded log and database [default: ./.backstitch].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The address to listen on, e.g. 127.0.0.1:7008 or :7007.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    pub listen: Option<Listen>,
}

/// Options of `up`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Without configuration and paths the example catalog is copied into the data directory and read from
there. Edit it and see the change at once; your own catalog replaces it at the next start.

A path may be a file, a folder (every catalog-info.yaml below it) or a glob in quotes. All kinds are
allowed from it; what a configuration lists is subject to catalog.rules.")]
pub struct UpArgs {
    /// Descriptor files, folders or globs to read and to watch.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Options of a single role.
#[derive(Clone, Debug, Args)]
pub struct RoleArgs {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Which server a client command talks to.
#[derive(Clone, Debug, Args)]
pub struct ClientArgs {
    /// The running Backstitch.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "BACKSTITCH_SERVER",
        default_value = "http://127.0.0.1:7007"
    )]
    pub server: String,
    /// A token of backend.auth.externalAccess, where one is needed.
    #[arg(long, global = true, value_name = "TOKEN", env = "BACKSTITCH_TOKEN", hide_env_values = true, value_parser = parse_secret)]
    pub token: Option<Secret>,
}

impl ClientArgs {
    /// A client of that server.
    ///
    /// # Errors
    /// If the address is no URL.
    pub fn connect(&self) -> Result<Client> {
        Client::new(&self.server, self.token.clone())
    }
}

/// Options of `status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Return once no read is due or under way and everything emitted has an outcome.
    #[arg(long)]
    pub wait: bool,
    /// Seconds to wait at most.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    pub timeout: Duration,
    /// Print the server's answer as JSON.
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Options of `explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// An entity ref such as component:default/shop, a URL, or a file.
    #[arg(value_name = "REF|URL|FILE")]
    pub subject: String,
    /// Print the server's answer as JSON.
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Options of `validate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exit code: 0 if nothing is wrong (warnings are not), 1 if something is, 2 if a file or folder could not be
checked or holds nothing to check.

In a pull request on GitHub:  backstitch validate --format github catalog-info.yaml")]
pub struct ValidateArgs {
    /// Descriptor files; a folder stands for every catalog-info.yaml below it.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// A configuration file: kinds that backstitch.kinds adds are known, and what catalog.rules lets in
    /// from nowhere is an error. Without one, every kind may come in.
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// Options of `schema`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
With `backstitch schema > entity.schema.json`, editors check descriptors while they are typed. Put this
line at the top of a catalog-info.yaml:

  # yaml-language-server: $schema=./entity.schema.json

A running server has the same schema at /api/catalog/v1/schema/entity.json.")]
pub struct SchemaArgs {
    /// A configuration file, for the kinds that backstitch.kinds adds.
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
}

/// How `validate` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One line a problem, for people.
    Text,
    /// One object, for programs.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// Options of `providers`.
#[derive(Clone, Debug, Args)]
pub struct ProvidersArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ProvidersCommand,
    /// Which server.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// What to do with providers.
#[derive(Clone, Debug, Subcommand)]
pub enum ProvidersCommand {
    /// List them with their entities, last reads and held removals.
    List,
    /// Let the held removals of a provider happen.
    ///
    /// When many entities go missing at once, their removal is held until a person has looked.
    Confirm {
        /// The provider's name.
        name: String,
    },
    /// Keep what is held; it is held again if the next read or push does not list it either.
    Discard {
        /// The provider's name.
        name: String,
    },
    /// Remove a pushed provider with all its entities.
    Withdraw {
        /// The provider's name.
        name: String,
    },
}

fn parse_listen(text: &str) -> Result<Listen, String> {
    Listen::parse(text).ok_or_else(|| "expected an address such as :7007 or 127.0.0.1:7007".to_owned())
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "expected a number of seconds".to_owned())
}

fn parse_secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn files_are_kept_in_their_order() {
        let cli = Cli::parse_from([
            "backstitch",
            "up",
            "a.yaml",
            "--config",
            "one",
            "--config",
            "two",
            "--listen",
            ":1",
        ]);
        let Command::Up(up) = cli.command else { panic!("not up") };
        assert_eq!(up.paths, [PathBuf::from("a.yaml")]);
        assert_eq!(up.config.config, [PathBuf::from("one"), PathBuf::from("two")]);
        assert_eq!(up.config.listen, Listen::parse(":1"));
    }
}
