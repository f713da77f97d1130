// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/descriptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	int level;
	int name;
} options[TW_FIELDS] = {
	[TW_INTERVAL] = { IPPROTO_TCP, TCP_KEEPINTVL },
	[TW_PROBES] = { IPPROTO_TCP, TCP_KEEPCNT },
	[TW_USER_TIMEOUT] = { IPPROTO_TCP, TCP_USER_TIMEOUT },
	[TW_KEEPALIVE] = { SOL_SOCKET, SO_KEEPALIVE },
	[TW_IDLE] = { IPPROTO_TCP, TCP_KEEPIDLE },
};

uint64_t tw_descriptor_inode(int folder, const char *name)
{
	unsigned long long inode;
	char target[64];
	ssize_t len = readlinkat(folder, name, target, sizeof(target) - 1);

	if (len < 0)
		return 0;
	target[len] = '\0';
	return sscanf(target, "socket:[%llu]", &inode) == 1 ? inode : 0;
}

int tw_descriptor_read(int fd, struct tw_options *ret_now)
{
	struct tw_options now;

	for (int f = 0; f < TW_FIELDS; f++) {
		socklen_t len = sizeof(now.value[f]);

		if (getsockopt(fd, options[f].level, options[f].name, &now.value[f], &len) < 0)
			return -errno;
	}
	*ret_now = now;
	return 0;
}

int tw_descriptor_write(int fd, enum tw_field field, __u32 value)
{
	return setsockopt(fd, options[field].level, options[field].name, &value, sizeof(value)) < 0
		       ? -errno
		       : 0;
}
