/* SPDX-License-Identifier: GPL-2.0-only */
/* The records of sockets by their descriptors, wherever they are: bpf/record.bpf.h. */
#ifndef TW_KERNEL_RECORDS_H
#define TW_KERNEL_RECORDS_H

#include <tcpwarden/abi.h>

/* Descriptors of the two maps, both pinned by TW_RECORD_VERSION. */
struct tw_records {
	int stored; /* socket storage, by the socket's descriptor */
	int seats;  /* struct tw_seat, by its cookie */
};

#define TW_RECORDS_INIT                   \
	{                                 \
		.stored = -1, .seats = -1 \
	}

/* -ENOENT: the socket has none. */
int tw_records_read(const struct tw_records *records, int fd, struct tw_record *ret_record);

/* Into storage, out of its seat. */
int tw_records_write(const struct tw_records *records, int fd, const struct tw_record *record);

/* Nothing happens where there is none. */
void tw_records_remove(const struct tw_records *records, int fd);

#endif
