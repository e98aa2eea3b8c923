//! What the containers of a run are made of, and when one is ready.
//!
//! Hardened: no way out of its network, all capabilities dropped but those that the image's entry point needs, no new privileges, a
//! read-only root, data in memory, limits on memory, processes, log and time. No bind mounts.
//!
//! A container is tied to us by its standard input: when our process ends, however it ends, the input closes, the container ends and
//! the daemon removes it. Labels name the owner of what is left over all the same, and the next run sweeps it.
//!
//! The network is `internal`: Docker routes nothing out of it, and publishes no ports. We reach the container by address, since on
//! Linux the bridge is on our own host; or, when we run in a container ourselves, since that is connected to the network for the
//! time being. Where neither holds (Docker Desktop, a daemon elsewhere), the port is published on 127.0.0.1 of a bridge network
//! without masquerading, on which nothing that the container sends outside is answered.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use secrecy::SecretString;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Attached, Daemon, Image, Programs, Recipe};
use crate::sandbox::{
    Address, Connection, Request, SandboxError, Server, Tools,
    error::error_text,
    identify,
    owner::{self, Owner},
    random,
};

/// Ends the container when our end of the standard input closes, or after a time ($1, seconds). The first process ends, and with it
/// all others: it has no right to signal a server that runs as another user. The number of the process that becomes the server is
/// noted for [`wait_until_ready`].
const TETHER: &str = r#"
trap 'exit 143' HUP INT QUIT TERM
limit=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
echo "$!" >/run/schemaproof/server
server=$!
{ cat <&3 >/dev/null; kill -TERM 1; } 2>/dev/null &
{ sleep "$limit"; kill -TERM 1; } 2>/dev/null </dev/null 3<&- &
wait "$server"
"#;

/// Where the data is: in memory, away from what the image declares as its volume.
pub(in crate::sandbox) const DATA: &str = "/run/schemaproof/data";

/// What is run in a container beside what every container of ours has.
pub(in crate::sandbox) struct Serving {
    /// As messages name it.
    pub product: &'static str,
    /// For the image's entry point.
    pub command: Vec<String>,
    pub environment: Vec<String>,
    /// Directories that entry point and server write to, beside the data.
    pub scratch: Vec<String>,
    pub port: u16,
}

/// A container that has been started.
pub(in crate::sandbox) struct Launched {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub log: Log,
    /// Holds why it ended, once it has.
    pub ended: watch::Receiver<Option<String>>,
    /// As messages name it.
    pub origin: String,
}

#[derive(Debug)]
pub(in crate::sandbox) struct Stand {
    pub(super) daemon: Daemon,
    owner: Owner,
    mark: String,
    /// As if the bridge were not on our host, and we in no container.
    far: bool,
    ground: OnceLock<Ground>,
    /// Standard inputs: a container ends when its is dropped.
    tethers: Mutex<Vec<Tether>>,
}

struct Tether(#[expect(dead_code, reason = "held for its drop")] std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>);

impl std::fmt::Debug for Tether {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tether")
    }
}

/// What both sides stand on.
#[derive(Debug)]
struct Ground {
    image: Image,
    dial: Dial,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Dial {
    /// By the container's address: the bridge is on our host.
    Address,
    /// By the container's address, since this container (ours, or the one whose network we share) is on the network too.
    Joined(String),
    /// By a port of 127.0.0.1.
    Published,
}

impl Stand {
    pub async fn new(request: &Request) -> Result<Stand, SandboxError> {
        let daemon = Daemon::connect().await?;
        Ok(Stand {
            daemon,
            owner: Owner::this(request.limits.run),
            mark: request.mark.clone(),
            far: false,
            ground: OnceLock::new(),
            tethers: Mutex::default(),
        })
    }

    fn network(&self) -> String {
        format!("schemaproof-{}", self.owner.run)
    }

    pub(super) fn container(&self, side: &str) -> String {
        format!("schemaproof-{}-{side}", self.owner.run)
    }

    pub(super) fn labels(&self) -> HashMap<String, String> {
        self.owner.labels().into_iter().chain([(owner::MARK.to_string(), self.mark.clone())]).collect()
    }

    /// Image and network; sweeps what dead runs left behind.
    pub async fn prepare(&self, request: &Request, cancel: &CancellationToken) -> Result<(), SandboxError> {
        let (image, dial, ()) = tokio::join!(self.image(request, cancel), self.lay_network(), self.sweep());
        let _ = self.ground.set(Ground { image: image?, dial: dial? });
        Ok(())
    }

    pub(super) async fn image(&self, request: &Request, cancel: &CancellationToken) -> Result<Image, SandboxError> {
        if let Some(image) = self.daemon.image(&request.image).await? {
            return Ok(image);
        }
        let missing = |why: String| SandboxError::NoImage { image: request.image.clone(), why };
        tokio::select! {
            () = cancel.cancelled() => return Err(SandboxError::Cancelled),
            pulled = tokio::time::timeout(request.limits.run, self.daemon.pull(&request.image)) =>
                pulled.map_err(|_| missing(format!("the pull took longer than {} s", request.limits.run.as_secs())))??,
        }
        self.daemon.image(&request.image).await?.ok_or_else(|| missing("the pull ended without it".into()))
    }

    async fn lay_network(&self) -> Result<Dial, SandboxError> {
        let name = self.network();
        // Nobody but the host talks to a server here.
        let apart = ("com.docker.network.bridge.enable_icc", "false");
        self.daemon.create_network(&name, true, &[apart], self.labels()).await?;
        let gateway = self.daemon.gateway(&name).await?;
        // An address that can be bound is an address of this host.
        if !self.far && gateway.is_some_and(|gateway| std::net::TcpListener::bind((gateway, 0)).is_ok()) {
            return Ok(Dial::Address);
        }
        self.daemon.remove_network(&name).await?;
        if !self.far
            && let Some(container) = self.own_container().await?
        {
            self.daemon.create_network(&name, true, &[], self.labels()).await?;
            self.daemon.connect_network(&name, &container).await?;
            return Ok(Dial::Joined(container));
        }
        let unanswered = ("com.docker.network.bridge.enable_ip_masquerade", "false");
        self.daemon.create_network(&name, false, &[apart, unanswered], self.labels()).await?;
        Ok(Dial::Published)
    }

    /// The container whose network we use: our own, or the one that it shares its network with.
    async fn own_container(&self) -> Result<Option<String>, SandboxError> {
        let file = std::env::temp_dir().join(format!("schemaproof-{}", random(20)));
        if std::fs::write(&file, "").is_err() {
            return Ok(None);
        }
        let found = self.daemon.container_with(&file.to_string_lossy()).await;
        let _ = std::fs::remove_file(&file);
        let Some(mut container) = found? else { return Ok(None) };
        for _ in 0..8 {
            match self.daemon.network_mode(&container).await?.split_once(':') {
                Some(("container", other)) => container = other.to_string(),
                _ => break,
            }
        }
        Ok(Some(container))
    }

    async fn sweep(&self) {
        let swept = async {
            for leftover in self.daemon.containers(owner::LABEL).await? {
                if self.is_leftover(&leftover.labels) {
                    tracing::info!("removing container {} that an earlier run left behind", leftover.name);
                    self.daemon.remove(&leftover.name).await?;
                }
            }
            for leftover in self.daemon.networks(owner::LABEL).await? {
                if self.is_leftover(&leftover.labels) {
                    tracing::info!("removing network {} that an earlier run left behind", leftover.name);
                    self.daemon.remove_network(&leftover.name).await?;
                }
            }
            Ok::<(), SandboxError>(())
        };
        if let Err(error) = swept.await {
            tracing::debug!("what earlier runs left behind could not be swept: {error}");
        }
    }

    fn is_leftover(&self, labels: &HashMap<String, String>) -> bool {
        let label = |name: &str| labels.get(name).map(String::as_str);
        label(owner::RUN) != Some(&self.owner.run) && owner::is_over(label(owner::OWNER), label(owner::DEADLINE))
    }

    /// A Postgres server.
    fn postgres(request: &Request, image: &Image, password: &str) -> Serving {
        let settings = super::super::SETTINGS.iter().chain(&["log_statement=none", "log_min_messages=fatal"]);
        let mut command = vec!["postgres".to_string()];
        command.extend(settings.flat_map(|setting| ["-c".to_string(), (*setting).to_string()]));
        let given =
            |name: &str| image.environment.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
        let environment = vec![
            format!("POSTGRES_USER={}", request.role),
            format!("POSTGRES_PASSWORD={password}"),
            format!("POSTGRES_DB={}", request.database),
            format!("POSTGRES_INITDB_ARGS={} --no-sync", given("POSTGRES_INITDB_ARGS")),
            format!("PGDATA={DATA}"),
        ];
        Serving {
            product: "Postgres",
            command,
            environment,
            scratch: vec!["/tmp".into(), "/var/run/postgresql".into()],
            port: 5432,
        }
    }

    fn recipe(&self, request: &Request, ground: &Ground, side: &str, serving: &Serving) -> Recipe {
        let limits = &request.limits;
        let mut command: Vec<String> = vec![limits.run.as_secs().saturating_add(60).to_string()];
        command.extend(ground.image.entrypoint.iter().cloned());
        command.extend(serving.command.iter().cloned());
        // The root is read-only: what the image and the server write to is here, and what an image declares as a volume would else be
        // made on the host's disk.
        let mut tmpfs: HashMap<String, String> = ground
            .image
            .volumes
            .iter()
            .chain(&serving.scratch)
            .map(|path| (path.clone(), "rw,nosuid,nodev,noexec,size=16m,mode=1777".to_string()))
            .collect();
        tmpfs.insert("/run/schemaproof".into(), format!("rw,nosuid,nodev,noexec,size={},mode=1777", limits.disk_bytes));
        // What stands in the file systems in memory counts as memory.
        let memory = limits.memory_bytes.saturating_add(limits.disk_bytes).saturating_add(64 << 20);
        Recipe {
            name: self.container(side),
            image: request.image.clone(),
            entrypoint: vec!["/bin/sh".into(), "-c".into(), TETHER.into(), "schemaproof".into()],
            command,
            environment: serving.environment.clone(),
            labels: self.labels(),
            tmpfs,
            memory: i64::try_from(memory).unwrap_or(i64::MAX),
            processes: limits.processes.into(),
            network: self.network(),
            port: serving.port,
            published: ground.dial == Dial::Published,
        }
    }

    /// Starts a container; whether the server in it answers is for the caller to find out.
    pub async fn launch(
        &self,
        request: &Request,
        side: &'static str,
        serving: impl FnOnce(&Image) -> Serving,
        cancel: &CancellationToken,
    ) -> Result<Launched, SandboxError> {
        let Some(ground) = self.ground.get() else { return Err(SandboxError::Cancelled) };
        if cancel.is_cancelled() {
            return Err(SandboxError::Cancelled);
        }
        let serving = serving(&ground.image);
        let origin = format!("the {} of image `{}`", serving.product, request.image);
        let recipe = self.recipe(request, ground, side, &serving);
        self.daemon.create(&recipe).await?;
        let Attached { output, input } = self.daemon.attach(&recipe.name).await?;
        self.tethers.lock().unwrap_or_else(PoisonError::into_inner).push(Tether(input));
        let (log, ended) = listen(output);
        self.daemon.start(&recipe.name).await?;
        let (host, port) = match (self.daemon.address(&recipe).await?, &ground.dial) {
            ((_, Some(port)), Dial::Published) => (IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            ((Some(ip), _), Dial::Address | Dial::Joined(_)) => (ip, recipe.port),
            _ => {
                let why = ended.borrow().clone().unwrap_or_else(|| "it has no address on its network".into());
                return Err(SandboxError::NotStarted { origin, why, log: tail(&log) });
            }
        };
        Ok(Launched { name: recipe.name, host: host.to_string(), port, log, ended, origin })
    }

    /// Starts a server and waits until it answers a query.
    pub async fn start(&self, request: &Request, side: &'static str, cancel: &CancellationToken) -> Result<Server, SandboxError> {
        let begun = Instant::now();
        let password = random(32);
        let launched = self.launch(request, side, |image| Self::postgres(request, image, &password), cancel).await?;
        let Launched { name, host, port, log, ended, origin } = launched;
        let address = Address::new(&host, port, &request.role, &SecretString::from(password));
        let last = Mutex::new(String::from("it does not listen yet"));
        let mut gone = ended.clone();
        let Ready { version, version_num, keeper } = tokio::select! {
            () = cancel.cancelled() => return Err(SandboxError::Cancelled),
            _ = gone.wait_for(Option::is_some) => {
                let why = ended.borrow().clone().unwrap_or_default();
                return Err(SandboxError::NotStarted { origin, why, log: tail(&log) });
            }
            ready = tokio::time::timeout(request.limits.start, wait_until_ready(&address, &request.database, &last)) => match ready {
                Ok(found) => found,
                Err(_) => {
                    let why = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let seconds = request.limits.start.as_secs();
                    return Err(SandboxError::NotReady { origin, seconds, why, log: tail(&log) });
                }
            }
        };
        tracing::debug!("{name} is ready after {} ms", begun.elapsed().as_millis());
        Ok(Server {
            version,
            version_num,
            address,
            tools: Tools::Container(Programs { daemon: self.daemon.clone(), container: name }),
            origin: format!("image `{}`", request.image),
            database: request.database.clone(),
            maintenance: "postgres".into(),
            limits: request.limits.clone(),
            ended,
            keeper: Some(keeper),
            turn: None,
        })
    }

    pub async fn remove(&self) {
        let containers = async {
            let run = format!("{}={}", owner::RUN, self.owner.run);
            let names = match self.daemon.containers(&run).await {
                Ok(found) => found.into_iter().map(|container| container.name).collect(),
                Err(_) => vec![self.container("base"), self.container("target")],
            };
            let removals = names.iter().map(|name| self.daemon.remove(name));
            futures_util::future::join_all(removals).await.into_iter().collect::<Result<Vec<()>, _>>()?;
            if let Some(Ground { dial: Dial::Joined(container), .. }) = self.ground.get() {
                self.daemon.disconnect_network(&self.network(), container).await?;
            }
            // A container that the daemon is removing itself is still on the network for a moment.
            let mut removed = self.daemon.remove_network(&self.network()).await;
            for _ in 0..50 {
                if removed.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                removed = self.daemon.remove_network(&self.network()).await;
            }
            removed
        };
        match tokio::time::timeout(Duration::from_secs(30), containers).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("not all of the sandbox could be removed: {error}; the next run sweeps it"),
            Err(_) => tracing::warn!("the sandbox could not be removed within 30 s; the next run sweeps it"),
        }
        self.tethers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A server that has answered.
struct Ready {
    version: String,
    version_num: u32,
    keeper: Connection,
}

pub(in crate::sandbox) type Log = Arc<Mutex<VecDeque<u8>>>;

/// Keeps the last words of a container, and notes its end.
fn listen(
    mut output: std::pin::Pin<Box<dyn futures_util::Stream<Item = Vec<u8>> + Send>>,
) -> (Log, watch::Receiver<Option<String>>) {
    const KEPT: usize = 8 << 10;
    let log = Log::default();
    let (sender, ended) = watch::channel(None);
    let kept = log.clone();
    tokio::spawn(async move {
        while let Some(piece) = output.next().await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(piece);
            let surplus = kept.len().saturating_sub(KEPT);
            kept.drain(..surplus);
        }
        let _ = sender.send(Some("its container ended".into()));
        // Held until nobody asks any more.
        sender.closed().await;
    });
    (log, ended)
}

/// The last lines, for an error.
pub(in crate::sandbox) fn tail(log: &Log) -> String {
    let bytes: Vec<u8> = log.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(12)).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Asks every few milliseconds until the final server answers.
///
/// An image's entry point runs a first server while it fills the data directory. The official one's listens on its socket only; that
/// of another image may not. The final server is the process that the entry point became; where the entry point stays and starts
/// the server as a child, it is the one that has been the same for a second.
async fn wait_until_ready(address: &Address, database: &str, last: &Mutex<String>) -> Ready {
    let mut same: Option<(String, Instant)> = None;
    loop {
        let why = match tokio::time::timeout(Duration::from_secs(2), try_once(address, database, &mut same)).await {
            Ok(Ok(Some(found))) => return found,
            Ok(Ok(None)) => "it is not the final server yet".into(),
            Ok(Err(error)) => error_text(&error),
            Err(_) => "no answer".into(),
        };
        *last.lock().unwrap_or_else(PoisonError::into_inner) = why;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn try_once(
    address: &Address,
    database: &str,
    same: &mut Option<(String, Instant)>,
) -> Result<Option<Ready>, tokio_postgres::Error> {
    let connection: Connection = address.connect("postgres", "").await?;
    let sql = "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1), \
               trim(E'\\n' from pg_read_file('/run/schemaproof/server')), \
               pg_postmaster_start_time()::text, \
               exists (select from pg_database where datname = $1)";
    let row = connection.query_one(sql, &[&database]).await?;
    let (server, entry_point, started): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if server.trim() != entry_point.trim() {
        match same {
            Some((before, since)) if *before == started => {
                if since.elapsed() < Duration::from_secs(1) {
                    return Ok(None);
                }
            }
            _ => {
                *same = Some((started, Instant::now()));
                return Ok(None);
            }
        }
    }
    if !row.try_get::<_, bool>(3)? {
        connection.batch_execute(&format!("create database {}", crate::script::quote_identifier(database))).await?;
    }
    let (version, version_num) = identify(&connection).await?;
    Ok(Some(Ready { version, version_num, keeper: connection }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        sandbox::{Limits, Where},
    };

    #[tokio::test]
    async fn a_published_server_answers_on_this_machine_alone_and_reaches_nothing() {
        let image = std::env::var("SCHEMAPROOF_TEST_IMAGE").unwrap_or_else(|_| "postgres:16".into());
        let request = Request { place: Where::Docker, image, limits: Limits::default(), ..Request::from(&Config::default()) };
        let stand = Stand { far: true, ..Stand::new(&request).await.unwrap() };
        let cancel = CancellationToken::new();
        stand.prepare(&request, &cancel).await.unwrap();
        assert_eq!(stand.ground.get().unwrap().dial, Dial::Published);
        let server = stand.start(&request, "base", &cancel).await.unwrap();
        assert_eq!(server.address.host(), "127.0.0.1");
        let connection = server.connect("app").await.unwrap();
        let sql = "copy (select 1) to program 'timeout 2 bash -c \"exec 3<>/dev/tcp/1.1.1.1/53\"'";
        assert!(connection.batch_execute(sql).await.is_err());
        stand.remove().await;
        assert!(stand.daemon.containers(&format!("{}={}", owner::RUN, stand.owner.run)).await.unwrap().is_empty());
    }
}
