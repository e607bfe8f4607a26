//! Operations that ngrok's clients know and cloud endpoints have replaced: every one answers, and says what to use.

use http::Method;
use serde_json::json;

use super::place::Place;
use crate::unbuilt;

#[tokio::test]
async fn each_replaced_operation_answers_and_names_what_replaces_it() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let routes = unbuilt::routes();
    let is_old = |path: &str| path.starts_with("/edges/") || path.starts_with("/backends/");
    let mut count = 0;
    for route in routes.iter().filter(|route| is_old(route.path)) {
        count += 1;
        let segments = route.path.split('/').map(|s| if s.starts_with('{') { "x" } else { s });
        let path = segments.collect::<Vec<_>>().join("/");
        let (status, json) = place.ask(&admin.token, route.method.as_str(), &path, json!({})).await;
        let what = format!("{} {path}: {status} {json}", route.method);
        let code = json["error_code"].as_str().unwrap_or_default();
        let reads = matches!(route.method, Method::GET | Method::DELETE);
        let missing = if path.starts_with("/edges/") {
            "ERR_NGROK_7000"
        } else {
            "ERR_NGROK_6514"
        };
        match (status, code) {
            (200, "") => {
                assert!(route.method == Method::GET && !route.path.contains('{'), "{what}");
                let lists: Vec<_> = json.as_object().unwrap().values().filter(|v| v.is_array()).collect();
                assert_eq!(lists, [&json!([])], "{what}");
                assert_eq!(json["next_page_uri"], json!(null), "{what}");
            }
            (404, code) => assert!(code == missing && reads && route.path.contains('{'), "{what}"),
            (400, "ERR_ADIT_2009") => {
                assert!(!reads, "{what}");
                assert_eq!(
                    json["details"]["replacement"], "POST /endpoints with traffic_policy",
                    "{what}"
                );
            }
            _ => panic!("{what}"),
        }
    }
    // As many as the description has of them.
    assert_eq!(count, 113);
}
