//! What Docker's daemon is asked, through bollard (no other file knows it).
//!
//! One method a verb; each has a limit in time. What containers are made of and when is [`stand`]'s matter.

pub(super) mod initial;
mod programs;
mod stand;

use std::{collections::HashMap, net::IpAddr, pin::Pin, time::Duration};

use bollard::{
    Docker,
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecResults},
    models::{
        ContainerCreateBody, HostConfig, HostConfigLogConfig, NetworkConnectRequest, NetworkCreateRequest,
        NetworkDisconnectRequest, PortBinding,
    },
    query_parameters::{
        AttachContainerOptionsBuilder, ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder,
        CreateImageOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
    },
};
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWrite;

pub(super) use self::{
    programs::Programs,
    stand::{DATA, Launched, Serving, Stand, tail},
};
use super::SandboxError;

/// Longest answer to one request; a pull has the run's limit.
const ANSWER: Duration = Duration::from_secs(30);
/// Whether there is a daemon is known after this long.
const PING: Duration = Duration::from_secs(3);
#[derive(Debug, Clone)]
struct Daemon(Docker);

/// What an image says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    entrypoint: Vec<String>,
    volumes: Vec<String>,
    environment: Vec<String>,
}

/// A container to be made.
#[derive(Debug, Clone)]
struct Recipe {
    name: String,
    image: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    environment: Vec<String>,
    labels: HashMap<String, String>,
    /// Path and mount options.
    tmpfs: HashMap<String, String>,
    memory: i64,
    processes: i64,
    network: String,
    /// Where the server listens.
    port: u16,
    /// Publish the port on 127.0.0.1.
    published: bool,
}

impl Recipe {
    /// The port as Docker writes it.
    fn exposed(&self) -> String {
        format!("{}/tcp", self.port)
    }
}

/// Something of ours (or of another run of us), with its labels.
#[derive(Debug)]
struct Labelled {
    name: String,
    labels: HashMap<String, String>,
}

/// A container's output, a piece at a time, and its standard input.
struct Attached {
    output: Pin<Box<dyn Stream<Item = Vec<u8>> + Send>>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// What a program in a container printed, and its exit code.
struct Ran {
    output: Vec<u8>,
    errors: Vec<u8>,
    code: Option<i64>,
}

impl Daemon {
    /// The daemon that DOCKER_HOST names, else the one of this machine; it has answered.
    async fn connect() -> Result<Daemon, SandboxError> {
        let no_docker = |why: String| SandboxError::NoDocker { why };
        let docker = Docker::connect_with_defaults().map_err(|error| no_docker(error.to_string()))?;
        match tokio::time::timeout(PING, docker.ping()).await {
            Ok(Ok(_)) => Ok(Daemon(docker)),
            Ok(Err(error)) => Err(no_docker(causes(&error))),
            Err(_) => Err(no_docker(format!("no answer within {} s", PING.as_secs()))),
        }
    }

    /// None when it is not here.
    async fn image(&self, name: &str) -> Result<Option<Image>, SandboxError> {
        let found = ask(&format!("look for image `{name}`"), missing_is_none(self.0.inspect_image(name))).await?;
        Ok(found.map(|image| {
            let config = image.config.unwrap_or_default();
            Image {
                entrypoint: config.entrypoint.unwrap_or_default(),
                volumes: config.volumes.unwrap_or_default(),
                environment: config.env.unwrap_or_default(),
            }
        }))
    }

    /// Pulls an image; says on the log how far it is.
    async fn pull(&self, name: &str) -> Result<(), SandboxError> {
        let (from, tag) = match name.rsplit_once(':') {
            _ if name.contains('@') => (name, ""),
            Some((from, tag)) if !tag.contains('/') => (from, tag),
            _ => (name, "latest"),
        };
        tracing::info!("pulling image {name}");
        let mut options = CreateImageOptionsBuilder::new().from_image(from);
        if !tag.is_empty() {
            options = options.tag(tag);
        }
        let mut progress = self.0.create_image(Some(options.build()), None, None);
        let mut said = tokio::time::Instant::now();
        let mut layers: HashMap<String, (i64, i64)> = HashMap::new();
        while let Some(step) = progress.next().await {
            let step = step.map_err(|error| SandboxError::NoImage { image: name.into(), why: causes(&error) })?;
            if let (Some(layer), Some(detail)) = (step.id, step.progress_detail) {
                layers.insert(layer, (detail.current.unwrap_or_default(), detail.total.unwrap_or_default()));
            }
            if said.elapsed() > Duration::from_secs(2) {
                said = tokio::time::Instant::now();
                let (current, total) = layers.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
                tracing::info!("pulling image {name}: {} of {} MB", current >> 20, total >> 20);
            }
        }
        Ok(())
    }

    async fn create_network(
        &self,
        name: &str,
        internal: bool,
        options: &[(&str, &str)],
        labels: HashMap<String, String>,
    ) -> Result<(), SandboxError> {
        let request = NetworkCreateRequest {
            name: name.into(),
            driver: Some("bridge".into()),
            internal: Some(internal),
            options: Some(options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()),
            labels: Some(labels),
            ..Default::default()
        };
        ask(&format!("create network {name}"), self.0.create_network(request)).await?;
        Ok(())
    }

    /// The address of the bridge on its host.
    async fn gateway(&self, network: &str) -> Result<Option<IpAddr>, SandboxError> {
        let found = ask(&format!("look at network {network}"), self.0.inspect_network(network, None)).await?;
        let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        Ok(configs.into_iter().filter_map(|config| config.gateway?.parse().ok()).find(IpAddr::is_ipv4))
    }

    async fn connect_network(&self, network: &str, container: &str) -> Result<(), SandboxError> {
        let request = NetworkConnectRequest { container: container.into(), endpoint_config: None };
        ask(&format!("connect our container to network {network}"), self.0.connect_network(network, request)).await
    }

    async fn disconnect_network(&self, network: &str, container: &str) -> Result<(), SandboxError> {
        let request = NetworkDisconnectRequest { container: container.into(), force: Some(true) };
        let attempt = missing_is_none(self.0.disconnect_network(network, request));
        ask(&format!("disconnect our container from network {network}"), attempt).await?;
        Ok(())
    }

    /// True when it is gone now.
    async fn remove_network(&self, network: &str) -> Result<(), SandboxError> {
        ask(&format!("remove network {network}"), missing_is_none(self.0.remove_network(network))).await?;
        Ok(())
    }

    async fn create(&self, recipe: &Recipe) -> Result<(), SandboxError> {
        let binding = PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some(String::new()) };
        let capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];
        let host = HostConfig {
            network_mode: Some(recipe.network.clone()),
            port_bindings: recipe.published.then(|| HashMap::from([(recipe.exposed(), Some(vec![binding]))])),
            tmpfs: Some(recipe.tmpfs.clone()),
            memory: Some(recipe.memory),
            memory_swap: Some(recipe.memory),
            pids_limit: Some(recipe.processes),
            shm_size: Some(128 << 20),
            cap_drop: Some(vec!["ALL".into()]),
            cap_add: Some(capabilities.map(String::from).to_vec()),
            security_opt: Some(vec!["no-new-privileges".into()]),
            readonly_rootfs: Some(true),
            auto_remove: Some(true),
            // Names resolve to nothing, so that none is asked for outside.
            dns: Some(vec!["127.0.0.1".into()]),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".into()),
                config: Some(HashMap::from([("max-size".into(), "1m".into()), ("max-file".into(), "1".into())])),
            }),
            ..Default::default()
        };
        let body = ContainerCreateBody {
            image: Some(recipe.image.clone()),
            entrypoint: Some(recipe.entrypoint.clone()),
            cmd: Some(recipe.command.clone()),
            env: Some(recipe.environment.clone()),
            labels: Some(recipe.labels.clone()),
            exposed_ports: Some(vec![recipe.exposed()]),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            stop_timeout: Some(2),
            host_config: Some(host),
            ..Default::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(&recipe.name).build();
        ask(&format!("create container {}", recipe.name), self.0.create_container(Some(options), body)).await?;
        Ok(())
    }

    async fn attach(&self, container: &str) -> Result<Attached, SandboxError> {
        let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
        let attached = ask(&format!("attach to container {container}"), self.0.attach_container(container, Some(options))).await?;
        let output = attached.output.filter_map(|piece| async { piece.ok().map(|piece| piece.into_bytes().to_vec()) });
        Ok(Attached { output: Box::pin(output), input: attached.input })
    }

    async fn start(&self, container: &str) -> Result<(), SandboxError> {
        ask(&format!("start container {container}"), self.0.start_container(container, None)).await
    }

    /// Where a container is on a network, and which port of this machine is its.
    async fn address(&self, recipe: &Recipe) -> Result<(Option<IpAddr>, Option<u16>), SandboxError> {
        let container = &recipe.name;
        let found = ask(&format!("look at container {container}"), self.0.inspect_container(container, None)).await?;
        let settings = found.network_settings.unwrap_or_default();
        let networks = settings.networks.unwrap_or_default().remove(&recipe.network);
        let ip = networks.and_then(|endpoint| endpoint.ip_address?.parse().ok());
        let ports = settings.ports.unwrap_or_default().remove(&recipe.exposed()).flatten().unwrap_or_default();
        Ok((ip, ports.into_iter().find_map(|binding| binding.host_port?.parse().ok())))
    }

    /// Removes a container, running or not, with its volumes.
    async fn remove(&self, container: &str) -> Result<(), SandboxError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let attempt = async {
            match self.0.remove_container(container, Some(options)).await {
                // Gone, or being removed by the daemon.
                Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
                other => other,
            }
        };
        ask(&format!("remove container {container}"), attempt).await
    }

    async fn containers(&self, label: &str) -> Result<Vec<Labelled>, SandboxError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = ask("list containers", self.0.list_containers(Some(options))).await?;
        let labelled = |id, labels: Option<_>| Some(Labelled { name: id?, labels: labels.unwrap_or_default() });
        Ok(found.into_iter().filter_map(|container| labelled(container.id, container.labels)).collect())
    }

    async fn networks(&self, label: &str) -> Result<Vec<Labelled>, SandboxError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let found = ask("list networks", self.0.list_networks(Some(options))).await?;
        let labelled = |id, labels: Option<_>| Some(Labelled { name: id?, labels: labels.unwrap_or_default() });
        Ok(found.into_iter().filter_map(|network| labelled(network.id, network.labels)).collect())
    }

    /// The running container that has this file: ourselves, when we have just made it under a name that nobody can guess.
    ///
    /// Host name, cgroup and mount table each fail in some set-up; this works in all.
    async fn container_with(&self, file: &str) -> Result<Option<String>, SandboxError> {
        for container in ask("list containers", self.0.list_containers(None)).await? {
            let Some(id) = container.id else { continue };
            let options = ContainerArchiveInfoOptionsBuilder::new().path(file).build();
            if self.0.get_container_archive_info(&id, Some(options)).await.is_ok() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// `NetworkMode` of a container: `bridge`, `host`, `container:ID` or a network's name.
    async fn network_mode(&self, container: &str) -> Result<String, SandboxError> {
        let found = ask(&format!("look at container {container}"), self.0.inspect_container(container, None)).await?;
        Ok(found.host_config.and_then(|config| config.network_mode).unwrap_or_default())
    }

    /// Runs a program in a container. At most `largest` bytes of its output are taken.
    async fn run(
        &self,
        container: &str,
        command: &[String],
        environment: &[String],
        largest: usize,
    ) -> Result<Result<Ran, usize>, SandboxError> {
        let attempted = format!("run {} in container {container}", command.first().map_or("", String::as_str));
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(environment.to_vec()),
            cmd: Some(command.to_vec()),
            // Nobody: what it does needs no rights in the container.
            user: Some("65534:65534".to_string()),
            ..Default::default()
        };
        let id = ask(&attempted, self.0.create_exec(container, options)).await?.id;
        let mut ran = Ran { output: Vec::new(), errors: Vec::new(), code: None };
        if let StartExecResults::Attached { mut output, .. } = ask(&attempted, self.0.start_exec(&id, None)).await? {
            while let Some(piece) = output.next().await {
                match piece.map_err(|error| SandboxError::Docker { attempted: attempted.clone(), why: causes(&error) })? {
                    LogOutput::StdErr { message } if ran.errors.len() < 64 << 10 => ran.errors.extend_from_slice(&message),
                    LogOutput::StdOut { message } | LogOutput::Console { message } => ran.output.extend_from_slice(&message),
                    _ => {}
                }
                if ran.output.len() > largest {
                    return Ok(Err(largest));
                }
            }
        }
        ran.code = ask(&attempted, self.0.inspect_exec(&id)).await?.exit_code;
        Ok(Ok(ran))
    }
}

async fn ask<T>(attempted: &str, request: impl Future<Output = Result<T, Error>>) -> Result<T, SandboxError> {
    let failed = |why| SandboxError::Docker { attempted: attempted.into(), why };
    match tokio::time::timeout(ANSWER, request).await {
        Ok(answer) => answer.map_err(|error| failed(causes(&error))),
        Err(_) => Err(failed(format!("no answer within {} s", ANSWER.as_secs()))),
    }
}

async fn missing_is_none<T>(request: impl Future<Output = Result<T, Error>>) -> Result<Option<T>, Error> {
    match request.await {
        Ok(found) => Ok(Some(found)),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn causes(error: &Error) -> String {
    if let Error::DockerResponseServerError { message, .. } = error {
        return message.trim().to_string();
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
