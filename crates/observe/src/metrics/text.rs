//! Metrics as text: OpenMetrics 1.0 and the older Prometheus text format 0.0.4, which differ in little more
//! than the name of counters in `# TYPE` and the end mark.

use std::fmt::Write;

use super::cell::{BOUNDS, Cell, Family, Histogram, HistogramValue, Labels};
use super::cells::Cells;

/// Which text the metrics are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text format 0.0.4.
    Prometheus,
}

impl Format {
    /// Value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The format for a request's `Accept`: OpenMetrics if it is named, as Prometheus does, else the older.
    #[must_use]
    pub fn for_accept(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// Families with at most this many combinations show those that never occurred, so that a rate is defined
/// from the first occurrence; larger ones show only what occurred.
const SHOW_ZEROS: usize = 16;

/// The text being written, and the cells it is read from.
pub(super) struct Text<'a> {
    out: String,
    format: Format,
    cells: &'a [&'a Cells],
}

impl<'a> Text<'a> {
    pub(super) const fn new(format: Format, cells: &'a [&'a Cells]) -> Self {
        Self {
            out: String::new(),
            format,
            cells,
        }
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// A family of counters, summed over the workers. `name` is without `_total`.
    pub(super) fn counters<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        pick: impl Fn(&Cells) -> &Family<L, Cell>,
    ) {
        self.head_counter(name, help);
        for index in 0..L::COUNT {
            let value = self
                .cells
                .iter()
                .fold(0_u64, |sum, cells| sum.wrapping_add(pick(cells).read(index)));
            if value > 0 || L::COUNT <= SHOW_ZEROS {
                let labels = pairs::<L>(labels, index);
                self.sample(name, "_total", &labels, value);
            }
        }
    }

    /// A family of gauges, summed over the workers: what one added another may have subtracted.
    pub(super) fn gauges<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        pick: impl Fn(&Cells) -> &Family<L, Cell>,
    ) {
        self.head(name, "gauge", help);
        for index in 0..L::COUNT {
            let value = self
                .cells
                .iter()
                .fold(0_u64, |sum, cells| sum.wrapping_add(pick(cells).read(index)))
                .cast_signed();
            if value != 0 || L::COUNT <= SHOW_ZEROS {
                let labels = pairs::<L>(labels, index);
                self.sample(name, "", &labels, value);
            }
        }
    }

    /// A family of histograms of durations, summed over the workers.
    pub(super) fn histograms<L: Labels>(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        pick: impl Fn(&Cells) -> &Family<L, Histogram>,
    ) {
        self.head(name, "histogram", help);
        for index in 0..L::COUNT {
            let mut value = HistogramValue::default();
            for cells in self.cells {
                pick(cells).read_into(index, &mut value);
            }
            if value.buckets.iter().any(|count| *count > 0) || L::COUNT <= SHOW_ZEROS {
                let labels = pairs::<L>(labels, index);
                self.histogram(name, &labels, &value);
            }
        }
    }

    /// One gauge that is not in the cells.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "gauge", help);
        self.sample(name, "", "", value);
    }

    pub(super) fn head_counter(&mut self, name: &str, help: &str) {
        match self.format {
            Format::OpenMetrics => self.head(name, "counter", help),
            Format::Prometheus => self.head(&format!("{name}_total"), "counter", help),
        }
    }

    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub(super) fn histogram(&mut self, name: &str, labels: &str, value: &HistogramValue) {
        let separator = if labels.is_empty() { "" } else { "," };
        let mut cumulated = 0_u64;
        let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        for (bound, count) in bounds.zip(value.buckets) {
            cumulated = cumulated.wrapping_add(count);
            let _ = writeln!(
                self.out,
                "{name}_bucket{{{labels}{separator}le=\"{bound}\"}} {cumulated}"
            );
        }
        let (seconds, rest) = (value.sum_us / 1_000_000, value.sum_us % 1_000_000);
        self.sample(name, "_sum", labels, format_args!("{seconds}.{rest:06}"));
        self.sample(name, "_count", labels, cumulated);
    }

    /// One line. `labels` are written pairs without braces.
    pub(super) fn sample(&mut self, name: &str, suffix: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = if labels.is_empty() {
            writeln!(self.out, "{name}{suffix} {value}")
        } else {
            writeln!(self.out, "{name}{suffix}{{{labels}}} {value}")
        };
    }
}

/// The labels of a combination, as `a="1",b="2"`.
fn pairs<L: Labels>(names: &[&str], index: usize) -> String {
    let mut out = String::new();
    let mut names = names.iter();
    L::texts(index, |text| {
        if let Some(name) = names.next() {
            pair(name, text, &mut out);
        }
    });
    out
}

/// Appends one label, escaped as both formats want it.
pub(super) fn pair(name: &str, value: &str, out: &mut String) {
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str(name);
    out.push_str("=\"");
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ => out.push(character),
        }
    }
    out.push('"');
}
