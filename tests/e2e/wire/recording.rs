//! The recorded pairs, in their order, with what was learned of the other catalog's ids.

use std::{collections::BTreeMap, fs, io::Read as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use crate::support::Catalog;

/// Where the recorded descriptor file was served.
const RECORDED_HOST: &str = "127.0.0.1:7009";

/// The recorded pairs that are still to be replayed.
pub(super) struct Recording {
    pairs: std::vec::IntoIter<Value>,
    /// Recorded texts and what they are here: host, names made of it, uids, ids.
    known: BTreeMap<String, String>,
}

/// One request and what was answered.
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) method: reqwest::Method,
    path: String,
    pub(super) headers: Vec<(String, String)>,
    request: Option<String>,
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) answered: BTreeMap<String, String>,
    /// The recorded JSON, null if there was none. Long lists are cut: `"... 999 more"`.
    pub(super) body: Value,
}

/// What is answered here.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Recording {
    /// Reads the pairs, for a descriptor file that is served at `host`.
    pub(super) fn open(samples: &Path, host: &str) -> Self {
        let read = |name: &str| -> Value {
            let text = fs::read_to_string(samples.join(format!("{name}.json"))).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let index = read("INDEX");
        let pairs: Vec<_> =
            index.as_array().unwrap().iter().map(|entry| read(entry["name"].as_str().unwrap())).collect();
        let mut known = BTreeMap::from([(RECORDED_HOST.to_owned(), host.to_owned())]);
        known.insert(generated_name(RECORDED_HOST), generated_name(host));
        Self { pairs: pairs.into_iter(), known }
    }

    /// The next pair, in this catalog's ids.
    pub(super) fn next(&mut self) -> Option<Pair> {
        let sample = self.pairs.next()?;
        let sample: Value = serde_json::from_str(&self.translated(&sample.to_string())).unwrap();
        let (request, response) = (&sample["request"], &sample["response"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let asked: Vec<_> = request["headers"].as_object().into_iter().flatten().collect();
        let body = match &request["body"] {
            Value::Null => None,
            Value::String(raw) => Some(raw.clone()),
            json => Some(json.to_string()),
        };
        let answered = response["headers"].as_array().unwrap();
        Some(Pair {
            name: text(&sample["name"]),
            method: text(&request["method"]).parse().unwrap(),
            path: self.with_known_cursor(&text(&request["path"])),
            headers: asked.into_iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            request: body,
            status: response["status"].as_u64().unwrap().try_into().unwrap(),
            answered: answered.iter().map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect(),
            body: response["body"].clone(),
        })
    }

    /// Learns what the recorded ids are here, from two answers to the same question.
    pub(super) fn learn(&mut self, recorded: &Value, found: &Value) {
        match (recorded, found) {
            (Value::Object(recorded), Value::Object(found)) => {
                for (name, value) in recorded {
                    let Some(found) = found.get(name) else { continue };
                    match (name.as_str(), value.as_str(), found.as_str()) {
                        ("uid" | "id", Some(recorded), Some(found)) => self.learn_id(recorded, found),
                        ("nextCursor" | "prevCursor", Some(recorded), Some(found)) => {
                            self.learn(&decoded(recorded), &decoded(found));
                        }
                        _ => self.learn(value, found),
                    }
                }
            }
            (Value::Array(recorded), Value::Array(found)) => {
                recorded.iter().zip(found).for_each(|(recorded, found)| self.learn(recorded, found));
            }
            (Value::String(recorded), Value::String(found)) => self.learn_id(recorded, found),
            _ => {}
        }
    }

    fn learn_id(&mut self, recorded: &str, found: &str) {
        let is_id = |text: &str| text.len() == 36 && text.matches('-').count() == 4;
        if is_id(recorded) && is_id(found) {
            self.known.insert(recorded.to_owned(), found.to_owned());
        }
    }

    fn translated(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (recorded, here)| text.replace(recorded, here))
    }

    /// The path with the ids inside of its cursor translated.
    fn with_known_cursor(&self, path: &str) -> String {
        let Some((before, rest)) = path.split_once("cursor=ey") else { return path.to_owned() };
        let (cursor, after) = rest.split_once('&').unwrap_or((rest, ""));
        let cursor = format!("ey{}", cursor.replace("%3D", "="));
        let Ok(json) = STANDARD.decode(&cursor) else { return path.to_owned() };
        let recorded = String::from_utf8(json).unwrap();
        let json = self.translated(&recorded);
        if json == recorded {
            return path.to_owned();
        }
        let after = if after.is_empty() { String::new() } else { format!("&{after}") };
        format!("{before}cursor={}{after}", STANDARD.encode(json).replace('=', "%3D").replace('+', "%2B"))
    }
}

/// The name of the Location that registering the file at `host` makes.
fn generated_name(host: &str) -> String {
    let digest = Sha1::digest(format!("url:http://{host}/catalog-info.yaml"));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("generated-{hex}")
}

/// What a cursor says.
pub(super) fn decoded(cursor: &str) -> Value {
    let bytes = STANDARD.decode(cursor).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

impl Pair {
    /// Asks again; with another limit if one is given.
    pub(super) async fn send(&self, catalog: &Catalog, limit: Option<u32>) -> Answer {
        let (mut path, mut body) = (self.path.clone(), self.request.clone());
        if let Some(limit) = limit {
            match body.as_mut() {
                Some(body) => *body = with_limit(body, limit),
                None => path = path_with_limit(&path, limit),
            }
        }
        // Neither asks for compression by itself nor hides it.
        let client = reqwest::Client::builder().no_gzip().build().unwrap();
        let mut request = client.request(self.method.clone(), format!("{}{path}", catalog.url));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let is_typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(body) = body {
            request = if is_typed { request } else { request.header("content-type", "application/json") };
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let headers: BTreeMap<_, _> = response.headers().iter().map(header).collect();
        let bytes = response.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&unpacked(&headers, &bytes)).into_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, body }
    }
}

fn unpacked(headers: &BTreeMap<String, String>, bytes: &[u8]) -> Vec<u8> {
    if headers.get("content-encoding").map(String::as_str) != Some("gzip") {
        return bytes.to_vec();
    }
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap();
    unpacked
}

fn with_limit(body: &str, limit: u32) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    body["limit"] = limit.into();
    body.to_string()
}

fn path_with_limit(path: &str, limit: u32) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("limit="));
    let query: Vec<_> = others.map(str::to_owned).chain([format!("limit={limit}")]).collect();
    format!("{path}?{}", query.join("&"))
}
