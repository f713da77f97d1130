# shellcheck shell=bash disable=SC2154 disable=SC2317 # sourced; steps are called by their names
# SPDX-License-Identifier: GPL-2.0-only
# Policies that select by namespace and by pod. Sourced by `run`.
#
#   tw-test-clients/client, late   one-namespace     tw-test-servers/server   default
#   tw-test-clients/other          one-pod           tw-test-servers/other    one-pod
#   tw-test-exempt/first, late     exempt

EXEMPT=tw-test-exempt
OF_NAMESPACE="1 70 14 4 120000"
OF_POD="1 60 12 4 100000"

# give FILE: the ConfigMap's policy becomes this.
give() {
	kubectl -n "$NS" patch configmap tcpwarden-policy --type merge \
		-p "$(jq -n --rawfile policy "$1" '{data: {"policy.yaml": $policy}}')" >/dev/null && refresh
}

start_others() {
	kubectl create namespace "$EXEMPT" >/dev/null && start_server other && start_client "$CLIENTS" other other
}

# pod_sees NAMESPACE POD in|out OPTIONS: its new connections and the open one have them.
pod_sees() {
	local log
	log=$(kubectl -n "$1" logs "$2") &&
		[[ $(last "$3 new" <<<"$log") == "$3 new $4" && $(last "$3 held" <<<"$log") == "$3 held $4" ]]
}

each_has_its_own() {
	pod_sees "$CLIENTS" client out "$OF_NAMESPACE" && pod_sees "$SERVERS" server in "$CHANGED" &&
		pod_sees "$CLIENTS" other out "$OF_POD" && pod_sees "$SERVERS" other in "$OF_POD"
}

others_are_like_all() {
	pod_sees "$CLIENTS" other out "$CHANGED" && pod_sees "$SERVERS" other in "$CHANGED"
}

policies_select_pods() {
	start_others && wait_until others_are_like_all || return 1
	kubectl -n "$NS" get configmap tcpwarden-policy -o jsonpath='{.data.policy\.yaml}' >"$work/before"
	sed "/^policies:/r $HERE/pods.yaml" "$work/before" >"$work/with-pods"
	give "$work/with-pods" && wait_until each_has_its_own
}

# shown NAMESPACE POD POLICY VERDICT: in `sockets` on its node, an open connection of the pod is that.
shown() {
	kubectl -n "$NS" exec "$(our_pod "$1" "$2")" -- /tcpwarden sockets --json --state ESTAB >"$work/sockets" &&
		jq -se --arg pod "$1/$2" --arg policy "$3" --arg verdict "$4" \
			'any(.[]; .pod == $pod and .policy == $policy and .verdict == $verdict)' "$work/sockets" >/dev/null
}

nothing_pending() {
	local pod pending
	for pod in $(kubectl -n "$NS" get pods -l app.kubernetes.io/name=tcpwarden -o name); do
		pending=$(kubectl -n "$NS" exec "$pod" -- /tcpwarden sockets --json --verdict pending) && [[ ! $pending ]] || return 1
	done
}

sockets_name_pods() {
	shown "$CLIENTS" client one-namespace ok && shown "$SERVERS" server default ok &&
		shown "$CLIENTS" other one-pod ok && shown "$SERVERS" other one-pod ok && wait_until nothing_pending
}

# Every value that it ever had is in its log, from before the first connection's first byte.
never_written() {
	[[ $(kubectl -n "$EXEMPT" logs "$1") == "out held $UNTOUCHED"$'\n'"out new $UNTOUCHED" ]]
}

exempt_from_its_first() {
	start_client "$EXEMPT" first other && wait_until shown "$EXEMPT" first exempt exempt &&
		wait_until nothing_pending && never_written first
}

# nodes_for_us SELECTOR: where the DaemonSet may run, beside what it says itself.
nodes_for_us() {
	kubectl -n "$NS" patch daemonset tcpwarden \
		-p "{\"spec\": {\"template\": {\"spec\": {\"nodeSelector\": {\"tw-test/node\": $1}}}}}" >/dev/null
}

no_pods_of_ours() {
	[[ ! $(kubectl -n "$NS" get pods -l app.kubernetes.io/name=tcpwarden -o name) ]]
}

late_have_their_own() {
	pod_sees "$CLIENTS" late out "$OF_NAMESPACE" && shown "$EXEMPT" late exempt exempt
}

# The kernel does not know these pods: it leaves both alone, and the next loader settles them.
strangers_wait() {
	local lines
	lines=$(changes)
	nodes_for_us '"none"' && wait_until no_pods_of_ours &&
		start_client "$EXEMPT" late other && start_client "$CLIENTS" late other &&
		wait_until pod_sees "$CLIENTS" late out "$UNTOUCHED" && wait_until never_written late &&
		nodes_for_us null && rolled_out && wait_until late_have_their_own && wait_until nothing_pending &&
		never_written late && never_written first && each_has_its_own && [[ $(changes) == "$lines" ]]
}

pods_are_like_all() {
	others_are_like_all && everything_has "$CHANGED" && pod_sees "$EXEMPT" first out "$CHANGED" &&
		pod_sees "$EXEMPT" late out "$CHANGED" && pod_sees "$CLIENTS" late out "$CHANGED"
}

# Their pods go too: those that come after this are about client and server alone.
policies_for_pods_vanish() {
	give "$work/before" && wait_until pods_are_like_all &&
		kubectl delete namespace --wait=false "$EXEMPT" >/dev/null &&
		kubectl -n "$CLIENTS" delete pod --wait=false other late >/dev/null &&
		kubectl -n "$SERVERS" delete pod --wait=false other >/dev/null
}
