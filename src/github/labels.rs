//! Labels of a pull request: those that the configuration names, and no others.

use serde::Deserialize;
use serde_json::json;

use super::api::{Api, ApiError, Failure, Method, encode};

/// Puts the labels of `wanted` on, and takes those of `managed` off that are not wanted. Writes nothing when they are as they should be.
///
/// # Errors
/// When the API fails, or the token may not label.
pub async fn set(api: &Api, number: u64, managed: &[&str], wanted: Option<&str>) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Label {
        name: String,
    }
    let path = api.path(&format!("issues/{number}/labels"));
    let there: Vec<Label> = api.pages(&format!("read the labels of pull request {number}"), &path).await?;
    // GitHub takes names that differ in capitals alone for the same.
    let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    if let Some(name) = wanted.filter(|name| !there.iter().any(|label| same(&label.name, name))) {
        // One that is there already stays as it is, so a second try does no harm.
        let body = json!({"labels": [name]});
        api.set(&format!("label pull request {number}"), Method::Post, &path, Some(&body)).await?;
    }
    let untrue =
        |label: &&Label| managed.iter().any(|name| same(name, &label.name)) && !wanted.is_some_and(|name| same(name, &label.name));
    for Label { name } in there.iter().filter(untrue) {
        let attempt = format!("take a label off pull request {number}");
        match api.set(&attempt, Method::Delete, &format!("{path}/{}", encode(name)), None).await {
            // Somebody else was faster.
            Ok(_) | Err(ApiError { why: Failure::NotFound { .. }, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
