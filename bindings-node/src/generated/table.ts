// The verbs, as data.
//
// Generated from bindings/schema.json by `bindings-node/generate.mjs`: change it there.

import type { Verb } from "../arguments.js";

export const verbs = {
  "provision": {
    "method": "provision",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "authorization",
        "json": "authorization",
        "form": "text",
        "choices": [
          "rbac",
          "access-policy"
        ],
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "experience",
        "json": "experience",
        "form": "text",
        "choices": [
          "key-vault",
          "customer-managed",
          "platform-managed"
        ],
        "required": false
      },
      {
        "name": "identity",
        "json": "identity",
        "form": "text",
        "required": false
      },
      {
        "name": "key",
        "json": "key",
        "form": "text",
        "required": false
      },
      {
        "name": "keyExpiresIn",
        "json": "key_expires_in",
        "form": "seconds",
        "required": false
      },
      {
        "name": "keySize",
        "json": "key_size",
        "form": "integer",
        "required": false
      },
      {
        "name": "keyVault",
        "json": "key_vault",
        "form": "text",
        "required": false
      },
      {
        "name": "location",
        "json": "location",
        "form": "text",
        "required": false
      },
      {
        "name": "networkMode",
        "json": "network_mode",
        "form": "text",
        "choices": [
          "public",
          "private"
        ],
        "required": false
      },
      {
        "name": "purgeProtection",
        "json": "purge_protection",
        "form": "boolean",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "create_cluster": {
    "method": "createCluster",
    "arguments": [
      {
        "name": "body",
        "json": "body",
        "form": "free",
        "required": true
      },
      {
        "name": "keySource",
        "json": "key_source",
        "form": "wordOrDocument",
        "required": true
      }
    ],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "identityId",
        "json": "identity_id",
        "form": "text",
        "required": false
      },
      {
        "name": "keyVaultId",
        "json": "key_vault_id",
        "form": "text",
        "required": false
      },
      {
        "name": "networkMode",
        "json": "network_mode",
        "form": "text",
        "choices": [
          "public",
          "private"
        ],
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "enable": {
    "method": "enable",
    "arguments": [
      {
        "name": "keyId",
        "json": "key_id",
        "form": "text",
        "required": true
      }
    ],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "keyVaultId",
        "json": "key_vault_id",
        "form": "text",
        "required": false
      },
      {
        "name": "networkMode",
        "json": "network_mode",
        "form": "text",
        "choices": [
          "public",
          "private"
        ],
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "rotate": {
    "method": "rotate",
    "arguments": [
      {
        "name": "keyId",
        "json": "key_id",
        "form": "text",
        "required": false
      }
    ],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "keyVaultId",
        "json": "key_vault_id",
        "form": "text",
        "required": false
      },
      {
        "name": "networkMode",
        "json": "network_mode",
        "form": "text",
        "choices": [
          "public",
          "private"
        ],
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "wait",
        "json": "wait",
        "form": "boolean",
        "required": false
      },
      {
        "name": "whenOlderThan",
        "json": "when_older_than",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "disable": {
    "method": "disable",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "change_network_mode": {
    "method": "changeNetworkMode",
    "arguments": [
      {
        "name": "networkMode",
        "json": "network_mode",
        "form": "text",
        "choices": [
          "public",
          "private"
        ],
        "required": true
      }
    ],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "vaultAccess",
        "json": "vault_access",
        "form": "text",
        "choices": [
          "change",
          "keep"
        ],
        "required": false
      }
    ],
    "progress": true
  },
  "migrate_to_v2": {
    "method": "migrateToV2",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "kubernetesVersion",
        "json": "kubernetes_version",
        "form": "text",
        "required": false
      },
      {
        "name": "nodePools",
        "json": "node_pools",
        "form": "text",
        "choices": [
          "upgrade",
          "keep"
        ],
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "set_data_encryption": {
    "method": "setDataEncryption",
    "arguments": [
      {
        "name": "keySource",
        "json": "key_source",
        "form": "wordOrDocument",
        "choices": [
          "platform-managed"
        ],
        "required": true
      }
    ],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "reencrypt_secrets": {
    "method": "reencryptSecrets",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "maxConcurrency",
        "json": "max_concurrency",
        "form": "integer",
        "required": false
      },
      {
        "name": "maxRequestsPerSecond",
        "json": "max_requests_per_second",
        "form": "integer",
        "required": false
      },
      {
        "name": "namespaces",
        "json": "namespaces",
        "form": "texts",
        "required": false
      },
      {
        "name": "pace",
        "json": "pace",
        "form": "text",
        "choices": [
          "gentle",
          "fast"
        ],
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "verify_secrets": {
    "method": "verifySecrets",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "namespaces",
        "json": "namespaces",
        "form": "texts",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": true
  },
  "status": {
    "method": "status",
    "arguments": [],
    "options": [
      {
        "name": "secrets",
        "json": "secrets",
        "form": "boolean",
        "required": false
      },
      {
        "name": "whenOlderThan",
        "json": "when_older_than",
        "form": "seconds",
        "required": false
      }
    ],
    "progress": false
  },
  "check_action": {
    "method": "checkAction",
    "arguments": [
      {
        "name": "action",
        "json": "action",
        "form": "document",
        "required": true
      }
    ],
    "options": [],
    "progress": false
  },
  "resume": {
    "method": "resume",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "maxConcurrency",
        "json": "max_concurrency",
        "form": "integer",
        "required": false
      },
      {
        "name": "maxRequestsPerSecond",
        "json": "max_requests_per_second",
        "form": "integer",
        "required": false
      },
      {
        "name": "namespaces",
        "json": "namespaces",
        "form": "texts",
        "required": false
      },
      {
        "name": "pace",
        "json": "pace",
        "form": "text",
        "choices": [
          "gentle",
          "fast"
        ],
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "wait",
        "json": "wait",
        "form": "boolean",
        "required": false
      }
    ],
    "progress": true
  },
  "abandon": {
    "method": "abandon",
    "arguments": [],
    "options": [],
    "progress": false
  }
} as const satisfies Record<string, Verb>;

/** What is done to many clusters. */
export const fleetVerbs = {
  "rotate": {
    "method": "rotate",
    "arguments": [],
    "options": [
      {
        "name": "whenOlderThan",
        "json": "when_older_than",
        "form": "seconds",
        "required": true
      },
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "keyVaultId",
        "json": "key_vault_id",
        "form": "text",
        "required": false
      },
      {
        "name": "networkMode",
        "json": "network_mode",
        "form": "text",
        "choices": [
          "public",
          "private"
        ],
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "wait",
        "json": "wait",
        "form": "boolean",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "maxClusters",
        "json": "max_clusters",
        "form": "integer",
        "required": false
      },
      {
        "name": "stopAfterFailures",
        "json": "stop_after_failures",
        "form": "integer",
        "required": false
      },
      {
        "name": "waves",
        "json": "waves",
        "form": "integers",
        "required": false
      }
    ],
    "progress": true
  },
  "enable": {
    "method": "enable",
    "arguments": [
      {
        "name": "keyIds",
        "json": "key_ids",
        "form": "text",
        "required": true,
        "each": true
      }
    ],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "keyVaultId",
        "json": "key_vault_id",
        "form": "text",
        "required": false
      },
      {
        "name": "networkMode",
        "json": "network_mode",
        "form": "text",
        "choices": [
          "public",
          "private"
        ],
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "maxClusters",
        "json": "max_clusters",
        "form": "integer",
        "required": false
      },
      {
        "name": "stopAfterFailures",
        "json": "stop_after_failures",
        "form": "integer",
        "required": false
      },
      {
        "name": "waves",
        "json": "waves",
        "form": "integers",
        "required": false
      }
    ],
    "progress": true
  },
  "set_data_encryption": {
    "method": "setDataEncryption",
    "arguments": [
      {
        "name": "keySources",
        "json": "key_sources",
        "form": "wordOrDocument",
        "choices": [
          "platform-managed"
        ],
        "required": true,
        "each": true
      }
    ],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "reencrypt",
        "json": "reencrypt",
        "form": "rewrite",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "maxClusters",
        "json": "max_clusters",
        "form": "integer",
        "required": false
      },
      {
        "name": "stopAfterFailures",
        "json": "stop_after_failures",
        "form": "integer",
        "required": false
      },
      {
        "name": "waves",
        "json": "waves",
        "form": "integers",
        "required": false
      }
    ],
    "progress": true
  },
  "reencrypt_secrets": {
    "method": "reencryptSecrets",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "maxConcurrency",
        "json": "max_concurrency",
        "form": "integer",
        "required": false
      },
      {
        "name": "maxRequestsPerSecond",
        "json": "max_requests_per_second",
        "form": "integer",
        "required": false
      },
      {
        "name": "namespaces",
        "json": "namespaces",
        "form": "texts",
        "required": false
      },
      {
        "name": "pace",
        "json": "pace",
        "form": "text",
        "choices": [
          "gentle",
          "fast"
        ],
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "maxClusters",
        "json": "max_clusters",
        "form": "integer",
        "required": false
      },
      {
        "name": "stopAfterFailures",
        "json": "stop_after_failures",
        "form": "integer",
        "required": false
      },
      {
        "name": "waves",
        "json": "waves",
        "form": "integers",
        "required": false
      }
    ],
    "progress": true
  },
  "verify_secrets": {
    "method": "verifySecrets",
    "arguments": [],
    "options": [
      {
        "name": "allow",
        "json": "allow",
        "form": "texts",
        "required": false
      },
      {
        "name": "giveUpSecrets",
        "json": "give_up_secrets",
        "form": "texts",
        "required": false
      },
      {
        "name": "namespaces",
        "json": "namespaces",
        "form": "texts",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "seconds",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "maxClusters",
        "json": "max_clusters",
        "form": "integer",
        "required": false
      },
      {
        "name": "stopAfterFailures",
        "json": "stop_after_failures",
        "form": "integer",
        "required": false
      },
      {
        "name": "waves",
        "json": "waves",
        "form": "integers",
        "required": false
      }
    ],
    "progress": true
  },
  "status": {
    "method": "status",
    "arguments": [],
    "options": [
      {
        "name": "secrets",
        "json": "secrets",
        "form": "boolean",
        "required": false
      },
      {
        "name": "whenOlderThan",
        "json": "when_older_than",
        "form": "seconds",
        "required": false
      },
      {
        "name": "dryRun",
        "json": "dry_run",
        "form": "boolean",
        "required": false
      },
      {
        "name": "maxClusters",
        "json": "max_clusters",
        "form": "integer",
        "required": false
      },
      {
        "name": "stopAfterFailures",
        "json": "stop_after_failures",
        "form": "integer",
        "required": false
      },
      {
        "name": "waves",
        "json": "waves",
        "form": "integers",
        "required": false
      }
    ],
    "progress": true
  }
} as const satisfies Record<string, Verb>;

/** What needs no manager. */
export const functions = {
  "list_clusters": {
    "method": "listClusters",
    "arguments": [
      {
        "name": "subscriptions",
        "json": "subscriptions",
        "form": "texts",
        "required": false
      }
    ],
    "options": [
      {
        "name": "apiVersion",
        "json": "api_version",
        "form": "text",
        "required": false
      },
      {
        "name": "caBundle",
        "json": "ca_bundle",
        "form": "text",
        "required": false
      },
      {
        "name": "cloud",
        "json": "cloud",
        "form": "text",
        "required": false
      },
      {
        "name": "resourceGraph",
        "json": "resource_graph",
        "form": "boolean",
        "required": false
      },
      {
        "name": "timeout",
        "json": "timeout",
        "form": "number",
        "required": false
      }
    ],
    "progress": false
  }
} as const satisfies Record<string, Verb>;

/** Names of the members of results that are times. */
export const times: ReadonlySet<string> = new Set(["finished_at","key_created_at","key_expires_at","key_id_hash_since","proven_at","since","started_at"]);
