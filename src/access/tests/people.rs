//! Tokens of people and plugins.

use std::sync::atomic::Ordering;

use backstitch_schemas::EntityRef;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;

const ANNE: &str = "user:default/anne";

struct Setting {
    people: Signer,
    scaffolder: Signer,
    portal: Portal,
    access: Access,
}

async fn setting() -> Setting {
    let (people, scaffolder) = (Signer::new("people-1"), Signer::new("scaffolder-1"));
    let portal = Portal::start(&[&people], &[&scaffolder]).await;
    let access = access(&config(json!({}), Some(&portal.url), false));
    Setting { people, scaffolder, portal, access }
}

fn anne(token: String, through: Option<&str>) -> Principal {
    let entity_ref = EntityRef::from_canonical(ANNE);
    Principal::User { entity_ref, token, through: through.map(str::to_owned) }
}

#[tokio::test]
async fn a_person_is_known_by_a_token_and_keeps_a_limited_one_to_be_spoken_for() {
    let setting = setting().await;
    let (iat, exp) = (now(), now() + 600);
    let token = setting.people.user(ANNE, iat, exp);
    let known = admit(&setting.access, &token, &Need::Write).await;
    let Ok(Principal::User { token: limited, .. }) = &known else { panic!("{known:?}") };
    // ECDSA signatures differ each time; what is signed does not.
    let head = |token: &str| token.rsplit_once('.').unwrap().0.to_owned();
    assert_eq!(head(limited), head(&setting.people.limited(ANNE, iat, exp)));
    assert_eq!(known, Ok(anne(limited.clone(), None)));
    // And it is a good token itself.
    assert_eq!(read(&setting.access, limited).await, Ok(anne(limited.clone(), None)));
}

#[tokio::test]
async fn a_limited_token_reads_and_does_nothing_else() {
    let setting = setting().await;
    let limited = setting.people.limited(ANNE, now(), now() + 600);
    assert!(read(&setting.access, &limited).await.is_ok());
    let refused = admit(&setting.access, &limited, &Need::Write).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Could not resolve credentials; caused by AuthenticationError: a limited user token is good for reading only"
    );
    let cookie = Credentials { bearer: None, cookie: Some(&limited) };
    assert!(setting.access.admit(cookie, &Need::Read).await.is_ok());
    assert_eq!(setting.access.admit(cookie, &Need::Write).await, Err(Refusal::Missing));
}

#[tokio::test]
async fn an_old_token_without_type_is_taken_by_its_audience() {
    let setting = setting().await;
    let claims = |aud: &str| json!({"sub": ANNE, "aud": aud, "iat": now(), "exp": now() + 600});
    let old = setting.people.sign(Some("JWT"), &claims("backstage"));
    assert_eq!(read(&setting.access, &old).await, Ok(anne(old.clone(), None)));
    let elsewhere = setting.people.sign(None, &claims("elsewhere"));
    assert!(read(&setting.access, &elsewhere).await.is_err());
}

#[tokio::test]
async fn a_plugin_comes_for_itself_or_for_a_person() {
    let setting = setting().await;
    let (iat, exp) = (now(), now() + 600);
    let for_itself = setting.scaffolder.plugin("scaffolder", "catalog", iat, exp, None);
    let expected = Principal::Service { subject: "plugin:scaffolder".to_owned(), restrictions: None };
    assert_eq!(admit(&setting.access, &for_itself, &Need::Operate).await, Ok(expected));
    let limited = setting.people.limited(ANNE, iat, exp);
    let for_anne = setting.scaffolder.plugin("scaffolder", "catalog", iat, exp, Some(&limited));
    let known = admit(&setting.access, &for_anne, &Need::Write).await;
    assert_eq!(known, Ok(anne(limited, Some("plugin:scaffolder"))));
    assert!(matches!(admit(&setting.access, &for_anne, &Need::Operate).await, Err(Refusal::NotAllowed(_))));
}

#[tokio::test]
async fn a_token_that_is_over_or_for_somebody_else_is_refused() {
    let Setting { people, scaffolder, access, .. } = setting().await;
    let (iat, exp) = (now() - 1_000, now() + 600);
    assert!(refusal(&access, &people.user(ANNE, iat, now() - 60)).await.contains("ExpiredSignature"));
    let elsewhere = scaffolder.plugin("scaffolder", "search", iat, exp, None);
    assert!(refusal(&access, &elsewhere).await.contains("InvalidAudience"));
    let undated = people.sign(Some("vnd.backstage.user"), &json!({"sub": ANNE, "exp": exp}));
    assert!(refusal(&access, &undated).await.contains("when it was made"));
    let endless = people.sign(Some("vnd.backstage.user"), &json!({"sub": ANNE, "iat": iat}));
    assert!(refusal(&access, &endless).await.contains("exp"));
    let nobody = people.sign(Some("vnd.backstage.user"), &json!({"sub": "anne", "iat": iat, "exp": exp}));
    assert!(refusal(&access, &nobody).await.contains("entity ref"));
}

#[tokio::test]
async fn a_token_of_an_unknown_key_or_of_another_signer_is_refused() {
    let Setting { people, scaffolder, access, .. } = setting().await;
    let (iat, exp) = (now(), now() + 600);
    assert!(refusal(&access, &Signer::new("people-2").user(ANNE, iat, exp)).await.contains("people-2"));
    // The right name on another key.
    assert!(
        refusal(&access, &Signer::new("people-1").user(ANNE, iat, exp)).await.contains("InvalidSignature")
    );
    // A plugin cannot make tokens of people, nor of another plugin.
    assert!(read(&access, &scaffolder.user(ANNE, iat, exp)).await.is_err());
    assert!(read(&access, &scaffolder.plugin("search", "catalog", iat, exp, None)).await.is_err());
    assert!(read(&access, &people.plugin("scaffolder", "catalog", iat, exp, None)).await.is_err());
    assert!(
        refusal(&access, &scaffolder.plugin("../auth", "catalog", iat, exp, None)).await.contains("subject")
    );
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    let Setting { people, scaffolder, access, .. } = setting().await;
    let (iat, exp) = (now(), now() + 600);
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let payload = encoded(&json!({"sub": ANNE, "aud": "backstage", "iat": iat, "exp": exp}).to_string());
    for header in [
        r#"{"typ":"vnd.backstage.user","alg":"none","kid":"people-1"}"#,
        r#"{"typ":"vnd.backstage.user","alg":"HS256","kid":"people-1"}"#,
        r#"{"typ":"vnd.backstage.user","alg":"ES256","kid":"people-1"}"#,
        r#"{"typ":"vnd.backstage.user","alg":"ES256"}"#,
        r#"{"alg":"none"}"#,
    ] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{payload}.{signature}", encoded(header));
            assert!(read(&access, &token).await.is_err(), "{header}");
        }
    }
    for nonsense in ["", ".", "..", "a.b.c", "nobody", "a.b.c.d"] {
        assert!(read(&access, nonsense).await.is_err(), "{nonsense}");
    }
    // The person in a plugin's token is checked as well.
    let limited = people.limited(ANNE, iat, exp);
    let (_, rest) = limited.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let header = encoded(r#"{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"people-1"}"#);
    let root = encoded(&json!({"sub": "user:default/root", "iat": iat, "exp": exp}).to_string());
    let forged = format!("{header}.{root}.{signature}");
    let token = scaffolder.plugin("scaffolder", "catalog", iat, exp, Some(&forged));
    assert!(refusal(&access, &token).await.contains("InvalidSignature"));
    let own = scaffolder.plugin("scaffolder", "catalog", iat, exp, None);
    let nested = scaffolder.plugin("scaffolder", "catalog", iat, exp, Some(&own));
    assert!(refusal(&access, &nested).await.contains("not a user's"));
}

#[tokio::test]
async fn a_key_that_the_portal_begins_to_use_is_found() {
    let setting = setting().await;
    let next = Signer::new("people-2");
    let token = next.user(ANNE, now(), now() + 600);
    assert!(read(&setting.access, &token).await.is_err());
    setting.portal.shared.people.lock().unwrap().push(next.jwk());
    assert!(read(&setting.access, &token).await.is_ok());
}

#[tokio::test]
async fn keys_are_looked_for_once_in_a_while_whatever_is_sent() {
    let people = Signer::new("people-1");
    let portal = Portal::start(&[&people], &[]).await;
    let access = patient_access(&config(json!({}), Some(&portal.url), false), Duration::from_secs(60));
    let sent = (0..20).map(|number| {
        let token = Signer::new(&format!("made-up-{number}")).user(ANNE, now(), now() + 600);
        let access = access.clone();
        async move { refusal(&access, &token).await }
    });
    let refusals = futures::future::join_all(sent).await;
    assert!(refusals.iter().all(|refusal| refusal.contains("made-up")), "{refusals:?}");
    assert_eq!(portal.shared.key_requests.load(Ordering::Relaxed), 1);
    assert!(read(&access, &people.user(ANNE, now(), now() + 600)).await.is_ok());
}

#[tokio::test]
async fn a_portal_that_is_away_is_no_refusal_for_ever_and_no_entry() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let access = access(&config(json!({}), Some(&url), false));
    let refused = read(&access, &Signer::new("people-1").user(ANNE, now(), now() + 600)).await;
    assert!(matches!(&refused, Err(Refusal::Unreachable(why)) if why.contains(&url)), "{refused:?}");
}
