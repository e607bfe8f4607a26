//! What is described but not in this release (control plane 2.12, 9).

use serde_json::{Value, json};

use crate::place::{place, request};

#[tokio::test]
async fn what_is_only_described_says_so() {
    let place = place().await;
    for (n, (method, path, status, code)) in [
        ("GET", "/edges/https", 200, ""),
        ("GET", "/backends/weighted?limit=3", 200, ""),
        ("GET", "/event_destinations", 200, ""),
        ("GET", "/edges/https/edghts_1", 404, "ERR_NGROK_7000"),
        ("DELETE", "/edges/tcp/edgtcp_1", 404, "ERR_NGROK_7000"),
        ("GET", "/edges/https/edghts_1/routes/edghtsrt_1", 404, "ERR_NGROK_7000"),
        ("GET", "/edges/tls/x/mutual_tls", 404, "ERR_NGROK_7000"),
        ("GET", "/backends/static/x", 404, "ERR_NGROK_6514"),
        ("GET", "/ssh_credentials/x", 404, "ERR_ADIT_2001"),
        ("POST", "/edges/https", 400, "ERR_ADIT_2009"),
        ("PATCH", "/edges/https/x", 400, "ERR_ADIT_2009"),
        ("PUT", "/edges/https/x/routes/y/oauth", 400, "ERR_ADIT_2009"),
        ("POST", "/backends/static", 400, "ERR_ADIT_2009"),
        ("POST", "/event_subscriptions/x/sources", 400, "ERR_ADIT_2009"),
        ("POST", "/kubernetes_operators", 400, "ERR_ADIT_2009"),
        ("GET", "/ai_gateway_api_keys?limit=3", 200, ""),
        ("GET", "/ai_gateway_api_keys/x", 404, "ERR_ADIT_2001"),
        ("POST", "/ai_gateway_api_keys", 400, "ERR_ADIT_2009"),
        ("GET", "/pointcfg/compression", 200, ""),
        ("GET", "/pointcfg/compression/x", 404, "ERR_ADIT_2001"),
        ("POST", "/pointcfg/compression", 400, "ERR_ADIT_2009"),
        ("GET", "/endpoint_configurations/ec_1/oauth", 404, "ERR_ADIT_2001"),
        ("PUT", "/endpoint_configurations/ec_1/oauth", 400, "ERR_ADIT_2009"),
        (
            "DELETE",
            "/reserved_domains/rd_1/http_endpoint_configuration",
            400,
            "ERR_ADIT_2009",
        ),
        (
            "DELETE",
            "/reserved_domains/rd_1/https_endpoint_configuration",
            400,
            "ERR_ADIT_2009",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let body = if ["GET", "DELETE"].contains(&method) {
            Value::Null
        } else {
            json!({})
        };
        let answer = place.ask(method, path, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code),
            "{method} {path}: {}",
            answer.text
        );
        if status == 200 {
            let list = answer
                .json
                .as_object()
                .unwrap()
                .values()
                .find(|v| v.is_array())
                .unwrap();
            assert_eq!(*list, json!([]));
            assert_eq!(answer.json["next_page_uri"], Value::Null);
        }
        if code == "ERR_ADIT_2009" && path.starts_with("/edges") {
            assert_eq!(
                answer.json["details"]["replacement"],
                "POST /endpoints with traffic_policy"
            );
        }
        // From many addresses: one that fails often has to wait.
        let peer = std::net::Ipv4Addr::new(198, 51, 100, u8::try_from(n).unwrap());
        let anybody = place
            .send_from(peer.into(), request("x", method, path, &Value::Null))
            .await;
        assert_eq!(anybody.status, 401, "{method} {path}");
    }
}
