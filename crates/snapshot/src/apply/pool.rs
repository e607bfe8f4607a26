//! Settings of pools.

use adit_model::Object;
use adit_model::kind::endpoint_pool;

use super::{Compiler, Written};
use crate::pool::{PoolSettings, Sticky, Strategy};

impl Compiler {
    /// What this version does not do is said and left at its default: traffic is spread some way in any case.
    pub(super) fn pool(&mut self, object: &Object) -> Result<(), String> {
        let url = endpoint_pool::url(object).ok_or_else(|| format!("url: {:?} is none", object.text("url")))?;
        let mut wrong = None;
        let strategy = match object.text("strategy") {
            "" | "random" => Strategy::Random,
            "least_busy" => Strategy::LeastBusy,
            "round_robin" => Strategy::RoundRobin,
            other => {
                wrong = Some(format!("strategy: {other:?} is not available"));
                Strategy::Random
            }
        };
        let sticky = match object.text("sticky") {
            "" | "off" => Sticky::Off,
            "cookie" => Sticky::Cookie,
            "client_ip" => Sticky::ClientIp,
            other => match other.strip_prefix("header:") {
                Some(name) => Sticky::Header(name.into()),
                None => {
                    wrong = Some(format!("sticky: {other:?} is not available"));
                    Sticky::Off
                }
            },
        };
        self.take_back(object.id);
        let organization = object.organization.to_string();
        let key = crate::told::pool_key(&url, &organization);
        self.told
            .put_pool(&url, &organization, PoolSettings { strategy, sticky });
        self.written.insert(object.id, Written::Pool(key.into()));
        wrong.map_or(Ok(()), Err)
    }
}
