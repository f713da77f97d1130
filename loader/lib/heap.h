/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that a process with a long life does not sit on. */
#ifndef TW_LIB_HEAP_H
#define TW_LIB_HEAP_H

/*
 * From now on large allocations go back to the system when they are freed. glibc
 * by default takes the first large one for the usual, and keeps what is smaller.
 */
void tw_heap_frugal(void);

/* Give back what is free between small allocations, as after a policy was read. */
void tw_heap_trim(void);

#endif
