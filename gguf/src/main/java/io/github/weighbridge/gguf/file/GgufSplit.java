package io.github.weighbridge.gguf.file;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The name of a shard: `PREFIX-00001-of-00003.gguf`, as llama.cpp's `gguf-split` gives it.
///
/// @param prefix what stands before the numbers, not empty
/// @param number which shard, from 1
/// @param count how many there are, at most 65 535, as the key that repeats it is a u16
public record GgufSplit(String prefix, int number, int count) {
    /// The key with the index of the shard, from 0 (u16).
    public static final String NUMBER_KEY = "split.no";
    /// The key with the number of shards (u16); 0 in files merged from shards.
    public static final String COUNT_KEY = "split.count";
    /// The key with the number of tensors in all shards (i32).
    public static final String TENSORS_KEY = "split.tensors.count";
    /// Most shards.
    public static final int MOST = 65_535;

    private static final Pattern NAME = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.DOTALL);

    /// Checks the numbers.
    ///
    /// @throws IllegalArgumentException when the prefix is empty, or the numbers are not 1 <= number <= count <= 65 535
    public GgufSplit {
        if (prefix.isEmpty() || number < 1 || number > count || count > MOST) {
            throw new IllegalArgumentException("no shard " + number + " of " + count + " of " + prefix);
        }
    }

    /// Reads a file name, without folder; empty when it is not of the pattern.
    public static Optional<GgufSplit> parse(String fileName) {
        Matcher name = NAME.matcher(fileName);
        if (!name.matches()) {
            return Optional.empty();
        }
        int number = Integer.parseInt(name.group(2));
        int count = Integer.parseInt(name.group(3));
        return number < 1 || number > count || count > MOST ? Optional.empty() : Optional.of(new GgufSplit(name.group(1), number, count));
    }

    /// The prefix for the shards of a file that was asked for under a name: that name without `.gguf`.
    public static String prefixOf(String fileName) {
        return fileName.endsWith(".gguf") && fileName.length() > 5 ? fileName.substring(0, fileName.length() - 5) : fileName;
    }

    /// Another shard of the set.
    ///
    /// @throws IllegalArgumentException when the number is not 1 to the count
    public GgufSplit sibling(int other) {
        return new GgufSplit(prefix, other, count);
    }

    /// The file name.
    public String fileName() {
        // By hand, since the digits of String.format follow the locale.
        return prefix + "-" + fiveDigits(number) + "-of-" + fiveDigits(count) + ".gguf";
    }

    private static String fiveDigits(int number) {
        return Integer.toString(100_000 + number).substring(1);
    }

    /// The file name.
    @Override
    public String toString() {
        return fileName();
    }
}
