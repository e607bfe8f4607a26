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

/// Makes a database that is not there as an empty file, and takes from others what they may do with one that is, and with
/// its log and index beside it. SQLite gives those it makes itself the rights of the database.
pub(crate) fn make_private(database: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // One that is there is not opened: closing it would let go of the locks that SQLite has on it in this process.
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(database) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        match close_to_others(Path::new(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(path)?.permissions();
    let mode = permissions.mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    permissions.set_mode(mode & !0o077);
    std::fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
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
    mount_of(path).is_some_and(|mount| mount.is_safe())
}

/// Name of the network file system that it lies on, if it does: locks and syncs of these cannot be relied on.
pub(crate) fn network_mount(path: &Path) -> Option<String> {
    mount_of(path).filter(Mount::is_network).map(|mount| mount.system)
}

/// Where something is mounted.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    system: String,
    is_read_only: bool,
}

/// None where that cannot be found out.
fn mount_of(path: &Path) -> Option<Mount> {
    let path = path.canonicalize().ok()?;
    find_mount(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, &path)
}

fn find_mount(mounts: &str, path: &Path) -> Option<Mount> {
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
    deepest.map(|(_, options, system)| Mount {
        system: system.to_owned(),
        is_read_only: options.split(',').any(|option| option == "ro"),
    })
}

impl Mount {
    fn is_safe(&self) -> bool {
        self.is_read_only || matches!(self.system.as_str(), "tmpfs" | "ramfs")
    }

    fn is_network(&self) -> bool {
        let system = self.system.strip_prefix("fuse.").unwrap_or(&self.system);
        let systems = [
            "9p",
            "afs",
            "ceph",
            "cifs",
            "glusterfs",
            "lustre",
            "nfs",
            "nfs4",
            "smb3",
            "smbfs",
            "sshfs",
        ];
        systems.contains(&system)
    }
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
        let mounts =
            format!("{mounts}26 22 0:24 / /net rw - nfs4 server:/x rw\n27 22 0:25 / /ssh rw - fuse.sshfs x rw\n");
        for (path, safe, network) in [
            ("/etc/key", false, false),
            ("/run/secrets/key", true, false),
            ("/run/disk/key", false, false),
            ("/ro/key", true, false),
            ("/rocks/key", false, false),
            ("/net/adit.db", false, true),
            ("/ssh/adit.db", false, true),
        ] {
            let mount = find_mount(&mounts, Path::new(path)).unwrap();
            assert_eq!((mount.is_safe(), mount.is_network()), (safe, network), "{path}");
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
