//! Whether a webhook comes from who knows the secret. Comparing takes the same time wherever they differ.

use ring::hmac;

/// Whether `shown`, the `X-Hub-Signature-256` of GitHub, is the signature of `body`.
pub(super) fn is_signed(secret: &str, shown: &str, body: &[u8]) -> bool {
    let Some(tag) = shown.strip_prefix("sha256=").and_then(bytes_of) else { return false };
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body, &tag).is_ok()
}

/// Whether `shown`, the `X-Gitlab-Token` of GitLab, is the secret.
pub(super) fn is_secret(secret: &str, shown: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, secret.as_bytes());
    hmac::verify(&key, shown.as_bytes(), tag.as_ref()).is_ok()
}

/// Hexadecimal digits as bytes.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        }
        _ => None,
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_githubs_documentation() {
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(secret, good, body));
        assert!(!is_signed(secret, good, b"Hello, World?"));
        assert!(!is_signed("another", good, body));
        for bad in
            ["", "sha256=", "sha256=75", "sha256=zz", "sha1=757107ea", &good[7..], &good.replace('7', "8")]
        {
            assert!(!is_signed(secret, bad, body), "{bad}");
        }
    }

    #[test]
    fn a_token_is_the_whole_secret() {
        assert!(is_secret("s3cret", "s3cret"));
        assert!(!is_secret("s3cret", "s3cre") && !is_secret("s3cret", "s3cret2") && !is_secret("s3cret", ""));
    }
}
