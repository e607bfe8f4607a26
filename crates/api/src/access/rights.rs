//! What somebody may in an organisation: the sum of his roles.

use super::reach::Reach;
use super::role::Role;
use crate::authorize::matrix::{Circumstances, Extent, Matrix};

/// Roles under the circumstances of an organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    pub(crate) roles: Vec<Role>,
    pub(crate) circumstances: Circumstances,
}

impl Rights {
    /// How far a permission reaches.
    pub(crate) fn reach(&self, permission: &str) -> Reach {
        let matrix = Matrix::get();
        let mut reach = Reach::default();
        for role in &self.roles {
            match role {
                Role::BuiltIn(name) => match matrix.extent(name, permission, self.circumstances) {
                    Extent::All => return Reach::ALL,
                    Extent::Own => reach.own = true,
                    Extent::Nothing => {}
                },
                Role::Custom(role) if !matrix.applies(permission, self.circumstances) || !role.has(permission) => {}
                Role::Custom(role) if role.selector.is_some() => reach.selected.push(role.clone()),
                Role::Custom(_) => return Reach::ALL,
            }
        }
        reach
    }

    /// All permissions that reach anything, in order.
    pub(crate) fn permissions(&self) -> Vec<&'static str> {
        let all = Matrix::get().permissions().into_iter();
        all.filter(|p| !self.reach(p).is_nothing()).collect()
    }

    /// A permission that `other` has and these have not, or not as far.
    pub(crate) fn lacks_of(&self, other: &Self) -> Option<&'static str> {
        let all = Matrix::get().permissions().into_iter();
        all.into_iter().find(|p| !self.reach(p).includes(&other.reach(p)))
    }

    /// Names of the roles.
    pub(crate) fn role_names(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|role| match role {
            Role::BuiltIn(name) => name,
            Role::Custom(role) => role.name.as_str(),
        })
    }
}
