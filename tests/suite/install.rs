//! `schemaproof atlas install` against a server that gives right, wrong, cut-off, missing and endless files.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use schemaproof::plan::atlas::release::name;
use sha2::{Digest, Sha256};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

/// What stands for a release: it answers `version`.
const PROGRAM: &str = "#!/bin/sh\necho 'atlas version v1.2.3-test'\n";

fn sum(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn server(program: ResponseTemplate, sum: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let name = name().unwrap();
    Mock::given(path(format!("/atlas/{name}"))).respond_with(program).mount(&server).await;
    Mock::given(path(format!("/atlas/{name}.sha256"))).respond_with(sum).mount(&server).await;
    server
}

fn ok(body: impl Into<Vec<u8>>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes(body)
}

fn command(cache: &Path, releases: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    command.args(["atlas", "install"]).args(more).current_dir(cache).stdin(Stdio::null());
    command.env("XDG_CACHE_HOME", cache).env("SCHEMAPROOF_ATLAS_RELEASES", releases).env("NO_PROXY", "127.0.0.1");
    command
}

async fn install(cache: &Path, releases: &str, more: &[&str]) -> Output {
    let mut command = command(cache, releases, more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn kept(cache: &Path) -> Vec<String> {
    let directory = cache.join("schemaproof/atlas-1.2.3");
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_right_file_is_kept_and_found_and_not_downloaded_again() {
    let cache = tempfile::tempdir().unwrap();
    let server = server(ok(PROGRAM), ok(format!("{}  atlas\n", sum(PROGRAM)))).await;
    let address = format!("{}/atlas", server.uri());
    let output = install(cache.path(), &address, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("Atlas v1.2.3-test is installed") && said(&output).contains(&sum(PROGRAM)), "{}", said(&output));
    assert_eq!(kept(cache.path()), [".lock", "atlas"]);
    let before = server.received_requests().await.unwrap().len();
    let again = install(cache.path(), &address, &["--sha256", &sum(PROGRAM)]).await;
    assert!(said(&again).contains("is there already"), "{}", said(&again));
    assert_eq!(server.received_requests().await.unwrap().len(), before, "downloaded again");

    // The next command finds it.
    std::fs::write(cache.path().join("a.sql"), "create table t (id int);").unwrap();
    let environment =
        schemaproof::cli::Environment::from([("PATH", "/nowhere"), ("XDG_CACHE_HOME", cache.path().to_str().unwrap())]);
    assert_eq!(environment.atlas().as_deref(), Some(cache.path().join("schemaproof/atlas-1.2.3/atlas").as_path()));
}

#[tokio::test]
async fn two_at_once_both_end_with_the_file() {
    let cache = tempfile::tempdir().unwrap();
    let slow = ok(PROGRAM).set_delay(std::time::Duration::from_millis(300));
    let server = server(slow, ok(sum(PROGRAM))).await;
    let address = format!("{}/atlas", server.uri());
    let (one, two) = tokio::join!(install(cache.path(), &address, &[]), install(cache.path(), &address, &[]));
    let both = said(&one) + &said(&two);
    assert!(both.contains("is installed") && both.contains("is there already"), "{both}");
}

#[tokio::test]
async fn what_is_not_the_published_file_is_not_kept() {
    let wrong = sum("another file");
    for (program, published, more, part) in [
        (ok(PROGRAM), ok(wrong.clone()), vec![], "the published one is"),
        (ok(PROGRAM), ok(sum(PROGRAM)), vec!["--sha256", wrong.as_str()], "the one that was given is"),
        (ok(PROGRAM), ok(sum(PROGRAM)), vec!["--sha256", "abc"], "is not a SHA-256"),
        (ok(PROGRAM), ResponseTemplate::new(404), vec![], ".sha256 is not there: the server answered 404"),
        (ok(PROGRAM), ok("<html>not found</html>"), vec![], "holds no SHA-256"),
        (ResponseTemplate::new(403), ok(sum(PROGRAM)), vec![], "is not there: the server answered 403"),
        (ok("#!/bin/sh\nexit 7\n"), ok(sum("#!/bin/sh\nexit 7\n")), vec![], "does not run here"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = server(program, published).await;
        let output = install(cache.path(), &format!("{}/atlas", server.uri()), &more).await;
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(part), "{part}: {}", said(&output));
        assert_eq!(kept(cache.path()), [".lock"], "{part}");
    }
    let cache = tempfile::tempdir().unwrap();
    let output = install(cache.path(), "ftp://somebody:secret@127.0.0.1/atlas", &[]).await;
    assert!(output.status.code() == Some(1) && !said(&output).contains("secret"), "{}", said(&output));
}

/// A server of one's own for what HTTP libraries do not do: an answer that stops in the middle, and one that never ends.
fn raw(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/atlas", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            if String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().contains(".sha256") {
                let body = sum(PROGRAM);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
                let _ = stream.write_all(head.as_bytes());
            } else {
                answer(&mut stream);
            }
        }
    });
    address
}

#[tokio::test]
async fn a_file_that_is_cut_off_or_never_ends_is_an_error_in_time() {
    let cache = tempfile::tempdir().unwrap();
    let cut = raw(|stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n#!/bin/sh\n")));
    let output = install(cache.path(), &cut, &[]).await;
    assert!(output.status.code() == Some(1) && said(&output).contains("cannot get http://127.0.0.1"), "{}", said(&output));
    assert_eq!(kept(cache.path()), [".lock"]);

    // Bytes without end, and without a length.
    let endless = raw(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[0; 64]).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    let mut command = command(cache.path(), &endless, &[]);
    command.env("SCHEMAPROOF_ATLAS_TIMEOUT", "2");
    let begun = std::time::Instant::now();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.code() == Some(1) && said(&output).contains("did not end within 2 s"), "{}", said(&output));
    assert!(begun.elapsed().as_secs() < 20);
    assert_eq!(kept(cache.path()), [".lock"]);
}

#[tokio::test]
async fn it_goes_through_the_proxy_that_the_environment_names() {
    let cache = tempfile::tempdir().unwrap();
    let proxy = server(ok(PROGRAM), ok(sum(PROGRAM))).await;
    let mut command = command(cache.path(), "http://releases.invalid/atlas", &[]);
    command.env("HTTP_PROXY", proxy.uri()).env("http_proxy", proxy.uri());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(proxy.received_requests().await.unwrap().len(), 2);
}
