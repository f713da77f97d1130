# SPDX-License-Identifier: GPL-2.0-only
#
# table.awk: tests by kernel, from the verdicts of judge.awk. -v kernels="KEY KEY ...".
# No printf: not every awk counts characters, and a dash is three bytes.
function column(text, width)
{
	if (text == "—")
		width += 2
	while (length(text) < width)
		text = text " "
	return " " text
}

BEGIN {
	FS = "\t"
	columns = split(kernels, key, " ")
	first = length("(guest)")
}

{
	state[$2, $1] = $3
	if (!($2 in row)) {
		row[$2] = ++rows
		name[rows] = $2
	}
	if (length($2) > first)
		first = length($2)
	if ($3 == "FAIL")
		complaints = complaints "FAIL " $1 " " $2 ": " $4 "\n"
}

END {
	line = sprintf("%-" first "s", "test")
	for (i = 1; i <= columns; i++)
		line = line column(key[i], 9)
	print line
	for (r = 1; r <= rows; r++) {
		line = sprintf("%-" first "s", name[r])
		for (i = 1; i <= columns; i++)
			line = line column(((name[r], key[i]) in state) ? state[name[r], key[i]] : "—", 9)
		sub(/ +$/, "", line)
		print line
	}
	printf "\n%s", complaints
}
