/* SPDX-License-Identifier: GPL-2.0-only */
/* The sockets that a process has open, by inode. */
#ifndef TW_KERNEL_SOCKETS_OF_H
#define TW_KERNEL_SOCKETS_OF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tw_sockets_of {
	uint64_t *inodes; /* sorted */
	size_t count;
	size_t size;
};

/* -ESRCH: there is no such process; -EACCES: it is not ours to look into. */
int tw_sockets_of_read(unsigned pid, struct tw_sockets_of *ret_sockets);
void tw_sockets_of_free(struct tw_sockets_of *sockets);
bool tw_sockets_of_has(const struct tw_sockets_of *sockets, uint64_t inode);

#endif
