//! Schema sources against real git repositories, real directories, and a remote that answers as GitHub's API does.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use schemaproof::{
    source::{
        Commits, Entry, EntryKind, LIMITS, Selection, SourceError, SqlFiles,
        api::{NoRemote, Remote, RemoteError, Tree, Trees},
        directory,
        git::Local,
    },
    trigger::{BaseTip, CommitSha, Head},
};

/// Runs git without any configuration of the machine.
fn git(directory: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").current_dir(directory);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("git");
    child.stdin.take().expect("stdin").write_all(input).expect("write");
    let done = child.wait_with_output().expect("git");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_string()
}

/// A commit of the given files, with modes, on a branch of its own that continues from `parent`.
fn commit(repository: &Path, branch: &str, parent: Option<&str>, files: &[(&str, &[u8], &[u8])]) -> CommitSha {
    let mut stream = format!("commit refs/heads/{branch}\ncommitter t <t@example.com> 0 +0000\ndata 1\nm\n").into_bytes();
    if let Some(parent) = parent {
        stream.extend(format!("from {parent}\n").bytes());
    }
    for (mode, path, content) in files {
        let quoted: String = path.iter().map(|byte| format!("\\{byte:03o}")).collect();
        if *mode == "160000" {
            stream.extend(format!("M 160000 {} \"{quoted}\"\n", String::from_utf8_lossy(content)).bytes());
            continue;
        }
        stream.extend(format!("M {mode} inline \"{quoted}\"\ndata {}\n", content.len()).bytes());
        stream.extend(*content);
        stream.push(b'\n');
    }
    git(repository, &["fast-import", "--quiet", "--force"], &stream);
    git(repository, &["rev-parse", &format!("refs/heads/{branch}")], b"").parse().expect("sha")
}

fn repository() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("tempdir");
    git(directory.path(), &["init", "--quiet", "--bare"], b"");
    directory
}

fn local(path: &Path) -> Commits<NoRemote> {
    Commits { local: Some(Local::find(path).expect("a repository")), remote: None }
}

fn paths(entries: &[&str]) -> Selection {
    Selection::new(&entries.iter().map(|entry| entry.to_string()).collect::<Vec<_>>(), "").expect("selection")
}

fn names(files: &SqlFiles) -> Vec<&str> {
    files.files.iter().map(|file| &*file.path).collect()
}

async fn read<R: Remote>(commits: &Commits<R>, commit: &CommitSha, entries: &[&str]) -> Result<SqlFiles, SourceError> {
    let snapshot = commits.snapshot(commit, &paths(entries)).await?;
    commits.read(&snapshot).await
}

#[tokio::test]
async fn a_commit_is_read_as_the_shell_would_cat_it() {
    let repository = repository();
    let head = commit(
        repository.path(),
        "main",
        None,
        &[
            ("100644", b"db/b.sql", b"select 'b';"),
            ("100755", b"db/a.sql", b"select 'a';"),
            ("100644", b"db/.x.sql", b"no"),
            ("100644", b"db/sub/z.sql", b"no"),
            ("100644", b"db/new\nline.sql", b"select 1;"),
            ("100644", b"db/\xff.sql", b"select 2;"),
            ("120000", b"elsewhere", b"/etc"),
        ],
    );
    let files = read(&local(repository.path()), &head, &["db"]).await.unwrap();
    assert_eq!(names(&files), ["db/a.sql", "db/b.sql", "db/new\nline.sql", "db/\\xff.sql"]);
    assert_eq!(&*files.files[0].text, "select 'a';");
}

#[tokio::test]
async fn links_submodules_pointers_and_other_encodings_are_refused() {
    let repository = repository();
    let commits = local(repository.path());
    let zero = "1111111111111111111111111111111111111111".as_bytes();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    let cases: [(&str, &str, &[u8], &[u8]); 5] = [
        ("link", "120000", b"db/a.sql", b"../../../etc/passwd"),
        ("linked", "120000", b"db", b"/etc"),
        ("module", "160000", b"db", zero),
        ("pointer", "100644", b"db/a.sql", pointer),
        ("latin", "100644", b"db/a.sql", b"-- caf\xe9"),
    ];
    for (branch, mode, path, content) in cases {
        let head = commit(repository.path(), branch, None, &[(mode, path, content)]);
        let error = read(&commits, &head, &["db"]).await.unwrap_err();
        let fits = match branch {
            "link" | "linked" => matches!(error, SourceError::Symlink { .. }),
            "module" => matches!(error, SourceError::Submodule { .. }),
            "pointer" => matches!(error, SourceError::Lfs { .. }),
            _ => matches!(error, SourceError::NotUtf8 { offset: 7, .. }),
        };
        assert!(fits, "{branch}: {error}");
    }
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_refused_before_it_is_unpacked() {
    let repository = repository();
    let big = vec![b' '; usize::try_from(LIMITS.file_bytes).unwrap() + 1];
    let head = commit(repository.path(), "main", None, &[("100644", b"db/a.sql", &big)]);
    let error = read(&local(repository.path()), &head, &["db"]).await.unwrap_err();
    assert!(matches!(error, SourceError::FileTooLarge { .. }), "{error}");
}

#[tokio::test]
async fn the_merge_base_is_local_when_history_is_whole_and_asked_when_it_is_not() {
    let repository = repository();
    let root = commit(repository.path(), "main", None, &[("100644", b"db/a.sql", b"one")]);
    let head = commit(repository.path(), "topic", Some(root.as_str()), &[("100644", b"db/a.sql", b"two")]);
    let tip = commit(repository.path(), "main", Some(root.as_str()), &[("100644", b"other", b"x")]);
    let commits = local(repository.path());
    assert_eq!(commits.merge_base(&BaseTip(tip.clone()), &Head(head.clone())).await.unwrap(), root);
    assert_eq!(Local::find(repository.path()).unwrap().resolve("topic").await.unwrap(), head);

    let shallow = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.path().display());
    git(shallow.path(), &["clone", "--quiet", "--depth=1", "--branch=topic", &url, "."], b"");
    let asked = Memory { base: Some(root.clone()), ..Memory::default() };
    let commits = Commits { local: Local::find(shallow.path()), remote: Some(Trees::new(asked)) };
    assert_eq!(commits.merge_base(&BaseTip(tip), &Head(head.clone())).await.unwrap(), root);
    // The head is there even so, and is read without asking.
    assert_eq!(&*read(&commits, &head, &["db"]).await.unwrap().files[0].text, "two");
}

#[tokio::test]
async fn the_same_files_are_seen_as_the_same_without_reading_them() {
    let repository = repository();
    let base = commit(repository.path(), "main", None, &[("100644", b"db/a.sql", b"one")]);
    let docs = commit(repository.path(), "docs", Some(base.as_str()), &[("100644", b"README.md", b"x")]);
    let renamed = commit(repository.path(), "renamed", None, &[("100644", b"db/b.sql", b"one")]);
    let commits = local(repository.path());
    let at = async |commit: &CommitSha| commits.snapshot(commit, &paths(&["db"])).await.unwrap();
    assert!(at(&base).await.is_same_as(&at(&docs).await));
    assert!(!at(&base).await.is_same_as(&at(&renamed).await));
    assert_eq!(commits.file(&docs, "README.md").await.unwrap().as_deref(), Some("x"));
    assert_eq!(commits.file(&docs, ".github/schemaproof.yml").await.unwrap(), None);
}

/// A remote in memory: files by path, every listing counted, long ones cut short.
#[derive(Default)]
struct Memory {
    files: BTreeMap<String, String>,
    base: Option<CommitSha>,
    longest: usize,
    listings: Arc<AtomicUsize>,
}

impl Remote for Memory {
    async fn tree(&self, id: &str, recursive: bool) -> Result<Tree, RemoteError> {
        self.listings.fetch_add(1, Ordering::SeqCst);
        let directory = id.strip_prefix("tree:").unwrap_or_default();
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for path in self.files.keys() {
            let Some(rest) = path.strip_prefix(directory).map(|rest| rest.trim_start_matches('/')) else { continue };
            let mut parts: Vec<&str> = rest.split('/').collect();
            let mut kind = EntryKind::File;
            if !recursive && parts.len() > 1 {
                parts.truncate(1);
                kind = EntryKind::Tree;
            }
            let own = parts.join("/");
            let whole = if directory.is_empty() { own.clone() } else { format!("{directory}/{own}") };
            let id = if kind == EntryKind::Tree { format!("tree:{whole}") } else { whole };
            entries.insert(own.clone(), Entry { path: own.into_bytes(), kind, id, size: Some(1) });
        }
        let truncated = entries.len() > self.longest;
        Ok(Tree { entries: entries.into_values().take(self.longest).collect(), truncated })
    }

    async fn blob(&self, id: &str) -> Result<Vec<u8>, RemoteError> {
        self.files.get(id).map(|text| text.clone().into_bytes()).ok_or_else(|| RemoteError::NotFound(id.into()))
    }

    async fn merge_base(&self, _: &BaseTip, _: &Head) -> Result<Option<CommitSha>, RemoteError> {
        Ok(self.base.clone())
    }
}

#[tokio::test]
async fn a_listing_that_comes_cut_short_is_walked() {
    let mut files: BTreeMap<String, String> = (0..50).map(|at| (format!("vendor/{at}/x"), String::new())).collect();
    files.extend([("a/db/1.sql".to_string(), "one".to_string()), ("a/db/2.sql".to_string(), "two".to_string())]);
    let listings = Arc::new(AtomicUsize::new(0));
    let memory = Memory { files, longest: 20, listings: listings.clone(), ..Memory::default() };
    let commits = Commits { local: None, remote: Some(Trees::new(memory)) };
    let sha: CommitSha = "2222222222222222222222222222222222222222".parse().unwrap();
    let read = read(&commits, &sha, &["a/db"]).await.unwrap();
    assert_eq!(names(&read), ["a/db/1.sql", "a/db/2.sql"]);
    assert_eq!(&*read.files[1].text, "two");
    assert_eq!(listings.load(Ordering::SeqCst), 4, "the whole, the root, a, a/db");
}

#[tokio::test]
async fn a_directory_keeps_links_inside() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.sql"), "secret").unwrap();
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("db")).unwrap();
    fs::write(root.path().join("db/b.sql"), "b").unwrap();
    fs::write(root.path().join("common.sql"), "common").unwrap();
    symlink("../common.sql", root.path().join("db/a.sql")).unwrap();
    fs::write(root.path().join("db").join(std::ffi::OsStr::from_bytes(b"\xfe.sql")), "x").unwrap();
    let (files, missing) = directory::read_selected(root.path(), &paths(&["db", "none"])).unwrap();
    assert_eq!(files.files.iter().map(|file| &*file.text).collect::<Vec<_>>(), ["common", "b", "x"]);
    assert_eq!(missing, ["none"]);

    symlink(outside.path().join("secret.sql"), root.path().join("db/c.sql")).unwrap();
    let error = directory::read_selected(root.path(), &paths(&["db"])).unwrap_err();
    assert!(matches!(error, SourceError::LeadsOut { .. }), "{error}");
    assert!(directory::read(&root.path().join("db")).is_err(), "a.sql leads out of db itself");
}

#[test]
fn a_named_pipe_is_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    assert!(Command::new("mkfifo").arg(root.path().join("a.sql")).status().unwrap().success());
    assert!(matches!(directory::read(root.path()), Err(SourceError::NotAFile { .. })));
    assert!(matches!(directory::read(&root.path().join("a.sql")), Err(SourceError::NotAFile { .. })));
}

/// Files with what they include, which `paths` does not name.
const INCLUDING: &[(&str, &str, &str)] = &[
    ("100644", "db/1.sql", "\\ir parts/a.sql\n\\i common/b.sql\n\\i ../../etc/passwd\n\\i /etc/passwd\n\\ir missing.sql\n"),
    ("100644", "db/parts/a.sql", "\\ir '../parts/c.sql'\n\\ir a.sql\n"),
    ("100644", "db/parts/c.sql", "select 'c';\n"),
    ("100644", "common/b.sql", "select 'b';\n"),
    ("100644", "common/unused.sql", "select 'unused';\n"),
];

#[tokio::test]
async fn what_files_include_comes_with_them_and_counts_as_a_change() {
    let repository = repository();
    let files: Vec<(&str, &[u8], &[u8])> =
        INCLUDING.iter().map(|(mode, path, text)| (*mode, path.as_bytes(), text.as_bytes())).collect();
    let base = commit(repository.path(), "main", None, &files);
    let unused = commit(repository.path(), "unused", Some(base.as_str()), &[("100644", b"common/unused.sql", b"x")]);
    let changed = commit(repository.path(), "changed", Some(base.as_str()), &[("100644", b"db/parts/c.sql", b"x")]);
    let commits = local(repository.path());
    let read = read(&commits, &base, &["db"]).await.unwrap();
    assert_eq!(names(&read), ["db/1.sql"]);
    let included: Vec<&str> = read.included.iter().map(|file| &*file.path).collect();
    assert_eq!(included, ["db/parts/a.sql", "common/b.sql", "db/parts/c.sql"]);
    let at = async |commit: &CommitSha| commits.snapshot(commit, &paths(&["db"])).await.unwrap();
    assert!(commits.are_same(&at(&base).await, &at(&unused).await).await.unwrap());
    assert!(!commits.are_same(&at(&base).await, &at(&changed).await).await.unwrap());

    let root = tempfile::tempdir().unwrap();
    for (_, path, text) in INCLUDING {
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), text).unwrap();
    }
    let (on_disk, _) = directory::read_selected(root.path(), &paths(&["db"])).unwrap();
    assert_eq!(on_disk.included.len(), 3);
    // Absolute paths, as a directory on the command line may have.
    let alone = directory::read(&root.path().join("db")).unwrap();
    let items = schemaproof::script::split_including(&alone.files, &alone.included, &Default::default()).unwrap();
    let statements: Vec<String> = items
        .iter()
        .filter_map(|item| match item {
            schemaproof::script::Item::Statement(statement) => Some(statement.text.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(statements, ["select 'c'"]);
}
