//! Asking a git host about one file or one ref.

use backstitch_schemas::{Problem, scm::RepositoryFile};
use reqwest::{StatusCode, header::HeaderValue};
use url::Url;

use super::{
    Credentials,
    api::{Answer, Request, Unintelligible},
    reader::HostReader,
};
use crate::{
    Wake,
    locations::{
        fetch::{Again, Failure},
        upstream::{self, Upstream},
    },
};

/// Asking a host about one file or one ref.
pub(super) struct Call<'a> {
    pub(super) host: &'a HostReader,
    pub(super) upstream: &'a Upstream,
    /// The URL that somebody wants read, for errors.
    pub(super) url: &'a Url,
    pub(super) file: RepositoryFile,
    pub(super) wake: Wake,
}

/// What a host said of what it was asked for.
pub(super) enum Reply {
    /// Here it is.
    Found(Answer),
    /// It is what it was.
    Same,
    /// There is no such thing, or the credentials may not see it.
    NotFound,
}

impl Call<'_> {
    /// Asks. A token that is not taken is renewed once.
    pub(super) async fn get(&self, request: Request) -> Result<Reply, Failure> {
        let (api, raw) = (&self.host.config.api_base_url, self.host.config.raw_base_url.as_ref());
        let is_api = request.url.origin() == api.origin();
        if !is_api && raw.is_none_or(|raw| raw.origin() != request.url.origin()) {
            return Err(self.failure(
                "the host's answer leads to another host",
                None,
                Again::Regularly,
                format!("it names {}, to which no credentials are shown", request.url),
            ));
        }
        let mut answer = self.send(request.clone(), is_api).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.host.forget_token(self.file.owner()).await {
            answer = self.send(request, is_api).await?;
        }
        self.sort(answer)
    }

    async fn send(&self, request: Request, is_api: bool) -> Result<Answer, Failure> {
        let authorization = if is_api { self.authorization().await? } else { None };
        let request = Request { authorization, ..request };
        self.upstream.send(request, self.url, self.wake).await
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, Failure> {
        let (config, owner) = (&self.host.config, self.file.owner());
        let (apps, otherwise) = match &config.credentials {
            Credentials::None => return Ok(None),
            Credentials::Fixed(header) => return Ok(Some(header.clone())),
            Credentials::Apps { apps, otherwise } => (apps, otherwise),
        };
        match self.host.installations.authorization(apps, self).await? {
            Some(header) => Ok(Some(header)),
            None if otherwise.is_some() => Ok(otherwise.clone()),
            None => Err(self.failure(
                "no GitHub App is installed there",
                None,
                Again::Regularly,
                format!("install an App of `{}.apps` for `{owner}`, or configure a token", config.setting),
            )),
        }
    }

    /// What an answer means for what was asked for.
    pub(super) fn sort(&self, answer: Answer) -> Result<Reply, Failure> {
        match answer.status {
            // Azure DevOps sends 203 with a page to sign in.
            status @ StatusCode::NON_AUTHORITATIVE_INFORMATION => Err(self.refusal(status)),
            status if status.is_success() => Ok(Reply::Found(answer)),
            StatusCode::NOT_MODIFIED => Ok(Reply::Same),
            // GitHub says 422 of a ref that it does not know.
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Reply::NotFound)
            }
            status => Err(self.refusal(status)),
        }
    }

    /// Why the host gives nothing, as far as its status tells.
    pub(super) fn refusal(&self, status: StatusCode) -> Failure {
        let setting = &self.host.config.setting;
        let (again, advice) = match status {
            StatusCode::NON_AUTHORITATIVE_INFORMATION | StatusCode::UNAUTHORIZED => {
                (Again::Regularly, format!("the host does not accept the credentials of `{setting}`"))
            }
            StatusCode::FORBIDDEN => {
                (Again::Regularly, format!("the credentials of `{setting}` may not read this repository"))
            }
            StatusCode::CONFLICT => (Again::Regularly, "the repository has no commits".to_owned()),
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                (Again::BackOff, "the host is in trouble; it is asked again, less often".to_owned())
            }
            _ => (Again::Regularly, "the host does not give the file".to_owned()),
        };
        self.failure(&upstream::text_of(status), Some(status), again, advice)
    }

    /// The host's answer is not what its API describes.
    pub(super) fn unintelligible(&self, cause: &Unintelligible) -> Failure {
        let advice = "what was read before stays; it is asked again, less often".to_owned();
        self.failure(&cause.to_string(), None, Again::BackOff, advice)
    }

    /// Neither the repository nor the ref can be seen.
    pub(super) fn out_of_sight(&self) -> Failure {
        let RepositoryFile { repository, reference, .. } = &self.file;
        let reference = reference.name().map_or("its default branch".to_owned(), |name| format!("`{name}`"));
        let message = format!("Unable to read url, no matching files found for {}", self.url);
        let problem = Problem::new("NotFoundError", message).with_advice(format!(
            "the host finds no repository `{repository}` with {reference}: either it was renamed or removed, or \
             the credentials of `{}` may not read it. What was read there before stays",
            self.host.config.setting
        ));
        Failure { problem, status: Some(404), again: Again::Regularly }
    }

    /// Nothing is known, for this reason.
    pub(super) fn failure(
        &self,
        detail: &str,
        status: Option<StatusCode>,
        again: Again,
        advice: String,
    ) -> Failure {
        upstream::failure(self.url, detail, status, again, advice)
    }
}
