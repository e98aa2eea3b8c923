//! One Postgres server for the corpus, and shells beside it in which its own psql and pg_dump run.
//!
//! `SCHEMAPROOF_TEST_URL` names a server that is there, `SCHEMAPROOF_TEST_SHELL` the command of a shell that has psql and pg_dump of its
//! version (default `sh`). Without them a container is started with the docker command and removed in the end; its image is
//! `SCHEMAPROOF_TEST_IMAGE`, or what of [`IMAGES`] is there.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio_postgres::{Client, NoTls};

const IMAGES: &[&str] = &["pgvector/pgvector:pg18", "postgres:18", "pgvector/pgvector:pg16", "postgres:16"];

/// A running server.
pub struct Server {
    /// Without a database's name.
    url: url::Url,
    shell: Vec<String>,
    /// Connection settings for psql and pg_dump inside the shell.
    inside: String,
    container: Option<String>,
    pub version: u32,
}

impl Server {
    pub async fn start() -> Result<Self> {
        if let Ok(given) = std::env::var("SCHEMAPROOF_TEST_URL") {
            let shell = std::env::var("SCHEMAPROOF_TEST_SHELL").unwrap_or_else(|_| "sh".to_owned());
            let url = url::Url::parse(&given).context("SCHEMAPROOF_TEST_URL is no URL")?;
            let inside = std::env::var("SCHEMAPROOF_TEST_INSIDE").unwrap_or_else(|_| {
                format!(
                    "export PGHOST={} PGPORT={} PGUSER={}",
                    url.host_str().unwrap_or("127.0.0.1"),
                    url.port().unwrap_or(5432),
                    url.username()
                )
            });
            return Self { url, shell: shell.split(' ').map(str::to_owned).collect(), inside, container: None, version: 0 }
                .ready()
                .await;
        }
        let image = match std::env::var("SCHEMAPROOF_TEST_IMAGE") {
            Ok(image) => image,
            Err(_) => IMAGES
                .iter()
                .find(|image| docker(&["image", "inspect", "-f", "{{.Id}}", image]).is_ok())
                .map(|image| (*image).to_owned())
                .ok_or_else(|| {
                    anyhow!("none of {IMAGES:?} is there: pull one, or set SCHEMAPROOF_TEST_IMAGE or SCHEMAPROOF_TEST_URL")
                })?,
        };
        let mut run = vec!["run", "-d", "--rm", "--label", "schemaproof.test=corpus", "-e", "POSTGRES_PASSWORD=corpus"];
        run.extend(["-e", "POSTGRES_HOST_AUTH_METHOD=trust", "-p", "127.0.0.1::5432", &image]);
        for setting in [
            "fsync=off",
            "full_page_writes=off",
            "wal_level=logical",
            "autovacuum=off",
            "max_connections=200",
            "shared_buffers=256MB",
        ] {
            run.extend(["-c", setting]);
        }
        let container = docker(&run)?;
        let address = docker(&["port", &container, "5432/tcp"])?;
        let address = address.lines().next().unwrap_or_default();
        let url = url::Url::parse(&format!("postgres://postgres:corpus@{address}/"))?;
        let shell = ["docker", "exec", "-i", &container, "sh"].map(str::to_owned).to_vec();
        Self { url, shell, inside: "export PGUSER=postgres".to_owned(), container: Some(container), version: 0 }.ready().await
    }

    /// The container, where it can be given a provider of security labels: what `cc` builds here runs on Linux.
    fn for_labels(&self) -> Option<&str> {
        self.container.as_deref().filter(|_| cfg!(target_os = "linux"))
    }

    /// Whether cases with security labels can run.
    pub fn can_have_labels(&self) -> bool {
        self.for_labels().is_some()
    }

    /// Builds a provider `any` of security labels, where it can be, and has every session load it.
    pub async fn provide_labels(&self) -> Result<()> {
        const LIBRARY: &str = "/label_provider.so";
        let Some(container) = self.for_labels() else { return Ok(()) };
        let folder = tempfile::tempdir()?;
        let built = folder.path().join("label_provider.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/planner/label_provider.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-nostdlib", "-O1", "-o"]).arg(&built).arg(format!("-DMAJOR={}", self.version / 10_000));
        let output = cc.arg(source).output().context("running cc")?;
        ensure!(output.status.success(), "cc {source}: {}", String::from_utf8_lossy(&output.stderr));
        docker(&["cp", &built.to_string_lossy(), &format!("{container}:{LIBRARY}")])?;
        let client = self.connect("postgres").await?;
        client.batch_execute(&format!("alter system set session_preload_libraries = '{LIBRARY}'")).await?;
        Ok(client.batch_execute("select pg_reload_conf()").await?)
    }

    async fn ready(mut self) -> Result<Self> {
        let since = Instant::now();
        loop {
            // The image's first start runs a temporary server that listens on a socket only: TCP answers are the final server's.
            match self.connect("postgres").await {
                Ok(client) => {
                    let row = client.query_one("select current_setting('server_version_num')", &[]).await?;
                    self.version = row.get::<_, String>(0).parse()?;
                    return Ok(self);
                }
                Err(error) if since.elapsed() > Duration::from_secs(60) => {
                    return Err(error.context("the server did not answer within 60 s"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// A connection to one of the server's databases.
    pub async fn connect(&self, database: &str) -> Result<Client> {
        let mut url = self.url.clone();
        url.set_path(database);
        let (client, connection) =
            tokio_postgres::connect(url.as_str(), NoTls).await.with_context(|| format!("connecting to {database}"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A new shell; each runs one command at a time.
    pub fn shell(&self) -> Result<Shell> {
        let (program, arguments) = self.shell.split_first().context("an empty SCHEMAPROOF_TEST_SHELL")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a shell")?;
        let stdin = child.stdin.take().context("a shell without stdin")?;
        let stdout = BufReader::new(child.stdout.take().context("a shell without stdout")?);
        let mut shell = Shell { child, stdin, stdout };
        shell.run(&self.inside)?;
        Ok(shell)
    }

    /// Removes the container, if one was started.
    pub fn stop(&self) {
        if let Some(container) = &self.container {
            let _ = docker(&["rm", "-f", "-v", container]);
        }
    }
}

fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).output().context("running docker")?;
    ensure!(output.status.success(), "docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A shell where psql and pg_dump are.
pub struct Shell {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Shell {
    /// Runs a command; its output, or its output as the error.
    fn run(&mut self, command: &str) -> Result<String> {
        // Other cases go on meanwhile: what waits for a lock that a reading of theirs holds would wait for ever.
        tokio::task::block_in_place(|| self.run_blocking(command))
    }

    fn run_blocking(&mut self, command: &str) -> Result<String> {
        const END: &str = "::end-of-command:: ";
        write!(self.stdin, "{{ {command}\n}} 2>&1; printf '\\n{END}%s\\n' \"$?\"\n")?;
        self.stdin.flush()?;
        let mut output = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stdout.read_until(b'\n', &mut line)? == 0 {
                bail!("the shell ended: {}", String::from_utf8_lossy(&output));
            }
            if let Some(status) = line.strip_prefix(END.as_bytes()) {
                let text = String::from_utf8_lossy(&output).into_owned();
                return if status == b"0\n" { Ok(text) } else { Err(anyhow!("{}", text.trim())) };
            }
            output.extend_from_slice(&line);
        }
    }

    /// Runs a script as `psql -v ON_ERROR_STOP=1 -f` does; what it printed.
    pub fn psql(&mut self, database: &str, script: &str) -> Result<String> {
        self.script(database, script, "ON_ERROR_STOP=1")
    }

    /// Runs a script as psql does without being told to stop: what fails is left out.
    pub fn psql_leniently(&mut self, database: &str, script: &str) -> Result<String> {
        self.script(database, script, "ON_ERROR_STOP=0")
    }

    fn script(&mut self, database: &str, script: &str, stop: &str) -> Result<String> {
        const EOF: &str = "::end-of-script::";
        let mode = format!("-X -q -A -t -v {stop} -v VERBOSITY=verbose -v SHOW_CONTEXT=never");
        self.run(&format!("PGOPTIONS='-c client_min_messages=error -c statement_timeout=60s' psql {mode} -d {database} -f - <<'{EOF}'\n{script}\n{EOF}"))
    }

    pub fn pg_dump(&mut self, database: &str) -> Result<String> {
        self.run(&format!("pg_dump --schema-only {database}"))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
