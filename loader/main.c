// SPDX-License-Identifier: GPL-2.0-only
#include "cli/command.h"

int main(int argc, char **argv)
{
	return (int)tw_command_main(argc, argv);
}
