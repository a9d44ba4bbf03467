//! Durations as Backstage writes them: `10m`, `PT1H`, or `{ hours: 1, minutes: 30 }`.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HumanDuration(pub(super) Duration);

impl HumanDuration {
    /// Reads `10m`, `1.5h`, `2 days`, `250ms` or an ISO 8601 duration without years and months.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.strip_prefix(['P', 'p']) {
            Some(iso) => parse_iso(iso),
            None => {
                let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
                seconds(text[..digits].parse().ok()?, text[digits..].trim())
            }
        }
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(Self)
    }
}

/// `1DT2H30M`, the part behind the `P`.
fn parse_iso(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't']).unwrap_or((text, ""));
    let in_date = sum_parts(date, |unit| match unit {
        'W' => Some(604_800.0),
        'D' => Some(86_400.0),
        _ => None,
    })?;
    let in_time = sum_parts(time, |unit| match unit {
        'H' => Some(3_600.0),
        'M' => Some(60.0),
        'S' => Some(1.0),
        _ => None,
    })?;
    (!(date.is_empty() && time.is_empty())).then_some(in_date + in_time)
}

fn sum_parts(text: &str, seconds_of: impl Fn(char) -> Option<f64>) -> Option<f64> {
    let mut sum = 0.0;
    let mut number = String::new();
    for letter in text.chars() {
        match letter {
            '0'..='9' | '.' => number.push(letter),
            ',' => number.push('.'),
            unit => {
                sum += number.parse::<f64>().ok()? * seconds_of(unit.to_ascii_uppercase())?;
                number.clear();
            }
        }
    }
    number.is_empty().then_some(sum)
}

/// So many of a unit, in seconds.
fn seconds(number: f64, unit: &str) -> Option<f64> {
    let one = match unit {
        "ms" | "millisecond" | "milliseconds" => 0.001,
        "s" | "sec" | "second" | "seconds" => 1.0,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    };
    Some(number * one)
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DurationVisitor)
    }
}

/// Takes a text or an object of units.
pub(super) struct DurationVisitor;

impl<'de> Visitor<'de> for DurationVisitor {
    type Value = HumanDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 10m, PT1H or { minutes: 10 }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HumanDuration, E> {
        HumanDuration::parse(text).ok_or_else(|| {
            E::custom(format!("\"{text}\" is not a duration such as 10m, PT1H or {{ minutes: 10 }}"))
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut units: A) -> Result<HumanDuration, A::Error> {
        let mut sum = 0.0;
        while let Some(unit) = units.next_key::<String>()? {
            let number: f64 = units.next_value()?;
            let plural = unit.ends_with('s') && unit.len() > 2;
            let in_seconds = plural.then(|| seconds(number, &unit)).flatten();
            sum += in_seconds.ok_or_else(|| {
                A::Error::custom(format!(
                    "\"{unit}\" is not a unit; known are weeks, days, hours, minutes, seconds, milliseconds"
                ))
            })?;
        }
        Duration::try_from_secs_f64(sum)
            .map(HumanDuration)
            .map_err(|_| A::Error::custom("the duration is negative or too long"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let seconds = |text: &str| HumanDuration::parse(text).map(|duration| duration.0.as_secs_f64());
        assert_eq!(seconds("10m"), Some(600.0));
        assert_eq!(seconds("PT1H"), Some(3600.0));
        assert_eq!(seconds("P1DT2H30M"), Some(95_400.0));
        assert_eq!(seconds("1.5 hours"), Some(5400.0));
        assert_eq!(seconds("250ms"), Some(0.25));
        for wrong in ["", "10", "P", "m", "ten minutes", "-5m", "PT5"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
