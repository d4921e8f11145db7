"""Credentials: the classes of azure-identity, objects that are like them, and none at all."""

import asyncio
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

import aks_kms
import pytest
from aks_kms import UnauthenticatedError, aio
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.identity import AzureCliCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.identity.aio import ClientSecretCredential as AioClientSecretCredential
from conftest import credential, manager
from programs import environment, signed_out
from simulator import Case

# What `az account get-access-token` prints, from the case's Entra.
AZ = """#!{python}
import json, os, ssl, sys, time, urllib.parse, urllib.request
arguments = sys.argv[1:]
assert arguments[:2] == ["account", "get-access-token"], arguments
scope = next(after for before, after in zip(arguments, arguments[1:]) if before in ("--scope", "--resource"))
if not scope.endswith("/.default"):
    scope += "/.default"
form = {{
    "grant_type": "client_credentials", "client_id": "{client_id}", "client_secret": "{client_secret}", "scope": scope,
}}
url = "{authority}/{tenant_id}/oauth2/v2.0/token"
context = ssl.create_default_context(cafile="{ca}")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}), urllib.request.HTTPSHandler(context=context))
token = json.load(opener.open(url, urllib.parse.urlencode(form).encode()))
print(json.dumps({{
    "accessToken": token["access_token"], "expires_on": int(time.time()) + 3600, "tokenType": "Bearer",
    "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(time.time() + 3600)),
    "subscription": "{subscription}", "tenant": "{tenant_id}",
}}))
"""


@pytest.fixture
def az(case: Case, tmp_path: Path) -> Path:
    """A folder with `az`, signed in to the case."""
    program = tmp_path / "bin" / "az"
    program.parent.mkdir()
    ca = tmp_path / "ca.pem"
    ca.write_text(case["ca"])
    names = ("client_id", "client_secret", "authority", "tenant_id")
    values = {name: case[name] for name in names}
    subscription = case.cluster_id.split("/")[2]
    program.write_text(AZ.format(python=sys.executable, ca=ca, subscription=subscription, **values))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program.parent


@pytest.fixture
def assertion(case: Case, tmp_path: Path) -> Path:
    """The token of a pod's service account."""
    file = tmp_path / "token"
    file.write_text(case.assertion())
    return file


def test_workload_identity(case: Case, assertion: Path) -> None:
    found = WorkloadIdentityCredential(
        tenant_id=case["tenant_id"],
        client_id=case["client_id"],
        token_file_path=str(assertion),
        authority=case["authority"],
        disable_instance_discovery=True,
    )
    assert manager(case, credential=found).status().cluster == case.cluster_id


def test_managed_identity(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", case["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", case["identity_header"])
    assert manager(case, credential=ManagedIdentityCredential()).status().cluster == case.cluster_id


def test_the_azure_cli(case: Case, az: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(az), prepend=":")
    assert manager(case, credential=AzureCliCredential()).status().cluster == case.cluster_id


def aio_credential(case: Case) -> AioClientSecretCredential:
    return AioClientSecretCredential(
        case["tenant_id"],
        case["client_id"],
        case["client_secret"],
        authority=case["authority"],
        disable_instance_discovery=True,
    )


def test_async_credentials_are_for_both_managers(case: Case) -> None:
    assert manager(case, credential=aio_credential(case)).status().cluster == case.cluster_id

    async def awaited() -> str:
        async with aio_credential(case) as found:
            kms = aio.KmsManager(case.cluster_id, credential=found, cloud=case["arm"])
            return (await kms.status()).cluster

    assert asyncio.run(awaited()) == case.cluster_id


class Own:
    """A credential of one's own, that notes where it is asked."""

    def __init__(self, case: Case) -> None:
        self.inner = credential(case)
        self.threads: set[int] = set()
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.threads.add(threading.get_ident())
        self.scopes += scopes
        return self.inner.get_token(*scopes)


class OwnInfo:
    """The same with `get_token_info` alone."""

    def __init__(self, case: Case) -> None:
        self.inner = credential(case)

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        return self.inner.get_token_info(*scopes)


class OwnAwaited(Own):
    """The same, awaited."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().get_token(*scopes)


def test_anything_that_gets_tokens_will_do(case: Case) -> None:
    own = Own(case)
    assert manager(case, credential=own).status().cluster == case.cluster_id
    assert any(scope.startswith(case["arm"]) for scope in own.scopes)
    assert manager(case, credential=OwnInfo(case)).status().cluster == case.cluster_id


def test_a_sync_credential_is_asked_off_the_loop_and_an_async_one_on_it(case: Case) -> None:
    async def status(found: Any) -> None:
        kms = aio.KmsManager(case.cluster_id, credential=found, cloud=case["arm"])
        await kms.status()

    off, on = Own(case), OwnAwaited(case)
    asyncio.run(status(off))
    asyncio.run(status(on))
    assert off.threads
    assert threading.get_ident() not in off.threads
    assert on.threads == {threading.get_ident()}


class SignInError(Exception):
    """Of a credential of one's own."""


class Fails:
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        raise SignInError("the door is locked")


class FailsAwaited:
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        raise SignInError("the door is locked")


@pytest.mark.parametrize("failing", [Fails(), FailsAwaited()], ids=lambda it: type(it).__name__)
@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_credential_raises_is_the_cause(case: Case, failing: Any, is_async: bool) -> None:
    def status() -> object:
        if not is_async:
            return manager(case, credential=failing).status()
        kms = aio.KmsManager(case.cluster_id, credential=failing, cloud=case["arm"])
        return asyncio.run(kms.status())

    with pytest.raises(UnauthenticatedError) as caught:
        status()
    assert "the door is locked" in str(caught.value)
    cause = caught.value.__cause__
    assert type(cause) is SignInError
    names = []
    at = cause.__traceback__
    while at is not None:
        names.append(at.tb_frame.f_code.co_name)
        at = at.tb_next
    assert names[-1] == "get_token"


def test_a_token_of_another_form_is_told(case: Case) -> None:
    class Wrong:
        def get_token(self, *scopes: str, **_: Any) -> str:
            return "text"

    with pytest.raises(UnauthenticatedError) as caught:
        manager(case, credential=Wrong()).status()
    assert isinstance(caught.value.__cause__, AttributeError)
    with pytest.raises(TypeError, match="has no get_token"):
        manager(case, credential=object())


def run_without_credential(case: Case, more: dict[str, str]) -> tuple[int, str]:
    import subprocess

    program = (
        "import sys, aks_kms; print(aks_kms.KmsManager(sys.argv[1], cloud=sys.argv[2]).status().cluster)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, case.cluster_id, case["arm"]],
        env={**environment(signed_out()), "AZURE_AUTHORITY_HOST": case["authority"], **more},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return found.returncode, found.stdout + found.stderr


def test_without_one_the_first_that_gives_a_token_signs_in(case: Case, assertion: Path, az: Path) -> None:
    workload = {
        "AZURE_FEDERATED_TOKEN_FILE": str(assertion),
        "AZURE_TENANT_ID": case["tenant_id"],
        "AZURE_CLIENT_ID": case["client_id"],
    }
    machine = {"IDENTITY_ENDPOINT": case["identity_endpoint"], "IDENTITY_HEADER": case["identity_header"]}
    import os

    cli = {"PATH": f"{az}{os.pathsep}{os.environ['PATH']}"}
    for more in (workload, machine, cli):
        code, output = run_without_credential(case, more)
        assert (code, output.strip()) == (0, case.cluster_id)


def test_without_any_each_is_named(case: Case) -> None:
    at = time.monotonic()
    code, output = run_without_credential(case, {"PATH": "/nowhere"})
    assert code == 1
    assert "aks_kms.UnauthenticatedError" in output
    for name in ("workload identity", "managed identity", "the Azure CLI"):
        assert name in output
    assert time.monotonic() - at < 20


def test_no_token_is_in_what_is_raised_or_shown(case: Case) -> None:
    class Leaks:
        def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            return AccessToken("needle", int(time.time()) + 3600)

    kms = manager(case, credential=Leaks())
    with pytest.raises(aks_kms.KmsError) as caught:
        kms.status()
    assert "needle" not in f"{caught.value!r} {caught.value} {kms!r}"
