"""The verbs of the manager that blocks.

Generated from bindings/schema.json by `bindings-python/generate`: change it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal

from aks_kms._caller import Caller
from aks_kms._generated.results import (
    Action,
    CustomerManagedKey,
    Experience,
    Finding,
    KmsStatus,
    NetworkMode,
    NodePools,
    OperationReport,
    Pace,
    Progress,
    Provisioned,
    ReencryptOptions,
    RuleId,
    VaultAccess,
    VaultAuthorization,
)


class Verbs(Caller):
    """The verbs of a manager."""

    def provision(
        self,
        *,
        authorization: VaultAuthorization | str = "rbac",
        experience: Experience | str = "key-vault",
        identity: str | None = None,
        key: str | None = None,
        key_expires_in: float | timedelta | None = None,
        key_size: int = 2048,
        key_vault: str | None = None,
        location: str | None = None,
        network_mode: NetworkMode | str = "public",
        purge_protection: bool | None = None,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> Provisioned:
        """Makes what must be there before KMS is turned on: vault, key, identity and access.

        The cluster itself may be there or not; it is not changed. What is there is taken as it is:
        nothing is written over, an existing key gets no new version, an existing vault keeps its
        settings. A second call makes nothing, and an interrupted one is gone on with by the same
        call. Everything is made through Resource Manager, so that no right inside the vault and no
        network path to it is needed. Azure does not tell when a role has reached a vault, so after
        giving one it waits 5 minutes.

        With the experience `customer-managed` the key is for `set_data_encryption`: it is named
        without a version, the identity gets a role by which AKS follows it to its newest one, and
        for private access the vault lets trusted services of Azure in, without private endpoints.

        See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
        <https://learn.microsoft.com/azure/aks/kms-data-encryption>.

        Ctrl-C stops the work at once, in a state that the same call goes on with from any machine.

        Args:
            authorization: How a vault that is made decides who may use its keys. Default: rbac.
            experience: What the key is for. key-vault: `enable`, which takes it with its version.
                customer-managed: `set_data_encryption`, which takes it without one; the identity gets
                the role Key Vault Reader, too. For platform-managed nothing is to be made, so it is
                refused. Default: key-vault.
            identity: The user-assigned identity: a name, for one in the cluster's resource group,
                or a resource id. Default: the one that the cluster runs as; where there is none,
                `<cluster>-identity`.
            key: The key: a name, or a key id. A key id also names its vault, in the cluster's
                resource group unless `key_vault` says where; and with a version, which a
                customer-managed key must not have, it is a key that must be there. Default: `etcd`.
            key_expires_in: How long a key that is made is valid, from now on; it must be rotated
                before. Default: for ever. A number of seconds, or a timedelta.
            key_size: Bits of an RSA key that is made: 2048, 3072 or 4096. Default: 2048.
            key_vault: The vault: a name, for a vault in the cluster's resource group, or a resource
                id. Default: a name that belongs to this cluster alone, `kms-` and 16 hexadecimal
                digits.
            location: Azure region of what is made. Default: the cluster's, or that of the resource
                group where there is no cluster yet.
            network_mode: How the API servers are to reach the vault. For private access a vault
                that is made is closed to the public, and the identity may approve private endpoint
                connections; of a customer-managed key instead, trusted services of Azure pass its
                firewall. Default: public.
            purge_protection: Purge protection, which cannot be turned off again. Default: a vault
                that is made has it, one that is there keeps what it has. True: one that is there gets
                it too. False: a vault is made without.
            dry_run: Return what would be made, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            timeout: Time limit of the whole call. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What is there now, or with `dry_run` would be made.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: Provisioned = self._call(
            "provision",
            {
                "authorization": authorization,
                "experience": experience,
                "identity": identity,
                "key": key,
                "key_expires_in": key_expires_in,
                "key_size": key_size,
                "key_vault": key_vault,
                "location": location,
                "network_mode": network_mode,
                "purge_protection": purge_protection,
                "dry_run": dry_run,
                "allow": allow,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def create_cluster(
        self,
        body: Mapping[str, Any],
        key_source: str | CustomerManagedKey | Mapping[str, Any],
        *,
        identity_id: str | None = None,
        key_vault_id: str | None = None,
        network_mode: NetworkMode | str | None = None,
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Makes the cluster with KMS on from the start, and proves every secret of it.

        A cluster that exists is never changed: one with this identity, key and network mode is
        waited for and proven, any other one is refused. So an interrupted call is gone on with by
        the same call. In the report, the provisioning state before is `NotCreated`.

        With a key of data encryption, which cannot be turned off, name
        `data-encryption-irreversible` in `allow`; it needs Kubernetes 1.33 or later. A call that
        finds a cluster with a platform-managed key, and has not made it, cannot tell its key from
        another, and says so as `key-in-use-unproven`.

        See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
        <https://learn.microsoft.com/azure/aks/kms-data-encryption>.

        Ctrl-C stops the work at once, in a state that the same call goes on with from any machine.

        Args:
            body: The cluster as the Azure REST API takes it; identity and KMS profile are put into
                it.
            key_source: The key: the id of one with its version, `https://<vault
                host>/keys/<name>/<version>`; or for KMS data encryption `platform-managed`, or a
                customer-managed key without a version.
            identity_id: Resource id of the user-assigned identity that the cluster runs as.
                Default: the one in `body`.
            key_vault_id: Resource id of the vault of a key with a version. Required in private
                mode; helps to find the vault in public mode. Of a customer-managed key it is named with
                the key.
            network_mode: How the API servers reach the vault of a key with a version; of a
                customer-managed key it is named with the key. Default: public.
            reencrypt: Whether secrets are rewritten and proven afterwards. Default: yes.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "create_cluster",
            {
                "body": body,
                "key_source": key_source,
                "identity_id": identity_id,
                "key_vault_id": key_vault_id,
                "network_mode": network_mode,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def enable(
        self,
        key_id: str,
        *,
        key_vault_id: str | None = None,
        network_mode: NetworkMode | str = "public",
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Turns KMS on with a key, rewrites every secret under it and proves it.

        Before the first write it checks every documented limitation. Already on with this key: the
        cluster is not changed, but secrets that an unfinished run left behind are rewritten, and
        all are verified.

        See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            key_id: The key: `https://<vault host>/keys/<name>/<version>`.
            key_vault_id: Resource id of the key's vault. Required in private mode; helps to find
                the vault in public mode.
            network_mode: How the API servers reach the vault. Default: public.
            reencrypt: Whether secrets are rewritten afterwards. Default: yes.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "enable",
            {
                "key_id": key_id,
                "key_vault_id": key_vault_id,
                "network_mode": network_mode,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def rotate(
        self,
        key_id: str | None = None,
        *,
        key_vault_id: str | None = None,
        network_mode: NetworkMode | str | None = None,
        wait: bool = True,
        when_older_than: float | timedelta | None = None,
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Changes the key, rewrites every secret under the new one and proves it.

        Before the change, every secret is proven to be under the key in use: AKS reads with two
        keys only, and what is left under a third is lost. A key in another vault, reached in
        another mode, is allowed. Already on with this key: nothing is set, all secrets are
        verified. From an unusable new key, `rotate` to the previous key rolls back, without asking
        the secrets first.

        See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            key_id: The new key. Default: a new version of the key in use is made first, once for
                each operation.
            key_vault_id: Resource id of the key's vault. Default: the vault in use, if the key is
                in it. Required in private mode for another vault.
            network_mode: How the API servers reach the key's vault. Default: as they reach the one
                in use.
            wait: Of a customer-managed key: whether to wait until AKS has taken up the new version,
                7 hours at most, which are not part of `timeout`. Without, the operation stays recorded,
                and the same call or `resume` goes on with it. Default: yes.
            when_older_than: Only if the key in use is at least so old, by the creation time of its
                version in the vault and Azure's own clock; else nothing is done, and the report's
                `outcome` is `not-due`. So the same call may be made every day. An operation that is
                unfinished is gone on with however young its key is; where the age cannot be told, the
                call is refused. With a key id, that key is set once the one in use is so old. An hour
                at least. Needs a journal. Default: always. A number of seconds, or a timedelta.
            reencrypt: Whether secrets are rewritten afterwards. Default: yes.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "rotate",
            {
                "key_id": key_id,
                "key_vault_id": key_vault_id,
                "network_mode": network_mode,
                "wait": wait,
                "when_older_than": when_older_than,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def disable(
        self,
        *,
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Turns KMS off, rewrites every secret to plaintext and proves it.

        The last key must be kept, and so must the identity and its access to it: backups of etcd
        may hold secrets under it. Already off: nothing is set, but secrets that are left under a
        key are rewritten, and all are verified.

        See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            reencrypt: Whether secrets are rewritten to plaintext afterwards. Default: yes.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "disable",
            {
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def change_network_mode(
        self,
        network_mode: NetworkMode | str,
        *,
        vault_access: VaultAccess | str = "change",
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Moves the vault in use between public and private access.

        While KMS is on, the mode of the vault in use cannot change: KMS is turned off, every secret
        is rewritten to plaintext, KMS is turned on in the other mode, and every secret is rewritten
        under the key again; each of these is proven before the next. Meanwhile secrets are not
        encrypted with your key. The vault's public network access is opened before the public way
        is taken, and closed only after the private way is proven. To reach another vault in another
        mode, `rotate` directly.

        See <https://learn.microsoft.com/azure/aks/update-kms-key-vault#update-a-key-vault-mode>.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            network_mode: How the API servers are to reach the vault.
            vault_access: Whether the vault's public network access is changed too. Default: change.
            reencrypt: How secrets are rewritten; that they are cannot be skipped.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "change_network_mode",
            {
                "network_mode": network_mode,
                "vault_access": vault_access,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def migrate_to_v2(
        self,
        *,
        kubernetes_version: str | None = None,
        node_pools: NodePools | str = "upgrade",
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Moves a cluster from KMS v1 to KMS v2, which has no limit of 2,000 secrets.

        KMS is turned off and every secret rewritten to plaintext; the cluster is upgraded along the
        versions that AKS offers until it is at 1.27 or later (or at the version asked for); then
        KMS is turned on with the same key in the same mode, and every secret rewritten under it.
        Each of these is proven before the next. Metrics do not show the keys of KMS v1, so the gate
        cannot prove which one is in use: name `key-in-use-unproven` in `allow`.

        See <https://learn.microsoft.com/azure/aks/use-kms-v2#migrate-to-kms-v2>.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            kubernetes_version: The Kubernetes version to end at, 1.27 or later; without a patch the
                lowest that is offered. Default: the first one on the way that has KMS v2.
            node_pools: Whether the node pools are upgraded too. Default: yes.
            reencrypt: How secrets are rewritten; that they are cannot be skipped.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "migrate_to_v2",
            {
                "kubernetes_version": kubernetes_version,
                "node_pools": node_pools,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def set_data_encryption(
        self,
        key_source: Literal["platform-managed"] | CustomerManagedKey | Mapping[str, Any],
        *,
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Moves a cluster to KMS data encryption, or between its keys; rewrites every secret and proves it.

        AKS then looks after the key and the secrets by itself: with a key of the platform's, or
        with a customer-managed one, which it follows to its newest version. It cannot be turned
        off, and there is no way back to KMS with a versioned key: name
        `data-encryption-irreversible` in `allow`. Before the change, every secret is proven to be
        under what the cluster has. AKS rewrites the secrets by itself, and says nothing of it: the
        rewrite here is the proof, and until it is complete no key from before is called removable.

        On this key already: nothing is set, all secrets are verified. Needs Kubernetes 1.33 or
        later.

        See <https://learn.microsoft.com/azure/aks/kms-data-encryption>.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            key_source: The key: `platform-managed`, or a customer-managed key without a version.
            reencrypt: Whether secrets are rewritten and proven afterwards. AKS rewrites them by
                itself, and does not say when it is done. Default: yes.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "set_data_encryption",
            {
                "key_source": key_source,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def reencrypt_secrets(
        self,
        *,
        namespaces: Iterable[str] | None = None,
        pace: Pace | str = "gentle",
        max_concurrency: int = 64,
        max_requests_per_second: int | None = None,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Rewrites secrets under the key in use, and proves it: the storage migration.

        The cluster's configuration is not changed. Secrets that are under the key already are not
        written. With `namespaces` it covers a part of the cluster, which is never proof of the
        whole.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            namespaces: Only these namespaces; a part of the cluster is never proof of the whole.
                Only for `reencrypt_secrets`. Default: all.
            pace: How hard to press the API server. Default: gentle.
            max_concurrency: Requests in flight at most, 1 to 1024. Default: 64.
            max_requests_per_second: Requests a second at most. Default: no limit.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "reencrypt_secrets",
            {
                "namespaces": namespaces,
                "pace": pace,
                "max_concurrency": max_concurrency,
                "max_requests_per_second": max_requests_per_second,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def verify_secrets(
        self,
        *,
        namespaces: Iterable[str] | None = None,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Proves, without writing, that no secret is under another key than the one in use.

        It compares every secret with the proof that an earlier operation recorded. Without such a
        proof, and below Kubernetes 1.34, it cannot tell; `reencrypt_secrets`, which writes nothing
        to secrets that are under the key already, can.

        Args:
            namespaces: Only these namespaces. Default: all.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "verify_secrets",
            {
                "namespaces": namespaces,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def status(
        self,
        *,
        secrets: bool = False,
        when_older_than: float | timedelta | None = None,
    ) -> KmsStatus:
        """Reads the present state, and says what is wrong or will be.

        It takes two minutes at most. An API server that cannot be reached is a finding.

        Args:
            secrets: Also count the secrets. Default: false.
            when_older_than: Report the rule `key-age` where the key in use is at least so old.
                Default: never. A number of seconds, or a timedelta.

        Returns:
            The state of the cluster's KMS.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: KmsStatus = self._call("status", {"secrets": secrets, "when_older_than": when_older_than})
        return result

    def check_action(
        self,
        action: Action | Mapping[str, Any],
    ) -> tuple[Finding, ...]:
        """What stands against something that is about to be done elsewhere; empty: nothing.

        Args:
            action: What is about to be done.

        Returns:
            A finding for each rule that stands against it.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: tuple[Finding, ...] = self._call("check_action", {"action": action})
        return result

    def resume(
        self,
        *,
        wait: bool = True,
        namespaces: Iterable[str] | None = None,
        pace: Pace | str = "gentle",
        max_concurrency: int = 64,
        max_requests_per_second: int | None = None,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> OperationReport:
        """Goes on with the operation that is recorded in the cluster, whoever began it.

        Its plan is made anew from what is observed. Nothing recorded: nothing is done, and the
        report has no steps.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Args:
            wait: As of `rotate`. Default: yes.
            namespaces: Only these namespaces; a part of the cluster is never proof of the whole.
                Only for `reencrypt_secrets`. Default: all.
            pace: How hard to press the API server. Default: gentle.
            max_concurrency: Requests in flight at most, 1 to 1024. Default: 64.
            max_requests_per_second: Requests a second at most. Default: no limit.
            dry_run: Return plan and findings, write nothing. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of the whole operation. Default: 2 hours. A number of seconds, or a
                timedelta.
            on_progress: Is called with each `Progress`, on the thread (the event loop) that waits.
                Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call(
            "resume",
            {
                "wait": wait,
                "namespaces": namespaces,
                "pace": pace,
                "max_concurrency": max_concurrency,
                "max_requests_per_second": max_requests_per_second,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )
        return result

    def abandon(
        self,
    ) -> OperationReport:
        """Drops the recorded operation.

        The cluster stays as it is, which the report says; a key that the operation was changing to
        stays in the ledger as one that may still be needed.

        Ctrl-C stops the work at once, in a state that `resume`, or the same call again, goes on
        with from any machine.

        Returns:
            What was done, or with `dry_run` would be done.

        Raises:
            KmsError: A subclass for each code; its text says what failed, on what, and what to do.
                The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
            TypeError: An argument is of the wrong type.
        """
        result: OperationReport = self._call("abandon", {})
        return result
