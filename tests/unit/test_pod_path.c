// SPDX-License-Identifier: GPL-2.0-only
/* Paths as kubelets and runtimes make them. */
#include "unit.h"

#include "node/pod_path.h"

#define UID	   "0ad91ad8-1e67-4e6b-9d40-e4b4a6a1b6a1"
#define UNDERLINED "0ad91ad8_1e67_4e6b_9d40_e4b4a6a1b6a1"
#define HASH	   "4bf1e8f3d9a1c2b05e6f7a8b9c0d1e2f"
#define ID	   "8f0b2f6a4d2b1c5e7f9a3b5d7e9f1a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d0e2f"

struct expected {
	const char *pod; /* the part of the path that is the pod's own cgroup */
	const char *below;
	const char *uid;
	const char *container;
	enum tw_qos qos;
};

static const struct expected kubelets[] = {
	/* systemd driver, containerd */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UNDERLINED ".slice",
	  "/cri-containerd-" ID ".scope", UID, ID, TW_QOS_BURSTABLE },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UNDERLINED ".slice",
	  "", UID, "", TW_QOS_BEST_EFFORT },
	{ "/kubepods.slice/kubepods-pod" UNDERLINED ".slice", "/cri-containerd-" ID ".scope", UID,
	  ID, TW_QOS_GUARANTEED },
	/* CRI-O; its monitor has a scope too, and with cgroup manager v2 a folder below */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UNDERLINED ".slice",
	  "/crio-" ID ".scope/container", UID, ID, TW_QOS_BURSTABLE },
	{ "/kubepods.slice/kubepods-pod" UNDERLINED ".slice", "/crio-conmon-" ID ".scope", UID, ID,
	  TW_QOS_GUARANTEED },
	/* Docker */
	{ "/kubepods.slice/kubepods-pod" UNDERLINED ".slice", "/docker-" ID ".scope", UID, ID,
	  TW_QOS_GUARANTEED },
	/* A static pod: its UID is a hash */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" HASH ".slice",
	  "/cri-containerd-" ID ".scope", HASH, ID, TW_QOS_BURSTABLE },
	/* cgroupfs driver */
	{ "/kubepods/burstable/pod" UID, "/" ID, UID, ID, TW_QOS_BURSTABLE },
	{ "/kubepods/besteffort/pod" HASH, "/" ID, HASH, ID, TW_QOS_BEST_EFFORT },
	{ "/kubepods/pod" UID, "", UID, "", TW_QOS_GUARANTEED },
	/* k3s, rootless */
	{ "/user.slice/user-1000.slice/user@1000.service/k3s-rootless.service/kubepods/"
	  "burstable/pod" UID,
	  "/" ID, UID, ID, TW_QOS_BURSTABLE },
	/* kind: the node is a container, and the kubelet has a root of its own */
	{ "/system.slice/docker-" ID ".scope/kubelet.slice/kubelet-kubepods.slice/"
	  "kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" UNDERLINED ".slice",
	  "/cri-containerd-" ID ".scope", UID, ID, TW_QOS_BURSTABLE },
	{ "/docker/" ID "/kubelet/kubepods/besteffort/pod" UID, "/" ID, UID, ID,
	  TW_QOS_BEST_EFFORT },
	/* containerd with cgroupfs under a kubelet with systemd */
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UNDERLINED
	  ".slice:cri-containerd:" ID,
	  "", UID, ID, TW_QOS_BURSTABLE },
	/* A cluster in a pod: the outer pod is this node's */
	{ "/kubepods/burstable/pod" UID, "/" ID "/kubepods/burstable/pod" HASH "/" ID, UID, ID,
	  TW_QOS_BURSTABLE },
	/* A container that is called as no runtime calls it */
	{ "/kubepods/pod" UID, "/Some_Thing", UID, "", TW_QOS_GUARANTEED },
};

static void pod_path__reads_what_kubelets_make(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kubelets); i++) {
		_cleanup_buf_ struct tw_buf path = TW_BUF_INIT;
		struct tw_pod_path pod;

		tw_buf_addf(&path, "%s%s", kubelets[i].pod, kubelets[i].below);
		assert_true(tw_pod_path_parse(path.data, &pod));
		assert_string_equal(pod.uid, kubelets[i].uid);
		assert_string_equal(pod.container, kubelets[i].container);
		assert_int_equal(pod.qos, kubelets[i].qos);
		assert_int_equal(pod.len, strlen(kubelets[i].pod));
	}
}

static void pod_path__takes_nothing_else_for_a_pod(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"/system.slice/containerd.service",
		"/kubepods.slice",
		"/kubepods.slice/kubepods-burstable.slice",
		"/kubepods",
		"/kubepods/burstable",
		"/kubepods/burstable/pod",
		"/kubepods/pod",
		"/kubepods/other/pod" UID,
		"/burstable/pod" UID,
		"/pod" UID,
		"/kubepods/podUPPER",
		"/kubepods/pod" UNDERLINED,
		"/kubepods/pod../x",
		"/kubepods/pod" ID, /* 64 characters: no UID is that long */
		/* A slice that does not stand where systemd puts it */
		"/system.slice/kubepods-burstable-pod" UNDERLINED ".slice",
		"/kubepods.slice/kubepods-burstable-pod" UNDERLINED ".slice",
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod.slice",
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID ".slice",
		"/notkubepods.slice/notkubepods-pod" UNDERLINED ".slice",
		"/-pod.slice",
		"/x-podx.slice:a:b",
		"/kubepods-podx.slice:a",
		":",
		"/::",
	};
	struct tw_pod_path pod = { .uid = "untouched" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (tw_pod_path_parse(paths[i], &pod))
			fail_msg("%s is no pod's", paths[i]);
	assert_string_equal(pod.uid, "untouched");
}

static void pod_path__reads_folders_of_logs(void **state)
{
	char name[300] = "kube-system_";
	struct tw_pod_folder folder;

	(void)state;
	assert_true(tw_pod_folder_parse("kube-system_coredns-5d78c9869d-abcde_" UID, &folder));
	assert_string_equal(folder.namespace, "kube-system");
	assert_string_equal(folder.name, "coredns-5d78c9869d-abcde");
	assert_string_equal(folder.uid, UID);
	assert_true(tw_pod_folder_parse("kube-system_etcd-node1.example.org_" HASH, &folder));
	assert_string_equal(folder.name, "etcd-node1.example.org");
	assert_string_equal(folder.uid, HASH);
	/* As long as Kubernetes lets names be. */
	memset(name + 12, 'a', 253);
	strcpy(name + 12 + 253, "_u");
	assert_true(tw_pod_folder_parse(name, &folder));
	memset(name + 12, 'a', 254);
	strcpy(name + 12 + 254, "_u");
	assert_false(tw_pod_folder_parse(name, &folder));
}

static void pod_path__takes_no_hostile_folder(void **state)
{
	static const char *const names[] = {
		"",	    "_",	   "__",	   "a_b",    "a_b_",
		"_b_c",	    "a__c",	   "a_b_c_d",	   "a_b_c_", ".",
		"..",	    "A_b_c",	   "a_B_c",	   "a_b_C",  "a.b_c_d",
		"a_b/c_d",  "a\n_b_c",	   "a_b\x1b[2J_c", "a_*_c",  "a_b_../../etc",
		"a_b_\xff", "kube-system", " a_b_c",	   "a_b_c ",
	};
	struct tw_pod_folder folder = { .uid = "untouched" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (tw_pod_folder_parse(names[i], &folder))
			fail_msg("%s is no pod's", names[i]);
	assert_string_equal(folder.uid, "untouched");
}

/* Nothing that is made of the words of such paths is read past its end. */
static void pod_path__survives_any_path(void **state)
{
	static const char *const words[] = { "/kubepods", "/pod",   "/",	  "kubepods",
					     ".slice",	  "-",	    "pod",	  "burstable",
					     "-pod",	  "_",	    ":",	  "a",
					     "1",	  ".scope", "besteffort", "\xff",
					     "..",	  "\n",	    UID,	  "cri-" };
	uint64_t seed = 4711;
	unsigned read = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		_cleanup_buf_ struct tw_buf path = TW_BUF_INIT;
		struct tw_pod_folder folder;
		struct tw_pod_path pod;

		for (unsigned n = unit_below(&seed, 12); n; n--)
			tw_buf_addf(&path, "%s", words[unit_below(&seed, ARRAY_SIZE(words))]);
		if (tw_pod_path_parse(tw_buf_string(&path), &pod)) {
			read++;
			assert_true(pod.uid[0]);
			assert_in_range(pod.len, 1, path.len);
		}
		tw_pod_folder_parse(tw_buf_string(&path), &folder);
	}
	assert_true(read > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pod_path__reads_what_kubelets_make),
		cmocka_unit_test(pod_path__takes_nothing_else_for_a_pod),
		cmocka_unit_test(pod_path__reads_folders_of_logs),
		cmocka_unit_test(pod_path__takes_no_hostile_folder),
		cmocka_unit_test(pod_path__survives_any_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
