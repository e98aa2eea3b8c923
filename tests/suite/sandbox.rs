//! The sandbox against a real daemon and real binaries.

use schemaproof::sandbox::{Request, SandboxError, Sides, Where, with_servers};
use tokio_util::sync::CancellationToken;

pub fn request(place: Where) -> Request {
    let image = std::env::var("SCHEMAPROOF_TEST_IMAGE").unwrap_or_else(|_| "postgres:16".into());
    Request { place, image, ..Request::from(&schemaproof::config::Config::default()) }
}

#[tokio::test]
async fn two_servers_in_docker_answer_and_are_removed() {
    let _ = tracing_subscriber::fmt().with_env_filter("schemaproof=debug").with_test_writer().try_init();
    let begun = std::time::Instant::now();
    let request = request(Where::Docker);
    with_servers(&request, Sides::Two, &CancellationToken::new(), async |servers| {
        eprintln!("ready after {:?}", begun.elapsed());
        for server in [&servers.base, servers.target()] {
            let connection = server.connect("app").await?;
            let row = connection.query_one("select current_user::text, current_database()::text", &[]).await.unwrap();
            assert_eq!((row.get::<_, String>(0), row.get::<_, String>(1)), ("postgres".into(), "app".into()));
            connection.batch_execute("create table t (id int)").await.unwrap();
            connection.close().await;
            let dump = server.pg_dump("app", &["--schema-only"]).await?;
            assert!(dump.contains("CREATE TABLE public.t"), "{dump}");
            let copy = server.create_database("copy", Some("app")).await?;
            server.connect(&copy).await?.batch_execute("select from t").await.unwrap();
            server.drop_database(&copy).await?;
        }
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
    eprintln!("all after {:?}", begun.elapsed());
}
