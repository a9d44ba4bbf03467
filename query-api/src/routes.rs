//! Routes with their operations: nothing is served below the mount that the document does not tell.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, on},
};
use serde_json::Value;

use crate::{
    answer,
    audit::audited_operation,
    openapi::{Operation, document},
    params::Params,
    paths::Templates,
    state::ApiState,
};

/// The routes of the catalog API, with what they take and answer.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    router: Router<ApiState>,
    operations: Vec<&'static Operation>,
}

impl Routes {
    /// Adds an operation. Its handler sees only query strings that the operation takes, and it is audited.
    pub(crate) fn on<T, H>(mut self, operation: &'static Operation, handler: H) -> Self
    where
        T: 'static,
        H: Handler<T, ApiState>,
    {
        let checked = middleware::from_fn(move |request, next| checked_query(operation, request, next));
        let audited = middleware::from_fn(move |request, next| audited_operation(operation, request, next));
        let route = on(operation.verb.filter(), handler).route_layer(checked).route_layer(audited);
        self.router = self.router.route(operation.path, route);
        self.operations.push(operation);
        self
    }

    /// Adds the document of all operations, and that of itself, at `operation`.
    pub(crate) fn documented(mut self, operation: &'static Operation) -> Self {
        self.operations.push(operation);
        let text = Arc::new(self.document().to_string());
        let route = get(async move || answer::bytes(text.as_bytes().to_vec()));
        let checked = middleware::from_fn(move |request, next| checked_query(operation, request, next));
        self.router = self.router.route(operation.path, route.route_layer(checked));
        self
    }

    /// The document of the operations so far.
    pub(crate) fn document(&self) -> Value {
        document(&self.operations)
    }

    /// The router, and the paths that it knows.
    pub(crate) fn finish(self) -> (Router<ApiState>, Templates) {
        let templates = Templates::new(self.operations.iter().map(|operation| operation.path));
        (self.router.layer(middleware::from_fn(answer::finish)), templates)
    }
}

/// Refuses query parameters that the operation does not take, before anything else is looked at.
async fn checked_query(operation: &'static Operation, request: Request, next: Next) -> Response {
    match Params::read(request.uri().query()).check(operation) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}
