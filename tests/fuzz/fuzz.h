/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzz targets share. A target is a file fuzz_NAME.c with one
 * LLVMFuzzerTestOneInput(); its corpus is in corpus/NAME, its words in NAME.dict.
 * `make fuzz` links it with libFuzzer, `make test` with once.c.
 */
#ifndef TW_TESTS_FUZZ_H
#define TW_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; libFuzzer keeps the input that shows it does not. */
#define fuzz_check(condition)                                                             \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

/* Input that decisions are taken from, byte by byte; behind its end all are 0. */
struct fuzz_bytes {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_bytes *bytes)
{
	if (!bytes->left)
		return 0;
	bytes->left--;
	return *bytes->at++;
}

static inline uint32_t fuzz_number(struct fuzz_bytes *bytes)
{
	uint32_t number = 0;

	for (int i = 0; i < 4; i++)
		number = number << 8 | fuzz_byte(bytes);
	return number;
}

/* 0..below-1; `below` is at most 256. */
static inline unsigned fuzz_below(struct fuzz_bytes *bytes, unsigned below)
{
	return fuzz_byte(bytes) % below;
}

/* As text: a copy of exactly its size and a NUL, so that reading too far is noticed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
