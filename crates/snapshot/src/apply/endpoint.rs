//! Cloud endpoints.

use std::sync::Arc;

use adit_model::Object;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use serde_json::Value;

use super::{Compiler, Written};
use crate::cloud::CloudEndpoint;

impl Compiler {
    pub(super) fn cloud(&mut self, object: &Object) -> Result<(), String> {
        if object.body.get("enabled") == Some(&Value::Bool(false)) {
            self.take_back(object.id);
            return Ok(());
        }
        let text = object.text("url");
        let binding = match object.texts("bindings").next() {
            None => Binding::Public,
            Some(name) => Binding::from_name(name).ok_or_else(|| format!("bindings: {name:?} is not known"))?,
        };
        let url = EndpointUrl::from_canonical(text, binding).map_err(|error| format!("url: {text:?}: {error}"))?;
        let endpoint = Arc::new(CloudEndpoint {
            id: object.id,
            organization: object.organization.to_string().into(),
            url,
            pooled: object.flag("pooling_enabled"),
            policy: object.text("traffic_policy").into(),
        });
        self.take_back(object.id);
        self.told.clouds.insert(&endpoint);
        self.written.insert(object.id, Written::Cloud(endpoint));
        Ok(())
    }
}
