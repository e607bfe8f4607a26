//! `close-connection` (traffic policy 4.5).

use super::config::Config;
use super::schema::{Ends, Kind, Own, Protocols, Q, Spec, T, fine, optional};
use super::{Act, Cx, Flow};
use crate::document::Phase;
use crate::step::Decision;

pub(super) static SPEC: Spec = Spec {
    name: "close-connection",
    own: Own::NOTHING,
    phases: T | Q,
    protocols: Protocols::All,
    ends: Ends::Always,
    fields: &[optional("linger", Kind::Bool)],
    check: fine,
};

#[derive(Debug)]
struct CloseConnection;

pub(super) fn build(_: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(CloseConnection)
}

impl Act for CloseConnection {
    fn run(&self, _: &mut Cx<'_>) -> Flow {
        Flow::End(Decision::Close)
    }
}
