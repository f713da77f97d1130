# SPDX-License-Identifier: GPL-2.0-only
# Panels with logarithmic axes, as SVG. A line of input is a point:
# PANEL TITLE X-AXIS Y-AXIS SERIES X Y, panels from 1, at most two series a panel.

BEGIN {
	columns = 3
	width = 300
	height = 240
	left = 52
	right = 16
	top = 58
	bottom = 42
}

{
	panel = $1
	title[panel] = $2
	axis_x[panel] = $3
	axis_y[panel] = $4
	if (!((panel, $5) in number_of)) {
		number_of[panel, $5] = ++series[panel]
		name[panel, series[panel]] = $5
	}
	s = number_of[panel, $5]
	n = ++points[panel, s]
	x[panel, s, n] = $6
	y[panel, s, n] = $7
	widen(panel, $6, $7)
	if (panel > panels)
		panels = panel
}

function widen(panel, a, b)
{
	if (!(panel in low_x) || a < low_x[panel]) low_x[panel] = a
	if (!(panel in high_x) || a > high_x[panel]) high_x[panel] = a
	if (!(panel in low_y) || b < low_y[panel]) low_y[panel] = b
	if (!(panel in high_y) || b > high_y[panel]) high_y[panel] = b
}

function floor(v) { return int(v) > v ? int(v) - 1 : int(v) }
function log10(v) { return log(v) / log(10) }
function pixel_x(v) { return left + (log10(v) - from_x) / (to_x - from_x) * (width - left - right) }
function pixel_y(v) { return height - bottom - (log10(v) - from_y) / (to_y - from_y) * (height - top - bottom) }

# 20k, 1M; 0.1
function short_number(v)
{
	return v >= 1e6 ? v / 1e6 "M" : v >= 1e4 ? v / 1e3 "k" : v ""
}

# Whole decades up and down; sideways what is there, and some air.
function set_scale(panel)
{
	from_x = log10(low_x[panel])
	to_x = log10(high_x[panel])
	air = (to_x - from_x) * 0.06
	from_x -= air
	to_x += air
	from_y = floor(log10(low_y[panel]))
	to_y = floor(log10(high_y[panel])) + 1
}

function draw_axes(panel,    v, i, p)
{
	for (i = from_y; i <= to_y; i++) {
		p = pixel_y(10 ^ i)
		printf "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", left, width - right, p, p
		printf "<text class=\"number\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n", left - 6, p + 4, short_number(10 ^ i)
	}
	for (i = 1; i <= points[panel, 1]; i++) {
		v = x[panel, 1, i]
		p = pixel_x(v)
		printf "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", p, p, top, height - bottom
		printf "<text class=\"number\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%s</text>\n", p, height - bottom + 15, short_number(v)
	}
	printf "<text class=\"axis\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%s</text>\n", (left + width - right) / 2, height - 8, axis_x[panel]
	printf "<text class=\"axis\" text-anchor=\"end\" x=\"%d\" y=\"%d\">%s</text>\n", left - 6, top - 12, axis_y[panel]
}

# Through the last point of the first series, as steep as linear growth.
function draw_linear(panel,    n, a, b, start)
{
	n = points[panel, 1]
	a = x[panel, 1, n]
	b = y[panel, 1, n]
	start = log10(a) - (log10(b) - from_y)
	if (start < from_x)
		start = from_x
	printf "<line class=\"linear\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", pixel_x(10 ^ start), pixel_y(b * 10 ^ (start - log10(a))), pixel_x(a), pixel_y(b)
}

# The first series has discs, the second squares.
function draw_mark(s, px, py)
{
	if (s == 1)
		printf "<circle class=\"mark%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", s, px, py
	else
		printf "<rect class=\"mark%d\" x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\"/>\n", s, px - 3.5, py - 3.5
}

function draw_series(panel, s,    i, path)
{
	for (i = 1; i <= points[panel, s]; i++)
		path = path (i > 1 ? "L" : "M") sprintf("%.1f %.1f", pixel_x(x[panel, s, i]), pixel_y(y[panel, s, i]))
	printf "<path class=\"line%d\" d=\"%s\"/>\n", s, path
	for (i = 1; i <= points[panel, s]; i++)
		draw_mark(s, pixel_x(x[panel, s, i]), pixel_y(y[panel, s, i]))
}

function draw_legend(panel,    s, at)
{
	at = left + 4
	for (s = 1; s <= series[panel]; s++) {
		draw_mark(s, at, 34)
		printf "<text class=\"legend\" x=\"%d\" y=\"38\">%s</text>\n", at + 8, name[panel, s]
		at += 24 + 6 * length(name[panel, s])
	}
}

function draw_panel(panel)
{
	set_scale(panel)
	printf "<g transform=\"translate(%d %d)\">\n", (panel - 1) % columns * width, int((panel - 1) / columns) * height
	printf "<text class=\"title\" x=\"%d\" y=\"18\">%s</text>\n", left, title[panel]
	draw_legend(panel)
	draw_axes(panel)
	draw_linear(panel)
	for (s = 1; s <= series[panel]; s++)
		draw_series(panel, s)
	print "</g>"
}

# Not by variables, which some viewers do not know.
function colours(page, ink, soft, grid, first, second)
{
	print ".page { fill: " page " } text { fill: " soft " } .title, .axis, .legend { fill: " ink " }"
	print ".grid { stroke: " grid " } .linear { stroke: " soft " }"
	print ".line1 { stroke: " first " } .mark1 { fill: " first " }"
	print ".line2 { stroke: " second " } .mark2 { fill: " second " }"
}

END {
	w = columns * width
	h = int((panels + columns - 1) / columns) * height + 20
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n", w, h, w, h
	print "<title>What costs as a function of size; both axes logarithmic</title>"
	print "<style>"
	print "text { font-family: system-ui, sans-serif; font-size: 11px }"
	print ".title { font-size: 13px; font-weight: 600 }"
	print ".linear { stroke-dasharray: 2 3 }"
	print ".line1, .line2 { fill: none; stroke-width: 2 }"
	colours("#ffffff", "#1f2328", "#59636e", "#d8dee4", "#0b62c4", "#b8500c")
	print "@media (prefers-color-scheme: dark) {"
	colours("#0d1117", "#e6edf3", "#9aa4af", "#2b323b", "#6cb2ff", "#f5a25d")
	print "}"
	print "</style>"
	printf "<rect width=\"%d\" height=\"%d\" class=\"page\"/>\n", w, h
	for (panel = 1; panel <= panels; panel++)
		if (panel in title)
			draw_panel(panel)
	printf "<text x=\"%d\" y=\"%d\">Dotted: as steep as linear growth. Both axes are logarithmic.</text>\n", left, h - 6
	print "</svg>"
}
