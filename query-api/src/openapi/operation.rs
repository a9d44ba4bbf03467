//! What one verb of one path takes and answers.

use axum::{http::StatusCode, routing::MethodFilter};

/// One verb of one path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// The verb; `Get` stands for `HEAD` too.
    pub(crate) verb: Verb,
    /// The path below the mount, with `{name}` for a client's own words.
    pub(crate) path: &'static str,
    /// Its name in generated clients.
    pub(crate) id: &'static str,
    /// What it is for, in a sentence or two.
    pub(crate) about: &'static str,
    /// Where it stands in the document.
    pub(crate) group: Group,
    /// The query parameters; any other is refused.
    pub(crate) query: &'static [Param],
    /// The schema of the JSON body, and whether there has to be one.
    pub(crate) body: Option<Body>,
    /// What it answers when all goes well.
    pub(crate) answers: &'static [Answer],
    /// The errors that not every operation has.
    pub(crate) refusals: &'static [StatusCode],
    /// Whether it answers from one commit, and so takes `minRevision`.
    pub(crate) reads_catalog: bool,
}

/// A verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

/// What operations have in common for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Entities,
    Locations,
    /// Trying without storing.
    Preview,
    Permissions,
    /// What Backstage lacks.
    Ours,
}

/// A query parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: ParamKind,
    pub(crate) about: &'static str,
}

/// What values a query parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamKind {
    /// Any text.
    Text,
    /// Any texts, one in each repetition.
    Texts,
    /// At least one text, one in each repetition.
    RequiredTexts,
    /// Texts with commas between them.
    List,
    /// An integer from 0.
    Count,
    /// One of these.
    Word(&'static [&'static str]),
}

/// The JSON body of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    pub(crate) schema: &'static str,
    pub(crate) is_required: bool,
}

/// One of the answers to a request that went well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Media type and name of the schema; `None` for an answer without a body.
    pub(crate) content: Option<(&'static str, &'static str)>,
    pub(crate) about: &'static str,
}

impl Operation {
    const fn new(
        verb: Verb,
        group: Group,
        path: &'static str,
        id: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            verb,
            path,
            id,
            about,
            group,
            query: &[],
            body: None,
            answers: &[],
            refusals: &[],
            reads_catalog: false,
        }
    }

    /// Reads something.
    pub(crate) const fn get(group: Group, path: &'static str, id: &'static str, about: &'static str) -> Self {
        Self::new(Verb::Get, group, path, id, about)
    }

    /// Makes something, or reads what a query string cannot ask for.
    pub(crate) const fn post(
        group: Group,
        path: &'static str,
        id: &'static str,
        about: &'static str,
    ) -> Self {
        Self::new(Verb::Post, group, path, id, about)
    }

    /// Changes something.
    pub(crate) const fn put(group: Group, path: &'static str, id: &'static str, about: &'static str) -> Self {
        Self::new(Verb::Put, group, path, id, about)
    }

    /// Removes something.
    pub(crate) const fn delete(
        group: Group,
        path: &'static str,
        id: &'static str,
        about: &'static str,
    ) -> Self {
        Self::new(Verb::Delete, group, path, id, about)
    }

    /// Takes these query parameters.
    pub(crate) const fn query(self, query: &'static [Param]) -> Self {
        Self { query, ..self }
    }

    /// Takes a JSON body, which may be left out.
    pub(crate) const fn optional_body(self, schema: &'static str) -> Self {
        Self { body: Some(Body { schema, is_required: false }), ..self }
    }

    /// Needs a JSON body.
    pub(crate) const fn body(self, schema: &'static str) -> Self {
        Self { body: Some(Body { schema, is_required: true }), ..self }
    }

    /// Answers these when all goes well.
    pub(crate) const fn answers(self, answers: &'static [Answer]) -> Self {
        Self { answers, ..self }
    }

    /// May refuse with these, besides what every operation may refuse with.
    pub(crate) const fn refuses(self, refusals: &'static [StatusCode]) -> Self {
        Self { refusals, ..self }
    }

    /// Answers from one commit.
    pub(crate) const fn reads_catalog(self) -> Self {
        Self { reads_catalog: true, ..self }
    }
}

impl Answer {
    /// 200 with JSON.
    pub(crate) const fn json(schema: &'static str, about: &'static str) -> Self {
        Self::json_with(StatusCode::OK, schema, about)
    }

    /// Another status with JSON.
    pub(crate) const fn json_with(status: StatusCode, schema: &'static str, about: &'static str) -> Self {
        Self { status, content: Some(("application/json", schema)), about }
    }

    /// 200 with server-sent events, each of them of this schema.
    pub(crate) const fn events(schema: &'static str, about: &'static str) -> Self {
        Self { status: StatusCode::OK, content: Some(("text/event-stream", schema)), about }
    }

    /// An answer without a body.
    pub(crate) const fn empty(status: StatusCode, about: &'static str) -> Self {
        Self { status, content: None, about }
    }
}

impl Param {
    /// A query parameter.
    pub(crate) const fn new(name: &'static str, kind: ParamKind, about: &'static str) -> Self {
        Self { name, kind, about }
    }
}

impl Verb {
    /// For the router.
    pub(crate) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    /// For the document.
    pub(crate) fn lower(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

impl Group {
    /// Its tag in the document.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Entities => "Entities",
            Self::Locations => "Locations",
            Self::Preview => "Preview",
            Self::Permissions => "Permissions",
            Self::Ours => "Backstitch",
        }
    }
}
