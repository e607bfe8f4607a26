//! `restrict-ips` (traffic policy 4.20, edge 6.2): allowed is who stands in some allow and in no deny.

use std::net::IpAddr;

use adit_names::cidr::Cidr;
use adit_names::code::ErrorCode;
use ipnet::IpNet;

use super::config::{Config, Setting};
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Q, S, Spec, T, list, optional};
use super::{Act, Cx, Flow, MAX_RENDERED};
use crate::document::{Node, Path, Phase};
use crate::expr::Template;
use crate::ip_set::IpSet;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "restrict-ips",
    own: Own::NOTHING,
    phases: T | Q | S,
    protocols: Protocols::All,
    ends: Ends::Never,
    fields: &[
        optional("enforce", Kind::Bool),
        optional("allow", Kind::List(&list(Kind::Cidr, 0, 1000))),
        optional("deny", Kind::List(&list(Kind::Cidr, 0, 1000))),
        optional("ip_policies", Kind::List(&list(Kind::Own(ip_policy), 0, 100))),
    ],
    check,
};

fn ip_policy(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let id = reader.text(path, node)?;
    if reader
        .subject
        .references
        .is_some_and(|references| !references.has_ip_policy(id))
    {
        let message = format!("there is no IP policy `{id}`");
        reader.wrong(
            ErrorCode::NGROK_2216,
            path,
            node,
            message,
            "use the id of an existing one",
        );
        return None;
    }
    Some(Setting::Text(Template::literal(id)))
}

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let given = |name: &str| node.get(name).and_then(Node::list).is_some_and(|list| !list.is_empty());
    let lists = ["allow", "deny", "ip_policies"];
    if !lists.into_iter().any(given) {
        if !lists.into_iter().any(|name| {
            config
                .get(name)
                .is_some_and(|item| !matches!(item.setting, Setting::List(_)))
        }) {
            reader.wrong(
                ErrorCode::NGROK_2234,
                path,
                node,
                "one of allow, deny and ip_policies must have an entry",
                "say who may come: allow: [192.0.2.0/24]",
            );
        }
    } else if !given("allow") && !given("ip_policies") {
        reader.findings.warn(
            "deny_only_restrict_ips",
            path,
            node.at,
            "nobody is allowed: a list of deny alone refuses everybody",
        );
    }
}

/// A range as it is written here: host bits are an error, with the network as the fix.
pub(super) fn range(text: &str) -> Result<Cidr, (String, String)> {
    let cidr = text
        .parse::<Cidr>()
        .map_err(|error| (error.to_string(), "write 192.0.2.0/24 or 2001:db8::/32".to_owned()))?;
    if let Ok(net) = text.parse::<IpNet>()
        && net.addr() != net.network()
    {
        return Err((
            format!("`{text}` has bits behind its prefix"),
            format!("did you mean `{}`?", net.trunc()),
        ));
    }
    Ok(cidr)
}

#[derive(Debug)]
struct Ranges {
    /// Those that are written down.
    fixed: IpSet,
    /// Those that are made for each exchange, with their places in the list.
    templates: Vec<(usize, Template)>,
}

#[derive(Debug)]
struct RestrictIps {
    enforce: bool,
    allow: Ranges,
    deny: Ranges,
    policies: Vec<String>,
}

fn ranges(config: &Config, name: &str) -> Ranges {
    let (mut fixed, mut templates) = (Vec::new(), Vec::new());
    for (at, template) in config.templates(name).into_iter().enumerate() {
        match template.as_literal().map(range) {
            Some(Ok(range)) => fixed.push(range),
            _ => templates.push((at, template)),
        }
    }
    Ranges {
        fixed: fixed.into(),
        templates,
    }
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(RestrictIps {
        enforce: config.bool("enforce", true),
        allow: ranges(config, "allow"),
        deny: ranges(config, "deny"),
        policies: config
            .templates("ip_policies")
            .iter()
            .filter_map(|template| template.as_literal().map(str::to_owned))
            .collect(),
    })
}

impl Ranges {
    /// The most specific range that holds the address.
    fn best(&self, cx: &mut Cx<'_>, name: &str, ip: IpAddr) -> Result<Option<Cidr>, Flow> {
        let mut best = self.fixed.best(ip);
        for (at, template) in &self.templates {
            let field = format!("{name}[{at}]");
            let text = cx.render(template, &field, MAX_RENDERED)?;
            let Ok(range) = text.parse::<Cidr>() else {
                cx.error(&field, "the result is no CIDR");
                return Err(Flow::Broken(ErrorCode::NGROK_3900));
            };
            if range.contains(ip) && best.is_none_or(|best| best.prefix_len() < range.prefix_len()) {
                best = Some(range);
            }
        }
        Ok(best)
    }
}

impl Act for RestrictIps {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let ip = cx.view.connection.client_ip.to_canonical();
        let (mut allowed, mut denied) = match (self.allow.best(cx, "allow", ip), self.deny.best(cx, "deny", ip)) {
            (Ok(allowed), Ok(denied)) => (allowed, denied),
            (Err(flow), _) | (_, Err(flow)) => return flow,
        };
        let mut unknown = false;
        for id in &self.policies {
            match cx.view.tables.ip_policy(id) {
                Some(policy) => {
                    let more = [allowed, policy.allow.best(ip)];
                    allowed = more.into_iter().flatten().max_by_key(Cidr::prefix_len);
                    let more = [denied, policy.deny.best(ip)];
                    denied = more.into_iter().flatten().max_by_key(Cidr::prefix_len);
                }
                // A policy that is gone lets nobody through.
                None => unknown = true,
            }
        }
        let passes = allowed.is_some() && denied.is_none() && !unknown;
        let matched = denied.or(allowed).map_or_else(String::new, |range| range.to_string());
        let code = if passes { "" } else { ErrorCode::NGROK_3203.as_str() };
        let message = if passes { "" } else { ErrorCode::NGROK_3203.what() };
        cx.exchange.set_results(
            "ngrok.restrict_ips",
            [
                (
                    "ngrok.restrict_ips.action",
                    Value::from(if passes { "allow" } else { "deny" }),
                ),
                ("ngrok.restrict_ips.matched_cidr", Value::Text(matched)),
                ("ngrok.restrict_ips.error.code", Value::from(code)),
                ("ngrok.restrict_ips.error.message", Value::from(message)),
            ],
        );
        if passes || !self.enforce {
            Flow::Next
        } else {
            cx.refuse(ErrorCode::NGROK_3203)
        }
    }
}
