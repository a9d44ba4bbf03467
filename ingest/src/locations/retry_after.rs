//! `Retry-After`: how long a host asks to be left alone.

use std::time::Duration;

use backstitch_schemas::Timestamp;
use reqwest::header::{self, HeaderMap};

/// The wait that an answer asks for, in seconds or until a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(text)?;
    Some(Duration::from_millis(u64::try_from(until.0 - now.0).unwrap_or(0)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that hosts write today.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = text.split_once(", ")?.1.split([' ', ':']).collect();
    let [day, month, year, hour, minute, second, "GMT"] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? as i64 + 1;
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| (0..10_000).contains(number));
    let days = days_since_1970(number(year)?, month, number(day)?);
    let seconds = ((days * 24 + number(hour)?) * 60 + number(minute)?) * 60 + number(second)?;
    Some(Timestamp(seconds * 1000))
}

/// Days of the Gregorian calendar; years begin in March here, so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, now: i64, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        assert_eq!(retry_after(&headers, Timestamp(now)), expected.map(Duration::from_secs), "{text}");
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        check("120", 0, Some(120));
        check("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000 - 60_000, Some(60));
        check("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800_000, Some(0));
        check("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000 + 1, Some(0));
        check("soon", 0, None);
    }
}
