//! The matrix of roles and permissions, read from `authorization.toml` (control plane 3.5).

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// Names of the roles that are built in, in the order of the matrix's cells.
pub(crate) const ROLES: [&str; 8] = [
    "admin",
    "security",
    "developer",
    "viewer",
    "auditor",
    "team-manager",
    "team-inviter",
    "agent",
];

/// Verbs of a resource's permissions.
pub(crate) const VERBS: [&str; 4] = ["read", "create", "update", "delete"];

const TEXT: &str = include_str!("../../authorization.toml");

/// How far a permission of a role reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// The role has it not.
    #[default]
    Nothing,
    /// Only over what one owns.
    Own,
    /// Over everything of the organisation.
    All,
}

/// What of an organisation changes the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// It is the operators' organisation.
    pub(crate) operators: bool,
    /// `settings.strict_ownership`.
    pub(crate) strict_ownership: bool,
    /// `settings.viewers_may_connect` is false.
    pub(crate) viewers_may_not_connect: bool,
}

type Cells = [Extent; ROLES.len()];

#[derive(Debug, Default)]
struct Row {
    usual: Cells,
    strict: Option<Cells>,
    no_viewers: Option<Cells>,
    operators_only: bool,
    recent: bool,
}

/// The matrix: a row per permission, a column per role.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    rows: HashMap<String, Row>,
}

static MATRIX: LazyLock<Matrix> = LazyLock::new(|| {
    // A test proves that it can be read; without it nobody may anything.
    Matrix::parse(TEXT).unwrap_or_else(|error| {
        tracing::error!(error, "authorization.toml");
        Matrix::default()
    })
});

/// The committed file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    roles: Vec<String>,
    resources: HashMap<String, String>,
    permissions: HashMap<String, String>,
    operators: HashMap<String, String>,
    strict_ownership: HashMap<String, String>,
    viewers_may_not_connect: HashMap<String, String>,
    recent: Recent,
}

/// What sessions need a recent sign-in for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recent {
    permissions: Vec<String>,
}

impl Matrix {
    /// The one that is built in.
    pub(crate) fn get() -> &'static Self {
        &MATRIX
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        if file.roles != ROLES {
            return Err(format!("the roles are {ROLES:?}"));
        }
        let mut matrix = Self::default();
        for (name, line) in &file.resources {
            matrix.add(resource(name, line)?)?;
        }
        for (name, line) in &file.permissions {
            matrix.add([(name.clone(), special(name, line)?)])?;
        }
        for (name, line) in &file.operators {
            matrix.add([(name.clone(), special(name, line)?)])?;
            matrix.row(name)?.operators_only = true;
        }
        for (name, line) in &file.strict_ownership {
            for (permission, cells) in resource(name, line)? {
                matrix.row(&permission)?.strict = Some(cells);
            }
        }
        for (name, line) in &file.viewers_may_not_connect {
            matrix.row(name)?.no_viewers = Some(special(name, line)?);
        }
        for name in &file.recent.permissions {
            matrix.row(name)?.recent = true;
        }
        Ok(matrix)
    }

    fn add(&mut self, rows: impl IntoIterator<Item = (String, Cells)>) -> Result<(), String> {
        for (permission, usual) in rows {
            let row = Row {
                usual,
                ..Row::default()
            };
            if self.rows.insert(permission.clone(), row).is_some() {
                return Err(format!("{permission} twice"));
            }
        }
        Ok(())
    }

    fn row(&mut self, permission: &str) -> Result<&mut Row, String> {
        self.rows
            .get_mut(permission)
            .ok_or_else(|| format!("{permission} has no usual line"))
    }

    /// The permission with this name as the matrix has it.
    pub(crate) fn known(&self, permission: &str) -> Option<&str> {
        self.rows.get_key_value(permission).map(|(name, _)| name.as_str())
    }

    /// Names of all permissions, in order.
    pub(crate) fn permissions(&self) -> Vec<&str> {
        let mut all: Vec<_> = self.rows.keys().map(String::as_str).collect();
        all.sort_unstable();
        all
    }

    /// Whether who uses a permission in a session must have signed in lately.
    pub(crate) fn needs_recent(&self, permission: &str) -> bool {
        self.rows.get(permission).is_some_and(|row| row.recent)
    }

    /// Whether a permission exists in an organisation like this.
    pub(crate) fn applies(&self, permission: &str, circumstances: Circumstances) -> bool {
        self.rows
            .get(permission)
            .is_some_and(|row| circumstances.operators || !row.operators_only)
    }

    /// How far a role that is built in reaches.
    pub(crate) fn extent(&self, role: &str, permission: &str, circumstances: Circumstances) -> Extent {
        let column = ROLES.iter().position(|name| *name == role);
        let Some((column, row)) = column.zip(self.rows.get(permission)) else {
            return Extent::Nothing;
        };
        if row.operators_only && !circumstances.operators {
            return Extent::Nothing;
        }
        let cells = match (&row.strict, &row.no_viewers) {
            (Some(cells), _) if circumstances.strict_ownership => cells,
            (_, Some(cells)) if circumstances.viewers_may_not_connect => cells,
            _ => &row.usual,
        };
        cells.get(column).copied().unwrap_or_default()
    }
}

/// The cells of a line.
fn cells<'l>(name: &str, line: &'l str) -> Result<[&'l str; ROLES.len()], String> {
    let cells: Vec<_> = line.split_whitespace().collect();
    cells
        .try_into()
        .map_err(|cells: Vec<_>| format!("{name}: {} cells for {} roles", cells.len(), ROLES.len()))
}

/// The four permissions of a resource.
fn resource(name: &str, line: &str) -> Result<Vec<(String, Cells)>, String> {
    let mut read = Cells::default();
    let mut write = Cells::default();
    for ((cell, read), write) in cells(name, line)?.into_iter().zip(&mut read).zip(&mut write) {
        (*read, *write) = match cell {
            "–" => (Extent::Nothing, Extent::Nothing),
            "R" => (Extent::All, Extent::Nothing),
            "W" => (Extent::All, Extent::All),
            "o" => (Extent::Own, Extent::Nothing),
            "O" => (Extent::Own, Extent::Own),
            "R+O" => (Extent::All, Extent::Own),
            _ => return Err(format!("{name}: the cell {cell}")),
        };
    }
    let of = |verb: &str| if verb == "read" { read } else { write };
    Ok(VERBS.iter().map(|verb| (format!("{name}:{verb}"), of(verb))).collect())
}

/// A permission of its own.
fn special(name: &str, line: &str) -> Result<Cells, String> {
    let mut out = Cells::default();
    for (cell, out) in cells(name, line)?.into_iter().zip(&mut out) {
        *out = match cell {
            "–" => Extent::Nothing,
            "✓" => Extent::All,
            "O" => Extent::Own,
            _ => return Err(format!("{name}: the cell {cell}")),
        };
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_matrix_can_be_read() {
        let matrix = Matrix::parse(TEXT).unwrap();
        assert!(matrix.rows.len() > 100);
        // An administrator may everything but what nobody may.
        for (permission, row) in &matrix.rows {
            let [admin, ..] = row.usual;
            let nothing = permission == "impersonate"
                || (permission.starts_with("tunnel") || permission.starts_with("approvals"))
                    && !permission.ends_with(":read")
                    && permission != "approvals:decide";
            let own = permission.starts_with("personal_access_tokens:");
            let expected = match (nothing, own) {
                (true, _) => Extent::Nothing,
                (_, true) => Extent::Own,
                _ => Extent::All,
            };
            assert_eq!(admin, expected, "{permission}");
        }
    }

    #[test]
    fn cells_are_what_they_say() {
        let matrix = Matrix::parse(TEXT).unwrap();
        let usual = Circumstances::default();
        let strict = Circumstances {
            strict_ownership: true,
            ..usual
        };
        let connect = Circumstances {
            viewers_may_not_connect: true,
            ..usual
        };
        let operators = Circumstances {
            operators: true,
            ..usual
        };
        use Extent::{All, Nothing, Own};
        for (role, permission, circumstances, extent) in [
            ("viewer", "api_keys:read", usual, All),
            ("viewer", "api_keys:delete", usual, Own),
            ("developer", "api_keys:delete", usual, All),
            ("developer", "api_keys:delete", strict, Own),
            ("developer", "ip_policies:delete", strict, All),
            ("agent", "endpoints:read", usual, Own),
            ("agent", "endpoints:update", usual, Nothing),
            ("agent", "sessions:control", usual, Own),
            ("viewer", "agent:connect", usual, All),
            ("viewer", "agent:connect", connect, Nothing),
            ("developer", "agent:connect", connect, All),
            ("admin", "nodes:manage", usual, Nothing),
            ("admin", "nodes:manage", operators, All),
            ("auditor", "nodes:read", operators, All),
            ("nobody", "endpoints:read", usual, Nothing),
            ("admin", "endpoints:eat", usual, Nothing),
        ] {
            assert_eq!(
                matrix.extent(role, permission, circumstances),
                extent,
                "{role} {permission} {circumstances:?}"
            );
        }
    }

    fn refusal(text: &str) -> String {
        Matrix::parse(text).map(|_| "none").unwrap_err()
    }

    #[test]
    fn a_line_that_is_wrong_is_refused() {
        let seven = TEXT.replacen(
            "R     R        R         R      R       –       –       o",
            "R R R R R – –",
            1,
        );
        assert!(refusal(&seven).contains("7 cells"));
        let cell = TEXT.replacen("R+O    R", "R+W    R", 1);
        assert!(refusal(&cell).contains("R+W"));
        let line = "\"nobody:knows\" = \" – – – – – – – – \"";
        let lost = TEXT.replacen("[recent]", &format!("{line}\n[recent]"), 1);
        assert!(refusal(&lost).contains("no usual line"));
        let roles = TEXT.replacen("\"auditor\"", "\"censor\"", 1);
        assert!(refusal(&roles).contains("the roles are"));
    }
}
