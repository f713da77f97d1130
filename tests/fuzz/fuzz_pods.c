// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kubelet's names say: a cgroup's path, and a folder below the root of the
 * pods' logs. The first byte says which the rest is.
 */
#include "fuzz.h"
#include "lib/buf.h"
#include "node/pod_path.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-"

static bool is_made_of(const char *text, const char *chars, size_t size)
{
	return *text && strlen(text) < size && strspn(text, chars) == strlen(text);
}

static bool same_pod(const struct tw_pod_path *a, const struct tw_pod_path *b)
{
	return !strcmp(a->uid, b->uid) && a->qos == b->qos && a->len == b->len;
}

/* The pod is the one of its own cgroup, and of all that is below it. */
static void cgroup(const char *path)
{
	struct tw_pod_path pod = { .len = 42 }, again;
	_cleanup_free_ char *own = NULL;
	_cleanup_buf_ struct tw_buf below = TW_BUF_INIT;

	if (!tw_pod_path_parse(path, &pod)) {
		fuzz_check(pod.len == 42);
		return;
	}
	fuzz_check(is_made_of(pod.uid, NAME_CHARS, sizeof(pod.uid)));
	fuzz_check(!pod.container[0] ||
		   is_made_of(pod.container, NAME_CHARS, sizeof(pod.container)));
	fuzz_check(pod.len <= strlen(path) && (!path[pod.len] || path[pod.len] == '/'));
	own = strndup(path, pod.len);
	fuzz_check(own && tw_pod_path_parse(own, &again) && same_pod(&pod, &again));
	fuzz_check(tw_buf_addf(&below, "%s/pods/besteffort/podother", path) == 0);
	fuzz_check(tw_pod_path_parse(below.data, &again) && same_pod(&pod, &again));
}

/* Its three parts are all that it has. */
static void folder(const char *name)
{
	struct tw_pod_folder folder;
	_cleanup_buf_ struct tw_buf whole = TW_BUF_INIT;

	if (!tw_pod_folder_parse(name, &folder))
		return;
	fuzz_check(is_made_of(folder.namespace, NAME_CHARS, sizeof(folder.namespace)));
	fuzz_check(is_made_of(folder.name, NAME_CHARS ".", sizeof(folder.name)));
	fuzz_check(is_made_of(folder.uid, NAME_CHARS, sizeof(folder.uid)));
	fuzz_check(tw_buf_addf(&whole, "%s_%s_%s", folder.namespace, folder.name, folder.uid) == 0);
	fuzz_check(!strcmp(whole.data, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = size ? fuzz_text(data + 1, size - 1) : NULL;

	if (text && data[0] & 1)
		cgroup(text);
	else if (text)
		folder(text);
	return 0;
}
