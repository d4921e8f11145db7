#!/usr/bin/env bash
# A step of a pipeline: moves a cluster to a new version of its key, and fails where somebody has to look.
# CLUSTER_ID names the cluster, KEY_ID its first key. Against the simulator:
# `examples/python/simulated examples/python/pipeline.sh`.
set -euo pipefail

cluster=(--cluster "$CLUSTER_ID" --cloud "${AZURE_RESOURCE_MANAGER:-public}")

# what another run left unfinished comes first; nothing unfinished: nothing is done
aks-kms resume "${cluster[@]}" --yes

if [ "$(aks-kms status "${cluster[@]}" --json | python -c 'import json, sys; print(json.load(sys.stdin)["enabled"])')" = False ]; then
    aks-kms plan enable "$KEY_ID" "${cluster[@]}"
    aks-kms enable "$KEY_ID" "${cluster[@]}" --yes --json > enabled.json
fi

# refused: exit code 2, and each finding with its remedy on standard error
aks-kms rotate "${cluster[@]}" --yes --json > rotated.json
python -c 'import json; print("in use:", json.load(open("rotated.json"))["after"]["key_id"])'
