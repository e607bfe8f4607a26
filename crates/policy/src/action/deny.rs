//! `deny` (traffic policy 4.8).

use adit_names::code::ErrorCode;

use super::config::Config;
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Q, S, Spec, T, optional};
use super::{Act, Cx, Flow};
use crate::document::{Node, Path, Phase};
use crate::step::Decision;
use crate::subject::Owner;

pub(super) static SPEC: Spec = Spec {
    name: "deny",
    own: Own::phases(S),
    phases: T | Q | S,
    protocols: Protocols::All,
    ends: Ends::Always,
    fields: &[
        optional("status_code", Kind::Int(200, 599)),
        // Of generated rules.
        optional("code", Kind::Text(1, 32)),
    ],
    check,
};

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    if reader.phase == Phase::TcpConnect && config.get("status_code").is_some() {
        reader.wrong(
            ErrorCode::NGROK_2203,
            &path.key("status_code"),
            node.get("status_code").unwrap_or(node),
            "a connection is closed without an answer, hence without a status",
            "remove it",
        );
    }
    if config.get("code").is_some() && reader.subject.owner != Owner::Generated {
        reader.wrong(
            ErrorCode::NGROK_2203,
            &path.key("code"),
            node.get("code").unwrap_or(node),
            "unknown field `code`",
            "known: status_code",
        );
    }
}

#[derive(Debug)]
struct Deny {
    status: u16,
    code: Option<ErrorCode>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(Deny {
        status: u16::try_from(config.int("status_code", 403)).unwrap_or(403),
        code: config.literal("code").and_then(ErrorCode::lookup),
    })
}

impl Act for Deny {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        Flow::End(if cx.phase == Phase::TcpConnect {
            Decision::Close
        } else if let Some(code) = self.code {
            Decision::Refuse {
                status: self.status,
                code: Some(code),
                headers: Vec::new(),
            }
        } else {
            Decision::Respond {
                status: self.status,
                headers: Vec::new(),
                body: Vec::new(),
                continues: false,
            }
        })
    }
}
