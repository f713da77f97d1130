// SPDX-License-Identifier: GPL-2.0-only
#include "guard.h"

#include "samples.h"

void tw_set_all(int fd, struct tw_values values)
{
	tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, values.keepalive);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, values.idle);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, values.interval);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPCNT, values.probes);
	tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, values.user_timeout);
}

int tw_try_set(int fd, int level, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, level, option, value, len) < 0 ? errno : 0;
}

long long tw_settings(const char *policy, const char *action)
{
	return tw_status_int(tw_format("policies[%s].app_settings.%s", policy, action));
}

int tw_auto_now(int moved, int before)
{
	return tw_kernel_iterates() ? moved : before;
}
