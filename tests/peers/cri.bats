# SPDX-License-Identifier: Apache-2.0
#
# Kubernetes' container runtime interface: containerd's, with keel as BinaryName of a runtime class.

load lib

setup_file() {
    peer_setup containerd ctr
    /usr/bin/python3 -c 'import grpc, grpc_tools' 2>/dev/null || skip "no gRPC for python"
    mkdir -p "$PEER/cni/bin" "$PEER/cni/conf" "$PEER/logs"
    cat >"$PEER/config.toml" <<-END
	version = 2
	root = "$PEER/root"
	state = "$PEER/state"
	[grpc]
	  address = "$PEER/socket"
	[ttrpc]
	  address = "$PEER/ttrpc"
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "docker.io/library/busybox:latest"
	  restrict_oom_score_adj = true
	[plugins."io.containerd.grpc.v1.cri".cni]
	  bin_dir = "$PEER/cni/bin"
	  conf_dir = "$PEER/cni/conf"
	[plugins."io.containerd.grpc.v1.cri".containerd]
	  default_runtime_name = "keel"
	[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.keel]
	  runtime_type = "io.containerd.runc.v2"
	[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.keel.options]
	  BinaryName = "$PEER_RUNTIME"
	END
    peer_start containerd.log containerd -c "$PEER/config.toml"
    peer_wait call Version
    # The sandbox runs the image's own command: it must stay. cri keeps its images in this namespace.
    make_pause_archive
    ctr --address "$PEER/socket" -n k8s.io images import "$PEER/pause.tar" >&2
}

teardown_file() { peer_teardown; }

call() {
    "$BATS_TEST_DIRNAME/cri-client" "$PEER/socket" "$@"
}

make_pause_archive() {
    make_oci_layout "$PEER/pause" latest
    umoci config --image "$PEER/pause:latest" --config.cmd sleep --config.cmd 1000000
    copy_image "oci:$PEER/pause:latest" "docker-archive:$PEER/pause.tar:docker.io/library/busybox:latest"
    rm -rf "$PEER/pause"
}

# The host's network: there are no plugins for another one here.
pod_config() {
    jq -n --arg name "pod-$BATS_TEST_NUMBER" --arg logs "$PEER/logs" '{
        metadata: {name: $name, uid: $name, namespace: "tests"}, log_directory: $logs,
        linux: {cgroup_parent: "/pods", security_context: {namespace_options: {network: 2, pid: 1}}}}'
}

# container_config COMMAND-AS-JSON [FILTER]
container_config() {
    jq -n --argjson command "$1" '{metadata: {name: "c"}, command: $command,
        image: {image: "docker.io/library/busybox:latest"}, log_path: "log",
        linux: {security_context: {namespace_options: {network: 2, pid: 1}}}} | '"${2:-.}"
}

setup() {
    POD=$(call RunPodSandbox "$(jq -n --argjson config "$(pod_config)" \
        '{config: $config, runtime_handler: "keel"}')" | jq -r .pod_sandbox_id)
}

teardown() {
    local request

    request=$(jq -n --arg id "$POD" '{pod_sandbox_id: $id}')
    call StopPodSandbox "$request" >/dev/null && call RemovePodSandbox "$request" >/dev/null
    rm -f "$PEER/logs/log"
}

# create COMMAND-AS-JSON [FILTER]: sets CONTAINER.
create() {
    CONTAINER=$(call CreateContainer "$(jq -n --arg pod "$POD" --argjson pod_config "$(pod_config)" \
        --argjson config "$(container_config "$@")" \
        '{pod_sandbox_id: $pod, config: $config, sandbox_config: $pod_config}')" | jq -r .container_id)
}

on_container() {
    call "$1" "$(jq -n --arg id "$CONTAINER" "{container_id: \$id} | ${2:-.}")"
}

state_is() {
    [ "$(on_container ContainerStatus | jq -r .status.state)" = "$1" ]
}

@test "cri: a container of a pod runs, is logged and ends with its status" {
    create '["sh", "-c", "echo out; id -u; exit 7"]' '.linux.security_context.run_as_user = {value: 1000}'
    on_container StartContainer
    wait_until state_is CONTAINER_EXITED
    assert_equal "$(on_container ContainerStatus | jq -r .status.exit_code)" 7
    run cat "$PEER/logs/log"
    assert_output_matches 'stdout F out$'
    assert_output_matches 'stdout F 1000$'
}

@test "cri: exec, stop by signal and by force, remove" {
    create '["sh", "-c", "trap \"exit 5\" TERM; while :; do sleep 0.1; done"]'
    on_container StartContainer
    run on_container ExecSync '.cmd = ["sh", "-c", "echo inside; echo bad >&2; exit 3"] | .timeout = 20'
    assert_success
    assert_json '.exit_code' 3
    assert_json '.stdout | @base64d' inside
    assert_json '.stderr | @base64d' bad
    run on_container ExecSync '.cmd = ["no-such-command"] | .timeout = 20'
    assert_failure
    assert_output_has 'executable file not found in $PATH'
    on_container StopContainer '.timeout = 10'
    assert_equal "$(on_container ContainerStatus | jq -r .status.exit_code)" 5
    on_container RemoveContainer
    create '["sleep", "1000"]'
    on_container StartContainer
    on_container StopContainer
    assert_equal "$(on_container ContainerStatus | jq -r .status.exit_code)" 137
}

@test "cri: a command that is not there" {
    create '["no-such-command"]'
    run on_container StartContainer
    assert_failure
    assert_output_has 'executable file not found in $PATH'
    assert_equal "$(on_container ContainerStatus | jq -r .status.reason)" StartError
}

@test "cri: limits, updated while it runs; statistics" {
    local directory

    create '["sleep", "1000"]' '.linux.resources = {memory_limit_in_bytes: 67108864, cpu_shares: 512}'
    on_container StartContainer
    directory=$(find /sys/fs/cgroup -path "*memory*" -name "$CONTAINER" -type d | head -n 1)
    : "${directory:=$(find /sys/fs/cgroup -name "$CONTAINER" -type d | head -n 1)}"
    limit() { cat "$directory/memory.limit_in_bytes" "$directory/memory.max" 2>/dev/null; }
    assert_equal "$(limit)" 67108864
    on_container UpdateContainerResources '.linux = {memory_limit_in_bytes: 100663296}'
    assert_equal "$(limit)" 100663296
    run on_container ContainerStats
    assert_success
    assert_json_true '.stats.memory.working_set_bytes.value | tonumber > 0'
}

@test "cri: mounts, read-only root, capabilities, seccomp, privileged" {
    mkdir -p "$PEER/volume"
    echo content >"$PEER/volume/file"
    create "$(jq -n '["sh", "-c",
        "cat /v/file; touch /v/x || echo volume is read-only; touch /x || echo root is read-only; grep -c Seccomp:.2 /proc/self/status"]')" \
        ".mounts = [{container_path: \"/v\", host_path: \"$PEER/volume\", readonly: true}] |
            .linux.security_context += {readonly_rootfs: true, seccomp: {profile_type: 0}, no_new_privs: true}"
    on_container StartContainer
    wait_until state_is CONTAINER_EXITED
    run cat "$PEER/logs/log"
    assert_output_has "stdout F content"
    assert_output_has "volume is read-only"
    assert_output_has "root is read-only"
    assert_output_matches 'stdout F 1$'
}
