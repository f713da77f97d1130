# SPDX-License-Identifier: GPL-2.0-only
# As report.c reckons.

# A median and its 95 % confidence interval, from order statistics: of fewer than six, the extremes.
def spread:
  sort | length as $n
  | ([(($n - 1.96 * ($n | sqrt)) / 2 | floor), 0] | max) as $low
  | {low: .[$low], median: .[$n / 2 | floor], high: .[$n - 1 - $low]};

# The exponent k of y = a x^k, by least squares over the logarithms of [x, y] pairs.
def growth:
  map(map(log)) | length as $n
  | (map(.[0]) | add / $n) as $x | (map(.[1]) | add / $n) as $y
  | (map((.[0] - $x) * (.[1] - $y)) | add) / (map(pow(.[0] - $x; 2)) | add);
