//! What a user agent's text says of it: a few patterns for the agents that matter, nothing for the rest.

use std::sync::LazyLock;

use regex::Regex;

use crate::value::Value;

/// Name, and what leads to its version. The first that is found counts: derived browsers stand before what they
/// derive from.
const AGENTS: [(&str, &str); 17] = [
    ("Googlebot", "Googlebot/"),
    ("bingbot", "bingbot/"),
    ("DuckDuckBot", "DuckDuckBot/"),
    ("YandexBot", "YandexBot/"),
    ("Baiduspider", "Baiduspider/"),
    ("Slackbot", "Slackbot"),
    ("facebookexternalhit", "facebookexternalhit/"),
    ("curl", "curl/"),
    ("Wget", "Wget/"),
    ("Edge", "Edg/"),
    ("Opera", "OPR/"),
    ("Samsung Internet", "SamsungBrowser/"),
    ("Firefox", "Firefox/"),
    ("Chrome", "CriOS/"),
    ("Chrome", "Chrome/"),
    ("Safari", "Version/"),
    ("Go-http-client", "Go-http-client/"),
];

static BOT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)bot\b|bot/|spider|crawl|slurp|facebookexternalhit").ok());
static URL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"https?://[^\s;)]+").ok());

/// A part of the user agent; `None`: not known.
pub(super) fn part(text: &str, part: &str) -> Option<Value> {
    let is_bot = || BOT.as_ref().is_some_and(|bot| bot.is_match(text));
    let tablet = text.contains("iPad") || (text.contains("Android") && !text.contains("Mobile"));
    let mobile = !tablet && (text.contains("Mobile") || text.contains("iPhone"));
    match part {
        "name" => agent(text).map(|(name, _)| Value::from(name)),
        "version" => agent(text).map(|(_, after)| Value::from(version(after))),
        "os" => system(text).map(|(name, _)| Value::from(name)),
        "os_version" => system(text).map(|(_, after)| Value::Text(version(after).replace('_', "."))),
        "device" => ["iPhone", "iPad", "Macintosh"]
            .into_iter()
            .find(|device| text.contains(device))
            .map(Value::from),
        "url" => URL.as_ref()?.find(text).map(|url| Value::from(url.as_str())),
        "is_mobile" => Some(Value::Bool(mobile)),
        "is_tablet" => Some(Value::Bool(tablet)),
        "is_desktop" => Some(Value::Bool(
            !mobile && !tablet && !is_bot() && ["Windows NT", "Macintosh", "X11"].iter().any(|os| text.contains(os)),
        )),
        "is_bot" => Some(Value::Bool(is_bot())),
        _ => None,
    }
}

fn agent(text: &str) -> Option<(&'static str, &str)> {
    AGENTS
        .iter()
        .find_map(|(name, mark)| text.split_once(mark).map(|(_, after)| (*name, after)))
}

fn system(text: &str) -> Option<(&'static str, &str)> {
    [
        ("Windows", "Windows NT "),
        ("iOS", "iPhone OS "),
        ("iOS", "CPU OS "),
        ("macOS", "Mac OS X "),
        ("Android", "Android "),
        ("ChromeOS", "CrOS "),
        ("Linux", "Linux"),
    ]
    .into_iter()
    .find_map(|(name, mark)| text.split_once(mark).map(|(_, after)| (name, after)))
}

fn version(after: &str) -> &str {
    let end = after
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_')))
        .unwrap_or(after.len());
    after.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_agents_are_told_apart() {
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/17.2 Mobile/15E148 Safari/604.1";
        assert_eq!(part(iphone, "name"), Some(Value::from("Safari")));
        assert_eq!(part(iphone, "os_version"), Some(Value::from("17.2")));
        assert_eq!(part(iphone, "is_mobile"), Some(Value::Bool(true)));
        assert_eq!(part("curl/8.5.0", "version"), Some(Value::from("8.5.0")));
        assert_eq!(part("nothing", "name"), None);
        let bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        assert_eq!(part(bot, "is_bot"), Some(Value::Bool(true)));
        assert_eq!(part(bot, "url"), Some(Value::from("http://www.google.com/bot.html")));
    }
}
