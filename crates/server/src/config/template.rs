//! A configuration file to begin with: what has to be set, and all other keys as comments, from their documentation.

use std::fmt::Write as _;
use std::path::Path;

const DOCUMENTATION: &str = include_str!("../../../../docs/configuration.md");

/// The file.
#[must_use]
pub fn render(base_domain: &str, data_dir: &Path) -> String {
    let mut out =
        String::from("# Configuration of an Adit server. Check it: adit server check-config --config FILE\n\n");
    // JSON texts are YAML as well, whatever stands in them.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let _ = writeln!(
        out,
        "# Domain below which names are given.\nbase_domain: {}\n",
        quoted(base_domain)
    );
    let _ = writeln!(
        out,
        "# Where state is kept.\ndata_dir: {}\n",
        quoted(&data_dir.display().to_string())
    );
    out.push_str(
        "# Every other key has a default. A key a.b is written as b below a:\n#\n# limits:\n#   connections: 20000\n",
    );
    for (key, default, meaning) in keys().filter(|(key, ..)| !matches!(*key, "base_domain" | "data_dir")) {
        let plain = |text: &str| text.replace('`', "");
        let _ = write!(out, "\n# {key}  [{}]\n#     {}\n", plain(default), plain(meaning));
    }
    out
}

/// Key, default and meaning of each row of the documentation.
fn keys() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    DOCUMENTATION.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let key = cells.next()?.strip_suffix('`')?;
        let default = cells.next()?.trim_end_matches(" ●");
        let meaning = cells.next()?.trim_end_matches(" |");
        Some((key, default, meaning))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let text = render("tunnels.example.com", Path::new("/srv/a \"b\""));
        let settings = Settings::from_text("x", &text, []).unwrap();
        assert_eq!(settings.base_domain.as_deref(), Some("tunnels.example.com"));
        assert_eq!(settings.data_dir.as_deref(), Some(Path::new("/srv/a \"b\"")));
        assert!(keys().count() > 40 && text.contains("\n# limits.http.uri_max  [16 KiB]\n"));
    }
}
