"""The page's life cycle by @azure/arm-containerservice: `node --test` in a simulated Azure."""

import shlex
from pathlib import Path

from page import UPDATE_SECRETS

TESTS = Path(__file__).parent / "node"


def test_the_life_cycle(sandbox):
    given = {"cluster": {"backend": "real", "api_servers": 1}, "secrets": {"namespaces": 2, "each": 3}}
    world = sandbox(given)
    world.run("az aks get-credentials --name $CLUSTER --resource-group $RESOURCE_GROUP --admin")
    world.run(f"UPDATE_SECRETS={shlex.quote(UPDATE_SECRETS)}")
    report = world.run(f"node --test --test-reporter tap {TESTS / 'lifecycle.test.mjs'}")
    assert "# pass 2" in report and "# fail 0" in report, report
