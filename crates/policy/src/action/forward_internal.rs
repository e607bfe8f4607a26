//! `forward-internal` (traffic policy 4.9).

use adit_names::code::ErrorCode;

use super::config::Config;
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Q, Spec, T, optional, required};
use super::{Act, Cx, Flow, MAX_RENDERED, url_check};
use crate::document::{Node, Path, Phase};
use crate::effect::{Effect, Input};
use crate::expr::Template;
use crate::step::Decision;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "forward-internal",
    own: Own::NOTHING,
    phases: T | Q,
    protocols: Protocols::NotUdp,
    ends: Ends::UnlessContinue,
    fields: &[
        required("url", Kind::Template(1, 8192)),
        optional("on_error", Kind::OneOf(&["halt", "continue"])),
        optional("binding", Kind::OneOf(&["internal"])),
    ],
    check,
};

fn scheme_fits(phase: Phase, url: &str) -> bool {
    let http = url.starts_with("http://") || url.starts_with("https://");
    http == (phase != Phase::TcpConnect)
}

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let at = node.get("url").unwrap_or(node);
    if let Some(text) = config.literal("url") {
        match url_check::internal(text) {
            Err(message) => reader.wrong(
                ErrorCode::NGROK_2226,
                &path.key("url"),
                at,
                message,
                "write https://NAME.internal",
            ),
            Ok(url) if !scheme_fits(reader.phase, &url) => reader.wrong(
                ErrorCode::NGROK_2226,
                &path.key("url"),
                at,
                format!("{} needs another scheme", reader.phase),
                "requests go to http or https, connections to tcp or tls",
            ),
            Ok(_) => {}
        }
    }
}

#[derive(Debug)]
struct ForwardInternal {
    url: Template,
    continues: bool,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(ForwardInternal {
        url: config.template("url").cloned().unwrap_or_else(|| Template::literal("")),
        continues: config.literal("on_error") == Some("continue"),
    })
}

impl ForwardInternal {
    fn target(&self, cx: &mut Cx<'_>) -> Result<String, Flow> {
        let text = cx.render(&self.url, "url", MAX_RENDERED)?;
        match url_check::internal(&text) {
            Ok(url) if scheme_fits(cx.phase, &url) => Ok(url),
            _ => {
                cx.error("url", "the result is no URL of an internal endpoint");
                Err(Flow::Broken(ErrorCode::NGROK_3900))
            }
        }
    }

    fn failed(&self, cx: &mut Cx<'_>, url: &str, code: ErrorCode, message: &str) -> Flow {
        cx.exchange.set_results(
            "ngrok.forward_internal",
            [
                ("ngrok.forward_internal.url", Value::from(url)),
                ("ngrok.forward_internal.error.code", Value::from(code.as_str())),
                ("ngrok.forward_internal.error.message", Value::from(message)),
            ],
        );
        if self.continues { Flow::Next } else { cx.refuse(code) }
    }
}

impl Act for ForwardInternal {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        match self.target(cx) {
            Ok(url) => {
                // Kept, not rendered again: the answer is about this one.
                cx.keep(url.clone());
                Flow::Need(Effect::OpenInternal { url })
            }
            Err(Flow::Broken(code)) if self.continues => self.failed(cx, "", code, code.what()),
            Err(flow) => flow,
        }
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        let Some(url) = cx.kept::<String>() else {
            return self.run(cx);
        };
        match input {
            Input::Opened(Err(fault)) => self.failed(cx, &url, fault.code, &fault.message),
            _ => {
                cx.exchange.set_results(
                    "ngrok.forward_internal",
                    [
                        ("ngrok.forward_internal.url", Value::from(url.as_str())),
                        ("ngrok.forward_internal.error.code", Value::from("")),
                        ("ngrok.forward_internal.error.message", Value::from("")),
                    ],
                );
                Flow::End(Decision::Forward { url })
            }
        }
    }
}
