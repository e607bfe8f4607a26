//! The time of day of a server under test: it stands still where the test puts it. Time limits and time-outs, which are
//! measured by another clock, go on as always.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("frozen_clock.c");

/// A clock in a file, and the library that shows it to a process.
pub(crate) struct Clock {
    file: std::fs::File,
    path: PathBuf,
    library: PathBuf,
}

impl Clock {
    /// One that stands at `micros` since the Unix epoch.
    pub(crate) fn at(directory: &Path, micros: i64) -> Self {
        let (source, library, path) = (
            directory.join("clock.c"),
            directory.join("clock.so"),
            directory.join("clock"),
        );
        std::fs::write(&source, SOURCE).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .status()
            .unwrap();
        assert!(built.success(), "cc");
        let mut clock = Self {
            file: std::fs::File::create(&path).unwrap(),
            path,
            library,
        };
        clock.set(micros);
        clock
    }

    /// Puts it elsewhere.
    pub(crate) fn set(&mut self, micros: i64) {
        self.file.seek(SeekFrom::Start(0)).unwrap();
        self.file.write_all(&micros.to_ne_bytes()).unwrap();
    }

    /// The process of `command` has this time.
    pub(crate) fn on(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FROZEN_CLOCK", &self.path);
    }
}
