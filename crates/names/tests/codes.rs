//! The table of codes: every documented code is there once, none is undecided, texts are usable.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use std::collections::HashSet;

use adit_names::ErrorCode;
use adit_names::code::{NEVER_SENT, agent_error_text};

/// Codes named for the data plane in agent protocol 7 and edge 10.2, 10.3, 10.5, and for the API in control plane 1.
const NGROK: &[u32] = &[
    // 7.2
    100, 4018, 105, 106, 107, 300, 108, 348, 109, 111, 112, 115, 116, 118, 122, 126, 127, 121, 124, 128, 742, 743, 811,
    812, 9024, 15014, //
    // 7.3
    350, 301, 307, 309, 308, 316, 356, 399, 318, 319, 320, 321, 354, 324, 326, 327, 328, 329, 330, 331, 347, 355, 396,
    397, 332, 9036, 333, 334, 335, 341, 358, 359, 360, 361, 362, 363, 364, 365, 370, 371, 372, 373, 374, 375, 376, 377,
    378, 383, 384, 385, 386, 387, 388, 389, 393, 398, 390, 9021, 9025, 9026, 9028, 9029, 9030, 9031, 9032, 9033, 9034,
    9035, 9037, 9038, 9039, 9041, 15001, 15003, 15005, 15006, 15007, 15008, 15010, 15011, 15012, 448, //
    // 7.4
    800, 801, 802, 803, 804, 805, 806, 807, 808, 809, 810, 813, 3200, 3004, 8012, 724, 3206, 3211, 6030, 8000, 8001,
    8002, 8003, 8004, 8005, 8006, 8007, 8008, 8009, 8010, 8011, //
    // 10.2
    702, 703, 734, 741, 3210, 3005, 3006, 3007, 3008, 3009, 3010, 3202, 3203, 3205, 3204, 3213, 3214, 3603, 3401, 3403,
    3002, 3003, 3208, //
    // control plane 1
    200, 201, 202, 203, 206, 207, 208, 210, 211, 212, 213, 214, 215, 216, 217, 218, 227, 230, 231, 232, 233, 244, 250,
    10000,
];
/// People and rights: control plane 3.
const IDENTITY: &[u32] = &[
    205, 220, 601, 630, 634, 635, 636, 1227, 4011, 4020, 4100, 6602, 6615, 6616, 17001, 17002, 17003,
];
/// Own ones of people and rights.
const OWN_IDENTITY: &[u32] = &[2010, 2015, 2101, 2103, 2104, 2107, 2108, 2109, 2110, 2111, 2112, 2113];
const ADIT: &[u32] = &[
    1101, 1102, 1103, 1104, 1105, 1106, 1201, 1202, 1203, 1204, 1205, 1206, 1210, 1211, 1212, 1213, 1301, 1302, 1303,
    1401, 1402, 1501, 1502, 1503, 1504, 1505, 4000, 4001, 4002, 4003, 4004, 4005, 4031, 4050, 4080, 4130, 4140, 4170,
    4210, 4310, 5010, 5030, 5031, 5050, 2001, 2002, 2003, 2004, 2008, 2018,
];

/// Traffic policy 1.5.
const POLICY: &[u32] = &[
    2200, 2201, 2202, 2203, 2204, 2205, 2206, 2207, 2208, 2209, 2210, 2211, 2212, 2214, 2215, 2216, 2217, 2218, 2219,
    2221, 2222, 2223, 2224, 2225, 2226, 2227, 2228, 2230, 2231, 2234, 2235, 2237, 2239, 2240, 2241, 2242, 2243, 2244,
    2245, 2249, 2250, 2252, 2257, 2258, 2261, 2262, 2264, 2265, 3406, 3408, 3411, 3412, 3413, 3414, 3415, 3416, 3422,
    3601, 3602, 3604, 3700, 3701, 3702, 3900, 3901, 3902, 3903, 3905,
];
/// Traffic policy 7.4.
const OWN_POLICY: &[u32] = &[2201, 2202, 2203, 2210, 2250, 4290, 4291, 5201, 5202, 5203, 5204];

/// Codes of the API: control plane 1.
const API: &[u32] = &[225, 226, 6514, 7000];
const OWN_API: &[u32] = &[2006, 2007, 2009, 2012, 2014, 2301];

/// Codes of resources: control plane 2 and 3, edge 3.2, 4.6, 5.1.
const RESOURCES: &[u32] = &[
    223, 228, 229, 241, 243, 248, 249, 402, 403, 404, 406, 407, 408, 409, 410, 411, 413, 414, 416, 417, 420, 421, 422,
    423, 429, 430, 434, 435, 436, 438, 439, 440, 446, 447, 449, 450, 456, 459, 500, 503, 504, 505, 506, 511, 512, 513,
    514, 600, 604, 605, 606, 627, 628, 631, 638, 1231, 1400, 1401, 1402, 1404, 1406, 1408, 1409, 1413, 1414, 1419,
    1420, 1421, 1422, 1423, 1800, 1801, 1802, 1803, 1804, 1900, 1901, 1902, 1903, 1908, 1909, 1910, 1911, 1912, 1913,
    1914, 1915, 1916, 1917, 1919, 1920, 1921, 1922, 1923, 1924, 1925, 1926, 1965, 1966, 2236, 4003, 4004, 4101, 4103,
    4104, 4105, 4109, 4110, 4112, 6601, 6700, 6701, 6704, 6705, 6706, 6708, 18001, 18002, 18003, 18004, 18005, 18006,
    18007, 18009, 18011, 18012, 18013, 18016, 18017, 18022, 18023, 23000, 23001, 23002, 23003, 23004, 24000, 24001,
    24002, 24003, 24004, 24005, 24006, 24008, 24009,
];
const OWN_RESOURCES: &[u32] = &[2011, 2013, 2017, 2019, 2021, 2022, 2023, 2024, 2402];

/// Numbers that ngrok's documentation has in the ranges 100–199, 300–399, 700–899, 8000–8014,
/// 9000–9043, 15000–15014 (ngrok/ngrok-docs: errors/).
const DOCUMENTED: &[u32] = &[
    100, 102, 103, 105, 106, 107, 108, 109, 110, 111, 112, 115, 116, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
    128, 300, 301, 302, 303, 304, 307, 308, 309, 310, 311, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 322, 323,
    324, 326, 327, 328, 329, 330, 331, 332, 333, 334, 335, 336, 337, 338, 339, 340, 341, 343, 344, 345, 346, 347, 348,
    349, 350, 351, 352, 353, 354, 355, 356, 357, 358, 359, 360, 361, 362, 363, 364, 365, 366, 367, 368, 370, 371, 372,
    373, 374, 375, 376, 377, 378, 379, 380, 381, 382, 383, 384, 385, 386, 387, 388, 389, 390, 391, 392, 393, 394, 395,
    396, 397, 398, 399, 702, 703, 708, 714, 715, 716, 717, 718, 719, 720, 721, 722, 724, 725, 726, 727, 728, 729, 730,
    731, 732, 733, 734, 735, 736, 737, 738, 739, 740, 741, 742, 743, 800, 801, 802, 803, 804, 805, 806, 807, 808, 809,
    810, 811, 812, 813, 8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007, 8008, 8009, 8010, 8011, 8012, 8013, 8014, 9000,
    9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009, 9010, 9011, 9012, 9013, 9014, 9015, 9016, 9017, 9018, 9019,
    9020, 9021, 9022, 9023, 9024, 9025, 9026, 9027, 9028, 9029, 9030, 9031, 9032, 9033, 9034, 9035, 9036, 9037, 9038,
    9039, 9040, 9041, 9042, 9043, 15000, 15001, 15002, 15003, 15004, 15005, 15006, 15007, 15008, 15009, 15010, 15011,
    15012, 15013, 15014,
];

#[test]
fn each_documented_code_exists_exactly_once() {
    let mut seen = HashSet::new();
    for code in ErrorCode::all() {
        assert!(seen.insert(code.as_str()), "{code} stands in the table twice");
    }
    for (prefix, numbers) in [
        ("ERR_NGROK_", NGROK),
        ("ERR_NGROK_", IDENTITY),
        ("ERR_NGROK_", API),
        ("ERR_ADIT_", OWN_API),
        ("ERR_NGROK_", RESOURCES),
        ("ERR_ADIT_", ADIT),
        ("ERR_ADIT_", OWN_IDENTITY),
        ("ERR_NGROK_", POLICY),
        ("ERR_ADIT_", OWN_POLICY),
        ("ERR_ADIT_", OWN_RESOURCES),
    ] {
        for number in numbers {
            let text = format!("{prefix}{number}");
            let code = ErrorCode::lookup(&text).unwrap_or_else(|| panic!("{text} is missing"));
            assert_eq!(code.as_str(), text);
            assert_eq!(code.number(), *number);
            assert_eq!(code.is_own(), prefix == "ERR_ADIT_");
            assert!(seen.remove(text.as_str()), "{text} is listed twice");
        }
    }
    assert!(seen.is_empty(), "in the table, but documented nowhere: {seen:?}");
}

#[test]
fn what_ngrok_documents_is_used_or_decided_against() {
    for number in DOCUMENTED {
        let used = ErrorCode::lookup(&format!("ERR_NGROK_{number}")).is_some();
        assert!(
            used != NEVER_SENT.contains(number),
            "ERR_NGROK_{number}: used {used}, but it is both or neither"
        );
    }
    for number in NEVER_SENT {
        assert_eq!(
            ErrorCode::lookup(&format!("ERR_NGROK_{number}")),
            None,
            "{number} is used and never sent"
        );
    }
}

#[test]
fn own_numbers_from_4000_carry_their_status() {
    // Traffic policy 7.4 numbers its own failures 52xx, whatever their status, and 4291 is a 503.
    let follows = |code: &ErrorCode| {
        code.is_own() && code.number() >= 4000 && code.number() / 100 != 52 && *code != ErrorCode::ADIT_4291
    };
    for code in ErrorCode::all().filter(follows) {
        assert_eq!(code.status().map(u32::from), Some(code.number() / 10), "{code}");
    }
    assert_eq!(ErrorCode::NGROK_3200.status(), Some(404));
    assert_eq!(ErrorCode::ADIT_1301.status(), Some(503));
    assert_eq!(ErrorCode::NGROK_107.status(), None);
}

#[test]
fn texts_are_sentences_without_talk_of_plans() {
    for code in ErrorCode::all() {
        for text in [code.what(), code.why(), code.fix()] {
            assert!(text.len() >= 8 && text.ends_with(['.', '?']), "{code}: {text:?}");
            let lower = text.to_lowercase();
            for word in ["upgrade your plan", "billing", "ngrok.com", "paid", "support@"] {
                assert!(!lower.contains(word), "{code}: {text:?}");
            }
        }
        assert_eq!(
            code.what().matches('{').count(),
            code.what().matches('}').count(),
            "{code}"
        );
    }
}

#[test]
fn messages_are_filled_bounded_and_clean() {
    assert_eq!(
        ErrorCode::NGROK_334.message(&[("url", "https://a.example.com")]),
        "The endpoint https://a.example.com is already online."
    );
    // A value is not a template, and cannot bring its own lines.
    assert_eq!(
        ErrorCode::NGROK_332.message(&[("protocol", "{x}\n\nERR_NGROK_1\n")]),
        "The protocol {x}  ERR_NGROK_1  is not supported."
    );
    assert_eq!(
        ErrorCode::NGROK_332.message(&[]),
        "The protocol {protocol} is not supported."
    );
    let long = ErrorCode::NGROK_332.message(&[("protocol", &"ü".repeat(200))]);
    assert!(
        long.len() <= "The protocol  is not supported.".len() + 128,
        "{}",
        long.len()
    );
}

#[test]
fn agents_find_the_code() {
    let text = agent_error_text(
        ErrorCode::NGROK_107,
        "authentication failed: the authtoken is not valid",
    );
    assert_eq!(
        text,
        "authentication failed: the authtoken is not valid\n\nERR_NGROK_107\n"
    );
    // The Rust family: a line that starts with the code. Go: the code anywhere.
    assert!(text.lines().any(|line| line.starts_with("ERR_NGROK_107")));
    assert_eq!(ErrorCode::find_in(&text), Some("ERR_NGROK_107"));
    assert_eq!(ErrorCode::find_in("x ERR_ADIT_1206."), Some("ERR_ADIT_1206"));
    assert_eq!(ErrorCode::find_in("ERR_NGROK_"), None);
    assert_eq!(ErrorCode::find_in("nothing"), None);
    // One code an error: what the text ends with is not doubled.
    assert_eq!(agent_error_text(ErrorCode::NGROK_802, "x\n\n"), "x\n\nERR_NGROK_802\n");
}

#[test]
fn names_that_are_not_codes() {
    for text in [
        "",
        "ERR_NGROK_",
        "ERR_NGROK_+107",
        "ERR_NGROK_0107",
        "ERR_NGROK_1",
        "err_ngrok_107",
        "ERR_ADIT_107",
        "ERR_ADIT_2147484755",
    ] {
        assert_eq!(ErrorCode::lookup(text), None, "{text}");
    }
}

#[test]
fn codes_work_as_patterns() {
    let permanent = |code| matches!(code, ErrorCode::NGROK_107 | ErrorCode::NGROK_4018);
    assert!(permanent(ErrorCode::NGROK_107) && ErrorCode::NGROK_107.stops_agent());
    assert!(!permanent(ErrorCode::NGROK_128) && !ErrorCode::NGROK_128.stops_agent());
    assert!(ErrorCode::NGROK_128.retryable() && !ErrorCode::NGROK_107.retryable());
    // What stops an agent must not call itself retryable.
    assert!(
        ErrorCode::all()
            .filter(|code| code.stops_agent())
            .all(|code| !code.retryable())
    );
}
