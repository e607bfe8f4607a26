//! Settings of pools.

use adit_model::Object;
use adit_model::kind::endpoint_pool;

use super::{Compiler, Written};
use crate::pool::PoolSettings;

impl Compiler {
    /// What this version does not do is said and left at its default: traffic is spread some way in any case.
    pub(super) fn pool(&mut self, object: &Object) -> Result<(), String> {
        let url = endpoint_pool::url(object).ok_or_else(|| format!("url: {:?} is none", object.text("url")))?;
        let mut wrong = None;
        let settings = match endpoint_pool::settings(object) {
            Some(settings) => {
                if let endpoint_pool::Strategy::Hash(_) = settings.strategy {
                    wrong = Some("strategy: hash: is not available".to_owned());
                }
                PoolSettings::of(&settings)
            }
            None => {
                wrong = Some("strategy or sticky: not known".to_owned());
                PoolSettings::default()
            }
        };
        self.take_back(object.id);
        let organization = object.organization.to_string();
        let key = crate::told::pool_key(&url, &organization);
        self.told.put_pool(&url, &organization, settings);
        self.written.insert(object.id, Written::Pool(key.into()));
        wrong.map_or(Ok(()), Err)
    }
}
