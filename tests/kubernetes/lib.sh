# shellcheck shell=bash disable=SC2154 # the variables are those of the script that sources this
# SPDX-License-Identifier: GPL-2.0-only
# Steps, waiting, and what is said when it goes wrong. Sourced by `run`.

skip() {
	printf 'SKIP kubernetes: %s\n' "$@"
	echo "kubernetes: 0 passed, 0 failed, 1 skipped"
	[[ ${TW_KUBERNETES_OPTIONAL:-} == 1 ]]
	exit
}

need() {
	local tool
	for tool in kubectl jq; do
		command -v $tool >/dev/null || skip "needs $tool"
	done
	[[ ${KUBECONFIG:-} ]] || skip "needs a cluster: KUBECONFIG=FILE"
	kubectl get --raw /version >/dev/null || skip "the cluster of KUBECONFIG=$KUBECONFIG does not answer"
	[[ ${IMAGE:-} == *:* && ${TEST_IMAGE:-} ]] || skip "needs the images' names: IMAGE=NAME:TAG TEST_IMAGE=NAME:TAG"
	! kubectl get namespace "$NS" >/dev/null 2>&1 || skip "the cluster has a namespace $NS already: uninstall it first"
}

# wait_until COMMAND...: polls until it succeeds, PATIENCE seconds at most.
wait_until() {
	local deadline=$((SECONDS + PATIENCE))
	until "$@"; do
		if ((SECONDS >= deadline)); then
			echo "waited $PATIENCE s in vain for: $*"
			return 1
		fi
		sleep 0.5
	done
}

not() {
	! "$@"
}

# step NAME COMMAND...: the first that fails ends the run, since those after it build on it.
step() {
	local name=$1 begun=$SECONDS
	shift
	if "$@"; then
		echo "ok   $name ($((SECONDS - begun)) s)"
		passed=$((passed + 1))
	else
		echo "FAIL $name ($((SECONDS - begun)) s)"
		failed=$((failed + 1))
		explain_failure
		conclude
	fi
}

explain_failure() {
	echo "--- pods"
	kubectl get pods -A -o wide
	echo "--- events"
	kubectl -n "$NS" get events --sort-by=.lastTimestamp | tail -n 20
	echo "--- tcpwarden says"
	kubectl -n "$NS" logs -l app.kubernetes.io/name=tcpwarden --tail=30 --prefix
	echo "--- the client says"
	kubectl -n "$CLIENTS" logs client | tail -n 20
	echo "--- the server says"
	kubectl -n "$SERVERS" logs server | tail -n 20
} 2>&1

conclude() {
	echo "kubernetes: $passed passed, $failed failed"
	[[ $failed -eq 0 && $passed -gt 0 ]]
	exit
}

clean_up() {
	{
		[[ ! $(kubectl get daemonsets -A -l app.kubernetes.io/name=tcpwarden -o name) ]] || "$DEPLOY/uninstall" 120
		kubectl delete namespace --ignore-not-found --timeout=120s "$NS" "$SECOND" "$SERVERS" "$CLIENTS" "$EXEMPT"
	} >/dev/null 2>&1
	rm -rf "$work"
}
