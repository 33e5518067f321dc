package io.github.weighbridge.inspector;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Numbers as reports write them and options read them, the same in every country.
final class Numbers {
    private static final Pattern SIZE = Pattern.compile("(\\d{1,19}(?:\\.\\d{1,9})?)\\s*([KMGT]iB|[kMGT]B|)");
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    /// Longest context that is worth a question; above it, products of sizes could pass 2^63.
    private static final long LONGEST_CONTEXT = 1L << 31;

    private Numbers() {}

    /// `3,349,516,256`.
    static String grouped(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /// `3.12 GiB`: the largest unit of which there is at least one.
    static String size(long bytes) {
        int unit = 0;
        double number = bytes;
        while (Math.abs(number) >= 1024 && unit < UNITS.length - 1) {
            number /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.2f %s", number, UNITS[unit]);
    }

    /// Bits of a parameter, `4.500`.
    static String bits(double bits) {
        return String.format(Locale.ROOT, "%.3f", bits);
    }

    /// A part of a whole, `12.3%`.
    static String share(long part, long whole) {
        return whole == 0 ? "" : String.format(Locale.ROOT, "%.1f%%", 100.0 * part / whole);
    }

    /// `1 file`, `2 files`.
    static String count(long number, String one, String many) {
        return grouped(number) + " " + (number == 1 ? one : many);
    }

    /// Seconds with one decimal below a minute's tenth, `1:02:03` from a minute on.
    static String duration(double seconds) {
        if (seconds < 60) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        long whole = Math.round(seconds);
        return whole < 3600 ? String.format(Locale.ROOT, "%d:%02d min", whole / 60, whole % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d h", whole / 3600, whole / 60 % 60, whole % 60);
    }

    /// A number of tokens: digits, with `k` for 1024 and `m` for 1024 x 1024. Empty when it is none, or not from 1 to 2^31.
    static Optional<Long> tokens(String text) {
        String word = text.strip().toLowerCase(Locale.ROOT);
        int shift = word.endsWith("k") ? 10 : word.endsWith("m") ? 20 : 0;
        String digits = shift == 0 ? word : word.substring(0, word.length() - 1);
        if (digits.isEmpty() || digits.length() > 10 || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Optional.empty();
        }
        long number = Long.parseLong(digits) << shift;
        return number >= 1 && number <= LONGEST_CONTEXT ? Optional.of(number) : Optional.empty();
    }

    /// A size: a number of bytes, or with a unit of 1024 (KiB, MiB, GiB, TiB) or 1000 (kB, MB, GB, TB).
    static Optional<Long> bytes(String text) {
        Matcher size = SIZE.matcher(text.strip());
        if (!size.matches()) {
            return Optional.empty();
        }
        String unit = size.group(2);
        int power = unit.isEmpty() ? 0 : 1 + "kmgt".indexOf(Character.toLowerCase(unit.charAt(0)));
        BigDecimal factor = BigDecimal.valueOf(unit.endsWith("iB") ? 1024 : 1000).pow(power);
        BigDecimal bytes = new BigDecimal(size.group(1)).multiply(factor).setScale(0, RoundingMode.DOWN);
        return bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0 ? Optional.empty() : Optional.of(bytes.longValueExact());
    }
}
