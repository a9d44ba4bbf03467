//! The data directory: who owns it, and which format it has.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The format that this version reads and writes.
const FORMAT: u32 = 1;

/// A data directory that belongs to this process until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Holds the lock. The system releases it when the process ends, however it ends.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process works with it.
    #[error("the data directory {} is in use by process {holder}; stop it, or choose another one with --data-dir", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Its process id, or `?`.
        holder: String,
    },
    /// A later version wrote it.
    #[error("the data directory {} has format {found}, this version reads up to {FORMAT}; use a later version, or choose another one with --data-dir", path.display())]
    Newer {
        /// The directory.
        path: PathBuf,
        /// The format it has.
        found: u32,
    },
    /// It is no data directory of ours.
    #[error("{} holds no format number; is this a data directory? choose another one with --data-dir", path.display())]
    Foreign {
        /// The file that should hold it.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("cannot use the data directory {}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
}

impl DataDir {
    /// Creates the directory if it is missing, and makes it this process's own.
    ///
    /// # Errors
    /// If another process has it, if a later version wrote it, or if the file system refuses.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let io = |cause| DataDirError::Io { path: path.to_owned(), cause };
        fs::create_dir_all(path).map_err(io)?;
        let path = path.canonicalize().map_err(io)?;
        let lock = lock(&path)?;
        check_format(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder into which the example catalog is copied.
    pub fn example(&self) -> PathBuf {
        self.path.join("example")
    }
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let io = |cause| DataDirError::Io { path: path.to_owned(), cause };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join("lock"))
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let readable = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if readable { holder.trim().to_owned() } else { "?".to_owned() };
            return Err(DataDirError::InUse { path: path.to_owned(), holder });
        }
        Err(TryLockError::Error(cause)) => return Err(io(cause)),
    }
    let write_pid = |file: &mut File| {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())
    };
    write_pid(&mut file).map_err(io)?;
    Ok(file)
}

fn check_format(path: &Path) -> Result<(), DataDirError> {
    let io = |cause| DataDirError::Io { path: path.to_owned(), cause };
    let file = path.join("format");
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(found) if found > FORMAT => Err(DataDirError::Newer { path: path.to_owned(), found }),
            Ok(_) => Ok(()),
            Err(_) => Err(DataDirError::Foreign { path: file }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let fresh = path.join("format.new");
            fs::write(&fresh, format!("{FORMAT}\n")).map_err(io)?;
            fs::rename(&fresh, &file).map_err(io)
        }
        Err(cause) => Err(io(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_the_first_is() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_later_format_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("format"), "99\n").unwrap();
        assert!(matches!(DataDir::open(temp.path()), Err(DataDirError::Newer { found: 99, .. })));
        assert_eq!(fs::read_to_string(temp.path().join("format")).unwrap(), "99\n");
    }

    #[test]
    fn a_new_directory_gets_the_format_of_this_version() {
        let temp = tempfile::tempdir().unwrap();
        DataDir::open(temp.path()).unwrap();
        assert_eq!(fs::read_to_string(temp.path().join("format")).unwrap(), "1\n");
    }
}
