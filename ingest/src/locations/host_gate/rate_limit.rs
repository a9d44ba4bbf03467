//! What a host says about its budget: `x-ratelimit-*` and `ratelimit-*`.

use backstitch_schemas::Timestamp;
use reqwest::header::{self, HeaderMap};

use crate::locations::retry_after::http_date;

/// Above this, a reset is a moment in seconds since 1970; below, seconds from now.
const EARLIEST_MOMENT: i64 = 1_000_000_000;

/// What a host says about its budget in one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimit {
    /// Requests that one window has room for.
    pub(crate) limit: u64,
    /// Requests left in this window.
    pub(crate) remaining: u64,
    /// When the next window begins, by our clock.
    pub(crate) reset: Timestamp,
}

impl RateLimit {
    /// What the headers of an answer tell; `None` if they do not name all three numbers, or speak of
    /// another budget than that of plain reads.
    pub(crate) fn of(headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        // GitHub keeps searches and the like under budgets of their own.
        let resource = headers.get("x-ratelimit-resource").and_then(|value| value.to_str().ok());
        if resource.is_some_and(|resource| resource != "core") {
            return None;
        }
        ["x-ratelimit", "ratelimit"].into_iter().find_map(|family| {
            let number = |name: &str| number(headers, &format!("{family}-{name}"));
            Some(Self {
                limit: u64::try_from(number("limit")?).ok()?,
                remaining: u64::try_from(number("remaining")?).ok()?,
                reset: moment(number("reset")?, headers, now),
            })
        })
    }
}

/// The whole number that a header begins with: some hosts write `100, 100;w=60`.
fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// A moment of the host's clock, on ours.
fn moment(reset: i64, headers: &HeaderMap, now: Timestamp) -> Timestamp {
    if reset < EARLIEST_MOMENT {
        return Timestamp(now.0.saturating_add(reset.saturating_mul(1000)));
    }
    let date = headers.get(header::DATE).and_then(|value| http_date(value.to_str().ok()?));
    let ahead = date.map_or(0, |date| date.0 - now.0);
    Timestamp(reset.saturating_mul(1000).saturating_sub(ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 784_111_777_000;

    fn check(headers: &[(&'static str, &str)], expected: Option<(u64, u64, i64)>) {
        let parsed = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let limit = RateLimit::of(&parsed.collect::<HeaderMap>(), Timestamp(NOW));
        let seen = limit.map(|limit| (limit.limit, limit.remaining, (limit.reset.0 - NOW) / 1000));
        assert_eq!(seen, expected, "{headers:?}");
    }

    #[test]
    fn the_budget_is_read_from_either_family_of_headers() {
        let github = |reset: &'static str| {
            [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4999"), ("x-ratelimit-reset", reset)]
        };
        check(&github("30"), Some((5000, 4999, 30)));
        let ietf =
            [("ratelimit-limit", "100, 100;w=60"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "5")];
        check(&ietf, Some((100, 0, 5)));
        check(&ietf[..2], None);
        check(&[("ratelimit-limit", "many"), ietf[1], ietf[2]], None);
        check(&[&github("30")[..], &[("x-ratelimit-resource", "core")]].concat(), Some((5000, 4999, 30)));
        check(&[&github("30")[..], &[("x-ratelimit-resource", "search")]].concat(), None);
    }

    #[test]
    fn a_moment_is_taken_by_the_clock_of_the_host() {
        let headers = |reset: &'static str| {
            [("ratelimit-limit", "9"), ("ratelimit-remaining", "8"), ("ratelimit-reset", reset)]
        };
        let later = "1000000060";
        check(&headers(later), Some((9, 8, 1_000_000_060 - NOW / 1000)));
        let date = ("date", "Sun, 09 Sep 2001 01:46:40 GMT");
        check(&[&headers(later)[..], &[date]].concat(), Some((9, 8, 60)));
    }
}
