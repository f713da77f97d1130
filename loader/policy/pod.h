/* SPDX-License-Identifier: GPL-2.0-only */
/* The Kubernetes pod that a cgroup belongs to, as far as that is known. */
#ifndef TW_POLICY_POD_H
#define TW_POLICY_POD_H

enum tw_pod_state {
	TW_POD_NONE,	/* the cgroup is not a pod's */
	TW_POD_UNKNOWN, /* it is, and nobody has said yet of which */
	TW_POD_KNOWN,
};

struct tw_pod {
	enum tw_pod_state state;
	const char *namespace; /* NULL unless known; borrowed */
	const char *name;
};

/* Which pod the cgroup at `path` belongs to; what it borrows is valid until the next call. */
typedef struct tw_pod (*tw_pod_of_fn)(const char *path, void *data);

#endif
