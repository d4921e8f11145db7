"""The verbs of the fleet that is awaited.

Generated from bindings/schema.json by `bindings-python/generate`: change it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal

from aks_kms._fleet_caller import PerCluster
from aks_kms._generated.results import (
    CustomerManagedKey,
    FleetProgress,
    FleetReport,
    NetworkMode,
    Pace,
    ReencryptOptions,
    RuleId,
)
from aks_kms.aio._fleet_caller import AsyncFleetCaller


class FleetVerbs(AsyncFleetCaller):
    """The verbs of a fleet."""

    async def rotate(
        self,
        *,
        when_older_than: float | timedelta,
        waves: Iterable[int] = (),
        max_clusters: int | None = None,
        stop_after_failures: int | None = None,
        key_vault_id: str | None = None,
        network_mode: NetworkMode | str | None = None,
        wait: bool = True,
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        """Rotates each cluster whose key is too old to a new version of it, rewrites every secret and proves it.

        A cluster whose key is younger is left alone, and one with an unfinished rotation is gone on
        with. So the same call may be made every night: no key gets a second version.

        See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.

        Cancelling the task stops the work at once, in a state that the same call goes on with from
        any machine.

        Args:
            when_older_than: How old the version of a key in use may become, by its creation time in
                the vault and Azure's own clock. A cluster whose key is younger is `not-due`, and
                nothing is done there; one with an unfinished rotation is gone on with however young its
                key is; where the age cannot be told, it is refused. A number of seconds, or a
                timedelta.
            waves: How many clusters come first, then next, and so on; the rest comes last: `[1, 10,
                100]`. A wave is begun only when every cluster of the one before is done or not due:
                refused and unfinished ones count as failed. What only reads, and a dry run, goes
                through all of them at once. Default: one wave.
            max_clusters: Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing
                is written.
            stop_after_failures: After so many clusters that failed, were refused or are unfinished,
                no other one is begun; those at work come to their end. Default: a wave goes on to its
                end.
            key_vault_id: Resource id of the key's vault. Default: the vault in use, if the key is
                in it. Required in private mode for another vault.
            network_mode: How the API servers reach the key's vault. Default: as they reach the one
                in use.
            wait: Of a customer-managed key: whether to wait until AKS has taken up the new version,
                7 hours at most, which are not part of `timeout`. Without, the operation stays recorded,
                and the same call or `resume` goes on with it. Default: yes.
            reencrypt: Whether secrets are rewritten afterwards. Default: yes.
            dry_run: Plan and findings of each cluster, nothing is written. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of each cluster's operation. Default: 2 hours. A number of seconds,
                or a timedelta.
            on_progress: Is called with each `FleetProgress`, on the thread (the event loop) that
                waits. Default: none. What it raises is reported by `sys.unraisablehook`, and stops
                nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What became of each cluster.

        Raises:
            KmsError: An argument is malformed, or a cluster has no key; or the clusters of
                subscriptions could not be looked for. What becomes of one cluster is in its row, and no
                error.
            TypeError: An argument is of the wrong type.
        """
        return await self._call(
            "rotate",
            {
                "when_older_than": when_older_than,
                "waves": waves,
                "max_clusters": max_clusters,
                "stop_after_failures": stop_after_failures,
                "key_vault_id": key_vault_id,
                "network_mode": network_mode,
                "wait": wait,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )

    async def enable(
        self,
        key_ids: PerCluster[str],
        *,
        waves: Iterable[int] = (),
        max_clusters: int | None = None,
        stop_after_failures: int | None = None,
        key_vault_id: str | None = None,
        network_mode: NetworkMode | str = "public",
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        """Turns KMS on in each cluster with its key, rewrites every secret under it and proves it.

        Where it is on with this key already, nothing is set, and all secrets are verified.

        See <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.

        Cancelling the task stops the work at once, in a state that the same call goes on with from
        any machine.

        Args:
            key_ids: The key of each cluster, `https://<vault host>/keys/<name>/<version>`: one for
                all, or by the cluster's resource id. A cluster without one is an error before anything
                is done. A function, called with the resource id, may say it as well.
            waves: How many clusters come first, then next, and so on; the rest comes last: `[1, 10,
                100]`. A wave is begun only when every cluster of the one before is done or not due:
                refused and unfinished ones count as failed. What only reads, and a dry run, goes
                through all of them at once. Default: one wave.
            max_clusters: Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing
                is written.
            stop_after_failures: After so many clusters that failed, were refused or are unfinished,
                no other one is begun; those at work come to their end. Default: a wave goes on to its
                end.
            key_vault_id: Resource id of the key's vault. Required in private mode; helps to find
                the vault in public mode.
            network_mode: How the API servers reach the vault. Default: public.
            reencrypt: Whether secrets are rewritten afterwards. Default: yes.
            dry_run: Plan and findings of each cluster, nothing is written. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of each cluster's operation. Default: 2 hours. A number of seconds,
                or a timedelta.
            on_progress: Is called with each `FleetProgress`, on the thread (the event loop) that
                waits. Default: none. What it raises is reported by `sys.unraisablehook`, and stops
                nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What became of each cluster.

        Raises:
            KmsError: An argument is malformed, or a cluster has no key; or the clusters of
                subscriptions could not be looked for. What becomes of one cluster is in its row, and no
                error.
            TypeError: An argument is of the wrong type.
        """
        return await self._call(
            "enable",
            {
                "key_ids": key_ids,
                "waves": waves,
                "max_clusters": max_clusters,
                "stop_after_failures": stop_after_failures,
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

    async def set_data_encryption(
        self,
        key_sources: PerCluster[Literal["platform-managed"] | CustomerManagedKey | Mapping[str, Any]],
        *,
        waves: Iterable[int] = (),
        max_clusters: int | None = None,
        stop_after_failures: int | None = None,
        reencrypt: bool | ReencryptOptions | Mapping[str, Any] = True,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        """Moves each cluster to KMS data encryption with its key, rewrites every secret and proves it.

        It cannot be turned off, and there is no way back to KMS with a versioned key: name
        `data-encryption-irreversible` in `allow`. Where it is on with this key already, nothing is
        set, and all secrets are verified.

        See <https://learn.microsoft.com/azure/aks/kms-data-encryption>.

        Cancelling the task stops the work at once, in a state that the same call goes on with from
        any machine.

        Args:
            key_sources: The key of each cluster, `platform-managed` or a customer-managed key
                without a version: one for all, or by the cluster's resource id. A cluster without one
                is an error before anything is done. A function, called with the resource id, may say it
                as well.
            waves: How many clusters come first, then next, and so on; the rest comes last: `[1, 10,
                100]`. A wave is begun only when every cluster of the one before is done or not due:
                refused and unfinished ones count as failed. What only reads, and a dry run, goes
                through all of them at once. Default: one wave.
            max_clusters: Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing
                is written.
            stop_after_failures: After so many clusters that failed, were refused or are unfinished,
                no other one is begun; those at work come to their end. Default: a wave goes on to its
                end.
            reencrypt: Whether secrets are rewritten and proven afterwards. AKS rewrites them by
                itself, and does not say when it is done. Default: yes.
            dry_run: Plan and findings of each cluster, nothing is written. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of each cluster's operation. Default: 2 hours. A number of seconds,
                or a timedelta.
            on_progress: Is called with each `FleetProgress`, on the thread (the event loop) that
                waits. Default: none. What it raises is reported by `sys.unraisablehook`, and stops
                nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What became of each cluster.

        Raises:
            KmsError: An argument is malformed, or a cluster has no key; or the clusters of
                subscriptions could not be looked for. What becomes of one cluster is in its row, and no
                error.
            TypeError: An argument is of the wrong type.
        """
        return await self._call(
            "set_data_encryption",
            {
                "key_sources": key_sources,
                "waves": waves,
                "max_clusters": max_clusters,
                "stop_after_failures": stop_after_failures,
                "reencrypt": reencrypt,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )

    async def reencrypt_secrets(
        self,
        *,
        waves: Iterable[int] = (),
        max_clusters: int | None = None,
        stop_after_failures: int | None = None,
        namespaces: Iterable[str] | None = None,
        pace: Pace | str = "gentle",
        max_concurrency: int = 64,
        max_requests_per_second: int | None = None,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        """Rewrites the secrets of each cluster under its key in use, and proves it: the storage migration.

        Secrets that are under the key already are not written.

        Cancelling the task stops the work at once, in a state that the same call goes on with from
        any machine.

        Args:
            waves: How many clusters come first, then next, and so on; the rest comes last: `[1, 10,
                100]`. A wave is begun only when every cluster of the one before is done or not due:
                refused and unfinished ones count as failed. What only reads, and a dry run, goes
                through all of them at once. Default: one wave.
            max_clusters: Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing
                is written.
            stop_after_failures: After so many clusters that failed, were refused or are unfinished,
                no other one is begun; those at work come to their end. Default: a wave goes on to its
                end.
            namespaces: Only these namespaces; a part of the cluster is never proof of the whole.
                Only for `reencrypt_secrets`. Default: all.
            pace: How hard to press the API server. Default: gentle.
            max_concurrency: Requests in flight at most, 1 to 1024. Default: 64.
            max_requests_per_second: Requests a second at most. Default: no limit.
            dry_run: Plan and findings of each cluster, nothing is written. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of each cluster's operation. Default: 2 hours. A number of seconds,
                or a timedelta.
            on_progress: Is called with each `FleetProgress`, on the thread (the event loop) that
                waits. Default: none. What it raises is reported by `sys.unraisablehook`, and stops
                nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What became of each cluster.

        Raises:
            KmsError: An argument is malformed, or a cluster has no key; or the clusters of
                subscriptions could not be looked for. What becomes of one cluster is in its row, and no
                error.
            TypeError: An argument is of the wrong type.
        """
        return await self._call(
            "reencrypt_secrets",
            {
                "waves": waves,
                "max_clusters": max_clusters,
                "stop_after_failures": stop_after_failures,
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

    async def verify_secrets(
        self,
        *,
        waves: Iterable[int] = (),
        max_clusters: int | None = None,
        stop_after_failures: int | None = None,
        namespaces: Iterable[str] | None = None,
        dry_run: bool = False,
        allow: Iterable[RuleId | str] = (),
        give_up_secrets: Iterable[str] = (),
        timeout: float | timedelta = 7200.0,
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        """Proves, without writing, that no secret of any cluster is under another key than the one in use.

        Where there is no proof of an earlier operation to compare with, it needs Kubernetes 1.34 or
        later.

        Args:
            waves: How many clusters come first, then next, and so on; the rest comes last: `[1, 10,
                100]`. A wave is begun only when every cluster of the one before is done or not due:
                refused and unfinished ones count as failed. What only reads, and a dry run, goes
                through all of them at once. Default: one wave.
            max_clusters: Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing
                is written.
            stop_after_failures: After so many clusters that failed, were refused or are unfinished,
                no other one is begun; those at work come to their end. Default: a wave goes on to its
                end.
            namespaces: Only these namespaces. Default: all.
            dry_run: Plan and findings of each cluster, nothing is written. Default: false.
            allow: Rules whose refusal is lifted, where they are overridable. Default: none.
            give_up_secrets: Secrets as `namespace/name` that may stay blocked without failing the
                operation; they can become unreadable. Names that are not blocked are ignored. Default:
                none.
            timeout: Time limit of each cluster's operation. Default: 2 hours. A number of seconds,
                or a timedelta.
            on_progress: Is called with each `FleetProgress`, on the thread (the event loop) that
                waits. Default: none. What it raises is reported by `sys.unraisablehook`, and stops
                nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What became of each cluster.

        Raises:
            KmsError: An argument is malformed, or a cluster has no key; or the clusters of
                subscriptions could not be looked for. What becomes of one cluster is in its row, and no
                error.
            TypeError: An argument is of the wrong type.
        """
        return await self._call(
            "verify_secrets",
            {
                "waves": waves,
                "max_clusters": max_clusters,
                "stop_after_failures": stop_after_failures,
                "namespaces": namespaces,
                "dry_run": dry_run,
                "allow": allow,
                "give_up_secrets": give_up_secrets,
                "timeout": timeout,
            },
            on_progress,
            progress,
        )

    async def status(
        self,
        *,
        waves: Iterable[int] = (),
        max_clusters: int | None = None,
        stop_after_failures: int | None = None,
        secrets: bool = False,
        when_older_than: float | timedelta | None = None,
        dry_run: bool = False,
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        """Reads the present state of each cluster, and says what is wrong or will be.

        Each row has the whole state as `status`.

        Args:
            waves: How many clusters come first, then next, and so on; the rest comes last: `[1, 10,
                100]`. A wave is begun only when every cluster of the one before is done or not due:
                refused and unfinished ones count as failed. What only reads, and a dry run, goes
                through all of them at once. Default: one wave.
            max_clusters: Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing
                is written.
            stop_after_failures: After so many clusters that failed, were refused or are unfinished,
                no other one is begun; those at work come to their end. Default: a wave goes on to its
                end.
            secrets: Also count the secrets. Default: false.
            when_older_than: Report the rule `key-age` where the key in use is at least so old.
                Default: never. A number of seconds, or a timedelta.
            dry_run: Plan and findings of each cluster, nothing is written. Default: false.
            on_progress: Is called with each `FleetProgress`, on the thread (the event loop) that
                waits. Default: none. What it raises is reported by `sys.unraisablehook`, and stops
                nothing.
            progress: Show a bar on standard error: of tqdm or rich where one is installed, else
                lines. Default: False.

        Returns:
            What became of each cluster.

        Raises:
            KmsError: An argument is malformed, or a cluster has no key; or the clusters of
                subscriptions could not be looked for. What becomes of one cluster is in its row, and no
                error.
            TypeError: An argument is of the wrong type.
        """
        return await self._call(
            "status",
            {
                "waves": waves,
                "max_clusters": max_clusters,
                "stop_after_failures": stop_after_failures,
                "secrets": secrets,
                "when_older_than": when_older_than,
                "dry_run": dry_run,
            },
            on_progress,
            progress,
        )
