// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/records.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <tcpwarden/match.h>

/* The seat that the socket has; while it is open, nobody else takes it. */
static bool find_seat(const struct tw_records *records, int fd, __u32 *ret_key,
		      struct tw_seat *ret_seat)
{
	__u64 cookie = 0;
	socklen_t len = sizeof(cookie);
	__u32 key;

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return false;
	key = (__u32)(cookie % TW_SEATS);
	if (bpf_map_lookup_elem(records->seats, &key, ret_seat) < 0)
		return false;
	*ret_key = key;
	return cookie && ret_seat->cookie == cookie && tw_record_needed(&ret_seat->record);
}

/* It stays the socket's: who took it now might find half of what is written here. */
static void leave_seat(const struct tw_records *records, int fd)
{
	struct tw_seat seat;
	__u32 key;

	if (!find_seat(records, fd, &key, &seat))
		return;
	seat.record = (struct tw_record){ 0 };
	bpf_map_update_elem(records->seats, &key, &seat, BPF_EXIST);
}

int tw_records_read(const struct tw_records *records, int fd, struct tw_record *ret_record)
{
	struct tw_seat seat;
	__u32 key;

	if (!find_seat(records, fd, &key, &seat))
		return bpf_map_lookup_elem(records->stored, &fd, ret_record) < 0 ? -errno : 0;
	*ret_record = seat.record;
	return 0;
}

int tw_records_write(const struct tw_records *records, int fd, const struct tw_record *record)
{
	if (bpf_map_update_elem(records->stored, &fd, record, BPF_ANY) < 0)
		return -errno;
	leave_seat(records, fd);
	return 0;
}

void tw_records_remove(const struct tw_records *records, int fd)
{
	leave_seat(records, fd);
	bpf_map_delete_elem(records->stored, &fd);
}
