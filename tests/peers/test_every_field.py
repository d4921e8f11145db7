"""What the library changes of a cluster that has every field of the API: the KMS profile alone."""

from azure.identity import ClientSecretCredential
from azure.mgmt.containerservice import ContainerServiceClient

from every_field import EveryField
from test_requests import PLAIN, flat, manage

# Fields that are not sent back although the API lets a client send them.
NOT_SENT = {
    "identity.userAssignedIdentities.": "only Azure sets what is in it; its name is sent",
    "properties.agentPoolProfiles.0.nodeImageVersion": "AKS would set a pool back to an image that it has replaced since",
    "properties.agentPoolProfiles.0.status.": "only Azure sets what is in it",
    "properties.status.": "only Azure sets what is in it",
}
# Fields of which AKS takes some words only.
WORDS = {("securityProfile", "kubernetesResourceObjectEncryptionProfile", "infrastructureEncryption"): "Disabled"}
KMS = "properties.securityProfile.azureKeyVaultKms."


def test_every_field_is_sent_back(sandbox, tmp_path, monkeypatch):
    world = sandbox(PLAIN, sign_in=False)
    for name in ("REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, world.variable(name))
    case = world.case
    clusters = client(case)
    every = EveryField()
    for (*parents, field), word in WORDS.items():
        members = every.document["properties"]
        for parent in parents:
            members = members[parent]
        assert field in members, "the field has another name"
        members[field] = word
    cluster = clusters.get(case.group, case.cluster).as_dict()
    clusters.begin_create_or_update(case.group, case.cluster, filled(cluster, every.document)).result()
    before = flat(clusters.get(case.group, case.cluster).as_dict())
    assert len(before) > 300, before

    case.forget_writes()
    manage(tmp_path, case, ["enable", "{{key.1}}"])
    [put] = [write for write in case.writes() if write["method"] == "PUT"]
    sent = flat(put["body"])

    assert sent[KMS + "keyId"] == case.key_ids[0]
    identities = put["body"]["identity"]["userAssignedIdentities"]
    assert {name.lower(): value for name, value in identities.items()} == {case["identity_id"].lower(): {}}
    lost = {name for name in before if name not in sent and not may_be_left_out(name, every.read_only)}
    changed = {name for name in before if name in sent and before[name] != sent[name]}
    assert {name for name in lost | changed if not name.startswith(KMS)} == set()
    # each reason is still one
    for name in NOT_SENT:
        assert any(field.startswith(name) for field in before), name


def client(case):
    credential = ClientSecretCredential(
        case["tenant_id"],
        case["client_id"],
        case["client_secret"],
        authority=case["authority"],
        disable_instance_discovery=True,
    )
    scopes = [case["arm"] + "/.default"]
    service = ContainerServiceClient(credential, case.subscription, base_url=case["arm"], credential_scopes=scopes)
    return service.managed_clusters


def filled(real, every):
    """The real document, with every field that it lacks."""
    if isinstance(real, dict) and isinstance(every, dict):
        return {name: filled(real.get(name, every.get(name)), every.get(name)) for name in real | every}
    if isinstance(real, list) and isinstance(every, list) and real and every:
        return [filled(value, every[0]) for value in real]
    return every if real is None else real


def may_be_left_out(name: str, read_only: set) -> bool:
    parts = name.split(".")
    parents = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return bool(parents & read_only) or any(name.startswith(left_out) for left_out in NOT_SENT)
