/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that grow by one element at a time. */
#ifndef TW_LIB_GROW_H
#define TW_LIB_GROW_H

#include <errno.h>
#include <stddef.h>

/*
 * Make room for one more in an array of `count` elements, which has room for
 * `size` and starts as NULL, 0, 0; both variables are updated. 0; -ENOMEM leaves
 * all as it was.
 */
#define TW_GROW(list, count, size)                                                    \
	({                                                                            \
		typeof(list) _list = tw_grown(list, count, &(size), sizeof(*(list))); \
		_list ? ((list) = _list, 0) : -ENOMEM;                                \
	})

/* The array, where it is now; NULL: no memory. */
void *tw_grown(void *list, size_t count, size_t *size, size_t element);

#endif
