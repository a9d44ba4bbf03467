//! Why something is not there: the mistakes of the example, and what nobody has heard of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Catalog, Launch, component, write};

async fn explained(catalog: &Catalog, question: &str) -> Value {
    catalog.get(&format!("/api/catalog/v1/explain?{question}")).await
}

fn text_of<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_the_example_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Launch::up(dir.path()).start().await;
    catalog.settled().await;

    let sound = explained(&catalog, "ref=system:default/booking").await;
    assert_eq!(sound["state"], "visible");
    assert!(sound["entity"]["revision"].as_i64().unwrap() > 0);
    let chain = sound["claims"][0]["chain"].as_array().unwrap();
    assert!(text_of(&chain[0], "document").ends_with("systems/booking/catalog-info.yaml"));
    assert_eq!(chain[0]["reading"]["outcome"], "ok");
    assert!(chain.iter().all(|link| link["locationWins"] == true));

    let invalid = explained(&catalog, "ref=tide-checker").await;
    assert_eq!(invalid["state"], "invalid");
    assert!(text_of(&invalid, "summary").contains("line 67"), "{invalid}");
    assert!(text_of(&invalid, "advice").contains("component:tide-tables"), "{invalid}");

    let foreign = explained(&catalog, "ref=service:default/weighbridge").await;
    assert!(text_of(&foreign, "advice").contains("Service"), "{foreign}");

    let contested = explained(&catalog, "ref=component:default/sms-sender").await;
    assert_eq!(contested["state"], "visible");
    assert!(text_of(&contested, "summary").contains("lost against it"), "{contested}");
    let verdicts: Vec<_> =
        contested["claims"].as_array().unwrap().iter().map(|claim| text_of(claim, "verdict")).collect();
    assert!(verdicts.iter().any(|verdict| verdict.contains("loses against")), "{verdicts:?}");

    let mistyped = explained(&catalog, "ref=system:default/bokking").await;
    assert_eq!(
        (mistyped["state"].as_str(), mistyped["nearest"][0].as_str()),
        (Some("unknown"), Some("system:default/booking"))
    );
    catalog.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_explained_by_how_reading_them_goes() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    write(&file("good.yaml"), &component("sound", "x"));
    write(&file("bad.yaml"), &component("unsound", "x").replace("  type: service\n", ""));
    write(
        &file("users.yaml"),
        "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {name: eve}\nspec: {memberOf: [x]}\n",
    );
    let location = |name: &str| json!({"type": "file", "target": file(name)});
    let locations =
        json!([location("good.yaml"), location("bad.yaml"), location("users.yaml"), location("none.yaml")]);
    write(&file("app-config.yaml"), &json!({"catalog": {"locations": locations}}).to_string());
    let catalog = Launch::up(dir.path()).arg("--config").arg(file("app-config.yaml")).start().await;
    catalog.settled().await;

    let of = |name: &str| format!("target=file:{}", file(name).display());
    let good = explained(&catalog, &of("good.yaml")).await;
    assert_eq!((good["state"].as_str(), good["claimsTotal"].as_i64()), (Some("visible"), Some(1)));
    let bad = explained(&catalog, &of("bad.yaml")).await;
    assert_eq!(bad["state"], "invalid", "{bad}");
    assert!(text_of(&bad, "advice").contains("spec.type"), "{bad}");
    let refused = explained(&catalog, "ref=user:default/eve").await;
    assert_eq!(refused["state"], "refused", "{refused}");
    assert!(text_of(&refused, "advice").contains("catalog"), "{refused}");
    let missing = explained(&catalog, &of("none.yaml")).await;
    assert_eq!(missing["state"], "unreadable", "{missing}");
    let mistyped = explained(&catalog, &of("godo.yaml")).await;
    assert_eq!(mistyped["state"], "not-read");
    assert!(mistyped["nearest"][0].as_str().unwrap().ends_with("good.yaml"), "{mistyped}");

    // A sound form stays when what is written becomes wrong, and the explanation says so.
    write(&file("good.yaml"), &component("sound", "x").replace("  owner: team-a\n", ""));
    let stale = crate::support::eventually(
        "the last good form",
        std::time::Duration::from_secs(30),
        || explained(&catalog, "ref=sound"),
        |answer| answer["state"] == "last-good-form",
    )
    .await;
    assert!(text_of(&stale, "summary").contains("last good form"), "{stale}");
    assert!(catalog.entity("component", "sound").await.is_some());
    let (there, count) = (file("bad.yaml"), |answer: &Value| answer["totalItems"].as_i64().unwrap());
    assert_eq!(count(&catalog.get(&format!("/api/catalog/v1/errors?location={}", there.display())).await), 1);
    assert_eq!(count(&catalog.get("/api/catalog/v1/errors?location=file:/elsewhere").await), 0);
    assert_eq!(
        count(&catalog.get("/api/catalog/v1/errors?owner=team-a").await),
        2,
        "the last good form has an owner, and what never passed names one"
    );
    assert_eq!(count(&catalog.get("/api/catalog/v1/errors?owner=team-b").await), 0);
    let nobody = catalog.get("/api/catalog/v1/explain?ref=a&target=b").await;
    assert_eq!(nobody["error"]["name"], "InputError");
    catalog.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relations_that_lead_nowhere_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.yaml"), &component("a", "x"));
    write(&dir.path().join("b.yaml"), &component("b", "x"));
    let catalog = Launch::up(dir.path()).arg("a.yaml").arg("b.yaml").start().await;
    catalog.settled().await;
    let dangling = catalog.get("/api/catalog/v1/dangling").await;
    let expected = json!([{
        "targetRef": "group:default/team-a", "relation": "ownedBy", "count": 2,
        "sources": ["component:default/a", "component:default/b"],
    }]);
    assert_eq!((&dangling["items"], &dangling["totalItems"]), (&expected, &json!(1)));
    let explained = explained(&catalog, "ref=group:team-a").await;
    assert_eq!(explained["state"], "unknown");
    assert!(text_of(&explained, "summary").contains("named by component:default/a (ownedBy)"), "{explained}");
    catalog.stop().await;
}

/// A host on which each path answers with a status and a text, which may change.
struct Host {
    address: String,
    answers: Arc<Mutex<HashMap<&'static str, (u16, String)>>>,
}

impl Host {
    async fn start(answers: impl IntoIterator<Item = (&'static str, u16, String)>) -> Self {
        let answers = answers.into_iter().map(|(path, status, text)| (path, (status, text)));
        let answers = Arc::new(Mutex::new(answers.collect::<HashMap<_, _>>()));
        let known = Arc::clone(&answers);
        let answer = move |uri: axum::http::Uri| async move {
            let (status, text) =
                known.lock().unwrap().get(uri.path()).cloned().unwrap_or((404, String::new()));
            (axum::http::StatusCode::from_u16(status).unwrap(), text)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        // By name, or its URL in the output would be taken for the catalog's.
        let address = format!("localhost:{}", listener.local_addr().unwrap().port());
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, answers }
    }

    fn answer(&self, path: &'static str, status: u16, text: &str) {
        self.answers.lock().unwrap().insert(path, (status, text.to_owned()));
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_the_moment_is_told_of_the_location_the_entity_and_the_document() {
    let root = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: tree}\nspec:\n  type: url\n  \
                targets: [./good.yaml, ./broken.yaml]\n";
    let host = Host::start([
        ("/root.yaml", 200, root.to_owned()),
        ("/good.yaml", 200, component("good", "x")),
        ("/broken.yaml", 500, String::new()),
    ])
    .await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("app-config.yaml");
    let text = json!({
        "backend": {"reading": {"allow": [{"host": host.address}]}},
        "catalog": {
            "processingInterval": {"seconds": 1},
            "locations": [{"type": "url", "target": host.url("/root.yaml")}],
        },
    });
    write(&config, &text.to_string());
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;
    let broken = host.url("/broken.yaml");

    let location = explained(&catalog, "ref=location:default/tree").await;
    assert_eq!(location["state"], "lists-trouble", "{location:#}");
    let summary = text_of(&location, "summary");
    assert!(summary.contains(&broken) && summary.contains("HTTP 500"), "{summary}");
    assert!(text_of(&location, "advice").contains("is read again at"), "{location:#}");
    let unread = &location["claims"][0]["unread"][0];
    assert_eq!(unread["document"], format!("url:{broken}"));
    assert!(
        unread["reading"]["since"].is_string() && unread["reading"]["lastSuccess"].is_null(),
        "{unread:#}"
    );

    let document = explained(&catalog, &format!("target={broken}")).await;
    assert_eq!(document["state"], "unreadable", "{document:#}");
    let summary = text_of(&document, "summary");
    assert!(
        summary.contains("listed by location:default/tree below location:default/generated-"),
        "{summary}"
    );
    assert!(summary.contains("was never read and cannot be read since"), "{summary}");
    assert_eq!(document["listed"][0]["provider"], "ConfigLocationProvider");
    assert_eq!(document["listed"][0]["chain"].as_array().unwrap().len(), 2);

    let neighbour = explained(&catalog, &format!("target={}", host.url("/brokn.yaml"))).await;
    assert_eq!(
        (&neighbour["state"], &neighbour["nearest"][0]),
        (&json!("not-read"), &json!(format!("url:{broken}")))
    );

    // What is unchanged is read again all the time, and that is what is told.
    let first = read_time(&explained(&catalog, "ref=good").await);
    let patience = std::time::Duration::from_secs(30);
    let later = || async { read_time(&explained(&catalog, "ref=good").await) };
    crate::support::eventually("a later read", patience, later, |seen| *seen > first).await;

    host.answer("/good.yaml", 502, "");
    let stale = crate::support::eventually(
        "the entity to be stale",
        patience,
        || explained(&catalog, "ref=good"),
        |answer| answer["state"] == "stale",
    )
    .await;
    let summary = text_of(&stale, "summary");
    assert!(summary.contains("is shown as of") && summary.contains("HTTP 502"), "{summary}");
    assert!(catalog.entity("component", "good").await.is_some());
    catalog.stop().await;
}

/// When the document of an entity's first claim was last found.
fn read_time(answer: &Value) -> Option<String> {
    answer["claims"][0]["chain"][0]["reading"]["lastSuccess"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_long_document_is_told_and_what_did_not_pass_is_offered() {
    let dir = tempfile::tempdir().unwrap();
    let without_type = |name: &str| component(name, "x").replace("  type: service\n", "");
    let documents: Vec<_> = (0..300)
        .map(|number| {
            let name = format!("c-{number:03}");
            if number == 250 { without_type(&name) } else { component(&name, "x") }
        })
        .collect();
    write(&dir.path().join("many.yaml"), &documents.join("---\n"));
    write(&dir.path().join("wheel.yaml"), &without_type("wheel").replace("team-a", "team-nowhere"));
    write(&dir.path().join("g/one/catalog-info.yaml"), &component("one", "x"));
    write(&dir.path().join("g/two/catalog-info.yaml"), &component("two", "x"));
    let pattern = dir.path().join("g/**/catalog-info.yaml");
    let locations = ["many.yaml", "wheel.yaml"].map(|name| dir.path().join(name));
    let locations: Vec<_> = locations.iter().chain([&pattern]).collect();
    let locations: Vec<_> =
        locations.into_iter().map(|target| json!({"type": "file", "target": target})).collect();
    let config = dir.path().join("app-config.yaml");
    write(&config, &json!({"catalog": {"locations": locations}}).to_string());
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;

    let many = explained(&catalog, &format!("target=file:{}/many.yaml", dir.path().display())).await;
    assert_eq!(many["state"], "invalid", "{:#}", many["summary"]);
    assert_eq!(
        (&many["claims"][0]["entityRef"], &many["claimsTotal"]),
        (&json!("component:default/c-250"), &json!(300))
    );
    assert_eq!(many["claims"].as_array().unwrap().len(), 200);

    let mistyped = explained(&catalog, "ref=whel").await;
    assert_eq!(mistyped["nearest"][0], "component:default/wheel", "{mistyped:#}");
    let found = explained(&catalog, &format!("target=file:{}", pattern.display())).await;
    assert_eq!(found["state"], "visible", "{found:#}");
    assert!(text_of(&found, "summary").contains("finds 2 documents"), "{found:#}");

    std::fs::remove_file(dir.path().join("g/two/catalog-info.yaml")).unwrap();
    let of_two = format!("target=file:{}/g/two/catalog-info.yaml", dir.path().display());
    let gone = crate::support::eventually(
        "the document to be gone",
        std::time::Duration::from_secs(30),
        || explained(&catalog, &of_two),
        |answer| answer["state"] == "withdrawn" && answer["lastChange"]["operation"] == "deleted",
    )
    .await;
    assert!(text_of(&gone, "summary").contains("is not listed any more"), "{gone:#}");
    catalog.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_removal_that_waits_is_known_not_only_those_that_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let place = |number: usize| dir.path().join(format!("r/{number:02}/catalog-info.yaml"));
    for number in 0..40 {
        write(&place(number), &component(&format!("s-{number:02}"), "x"));
    }
    let config = dir.path().join("app-config.yaml");
    let target = dir.path().join("r/*/catalog-info.yaml");
    write(&config, &json!({"catalog": {"locations": [{"type": "file", "target": target}]}}).to_string());
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;
    // At one stroke, or a few would go before the wave is seen.
    std::fs::create_dir(dir.path().join("elsewhere")).unwrap();
    std::fs::rename(dir.path().join("r"), dir.path().join("elsewhere/r")).unwrap();
    std::fs::create_dir(dir.path().join("r")).unwrap();
    for number in 34..40 {
        write(&place(number), &component(&format!("s-{number:02}"), "x"));
    }
    let patience = std::time::Duration::from_secs(60);
    for number in 0..40 {
        let expected = if number < 34 { "removal-held" } else { "visible" };
        let question = format!("ref=s-{number:02}");
        let ask = || explained(&catalog, &question);
        let answer =
            crate::support::eventually(expected, patience, ask, |answer| answer["state"] == expected).await;
        let advised = text_of(&answer, "advice").contains("providers confirm");
        assert_eq!(advised, number < 34, "{answer:#}");
    }
    let document = explained(&catalog, &format!("target=file:{}", place(33).display())).await;
    assert_eq!(document["state"], "removal-held", "{document:#}");
    assert!(!text_of(&document, "summary").contains("was read"), "{document:#}");
    catalog.stop().await;
}
