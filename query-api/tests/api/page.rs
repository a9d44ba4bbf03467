//! The page for people.

use crate::status::troubled;

#[tokio::test]
async fn the_home_page_shows_problems_changes_and_kinds() {
    let page = troubled().await.get("/").await;
    assert_eq!(page.status.as_u16(), 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let (problems, changes, kinds) = ("<h2>Problems</h2>", "<h2>Latest changes</h2>", "<h2>Kinds</h2>");
    let at = |text: &str| page.text.find(text).unwrap_or_else(|| panic!("no {text} in {}", page.text));
    assert!(at(problems) < at(changes) && at(changes) < at(kinds));
    for shown in [
        "/c.yaml:7",
        "add &lt;owner&gt;",
        "push: a test",
        "not supported yet",
        "href=\"/entity/component/default/a\"",
    ] {
        at(shown);
    }
    assert!(!page.text.contains("<owner>"));
}

#[tokio::test]
async fn an_entity_opens_with_relations_claims_history_and_json() {
    let fixture = troubled().await;
    let page = fixture.get("/entity/component/default/a").await;
    assert_eq!(page.status.as_u16(), 200);
    for shown in [
        "ownedBy",
        "/entity/group/default/team-a",
        "provider inventory",
        "loses",
        "created",
        "&lt;b&gt;service",
    ] {
        assert!(page.text.contains(shown), "no {shown} in {}", page.text);
    }
    assert!(!page.text.contains("<b>service"));
    let page = fixture.get("/entity/group/default/team-a").await;
    assert_eq!(page.status.as_u16(), 404);
    assert!(page.text.contains("not in the catalog") && page.text.contains("add &lt;owner&gt;"));
    assert_eq!(fixture.get("/entity/component/default/%3Cscript%3E").await.status.as_u16(), 404);
    assert!(fixture.get("/kind/component").await.text.contains("/entity/component/default/a"));
}
