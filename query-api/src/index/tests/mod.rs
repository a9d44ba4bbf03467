//! Properties: an index that followed commits equals one built from scratch, and what it answers
//! equals a naive look at every entity.

mod naive;

use std::collections::{BTreeMap, BTreeSet};

use backstitch_read_model::{
    EntityRecord, HistoryOperation, HistoryRow, RefId, RefRow, RelationEnd, RelationRow, SnapshotPart,
    TypeId, TypeRow,
};
use backstitch_schemas::{
    Timestamp, canonical,
    change::{Cause, CauseKind},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use naive::{naive_compare, naive_order, satisfies, values};

use super::*;
use crate::query::Predicate;

/// What the catalog should hold.
type Model = BTreeMap<EntityRef, Made>;

/// An entity as the generator makes it.
#[derive(Clone, Debug, PartialEq)]
struct Made {
    uid: Uuid,
    body: Value,
    relations: BTreeSet<(String, EntityRef)>,
}

/// What happens to the ref of a number; `None` deletes it.
type Step = (u8, Option<Made>);

fn ref_of(number: u8) -> EntityRef {
    EntityRef::new("component", None, &format!("c{number}"))
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "A", "ab", "b", "", "É", "é", "a-b", "100%", "a_b"]).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => prop::sample::select(vec![json!(0), json!(1), json!(1.0), json!(7.50), json!(-2), json!(1e21)]),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::from("long".repeat(60))),
    ]
}

/// A value of any form: scalars, lists of them (also empty ones and lists in lists), objects.
fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            1 => prop::collection::btree_map(prop::sample::select(vec!["a", "B"]), inner, 0..2).prop_map(|map| json!(map)),
        ]
    })
}

/// A text of a few words, for the keys that are searched in.
fn words() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "AB", "abba", "é", "b1", "babab"]), 0..4)
        .prop_map(|words| words.join("-"))
}

fn made() -> impl Strategy<Value = Made> {
    let fields = prop::collection::btree_map(prop::sample::select(vec!["x", "y", "z"]), value(), 0..3);
    let relation = (prop::sample::select(vec!["ownedBy", "partOf", "partof"]), 0..10u8);
    let relations = prop::collection::btree_set(relation, 0..5);
    let kind = prop::sample::select(vec!["Component", "component", "API"]);
    let described = prop::option::of(words());
    (0..40u128, kind, words(), described, fields, relations).prop_map(
        |(uid, kind, name, description, fields, relations)| {
            let uid = Uuid::from_u128(uid);
            let mut metadata = json!({"name": name, "uid": uid, "tags": [name, "a"]});
            if let Some(description) = description {
                metadata["description"] = description.into();
            }
            let body = json!({"kind": kind, "metadata": metadata, "spec": fields});
            let relations = relations.into_iter().map(|(kind, target)| (kind.to_owned(), ref_of(target)));
            Made { uid, body, relations: relations.collect() }
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = (0..10u8, prop::option::weighted(0.8, made()));
    prop::collection::vec(prop::collection::vec(step, 1..6), 0..10)
}

fn ends<'a>(relations: impl Iterator<Item = &'a (String, EntityRef)>) -> Vec<RelationEnd> {
    relations.map(|(kind, target)| RelationEnd { kind: kind.clone(), target: target.clone() }).collect()
}

/// The history row of a step, as the stitcher writes it.
fn history_row(
    revision: i64,
    before: Option<&Made>,
    entity_ref: &EntityRef,
    after: Option<&Made>,
) -> HistoryRow {
    let none = BTreeSet::new();
    let shown = |made: Option<&Made>| made.map_or_else(|| none.clone(), |made| made.relations.clone());
    let (old, new) = (shown(before), shown(after));
    let body = after.filter(|after| before.is_none_or(|before| before.body != after.body));
    HistoryRow {
        revision: Revision(revision),
        commit: Revision(revision),
        at: Timestamp(0),
        entity_ref: entity_ref.clone(),
        operation: match (before, after) {
            (None, _) => HistoryOperation::Created,
            (Some(_), Some(_)) => HistoryOperation::Updated,
            (Some(_), None) => HistoryOperation::Deleted,
        },
        uid: after.or(before).map(|made| made.uid).unwrap_or_default(),
        etag: "etag".to_owned(),
        body: body.map(|made| canonical::to_string(&made.body)),
        relations_added: ends(new.difference(&old)),
        relations_removed: ends(old.difference(&new)),
        cause: Cause { kind: CauseKind::Read, detail: None, at: Timestamp(0) },
    }
}

/// Follows all steps, commit by commit. A uid that is taken is not given a second time.
fn follow(commits: Vec<Vec<Step>>) -> (Model, Index) {
    let (mut model, mut index, mut revision) = (Model::new(), Index::default(), 0);
    for commit in commits {
        let mut rows = Vec::new();
        for (number, after) in commit {
            let entity_ref = ref_of(number);
            let before = model.get(&entity_ref).cloned();
            let is_taken = |made: &Made| {
                model.iter().any(|(other, known)| *other != entity_ref && known.uid == made.uid)
            };
            let after = after.filter(|made| !is_taken(made));
            if before == after {
                continue;
            }
            revision += 1;
            rows.push(history_row(revision, before.as_ref(), &entity_ref, after.as_ref()));
            match after {
                Some(made) => model.insert(entity_ref, made),
                None => model.remove(&entity_ref),
            };
        }
        // Readers hold older versions while the next is made.
        let mut next = index.clone();
        next.apply(&rows);
        index = next;
    }
    (model, index)
}

fn from_scratch(model: &Model, revision: Revision) -> Index {
    let mut loader = Loader::default();
    let refs: Vec<EntityRef> = (0..10).map(ref_of).collect();
    let number = |entity_ref: &EntityRef| {
        RefId(i32::try_from(refs.iter().position(|known| known == entity_ref).unwrap()).unwrap())
    };
    let row = |entity_ref: &EntityRef| RefRow { id: number(entity_ref), entity_ref: entity_ref.clone() };
    let kinds = ["ownedBy", "partOf", "partof"];
    let kind_id =
        |kind: &str| TypeId(i16::try_from(kinds.iter().position(|known| *known == kind).unwrap()).unwrap());
    let entity = |(entity_ref, made): (&EntityRef, &Made)| EntityRecord {
        ref_id: number(entity_ref),
        uid: made.uid,
        body: canonical::to_string(&made.body),
        etag: "etag".to_owned(),
        revision: Revision(0),
    };
    let relation = |entity_ref: &EntityRef, (kind, target): &(String, EntityRef)| RelationRow {
        originator: backstitch_read_model::ClaimId(0),
        source: number(entity_ref),
        kind: kind_id(kind),
        target: number(target),
    };
    loader.take(SnapshotPart::Refs(refs.iter().map(row).collect()));
    let type_row = |kind: &&str| TypeRow { id: kind_id(kind), name: (*kind).to_owned() };
    loader.take(SnapshotPart::Types(kinds.iter().map(type_row).collect()));
    loader.take(SnapshotPart::Entities(model.iter().map(entity).collect()));
    let relations =
        model.iter().flat_map(|(source, made)| made.relations.iter().map(|r| relation(source, r)));
    loader.take(SnapshotPart::Relations(relations.collect()));
    loader.finish(revision)
}

/// Everything that an index holds, in a form that does not depend on its own numbers.
fn contents(index: &Index) -> Value {
    let names = |docs: &DocSet| -> BTreeSet<String> {
        docs.bitmap().iter().map(|doc| index.entity(Doc(doc)).unwrap().entity_ref.to_string()).collect()
    };
    let mut keys = BTreeMap::new();
    for (name, id) in &index.key_ids {
        let key = index.keys.get(id.0).unwrap();
        assert_eq!(key.name, *name);
        let term = |(term, docs): (&Term, &DocSet)| {
            (format!("{:?}/{:?}", term.value(), term.original()), names(docs))
        };
        let terms: BTreeMap<_, _> = key.terms.iter().map(term).collect();
        keys.insert(
            name.to_string(),
            json!({"exists": names(&key.exists), "valueless": names(&key.valueless), "terms": terms}),
        );
    }
    let entities: Vec<_> = index.iter().map(|entity| json!([entity.uid, whole(entity)])).collect();
    let uids: BTreeMap<_, _> = index
        .by_uid
        .iter()
        .map(|(uid, doc)| (uid.to_string(), index.entity(*doc).unwrap().entity_ref.to_string()))
        .collect();
    json!({"revision": index.revision.0, "keys": keys, "entities": entities, "uids": uids, "all": names(&index.all)})
}

fn whole(entity: &Entity) -> Value {
    let mut text = Vec::new();
    entity.write_json(&mut text);
    let value: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(value, entity.to_value());
    value
}

fn key() -> impl Strategy<Value = String> {
    let keys = [
        "kind",
        "spec.x",
        "spec.y",
        "spec.x.a",
        "spec.x.b",
        "relations.partof",
        "relations.ownedby",
        "metadata.name",
        "metadata.description",
        "metadata.tags",
        "metadata.uid",
        "nope",
    ];
    prop::sample::select(keys.to_vec()).prop_map(str::to_owned)
}

/// A query as clients write it.
fn query() -> impl Strategy<Value = Value> {
    let texts =
        ["a", "AB", "ab", "b", "", "é", "true", "component:default/c1", "1", "7.5", "API", "a-b", "%"];
    let text = prop::sample::select(texts.to_vec());
    let test = prop_oneof![
        text.clone().prop_map(Value::from),
        Just(json!(1.0)),
        any::<bool>().prop_map(|exists| json!({ "$exists": exists })),
        prop::collection::vec(text.clone(), 0..3).prop_map(|texts| json!({ "$in": texts })),
        text.clone().prop_map(|text| json!({ "$hasPrefix": text })),
        text.prop_map(|text| json!({ "$contains": text })),
    ];
    let field = (key(), test).prop_map(|(key, test)| json!({ key: test }));
    let kind = prop::sample::select(vec!["ownedBy", "partOf", "PARTOF", "nope"]);
    let related = (kind, prop::option::of(0..10u8)).prop_map(|(kind, target)| match target {
        None => json!({"relations": {"$contains": {"type": kind}}}),
        Some(target) => json!({"relations": {"$contains": {"type": kind, "targetRef": ref_of(target)}}}),
    });
    prop_oneof![4 => field, 1 => related].prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$all": parts })),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$any": parts })),
            inner.prop_map(|part| json!({ "$not": part })),
        ]
    })
}

fn predicate() -> impl Strategy<Value = Predicate> {
    query().prop_map(|query| Predicate::parse(&query).unwrap())
}

/// Pages through in steps of two, in one direction.
fn paged(
    index: &Index,
    found: &roaring::RoaringBitmap,
    order: &SortOrder,
    direction: Direction,
    from: Option<Position>,
) -> Vec<(String, Uuid)> {
    let (mut from, mut all) = (from, Vec::new());
    loop {
        let window = Window { from: from.as_ref(), direction, skip: 0, limit: 2 };
        let page = index.page_by_value(found, order, None, window);
        let Some(last) = page.last() else { return all };
        all.extend(page.iter().map(|hit| (hit.value.unwrap().to_owned(), hit.uid)));
        from = Some(last.position());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_index_that_followed_commits_equals_one_built_from_scratch(commits in steps()) {
        let (model, index) = follow(commits);
        let expected = from_scratch(&model, index.revision());
        prop_assert_eq!(contents(&index), contents(&expected));
    }

    #[test]
    fn a_predicate_finds_what_a_naive_scan_finds(commits in steps(), predicate in predicate()) {
        let (model, index) = follow(commits);
        let found: BTreeSet<_> = index.matching(&predicate).iter().map(|doc| index.entity(Doc(doc)).unwrap().uid).collect();
        let expected: BTreeSet<_> = model.values().filter(|made| satisfies(made, &predicate)).map(|made| made.uid).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn pages_show_what_a_naive_sort_shows(commits in steps(), predicate in predicate(), key in key(), descending: bool, skip in 0usize..4, text in prop::option::of("[ab]")) {
        let (model, index) = follow(commits);
        let matches = index.matching(&predicate);
        let found: Vec<_> = model.values().filter(|made| satisfies(made, &predicate)).collect();
        let order = SortOrder { key, descending };
        let expected = naive_order(&found, &order, text.as_deref());

        let window = Window { from: None, direction: Direction::Forward, skip, limit: 3 };
        let page = index.page_by_value(&matches, &order, text.as_deref(), window);
        let page: Vec<_> = page.into_iter().map(|hit| (hit.value.unwrap().to_owned(), hit.uid)).collect();
        prop_assert_eq!(page, expected.into_iter().skip(skip).take(3).collect::<Vec<_>>());

        let expected = naive_order(&found, &order, None);
        let with_value: BTreeSet<_> = expected.iter().map(|(_, uid)| *uid).collect();
        prop_assert_eq!(index.with_value(index.matching(&predicate), &order.key).len(), with_value.len() as u64);
        let forward = paged(&index, &matches, &order, Direction::Forward, None);
        prop_assert_eq!(&forward, &expected);
        if let Some(((value, uid), before)) = expected.split_last() {
            let last = Position { value: Some(value.clone()), uid: *uid };
            let mut backward = paged(&index, &matches, &order, Direction::Backward, Some(last));
            backward.reverse();
            prop_assert_eq!(&backward, before);
        }
    }

    #[test]
    fn lists_and_uid_pages_show_every_found_entity_once(commits in steps(), predicate in predicate(), keys in prop::collection::vec((key(), any::<bool>()), 0..3), skip in 0usize..4, limit in 0usize..12) {
        let (model, index) = follow(commits);
        let matches = index.matching(&predicate);
        let found: Vec<_> = model.iter().filter(|(_, made)| satisfies(made, &predicate)).collect();
        let uids = |docs: Vec<Doc>| -> Vec<Uuid> { docs.into_iter().map(|doc| index.entity(doc).unwrap().uid).collect() };

        let by_ref: Vec<_> = found.iter().map(|(_, made)| made.uid).skip(skip).take(limit).collect();
        prop_assert_eq!(uids(index.list_by_ref(&matches, skip, limit)), by_ref);

        let window = Window { from: None, direction: Direction::Forward, skip, limit };
        let by_uid: Vec<_> = index.page_by_uid(&matches, window).into_iter().map(|hit| hit.uid).collect();
        let mut expected: Vec<_> = found.iter().map(|(_, made)| made.uid).collect();
        expected.sort();
        prop_assert_eq!(by_uid, expected.into_iter().skip(skip).take(limit).collect::<Vec<_>>());

        let orders: Vec<_> = keys.into_iter().map(|(key, descending)| SortOrder { key, descending }).collect();
        let mut expected: Vec<_> = found.iter().map(|(_, made)| *made).collect();
        expected.sort_by(|a, b| naive_compare(&orders, a, b));
        let expected: Vec<_> = expected.into_iter().map(|made| made.uid).skip(skip).take(limit).collect();
        prop_assert_eq!(uids(index.list_by_values(&matches, &orders, skip, limit)), expected);
    }

    #[test]
    fn facets_and_full_text_equal_a_naive_count(commits in steps(), predicate in predicate(), key in key(), term in "[abé1\\-]{1,4}") {
        let (model, index) = follow(commits);
        let matches = index.matching(&predicate);
        let found: Vec<_> = model.values().filter(|made| satisfies(made, &predicate)).collect();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (_, original) in found.iter().flat_map(|made| values(made, &key)) {
            *counts.entry(original).or_default() += 1;
        }
        let facet = index.facet(Some(&matches), &key).into_iter().map(|facet| (facet.value, facet.count));
        prop_assert_eq!(facet.collect::<Vec<_>>(), counts.into_iter().collect::<Vec<_>>());
        let everything = index.all();
        prop_assert_eq!(index.facet(None, &key), index.facet(Some(&everything), &key));

        let text = FullText { term: term.clone(), keys: vec![key, "spec.y".to_owned(), "metadata.name".to_owned()] };
        let hits: BTreeSet<_> = index.containing(&matches, &text).iter().map(|doc| index.entity(Doc(doc)).unwrap().uid).collect();
        let has = |made: &&&Made| text.keys.iter().any(|key| values(made, key).iter().any(|(value, _)| value.contains(&term)));
        prop_assert_eq!(hits, found.iter().filter(has).map(|made| made.uid).collect::<BTreeSet<_>>());
    }
}

/// All pages of two from a position on, while the catalog changes between them. The index of each page
/// is that of the next version.
fn paged_through(
    versions: &[(Model, Index)],
    predicate: &Predicate,
    order: &SortOrder,
    direction: Direction,
    mut from: Option<Position>,
) -> Vec<(String, Uuid)> {
    let (mut all, mut versions) = (Vec::new(), versions.iter().peekable());
    while let Some((_, index)) = versions.next() {
        loop {
            let matches = index.matching(predicate);
            let window = Window { from: from.as_ref(), direction, skip: 0, limit: 2 };
            let page = index.page_by_value(&matches, order, None, window);
            let Some(last) = page.last() else { break };
            all.extend(page.iter().map(|hit| (hit.value.unwrap().to_owned(), hit.uid)));
            from = Some(last.position());
            if versions.peek().is_some() {
                break;
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn a_walk_through_pages_meets_everything_that_stays_and_nothing_twice(
        commits in steps(), predicate in predicate(), key in key(), descending: bool, backward: bool,
    ) {
        let order = SortOrder { key, descending };
        let direction = if backward { Direction::Backward } else { Direction::Forward };
        let versions: Vec<_> = (0..=commits.len()).map(|count| follow(commits[..count].to_vec())).collect();
        let met = paged_through(&versions, &predicate, &order, direction, None);

        let shown = |(model, _): &(Model, Index)| -> BTreeSet<(String, Uuid)> {
            let found: Vec<_> = model.values().filter(|made| satisfies(made, &predicate)).collect();
            naive_order(&found, &order, None).into_iter().collect()
        };
        let in_order = met.windows(2).all(|pair| {
            if order.descending == backward { pair[0] < pair[1] } else { pair[0] > pair[1] }
        });
        prop_assert!(in_order, "{met:?}");
        let ever: BTreeSet<_> = versions.iter().flat_map(shown).collect();
        let always = versions.iter().skip(1).fold(shown(&versions[0]), |stays, version| &stays & &shown(version));
        prop_assert!(met.iter().all(|row| ever.contains(row)));
        prop_assert!(always.iter().all(|row| met.contains(row)), "{always:?} not in {met:?}");
    }
}

#[test]
fn relations_can_be_walked_with_petgraph() {
    let made = |uid: u128, targets: &[u8]| Made {
        uid: Uuid::from_u128(uid),
        body: json!({"metadata": {"name": "n"}}),
        relations: targets.iter().map(|target| ("partOf".to_owned(), ref_of(*target))).collect(),
    };
    let (_, index) = follow(vec![vec![
        (0, Some(made(0, &[1, 9]))),
        (1, Some(made(1, &[2, 0]))),
        (2, Some(made(2, &[1]))),
    ]]);
    let graph = RelationGraph(&index);
    let mut walk = petgraph::visit::Bfs::new(graph, index.doc(&ref_of(0)).unwrap());
    let mut met = Vec::new();
    while let Some(doc) = walk.next(graph) {
        met.push(index.entity(doc).unwrap().entity_ref.to_string());
    }
    assert_eq!(met, ["component:default/c0", "component:default/c1", "component:default/c2"]);
}
