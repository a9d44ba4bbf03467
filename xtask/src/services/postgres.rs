//! One Postgres server with a data directory of its own.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::free_ports;
use crate::system::{User, install, is_root, on_path, run_quietly, user};

/// The superuser, who needs no password: the server listens on loopback only.
const ROLE: &str = "backstitch";

/// The server of one checkout.
pub(super) struct Postgres {
    root: PathBuf,
}

impl Postgres {
    /// In `root`, unless the user who runs the server cannot get there, as in root's home.
    pub(super) fn new(root: PathBuf) -> Self {
        if !is_root() || open_to_all(&root) {
            return Self { root };
        }
        let mut hasher = DefaultHasher::new();
        root.hash(&mut hasher);
        Self { root: env::temp_dir().join(format!("backstitch-postgres-{:016x}", hasher.finish())) }
    }

    pub(super) fn is_running(&self) -> Result<bool> {
        let (Some(pg_ctl), true) = (find("pg_ctl"), self.data().exists()) else { return Ok(false) };
        let status = self.server_command(&pg_ctl)?.arg("status").arg("-D").arg(self.data()).output()?;
        Ok(status.status.success())
    }

    /// Starts an empty server and returns its URL.
    pub(super) fn start(&self) -> Result<String> {
        if find("initdb").is_none() {
            install(&["postgresql"])?;
        }
        let (Some(initdb), Some(pg_ctl)) = (find("initdb"), find("pg_ctl")) else {
            bail!("no Postgres server was found: `initdb` and `pg_ctl` are missing");
        };
        self.stop()?;
        self.create_root()?;
        let [port] = free_ports()?;
        run_quietly(
            self.server_command(&initdb)?
                .args(["-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C", "-D"])
                .arg(self.data()),
        )?;
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c max_connections=300"
        );
        run_quietly(
            self.server_command(&pg_ctl)?
                .args(["start", "-w", "-t", "60", "-o", &options, "-l"])
                .arg(self.root.join("postgres.log"))
                .arg("-D")
                .arg(self.data())
                // The server inherits what we wait for otherwise.
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null()),
        )
        .with_context(|| fs::read_to_string(self.root.join("postgres.log")).unwrap_or_default())?;
        Ok(format!("postgres://{ROLE}@127.0.0.1:{port}/postgres"))
    }

    /// Stops the server and deletes its data.
    pub(super) fn stop(&self) -> Result<()> {
        if self.is_running()? {
            let pg_ctl = find("pg_ctl").context("`pg_ctl` is missing")?;
            let stop = ["stop", "-m", "fast", "-w", "-t", "30", "-D"];
            run_quietly(self.server_command(&pg_ctl)?.args(stop).arg(self.data())).context("Postgres")?;
        }
        if self.root.exists() {
            fs::remove_dir_all(&self.root).context("cannot delete Postgres' data")?;
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    fn create_root(&self) -> Result<()> {
        fs::create_dir_all(&self.root)?;
        if let Some(owner) = owner()? {
            chown(&self.root, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(())
    }

    /// A command of the server's, as the user whose it is.
    fn server_command(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Some(owner) = owner()? {
            command.uid(owner.uid).gid(owner.gid);
        }
        Ok(command)
    }
}

/// Who runs the server: ourselves, but never root, which Postgres refuses.
fn owner() -> Result<Option<User>> {
    is_root().then(|| user(&["postgres", "nobody"])).transpose()
}

/// Whether anybody may pass through the folders above `path`.
fn open_to_all(path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .filter_map(|folder| fs::metadata(folder).ok())
        .all(|folder| folder.mode() & 1 == 1)
}

/// A program of the server: of the newest version that Debian's packages installed, or on the path.
fn find(program: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|folder| Some((folder.file_name().to_str()?.parse::<u32>().ok()?, folder.path())))
        .map(|(version, folder)| (version, folder.join("bin").join(program)))
        .filter(|(_, file)| file.is_file())
        .max();
    newest.map(|(_, file)| file).or_else(|| on_path(program))
}
