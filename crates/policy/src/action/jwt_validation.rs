//! `jwt-validation` (traffic policy 4.11).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use adit_names::code::ErrorCode;
use bytes::Bytes;
use serde_json::Value as Json;

use super::config::{Config, Item, Setting};
use super::read::Reader;
use super::schema::{Ends, Field, Kind, List, MINUTE, Own, Protocols, Q, Spec, fine, list, optional, own, required};
use super::{Act, Cx, Flow, MAX_RENDERED, url_check};
use crate::document::{Node, Path, Phase};
use crate::effect::{BodyFault, Effect, Input};
use crate::expr::Template;
use crate::expr::env::Message;
use crate::jwt::{Algorithm, Key, KeySet, Token};
use crate::url;
use crate::value::Value;

const VALUE: &[Field] = &[required("value", Kind::Template(1, 8192))];
const ALLOW_LIST: &[Field] = &[required("allow_list", Kind::List(&list(Kind::Record(VALUE), 1, 50)))];
const TOKEN: &[Field] = &[
    required(
        "type",
        Kind::OneOf(&["jwt", "plain", "id_token", "access_token", "it+jwt", "at+jwt"]),
    ),
    required("method", Kind::OneOf(&["header", "body"])),
    required("name", Kind::Template(1, 256)),
    optional("prefix", Kind::Template(0, 256)),
];
const SOURCES: &[Field] = &[required(
    "additional_jkus",
    Kind::List(&list(Kind::Own(key_url), 1, 10)),
)];
const IDENTIFICATION: &[Field] = &[optional(
    "token_claims",
    Kind::List(&list(Kind::OneOf(&["kid"]), 0, 10)),
)];
const KEYS: &[Field] = &[
    required(
        "sources",
        Kind::List(&List {
            single: true,
            ..list(Kind::Record(SOURCES), 1, 10)
        }),
    ),
    optional(
        "identification",
        Kind::List(&List {
            single: true,
            ..list(Kind::Record(IDENTIFICATION), 0, 10)
        }),
    ),
];
const JWS: &[Field] = &[
    required(
        "allowed_algorithms",
        Kind::List(&list(
            Kind::OneOf(&[
                "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
            ]),
            1,
            10,
        )),
    ),
    required(
        "keys",
        Kind::List(&List {
            single: true,
            ..list(Kind::Record(KEYS), 1, 10)
        }),
    ),
];

pub(super) static SPEC: Spec = Spec {
    name: "jwt-validation",
    own: Own::NOTHING,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        required("issuer", Kind::Record(ALLOW_LIST)),
        optional("audience", Kind::Record(ALLOW_LIST)),
        required(
            "http",
            Kind::Record(&[required("tokens", Kind::List(&list(Kind::Record(TOKEN), 1, 10)))]),
        ),
        required("jws", Kind::Record(JWS)),
        own(optional("enforce", Kind::Bool)),
        own(optional("leeway", Kind::Duration(0, 5 * MINUTE, 0))),
    ],
    check: fine,
};

/// Bytes of a body that holds tokens.
const MAX_BODY: usize = 64 * 1024;

pub(super) fn key_url(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    let template = reader.template(path, node, text)?;
    if let Some(Err(message)) = template.as_literal().map(url_check::keys) {
        reader.wrong(ErrorCode::NGROK_2226, path, node, message, "write an https URL");
        return None;
    }
    Some(Setting::Text(template))
}

#[derive(Debug)]
struct Place {
    kind: String,
    in_body: bool,
    name: Template,
    prefix: Option<Template>,
}

#[derive(Debug)]
struct JwtValidation {
    issuers: Vec<Template>,
    audiences: Vec<Template>,
    places: Vec<Place>,
    algorithms: Vec<Algorithm>,
    sources: Vec<Template>,
    enforce: bool,
    leeway: Duration,
}

fn allow_list(config: &Config, name: &str) -> Vec<Template> {
    let list = config.get(name).and_then(|item| item.field("allow_list"));
    list.map_or(&[][..], Item::list)
        .iter()
        .filter_map(|item| item.field("value")?.text().cloned())
        .collect()
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let jws = config.get("jws");
    let tokens = config.get("http").and_then(|http| http.field("tokens"));
    let literal = |item: Option<&Item>| Some(item?.text()?.as_literal()?.to_owned());
    let sources = jws
        .and_then(|jws| jws.field("keys"))
        .map_or(&[][..], Item::list)
        .iter()
        .filter_map(|keys| keys.field("sources"))
        .flat_map(Item::list)
        .filter_map(|source| source.field("additional_jkus"))
        .flat_map(Item::list)
        .filter_map(|url| url.text().cloned())
        .collect();
    Box::new(JwtValidation {
        issuers: allow_list(config, "issuer"),
        audiences: allow_list(config, "audience"),
        places: tokens
            .map_or(&[][..], Item::list)
            .iter()
            .filter_map(|item| {
                Some(Place {
                    kind: literal(item.field("type"))?,
                    in_body: literal(item.field("method"))? == "body",
                    name: item.field("name")?.text()?.clone(),
                    prefix: item.field("prefix").and_then(Item::text).cloned(),
                })
            })
            .collect(),
        algorithms: jws
            .and_then(|jws| jws.field("allowed_algorithms"))
            .map_or(&[][..], Item::list)
            .iter()
            .filter_map(|item| Algorithm::from_name(item.text()?.as_literal()?))
            .collect(),
        sources,
        enforce: config.bool("enforce", true),
        leeway: config.duration("leeway", Duration::from_secs(60)),
    })
}

/// The templates, evaluated.
#[derive(Debug, Clone)]
struct Texts {
    issuers: Vec<String>,
    audiences: Vec<String>,
    /// Name and prefix.
    places: Vec<(String, String)>,
    sources: Vec<String>,
}

/// Where the action is between two steps.
#[derive(Debug)]
struct State {
    texts: Texts,
    /// Sources that were fetched in this run: each at most once.
    fetched: Vec<String>,
    fetching: Option<String>,
}

/// Why a token is not taken.
struct Refusal {
    code: ErrorCode,
    message: String,
}

fn refusal(code: ErrorCode, message: &str) -> Refusal {
    Refusal {
        code,
        message: message.to_owned(),
    }
}

/// A token where it was found.
struct Found {
    text: String,
    token: Option<Token>,
    verified: bool,
}

impl JwtValidation {
    fn texts(&self, cx: &mut Cx<'_>) -> Result<Texts, Flow> {
        let mut render_all = |templates: &[Template], field: &str| -> Result<Vec<String>, Flow> {
            templates
                .iter()
                .enumerate()
                .map(|(at, template)| cx.render(template, &format!("{field}[{at}]"), MAX_RENDERED))
                .collect()
        };
        let issuers = render_all(&self.issuers, "issuer.allow_list")?;
        let audiences = render_all(&self.audiences, "audience.allow_list")?;
        let sources = render_all(&self.sources, "jws.keys.sources.additional_jkus")?;
        let mut places = Vec::new();
        for (at, place) in self.places.iter().enumerate() {
            let name = cx.render(&place.name, &format!("http.tokens[{at}].name"), MAX_RENDERED)?;
            let prefix = match &place.prefix {
                Some(prefix) => cx.render(prefix, &format!("http.tokens[{at}].prefix"), MAX_RENDERED)?,
                None => String::new(),
            };
            places.push((name, prefix));
        }
        for (at, source) in sources.iter().enumerate() {
            if let Err(message) = url_check::keys(source) {
                cx.error(&format!("jws.keys.sources.additional_jkus[{at}]"), message);
                return Err(Flow::Broken(ErrorCode::NGROK_3900));
            }
        }
        Ok(Texts {
            issuers,
            audiences,
            places,
            sources,
        })
    }

    /// Can a token be in the body of this request at all?
    fn body_fits(&self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let method = cx.view.request.as_ref().map_or("", |request| request.method);
        if !matches!(method, "POST" | "PUT" | "PATCH") {
            return Err(refusal(ErrorCode::NGROK_3415, "the method has no body with a token"));
        }
        match media_type(cx).as_str() {
            "application/json" | "application/x-www-form-urlencoded" => Ok(()),
            kind if kind.ends_with("+json") => Ok(()),
            _ => Err(refusal(ErrorCode::NGROK_3414, "the body is neither JSON nor a form")),
        }
    }

    /// The text of a token.
    fn find(cx: &mut Cx<'_>, place: &Place, name: &str, prefix: &str) -> Result<String, Refusal> {
        let text = if place.in_body {
            in_body(cx, name)?
        } else {
            let values = cx
                .exchange
                .scoped(cx.view, cx.vars, |scope| scope.header(Message::Request, name));
            values
                .into_iter()
                .next()
                .ok_or_else(|| refusal(ErrorCode::NGROK_3408, "the header is not there"))?
        };
        let rest = text
            .strip_prefix(prefix)
            .ok_or_else(|| refusal(ErrorCode::NGROK_3413, "the prefix is not there"))?;
        Ok(if prefix.is_empty() { rest } else { rest.trim() }.to_owned())
    }

    /// What does not need a key.
    fn form(&self, place: &Place, text: &str) -> Result<(Token, Algorithm), Refusal> {
        let token = Token::parse(text).ok_or_else(|| refusal(ErrorCode::NGROK_3416, "the token is malformed"))?;
        let wrong = |message: &str| refusal(ErrorCode::NGROK_3401, message);
        let algorithm = token
            .header("alg")
            .and_then(Algorithm::from_name)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or_else(|| wrong("the algorithm is not allowed"))?;
        if token.header.get("crit").is_some() {
            return Err(wrong("the token has critical extensions"));
        }
        let kind = token.header("typ").map(|kind| {
            let kind = kind.to_ascii_lowercase();
            kind.strip_prefix("application/")
                .map_or_else(|| kind.clone(), str::to_owned)
        });
        let fits = match (place.kind.as_str(), kind.as_deref()) {
            (wanted @ ("at+jwt" | "it+jwt"), kind) => kind == Some(wanted),
            (_, None | Some("jwt" | "at+jwt")) => token.header.get("typ").is_none_or(Json::is_string),
            _ => false,
        };
        if !fits {
            return Err(wrong("the token is of another type"));
        }
        Ok((token, algorithm))
    }

    fn claims(&self, texts: &Texts, token: &Token, now: i64) -> Result<(), Refusal> {
        let wrong = |message: &str| refusal(ErrorCode::NGROK_3401, message);
        #[allow(clippy::cast_precision_loss)]
        let now = now as f64 / 1e6;
        let leeway = self.leeway.as_secs_f64();
        let time = |name: &str| match token.payload.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or_else(|| wrong("a time is no number")),
        };
        if time("exp")?.is_some_and(|exp| exp + leeway <= now) {
            return Err(wrong("the token has expired"));
        }
        if time("nbf")?.is_some_and(|nbf| nbf > now + leeway) {
            return Err(wrong("the token is not valid yet"));
        }
        if time("iat")?.is_some_and(|iat| iat > now + leeway) {
            return Err(wrong("the token was issued in the future"));
        }
        let issuer = token.payload.get("iss").and_then(Json::as_str);
        if !issuer.is_some_and(|issuer| texts.issuers.iter().any(|known| known == issuer)) {
            return Err(wrong("the issuer is not allowed"));
        }
        if self.audiences.is_empty() {
            return Ok(());
        }
        let allowed = |audience: &Json| {
            audience
                .as_str()
                .is_some_and(|audience| texts.audiences.iter().any(|known| known == audience))
        };
        let fits = match token.payload.get("aud") {
            Some(Json::Array(list)) => list.iter().any(allowed),
            Some(one) => allowed(one),
            None => false,
        };
        if fits {
            Ok(())
        } else {
            Err(wrong("the audience is not allowed"))
        }
    }

    /// Key sets that are there; a source that has to be asked first comes back as `Err`.
    fn key_sets(cx: &Cx<'_>, state: &State, kid: Option<&str>) -> Result<Vec<Arc<KeySet>>, String> {
        let mut sets = Vec::new();
        let mut ask_again = None;
        for source in &state.texts.sources {
            let known = cx.view.state.key_sets.get(&kept_as(cx, source), cx.view.now);
            let asked = state.fetched.contains(source);
            if known.old && !asked {
                return Err(source.clone());
            }
            if known.may_look_again && !asked && ask_again.is_none() {
                ask_again = Some(source.clone());
            }
            sets.extend(known.set);
        }
        let found = |set: &Arc<KeySet>| set.keys.iter().any(|key| key.kid.as_deref() == kid);
        match ask_again {
            // The issuer may have a new key.
            Some(source) if kid.is_some() && !sets.iter().any(found) => Err(source),
            _ => Ok(sets),
        }
    }

    fn work(&self, cx: &mut Cx<'_>, mut state: State) -> Flow {
        let mut found: Vec<Found> = Vec::new();
        let mut refused = None;
        for (place, (name, prefix)) in self.places.iter().zip(&state.texts.places) {
            let text = match Self::find(cx, place, name, prefix) {
                Ok(text) => text,
                Err(refusal) => {
                    refused = Some(refusal);
                    break;
                }
            };
            found.push(Found {
                token: Token::parse(&text),
                text,
                verified: false,
            });
        }
        // Each must be there before any is looked at.
        if refused.is_none() {
            for (place, entry) in self.places.iter().zip(&mut found) {
                let (token, algorithm) = match self.form(place, &entry.text) {
                    Ok(formed) => formed,
                    Err(refusal) => {
                        refused = Some(refusal);
                        break;
                    }
                };
                let kid = token.header("kid");
                let sets = match Self::key_sets(cx, &state, kid) {
                    Ok(sets) => sets,
                    Err(url) => {
                        state.fetched.push(url.clone());
                        state.fetching = Some(url.clone());
                        cx.keep(state);
                        return Flow::Need(Effect::Keys { url });
                    }
                };
                if sets.is_empty() {
                    refused = Some(refusal(ErrorCode::NGROK_3422, "no key set can be had"));
                    break;
                }
                let fits = |key: &&Key| (kid.is_none() || key.kid.as_deref() == kid) && key.fits(algorithm);
                let keys = sets.iter().flat_map(|set| &set.keys).filter(fits);
                if !keys.into_iter().any(|key| token.is_signed_by(key, algorithm)) {
                    refused = Some(refusal(
                        ErrorCode::NGROK_3401,
                        "the signature is not that of a known key",
                    ));
                    break;
                }
                if let Err(refusal) = self.claims(&state.texts, &token, cx.view.now) {
                    refused = Some(refusal);
                    break;
                }
                entry.verified = true;
            }
        }
        self.end(cx, &state.texts, &found, refused)
    }

    fn end(&self, cx: &mut Cx<'_>, texts: &Texts, found: &[Found], refused: Option<Refusal>) -> Flow {
        use base64::Engine as _;
        let tokens = self.places.iter().zip(&texts.places).zip(found);
        let tokens = tokens.map(|((place, (name, _)), found)| {
            let json = |json: Option<&Json>| json.map_or(Value::Null, Value::from_json);
            let token = found.token.as_ref();
            let signature =
                token.map(|token| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&token.signature));
            Value::record([
                ("header", json(token.map(|token| &token.header))),
                ("location", Value::from(if place.in_body { "body" } else { "header" })),
                ("location_property", Value::from(name.as_str())),
                ("payload", json(token.map(|token| &token.payload))),
                ("signature", Value::Text(signature.unwrap_or_default())),
                ("verified", Value::Bool(found.verified)),
            ])
        });
        let tokens = Value::List(tokens.collect());
        let (code, message) = refused
            .as_ref()
            .map_or(("", ""), |refusal| (refusal.code.as_str(), refusal.message.as_str()));
        cx.exchange.set_results(
            "ngrok.jwt_validation",
            [
                ("ngrok.jwt_validation.tokens", tokens),
                ("ngrok.jwt_validation.error.code", Value::from(code)),
                ("ngrok.jwt_validation.error.message", Value::from(message)),
            ],
        );
        match refused {
            Some(refusal) if self.enforce => {
                let challenge = match refusal.code {
                    ErrorCode::NGROK_3422 | ErrorCode::NGROK_3411 | ErrorCode::NGROK_3412 => None,
                    ErrorCode::NGROK_3408 | ErrorCode::NGROK_3406 => Some("Bearer"),
                    _ => Some("Bearer error=\"invalid_token\""),
                };
                let headers = challenge
                    .map(|challenge| ("www-authenticate".to_owned(), challenge.to_owned()))
                    .into_iter()
                    .collect();
                cx.refuse_with(refusal.code, headers)
            }
            _ => Flow::Next,
        }
    }
}

/// The name under which a key set is kept. A name below `.internal` is another place in each organisation.
fn kept_as<'s>(cx: &Cx<'_>, source: &'s str) -> Cow<'s, str> {
    if url_check::is_internal(source) {
        Cow::Owned(format!("{} {source}", cx.view.endpoint.organization_id))
    } else {
        Cow::Borrowed(source)
    }
}

fn media_type(cx: &mut Cx<'_>) -> String {
    let values = cx
        .exchange
        .scoped(cx.view, cx.vars, |scope| scope.header(Message::Request, "content-type"));
    let first = values.first().map(String::as_str).unwrap_or_default();
    first.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn in_body(cx: &mut Cx<'_>, name: &str) -> Result<String, Refusal> {
    let missing = || refusal(ErrorCode::NGROK_3406, "the body has no such member");
    let form = media_type(cx) == "application/x-www-form-urlencoded";
    let body = cx.exchange.bodies.request.as_deref().unwrap_or_default();
    if form {
        let text = std::str::from_utf8(body).map_err(|_| refusal(ErrorCode::NGROK_3412, "the form is not UTF-8"))?;
        return url::form(text)
            .into_iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
            .ok_or_else(missing);
    }
    let json: Json = serde_json::from_slice(body).map_err(|_| refusal(ErrorCode::NGROK_3411, "the body is no JSON"))?;
    json.get(name)
        .and_then(Json::as_str)
        .map(str::to_owned)
        .ok_or_else(missing)
}

impl Act for JwtValidation {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let texts = match self.texts(cx) {
            Ok(texts) => texts,
            Err(flow) => return flow,
        };
        let state = State {
            texts,
            fetched: Vec::new(),
            fetching: None,
        };
        if self.places.iter().any(|place| place.in_body) {
            if let Err(refusal) = self.body_fits(cx) {
                return self.end(cx, &state.texts, &[], Some(refusal));
            }
            match cx.exchange.bodies.request.as_ref().map(Bytes::len) {
                None => {
                    cx.keep(state);
                    return Flow::Need(Effect::Body {
                        response: false,
                        limit: MAX_BODY,
                    });
                }
                Some(length) if length > MAX_BODY => {
                    let refusal = refusal(ErrorCode::NGROK_3411, "the body is too large");
                    return self.end(cx, &state.texts, &[], Some(refusal));
                }
                Some(_) => {}
            }
        }
        self.work(cx, state)
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        let Some(mut state) = cx.kept::<State>() else {
            return self.run(cx);
        };
        match (input, state.fetching.take()) {
            (Input::Keys(result), Some(url)) => {
                let set = match &result {
                    Ok(text) => KeySet::parse(text),
                    Err(_) => None,
                };
                if set.is_none() {
                    let why = result
                        .err()
                        .map_or_else(|| "it is no key set".to_owned(), |fault| fault.message);
                    cx.error("jws.keys.sources.additional_jkus", format!("{url}: {why}"));
                }
                let kept_as = kept_as(cx, &url);
                cx.view.state.key_sets.fetched(&kept_as, set, cx.view.now);
            }
            (Input::Body(Err(fault)), _) => {
                let refusal = match fault {
                    BodyFault::TooLarge => refusal(ErrorCode::NGROK_3411, "the body is too large"),
                    BodyFault::NoRoom => refusal(ErrorCode::NGROK_743, "there is no room for the body"),
                    BodyFault::Failed => refusal(ErrorCode::NGROK_3411, "the body could not be read"),
                };
                return self.end(cx, &state.texts, &[], Some(refusal));
            }
            _ => {}
        }
        self.work(cx, state)
    }
}
