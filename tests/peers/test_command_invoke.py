"""`az aks command invoke`, for who has no way to the API server."""

# Commands run on this machine, as its user, with this option only.
RUN = ("--run-command",)
INVOKE = "az aks command invoke --name $CLUSTER --resource-group $RESOURCE_GROUP --command "


def test_a_command_runs_in_a_cluster_with_a_real_api_server(sandbox):
    world = sandbox({
        "cluster": {"backend": "real", "api_servers": 1},
        "secrets": {"namespaces": 1, "each": 2},
    }, options=RUN)
    answer = world.run(INVOKE + '"kubectl get secrets --namespace team-1 --output name"')
    assert "exitcode=0" in answer
    assert answer.split()[-2:] == ["secret/secret-1", "secret/secret-2"]

    (world.shell.home / "secret.yaml").write_text(
        "{apiVersion: v1, kind: Secret, metadata: {name: made, namespace: team-1}}\n"
    )
    world.run(INVOKE + '"kubectl create -f secret.yaml" --file secret.yaml')
    assert world.case.secrets()["total"] == 3


def test_where_there_is_no_such_thing_az_is_told(sandbox):
    world = sandbox({}, options=RUN)
    assert "RunCommandNotAvailable" in world.refused(INVOKE + '"kubectl get secrets"')


def test_a_simulator_that_was_not_told_to_runs_none_and_says_so(sandbox):
    world = sandbox({"cluster": {"backend": "real", "api_servers": 1}, "secrets": {"namespaces": 1, "each": 1}})
    mark = world.shell.home / "it-ran"
    refusal = world.refused(INVOKE + f'"touch {mark}"')
    assert "RunCommandNotAvailable" in refusal and "--run-command" in refusal
    assert not mark.exists()
