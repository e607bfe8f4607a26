//! `Date` in the form of RFC 9110 5.6.7 (IMF-fixdate).

use std::time::{SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT` for seconds since 1970.
///
/// Years beyond 9999 do not fit the form and are shown as its last second.
#[must_use]
pub fn imf_fixdate(seconds: u64) -> [u8; 29] {
    const LAST: u64 = 253_402_300_799;
    const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let seconds = seconds.min(LAST);
    let (days, time) = (seconds / 86_400, seconds % 86_400);

    // Civil date from days, in years that begin on 1 March (H. Hinnant,
    // "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);

    let three = |table: &[u8], n: u64| -> [u8; 3] {
        let start = n as usize * 3;
        table
            .get(start..start + 3)
            .and_then(|name| name.try_into().ok())
            .unwrap_or(*b"???")
    };
    let two = |n: u64| [b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];

    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let mut put = |at: usize, part: &[u8]| {
        for (to, from) in text.iter_mut().skip(at).zip(part) {
            *to = *from;
        }
    };
    put(0, &three(DAYS, days % 7));
    put(5, &two(day));
    put(8, &three(MONTHS, month));
    put(12, &two(year / 100));
    put(14, &two(year));
    put(17, &two(time / 3_600));
    put(20, &two(time / 60 % 60));
    put(23, &two(time % 60));
    text
}

/// The last date written: a worker keeps one and formats once a second.
#[derive(Clone, Debug)]
pub struct DateCache {
    seconds: u64,
    text: [u8; 29],
}

impl DateCache {
    /// A cache that holds 1970.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            seconds: 0,
            text: *b"Thu, 01 Jan 1970 00:00:00 GMT",
        }
    }

    /// The date for seconds since 1970.
    pub fn at(&mut self, seconds: u64) -> &[u8; 29] {
        if seconds != self.seconds {
            self.seconds = seconds;
            self.text = imf_fixdate(seconds);
        }
        &self.text
    }

    /// The date for `now`; 1970 for times before it.
    pub fn of(&mut self, now: SystemTime) -> &[u8; 29] {
        self.at(now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}

impl Default for DateCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(std::str::from_utf8(&imf_fixdate(seconds)).unwrap(), text);
        }
    }

    #[test]
    fn the_cache_follows_the_clock() {
        let mut cache = DateCache::new();
        assert_eq!(cache.at(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(cache.of(UNIX_EPOCH), b"Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
