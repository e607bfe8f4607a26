//! Where agents and visitors come: reserved names and addresses, agent ingresses.

use std::sync::Arc;

use adit_model::Object;
use adit_names::host::CanonicalHost;

use super::{Compiler, Written, ids};
use crate::agent_version::LowestVersions;
use crate::ingress::Ingress;

impl Compiler {
    pub(super) fn name(&mut self, object: &Object) -> Result<(), String> {
        let host = host("domain", object.text("domain"))?;
        self.take_back(object.id);
        self.told.put_name(&host, &object.organization.to_string(), object.id);
        self.written.insert(object.id, Written::Name(host));
        Ok(())
    }

    pub(super) fn port(&mut self, object: &Object) -> Result<(), String> {
        let address = object.text("addr");
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let port = port.ok_or_else(|| format!("addr: {address:?} has no port"))?;
        self.take_back(object.id);
        // UDP has ports of its own, and no endpoints yet.
        if object.text("protocol") != "udp" {
            self.told.put_port(port, &object.organization.to_string(), object.id);
            self.written.insert(object.id, Written::Port(port));
        }
        Ok(())
    }

    pub(super) fn ingress(&mut self, object: &Object) -> Result<(), String> {
        let organization: Box<str> = object.organization.to_string().into();
        let ingress = Arc::new(Ingress {
            id: object.id,
            organization: organization.clone(),
            allowed: ids(object, "allowed")?,
            exclusive: object.flag("exclusive"),
            ip_policies: ids(object, "ip_policies")?,
            lowest_versions: LowestVersions::of(object.body.get("min_agent_version")),
        });
        let mut hosts: Vec<Box<str>> = Vec::new();
        let domain = object.text("domain");
        for name in std::iter::once(domain).chain(object.texts("hostnames")) {
            hosts.push(host("domain", name)?.as_str().into());
        }
        hosts.dedup();
        self.take_back(object.id);
        for name in &hosts {
            self.told.put_ingress(name, &ingress);
        }
        let exclusive = ingress.exclusive.then_some(organization);
        if let Some(organization) = &exclusive {
            let others = self.told.exclusive.get(&**organization).copied().unwrap_or(0);
            self.told.exclusive.insert((&**organization).into(), others + 1);
        }
        self.written.insert(object.id, Written::Ingress { hosts, exclusive });
        Ok(())
    }

    pub(super) fn forget_ingress(&mut self, hosts: &[Box<str>], exclusive: Option<&str>) {
        for host in hosts {
            self.told.ingresses.remove(&**host);
        }
        if let Some(organization) = exclusive {
            match self.told.exclusive.get(organization).copied() {
                Some(others @ 2..) => {
                    self.told.exclusive.insert(organization.into(), others - 1);
                }
                _ => {
                    self.told.exclusive.remove(organization);
                }
            }
        }
    }
}

fn host(field: &str, name: &str) -> Result<CanonicalHost, String> {
    let host = match name.strip_prefix("*.") {
        Some(_) => CanonicalHost::for_endpoint(name),
        None => CanonicalHost::any_depth(name),
    };
    host.map_err(|error| format!("{field}: {name:?}: {error}"))
}
