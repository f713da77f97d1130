/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kubelet's names say: cgroup paths, whose pod a cgroup is, and the
 * folders of pod logs, which pod has a UID. Pure.
 */
#ifndef TW_NODE_POD_PATH_H
#define TW_NODE_POD_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define TW_POD_UID_LEN	     64	 /* a UID and its NUL: 36 of a UUID, 32 of a static pod's hash */
#define TW_POD_NAMESPACE_LEN 64	 /* a DNS label and its NUL */
#define TW_POD_NAME_LEN	     254 /* a DNS subdomain and its NUL */
#define TW_CONTAINER_ID_LEN  128

enum tw_qos {
	TW_QOS_GUARANTEED,
	TW_QOS_BURSTABLE,
	TW_QOS_BEST_EFFORT,
};

/* Of a cgroup that is a pod's, or below it. */
struct tw_pod_path {
	char uid[TW_POD_UID_LEN];
	char container[TW_CONTAINER_ID_LEN]; /* "" for the pod's own cgroup */
	enum tw_qos qos;
	size_t len; /* bytes of the path up to the end of the pod's own cgroup */
};

/*
 * Read a cgroup path. Both drivers of the kubelet, any path before kubepods,
 * and any prefix of it in systemd's names (kind: kubelet-kubepods):
 *
 *   /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid with _ for ->.slice
 *       /cri-containerd-<id>.scope    also crio-, docker-
 *   /kubepods/burstable/pod<uid>/<id>
 *
 * and containerd under the one while the kubelet is set to the other:
 * .../kubepods-burstable-pod<uid>.slice:cri-containerd:<id>. Of pods within
 * pods it is the outermost, which is this node's. False: no pod's.
 */
bool tw_pod_path_parse(const char *path, struct tw_pod_path *ret_pod);

/* The name of a folder below /var/log/pods: <namespace>_<name>_<uid>. */
struct tw_pod_folder {
	char namespace[TW_POD_NAMESPACE_LEN];
	char name[TW_POD_NAME_LEN];
	char uid[TW_POD_UID_LEN];
};

/* False: not a name that the kubelet gives. */
bool tw_pod_folder_parse(const char *name, struct tw_pod_folder *ret_folder);

#endif
