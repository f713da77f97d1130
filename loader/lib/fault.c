// SPDX-License-Identifier: GPL-2.0-only
#include "lib/fault.h"

#include <stdarg.h>
#include <stdio.h>

void tw_fault_say(struct tw_fault *fault, int error, const char *format, ...)
{
	va_list args;

	errno = -error;
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
}
