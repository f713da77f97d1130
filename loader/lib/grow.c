// SPDX-License-Identifier: GPL-2.0-only
#include "lib/grow.h"

#include <stdlib.h>

#define FIRST 64

void *tw_grown(void *list, size_t count, size_t *size, size_t element)
{
	size_t larger = *size ? *size * 2 : FIRST;

	if (count < *size)
		return list;
	list = reallocarray(list, larger, element);
	if (list)
		*size = larger;
	return list;
}
