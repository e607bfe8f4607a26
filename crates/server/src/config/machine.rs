//! How much memory this process may have: what its cgroup allows, or what the machine has.

use std::path::{Path, PathBuf};

/// Bytes; `None` where neither can be found out (not Linux).
pub(super) fn memory() -> Option<usize> {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total(&text));
    let group = std::fs::read_to_string("/proc/self/cgroup")
        .ok()
        .and_then(|text| group_limit(&text, Path::new("/sys/fs/cgroup")));
    machine.into_iter().chain(group).min()
}

/// `MemTotal` of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The smallest limit of this process's cgroup and those around it. Version 2 has one hierarchy (`0::PATH`),
/// version 1 one for memory (`N:memory:PATH`); in a container the path may be that of the host, and then only the
/// root of the mount is there.
fn group_limit(cgroup: &str, root: &Path) -> Option<usize> {
    cgroup
        .lines()
        .filter_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let (mount, file) = match controllers {
                "" => (root.to_owned(), "memory.max"),
                list if list.split(',').any(|c| c == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
                _ => return None,
            };
            let inner: PathBuf = mount.join(path.trim_start_matches('/'));
            inner
                .ancestors()
                .take_while(|dir| dir.starts_with(&mount))
                .filter_map(|dir| std::fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok())
                .min()
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine() {
        assert_eq!(
            total("MemTotal:       16284888 kB\nMemFree: 1 kB\n"),
            Some(16_284_888 << 10)
        );
        assert_eq!(total("nothing"), None);
        assert_eq!(cfg!(target_os = "linux"), memory().is_some());
    }

    #[test]
    fn the_smallest_limit_around_counts() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "1000\n");
        assert_eq!(group_limit("0::/a/b\n", root), Some(1_000));
        assert_eq!(group_limit("0::/\n", root), None, "no limit at the root");
        write("memory/c/memory.limit_in_bytes", "2000\n");
        assert_eq!(group_limit("7:cpu:/x\n4:hugetlb,memory:/c\n", root), Some(2_000));
        // A container sees the host's path, but only its own mount.
        write("memory.max", "500\n");
        assert_eq!(group_limit("0::/of/the/host\n", root), Some(500));
    }
}
