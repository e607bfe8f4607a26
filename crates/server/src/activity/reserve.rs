//! Room on the disk that is the spool's already: empty files whose blocks were given to them. The next file of the spool is
//! one of them, so that activity is still recorded when the disk is full (edge 12.5).

use std::fs::File;
use std::path::{Path, PathBuf};

/// Bytes of one of them: a file of the spool, and what one group may add to it.
const EACH: u64 = (4 << 20) + (256 << 10);
/// How many; together 68 MiB.
const COUNT: usize = 16;

fn path(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("{number:02}.reserve"))
}

/// Makes those that are missing, as far as there is room.
pub(super) fn fill(dir: &Path) {
    for number in 0..COUNT {
        if let Err(error) = make(&path(dir, number)) {
            tracing::debug!(%error, "there is no room for the whole reserve of the spool");
            return;
        }
    }
}

/// A file for the spool at `target`; false if the reserve is used up.
pub(super) fn take(dir: &Path, target: &Path) -> bool {
    (0..COUNT)
        .rev()
        .any(|number| std::fs::rename(path(dir, number), target).is_ok())
}

fn make(path: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        opened => opened?,
    };
    let given = give(&file);
    if given.is_err() {
        std::fs::remove_file(path)?;
    }
    given
}

#[cfg(target_os = "linux")]
fn give(file: &File) -> std::io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, 0, EACH)?)
}

/// Elsewhere there is no reserve.
#[cfg(not(target_os = "linux"))]
fn give(_: &File) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn blocks_are_given_and_taken() {
        let dir = tempfile::tempdir().unwrap();
        let held = || -> u64 {
            let files = std::fs::read_dir(dir.path()).unwrap();
            files.map(|file| file.unwrap().metadata().unwrap().blocks() * 512).sum()
        };
        fill(dir.path());
        assert!(held() >= 64 << 20, "{}", held());
        let target = dir.path().join("segment");
        assert!(take(dir.path(), &target));
        let meta = std::fs::metadata(&target).unwrap();
        assert_eq!(meta.len(), 0);
        assert!(meta.blocks() * 512 >= 4 << 20);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), COUNT);
        fill(dir.path());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), COUNT + 1);
        for _ in 0..COUNT {
            assert!(take(dir.path(), &target));
        }
        assert!(!take(dir.path(), &target));
    }
}
