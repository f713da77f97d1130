// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/sockets_of.h"

#include <errno.h>

#include "kernel/descriptor.h"
#include "lib/cleanup.h"
#include "lib/grow.h"

static int add(struct tw_sockets_of *sockets, uint64_t inode)
{
	if (TW_GROW(sockets->inodes, sockets->count, sockets->size))
		return -ENOMEM;
	sockets->inodes[sockets->count++] = inode;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int tw_sockets_of_read(unsigned pid, struct tw_sockets_of *ret_sockets)
{
	struct tw_sockets_of sockets = { 0 };
	_cleanup_closedir_ DIR *fds = NULL;
	struct dirent *entry;
	char path[64];
	int error = 0;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	fds = opendir(path);
	if (!fds)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!error && (entry = readdir(fds))) {
		uint64_t inode = tw_descriptor_inode(dirfd(fds), entry->d_name);

		if (inode)
			error = add(&sockets, inode);
	}
	if (error) {
		tw_sockets_of_free(&sockets);
		return error;
	}
	if (sockets.count)
		qsort(sockets.inodes, sockets.count, sizeof(*sockets.inodes), compare);
	*ret_sockets = sockets;
	return 0;
}

void tw_sockets_of_free(struct tw_sockets_of *sockets)
{
	free(sockets->inodes);
	*sockets = (struct tw_sockets_of){ 0 };
}

bool tw_sockets_of_has(const struct tw_sockets_of *sockets, uint64_t inode)
{
	return sockets->count &&
	       bsearch(&inode, sockets->inodes, sockets->count, sizeof(inode), compare);
}
