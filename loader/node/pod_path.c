// SPDX-License-Identifier: GPL-2.0-only
#include "node/pod_path.h"

#include <string.h>

#include "lib/cleanup.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

/* A part of a path or of a name; not a C string. */
struct part {
	const char *at;
	size_t len;
};

static bool part_is(struct part part, const char *text)
{
	return part.len == strlen(text) && !memcmp(part.at, text, part.len);
}

static bool cut_end(struct part *part, const char *end)
{
	size_t len = strlen(end);

	if (part->len < len || memcmp(part->at + part->len - len, end, len) != 0)
		return false;
	part->len -= len;
	return true;
}

/* Copy where it is made of `allowed` and fits, with its NUL. */
static bool copy(struct part part, const char *allowed, char *to, size_t size)
{
	if (!part.len || part.len >= size)
		return false;
	memcpy(to, part.at, part.len);
	to[part.len] = '\0';
	return strlen(to) == part.len && strspn(to, allowed) == part.len;
}

/* A UID; systemd's names have _ where it has -. */
static bool copy_uid(struct part part, char from, char uid[static TW_POD_UID_LEN])
{
	if (!copy(part, from == '_' ? LOWER DIGIT "_" : LOWER DIGIT "-", uid, TW_POD_UID_LEN))
		return false;
	for (char *at = uid; *at; at++)
		if (*at == from)
			*at = '-';
	return true;
}

/* --- systemd's names ------------------------------------------------------------------ */

/* What stands before -pod<uid>: [<prefix>-]kubepods[-<class>]. */
static bool read_slice_class(struct part slice, enum tw_qos *ret_qos)
{
	enum tw_qos qos = cut_end(&slice, "-burstable")	   ? TW_QOS_BURSTABLE
			  : cut_end(&slice, "-besteffort") ? TW_QOS_BEST_EFFORT
							   : TW_QOS_GUARANTEED;

	if (!part_is(slice, "kubepods") && !cut_end(&slice, "-kubepods"))
		return false;
	*ret_qos = qos;
	return true;
}

/* The last "-pod" of a slice's name; a prefix may have one too. */
static bool split_slice(struct part slice, struct part *ret_before, struct part *ret_uid)
{
	for (size_t i = slice.len; i-- > 1;) {
		if (slice.len - i < 4 || memcmp(slice.at + i, "-pod", 4) != 0)
			continue;
		*ret_before = (struct part){ slice.at, i };
		*ret_uid = (struct part){ slice.at + i + 4, slice.len - i - 4 };
		return true;
	}
	return false;
}

/* A slice stands in the one whose name is its own up to the last dash, systemd.slice(5). */
static bool stands_in(struct part slice, struct part parent)
{
	return cut_end(&parent, ".slice") && parent.len == slice.len &&
	       !memcmp(parent.at, slice.at, slice.len);
}

static bool read_slice(struct part name, struct part parent, struct tw_pod_path *pod)
{
	struct part before, uid;

	return cut_end(&name, ".slice") && split_slice(name, &before, &uid) &&
	       stands_in(before, parent) && read_slice_class(before, &pod->qos) &&
	       copy_uid(uid, '_', pod->uid);
}

/* kubepods-burstable-pod<uid>.slice:cri-containerd:<id>, a name that systemd never saw. */
static bool read_colons(struct part name, struct tw_pod_path *pod)
{
	const char *colon = memchr(name.at, ':', name.len);
	const char *last = colon ? memrchr(name.at, ':', name.len) : NULL;
	struct part slice, before, uid;

	if (!colon || last == colon)
		return false;
	slice = (struct part){ name.at, (size_t)(colon - name.at) };
	if (!cut_end(&slice, ".slice") || !split_slice(slice, &before, &uid) ||
	    !read_slice_class(before, &pod->qos) || !copy_uid(uid, '_', pod->uid))
		return false;
	name.len -= (size_t)(last + 1 - name.at);
	name.at = last + 1;
	return copy(name, LOWER DIGIT, pod->container, sizeof(pod->container));
}

/* --- cgroupfs' names --------------------------------------------------------------------- */

static bool read_plain(struct part name, struct part parent, struct part grandparent,
		       struct tw_pod_path *pod)
{
	bool in_class = part_is(grandparent, "kubepods");

	if (name.len < 3 || memcmp(name.at, "pod", 3) != 0)
		return false;
	if (part_is(parent, "kubepods"))
		pod->qos = TW_QOS_GUARANTEED;
	else if (in_class && part_is(parent, "burstable"))
		pod->qos = TW_QOS_BURSTABLE;
	else if (in_class && part_is(parent, "besteffort"))
		pod->qos = TW_QOS_BEST_EFFORT;
	else
		return false;
	return copy_uid((struct part){ name.at + 3, name.len - 3 }, '-', pod->uid);
}

/* --- all ------------------------------------------------------------------------------------ */

static struct part next_part(const char **path)
{
	struct part part;

	*path += strspn(*path, "/");
	part = (struct part){ *path, strcspn(*path, "/") };
	*path += part.len;
	return part;
}

/* <id>, or cri-containerd-<id>.scope; what is neither stays unnamed. */
static void read_container(struct part name, struct tw_pod_path *pod)
{
	const char *dash;

	if (cut_end(&name, ".scope") && (dash = memrchr(name.at, '-', name.len))) {
		name.len -= (size_t)(dash + 1 - name.at);
		name.at = dash + 1;
	}
	if (!copy(name, LOWER DIGIT, pod->container, sizeof(pod->container)))
		pod->container[0] = '\0';
}

bool tw_pod_path_parse(const char *path, struct tw_pod_path *ret_pod)
{
	struct part grandparent = { "", 0 }, parent = { "", 0 };
	struct tw_pod_path pod = { .uid = "" };
	const char *at = path;

	for (;;) {
		struct part name = next_part(&at);

		if (!name.len)
			return false;
		pod.len = (size_t)(at - path);
		if (read_colons(name, &pod))
			break;
		if (read_slice(name, parent, &pod) || read_plain(name, parent, grandparent, &pod)) {
			read_container(next_part(&at), &pod);
			break;
		}
		grandparent = parent;
		parent = name;
	}
	*ret_pod = pod;
	return true;
}

bool tw_pod_folder_parse(const char *name, struct tw_pod_folder *ret_folder)
{
	struct tw_pod_folder folder;
	struct part parts[3];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		parts[i] = (struct part){ name, strcspn(name, "_") };
		name += parts[i].len;
		/* Neither part has an underscore of its own, so there are two. */
		if (!*name != (i == 2))
			return false;
		name++;
	}
	if (!copy(parts[0], LOWER DIGIT "-", folder.namespace, sizeof(folder.namespace)) ||
	    !copy(parts[1], LOWER DIGIT "-.", folder.name, sizeof(folder.name)) ||
	    !copy_uid(parts[2], '-', folder.uid))
		return false;
	*ret_folder = folder;
	return true;
}
