//! Files that must be whole and on the disk before anybody relies on them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Makes a file that only its owner can read: written aside, synced, renamed, its folder synced. One that is there
/// already is replaced as a whole.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    create_with(path, |file| file.write_all(content))
}

/// As [`create`], for content that is written piece by piece. If that fails there is no file.
pub(crate) fn create_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Left behind by a process that was killed.
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = options.open(&aside).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&aside, path));
    if let Err(error) = renamed {
        let _ = std::fs::remove_file(&aside);
        return Err(error);
    }
    sync_folder(path)
}

/// A rename is durable only once its folder is.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Whether every user of the machine can read it.
pub(crate) fn is_open_to_all(meta: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o004 != 0;
    #[cfg(not(unix))]
    {
        let _ = meta;
        false
    }
}

/// Whether it lies on a file system that is read-only or in memory, as secrets of containers do; there the mode says
/// little. False where that cannot be found out.
pub(crate) fn is_on_safe_mount(path: &Path) -> bool {
    let (Ok(path), Ok(mounts)) = (path.canonicalize(), std::fs::read_to_string("/proc/self/mountinfo")) else {
        return false;
    };
    is_safe(&mounts, &path)
}

fn is_safe(mounts: &str, path: &Path) -> bool {
    // `36 35 98:0 /root /mount/point rw,noatime … - tmpfs device options`
    let lines = mounts.lines().filter_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mut words = mount.split(' ').skip(4);
        Some((words.next()?, words.next()?, system.split(' ').next()?))
    });
    // The deepest mount counts; of several at one place the last.
    let deepest = lines
        .filter(|(point, _, _)| path.starts_with(point.replace("\\040", " ")))
        .max_by_key(|(point, _, _)| point.len());
    deepest.is_some_and(|(_, options, system)| {
        matches!(system, "tmpfs" | "ramfs") || options.split(',').any(|option| option == "ro")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts() {
        let mounts = "22 1 0:20 / / rw,relatime - ext4 /dev/root rw\n\
            23 22 0:21 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=1k\n\
            24 22 0:22 / /run/disk rw - ext4 /dev/sdb rw\n\
            25 22 0:23 / /ro ro,relatime - ext4 /dev/sdc ro\n";
        for (path, safe) in [
            ("/etc/key", false),
            ("/run/secrets/key", true),
            ("/run/disk/key", false),
            ("/ro/key", true),
            ("/rocks/key", false),
        ] {
            assert_eq!(is_safe(mounts, Path::new(path)), safe, "{path}");
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create(&path, b"one").unwrap();
        create(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert!(!is_open_to_all(&std::fs::metadata(&path).unwrap()));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(create(&dir.path().join("none/key"), b"x").is_err());
    }
}
