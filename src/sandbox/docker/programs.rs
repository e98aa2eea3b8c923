//! The server's own programs, run in its container.

use secrecy::ExposeSecret;

use super::Daemon;
use crate::sandbox::{Address, SandboxError};

/// Largest output of pg_dump that is read, in bytes.
const LARGEST_DUMP: usize = 256 << 20;

#[derive(Debug)]
pub(in crate::sandbox) struct Programs {
    pub(super) daemon: Daemon,
    pub(super) container: String,
}

impl Programs {
    pub async fn pg_dump(&self, address: &Address, database: &str, arguments: &[&str]) -> Result<String, SandboxError> {
        let mut command: Vec<String> =
            ["pg_dump", "-h", "127.0.0.1", "-p", "5432", "-U", address.user()].map(String::from).to_vec();
        command.extend(arguments.iter().map(|argument| (*argument).to_string()));
        // After `-d`, a name with `=` would be taken for a connection string.
        let environment = [
            format!("PGDATABASE={database}"),
            format!("PGPASSWORD={}", address.password().expose_secret()),
            "HOME=/tmp".to_string(),
        ];
        let ran = match self.daemon.run(&self.container, &command, &environment, LARGEST_DUMP).await? {
            Ok(ran) => ran,
            Err(largest) => {
                return Err(SandboxError::PgDump { message: format!("its output is larger than {} MB", largest >> 20) });
            }
        };
        if ran.code != Some(0) {
            let message = String::from_utf8_lossy(&ran.errors).trim().to_string();
            // 126 and 127: no such program in the container.
            let message = if message.is_empty() { String::from_utf8_lossy(&ran.output).trim().to_string() } else { message };
            return Err(SandboxError::PgDump { message });
        }
        String::from_utf8(ran.output).map_err(|error| SandboxError::PgDump { message: format!("its output is not UTF-8: {error}") })
    }
}
