//! Hosts behind certificates of one's own and behind proxies, as companies have them.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::Uri, response::IntoResponse, serve::Listener};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::support::{Catalog, Launch, component, eventually, write};

const PATIENCE: Duration = Duration::from_secs(30);
/// A git host that no name server knows.
const GIT_HOST: &str = "github.internal";
/// The certificate of an authority that nobody knows; its key is thrown away.
const AUTHORITY: &str = include_str!("network/authority.pem");
/// What it signed for `127.0.0.1` and the git host, with the key. Good from 2020 to 2119.
const SERVER: &[u8] = include_bytes!("network/server.pem");

/// A server with a certificate that is of no use without its authority.
struct Company {
    /// The authority's certificate, in PEM form.
    authority: PathBuf,
    /// Where the server listens.
    address: SocketAddr,
}

impl Company {
    /// Starts the server. Any path below the API of its git host is a file, as is any other path.
    async fn start(dir: &Path) -> Self {
        let chain = CertificateDer::pem_slice_iter(SERVER).collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(SERVER).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth();
        let config = config.with_single_cert(chain, key).unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = Tls { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move { axum::serve(tls, Router::new().fallback(file)).await });
        let path = dir.join("authority.pem");
        write(&path, AUTHORITY);
        Self { authority: path, address }
    }

    /// A catalog that lists a file of the git host and a file of the server itself.
    fn config(&self, more: &str) -> String {
        let address = self.address;
        format!(
            "backend:\n  reading:\n    allow:\n      - host: {address}\n\
             integrations:\n  github:\n    - host: {GIT_HOST}\n      apiBaseUrl: https://{GIT_HOST}/api/v3\n      \
             token: ghp_1\n\
             catalog:\n  locations:\n    \
             - {{type: url, target: 'https://{GIT_HOST}/o/r/blob/main/of-git-host.yaml'}}\n    \
             - {{type: url, target: 'https://{address}/of-server.yaml'}}\n{more}"
        )
    }

    fn trusted(&self) -> String {
        self.config(&format!("backstitch:\n  ingest:\n    extraCaFiles: ['{}']\n", self.authority.display()))
    }
}

/// A component named after its file.
async fn file(uri: Uri) -> impl IntoResponse {
    let (_, name) = uri.path().rsplit_once('/').unwrap();
    component(name.trim_end_matches(".yaml"), "x")
}

/// A listener that speaks TLS.
struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // Who does not trust the certificate hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A proxy that notes which hosts it is asked for; whichever they are, it leads to one server.
#[derive(Clone)]
struct Tunnels {
    address: SocketAddr,
    asked_for: Arc<Mutex<BTreeSet<String>>>,
}

impl Tunnels {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tunnels = Self { address: listener.local_addr().unwrap(), asked_for: Arc::default() };
        let asked_for = Arc::clone(&tunnels.asked_for);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(tunnel(client, server, Arc::clone(&asked_for)));
            }
        });
        tunnels
    }
}

async fn tunnel(client: TcpStream, server: SocketAddr, asked_for: Arc<Mutex<BTreeSet<String>>>) {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        client.read_line(&mut head).await.unwrap();
    }
    let host = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    asked_for.lock().unwrap().insert(host.expect("only tunnels are asked for").to_owned());
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let mut server = TcpStream::connect(server).await.unwrap();
    // Ends in an error where one of the two hangs up.
    drop(copy_bidirectional(&mut client, &mut server).await);
}

fn launch(dir: &Path, config: &str) -> Launch {
    let file = dir.join("app-config.yaml");
    write(&file, config);
    Launch::up(dir).arg("--config").arg(file)
}

async fn appears(catalog: &Catalog, name: &str) {
    eventually(name, PATIENCE, || catalog.entity("component", name), Option::is_some).await;
}

#[tokio::test]
async fn a_certificate_of_an_own_authority_is_trusted_once_the_authority_is_named() {
    let dir = TempDir::new().unwrap();
    let company = Company::start(dir.path()).await;
    let catalog = launch(dir.path(), &company.config("")).start().await;
    let failure = || async {
        let errors = catalog.get("/api/catalog/v1/errors").await.to_string();
        errors.contains("of-server.yaml").then_some(errors)
    };
    let said = eventually("an error", PATIENCE, failure, Option::is_some).await.unwrap();
    assert!(said.contains("backstitch.ingest.extraCaFiles"), "it says what to do: {said}");
    assert!(catalog.entity("component", "of-server").await.is_none());
    catalog.stop().await;

    let catalog = launch(dir.path(), &company.trusted()).start().await;
    appears(&catalog, "of-server").await;
    catalog.stop().await;
}

/// The hosts that a catalog asks the proxy for until it has read everything.
async fn tunnelled(no_proxy: &str) -> (BTreeSet<String>, SocketAddr) {
    let dir = TempDir::new().unwrap();
    let company = Company::start(dir.path()).await;
    let proxy = Tunnels::start(company.address).await;
    let launch = launch(dir.path(), &company.trusted()).env("NO_PROXY", no_proxy);
    let catalog = launch.env("HTTPS_PROXY", &format!("http://{}", proxy.address)).start().await;
    appears(&catalog, "of-git-host").await;
    appears(&catalog, "of-server").await;
    catalog.stop().await;
    let asked_for = proxy.asked_for.lock().unwrap().clone();
    (asked_for, company.address)
}

#[tokio::test]
async fn hosts_are_reached_through_the_proxy_that_the_environment_names() {
    let (asked_for, server) = tunnelled("").await;
    assert_eq!(asked_for, BTreeSet::from([format!("{GIT_HOST}:443"), server.to_string()]));
}

#[tokio::test]
async fn hosts_that_need_no_proxy_are_reached_without_it() {
    let (asked_for, _) = tunnelled("example.com,127.0.0.1").await;
    assert_eq!(asked_for, BTreeSet::from([format!("{GIT_HOST}:443")]));
}
