use serde_json::json;

use super::*;

fn public() -> CloudEndpoints {
    Cloud::Public.endpoints().unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn a_cloud_is_read_from_its_name_or_address_and_prints_as_it_was_written() {
    for name in ["public", "us-government", "china", "https://127.0.0.1:8443/"] {
        assert_eq!(name.parse::<Cloud>().unwrap().to_string(), name);
    }
    for wrong in
        ["", "Public", "http://127.0.0.1", "https://user@host", "https://host/path", "azure"]
    {
        let error = wrong.parse::<Cloud>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
        assert!(error.to_string().starts_with("cloud is"), "{error}");
    }
}

#[test]
fn tokens_go_to_resource_manager_and_to_vaults_of_the_cloud_and_nowhere_else() {
    let endpoints = public();
    for (address, audience) in [
        ("https://management.azure.com/subscriptions", Some(Audience::ResourceManager)),
        ("https://MANAGEMENT.azure.com/subscriptions", Some(Audience::ResourceManager)),
        ("https://shop.vault.azure.net/keys/etcd", Some(Audience::KeyVault)),
        ("http://management.azure.com/subscriptions", None),
        ("https://management.azure.com:8443/subscriptions", None),
        ("https://management.azure.com.example.org/", None),
        ("https://management.azure.com@example.org/", None),
        ("http://shop.vault.azure.net/keys/etcd", None),
        ("https://shop.vault.azure.net:8443/keys/etcd", None),
        ("https://vault.azure.net/keys/etcd", None),
        ("https://shopvault.azure.net/keys/etcd", None),
        ("https://a.b.vault.azure.net/keys/etcd", None),
        ("https://shop.vault.azure.net.example.org/keys/etcd", None),
        ("https://shop.vault.azure.cn/keys/etcd", None),
        ("https://login.microsoftonline.com/", None),
    ] {
        assert_eq!(endpoints.audience_of(&url(address)), audience, "{address}");
    }
}

#[test]
fn an_address_to_ask_next_is_taken_verbatim_or_refused() {
    let endpoints = public();
    let signed = "https://management.azure.com/a/b?t=1&c=MII%2Bx&s=x_y";
    assert_eq!(endpoints.continuation(signed).unwrap().as_str(), signed);
    for wrong in [
        "http://management.azure.com/a",
        "https://example.org/a",
        "/a",
        "https://shop.vault.azure.net/a",
    ] {
        let error = endpoints.continuation(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{wrong}");
    }
}

#[test]
fn metadata_gives_audience_authority_and_suffix() {
    let resource_manager = url("https://127.0.0.1:8443");
    let metadata = json!({
        "name": "sim",
        "resourceManager": "https://127.0.0.1:8443",
        "authentication": {
            "loginEndpoint": "https://127.0.0.1:8444/",
            "audiences": ["https://management.core.example/", "https://127.0.0.1:8443/"]
        },
        "suffixes": { "keyVaultDns": ".Vault.Example" }
    });
    let endpoints = CloudEndpoints::from_metadata(&resource_manager, &metadata).unwrap();
    assert_eq!(endpoints.resource_manager_scope, "https://127.0.0.1:8443/.default");
    assert_eq!(endpoints.key_vault_scope(), "https://vault.example/.default");
    assert!(endpoints.is_authority(&url("https://127.0.0.1:8444/tenant")));
    assert!(!endpoints.is_authority(&url("https://127.0.0.1:8443/tenant")));
}

#[test]
fn the_first_audience_serves_where_none_is_resource_manager_itself() {
    let metadata = json!({
        "authentication": {
            "loginEndpoint": "https://login.example",
            "audiences": ["https://management.core.example/"]
        },
        "suffixes": { "keyVaultDns": "vault.example" }
    });
    let endpoints =
        CloudEndpoints::from_metadata(&url("https://management.example"), &metadata).unwrap();
    assert_eq!(endpoints.resource_manager_scope, "https://management.core.example/.default");
}

#[test]
fn metadata_chooses_no_token_of_another_cloud() {
    let resource_manager = url("https://management.example");
    let read = |audience: &str, suffix: &str| {
        let metadata = json!({
            "authentication": { "loginEndpoint": "https://login.example", "audiences": [audience] },
            "suffixes": { "keyVaultDns": suffix }
        });
        CloudEndpoints::from_metadata(&resource_manager, &metadata)
    };
    let (audience, suffix) =
        ("https://management.stack.onmicrosoft.com/3a0f", "vault.stack.example");
    assert!(read(audience, suffix).is_ok());
    for wrong in [
        "https://management.azure.com",
        "https://MANAGEMENT.core.windows.net./",
        "https://management.core.usgovcloudapi.net/",
        "https://graph.microsoft.com",
        "https://vault.azure.net",
        "https://login.microsoftonline.com",
        "00000003-0000-0000-c000-000000000000",
        "http://management.stack.example",
    ] {
        let error = read(wrong, suffix).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{wrong}");
        assert!(error.to_string().contains("another cloud"), "{error}");
    }
    for wrong in ["", ".", "a b", "x/y", "x@y", "x:8443", "x?y", "x#y"] {
        assert!(read(audience, wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_address_of_a_known_cloud_is_that_cloud() {
    let custom: Cloud = "https://management.azure.com".parse().unwrap();
    assert_eq!(custom.endpoints().unwrap(), public());
}

#[test]
fn metadata_that_lacks_something_names_it() {
    let resource_manager = url("https://management.example");
    let full = json!({
        "authentication": { "loginEndpoint": "https://login.example", "audiences": ["https://x"] },
        "suffixes": { "keyVaultDns": "vault.example" }
    });
    for (pointer, named) in [
        ("/authentication/audiences", "audiences"),
        ("/authentication/loginEndpoint", "login endpoint"),
        ("/suffixes/keyVaultDns", "key vault suffix"),
    ] {
        let mut metadata = full.clone();
        *metadata.pointer_mut(pointer).unwrap() = Value::Null;
        let error = CloudEndpoints::from_metadata(&resource_manager, &metadata).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(error.to_string().contains(named), "{error}");
    }
}
