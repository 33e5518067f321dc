package io.github.weighbridge.gguf.file;

import io.github.weighbridge.fixtures.malformed.MalformedCase;
import io.github.weighbridge.fixtures.malformed.MalformedGguf;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Source;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

/// Each file that breaks a rule ends in one exception that says which. The small heap stands for a user's: nothing may be allocated on a
/// file's word.
@Tag("small-heap")
class MalformedGgufTest {
    private static final List<MalformedCase> CASES = MalformedGguf.cases();

    static List<MalformedCase> cases() {
        return CASES;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isRefusedWithFileByteAndField(MalformedCase malformed, @TempDir Path folder) throws IOException {
        Path named = malformed.writeTo(folder);
        // Time of this thread, so that a busy machine does not matter.
        long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        Throwable thrown = catchThrowable(() -> GgufSet.open(Source.of(named), Limits.DEFAULT).close());
        assertThat(ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - before).isLessThan(1_000_000_000);
        assertThat(thrown).isInstanceOf(CheckpointFormatException.class).hasMessageStartingWith(folder.toString())
                .hasMessageContainingAll(malformed.expected().toArray(String[]::new));
        assertThat(thrown.getMessage().chars()).noneMatch(Character::isISOControl);
    }

    @Test
    void namesAreUniqueAndMany() {
        assertThat(cases()).hasSizeGreaterThan(110);
        assertThat(cases().stream().map(MalformedCase::name)).doesNotHaveDuplicates();
    }

    /// The exact words, for all cases but those made to be large.
    @ParameterizedTest
    @MethodSource("sentences")
    void saysInFull(String name, String sentence) {
        MalformedCase malformed = cases().stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
        Source source = new Source("model.gguf", malformed.tree(), malformed.opened());
        assertThatThrownBy(() -> GgufSet.open(source, Limits.DEFAULT)).isInstanceOf(CheckpointFormatException.class).hasMessage(sentence);
    }

    static Stream<Arguments> sentences() {
        return Stream.of(
                sentence("empty file", "model.gguf: at byte 0: header: found an empty file, expected at least 24 bytes"),
                sentence("magic only", "model.gguf: at byte 4: version: found end of file, expected 4 bytes"),
                sentence("huge key count", "model.gguf: at byte 16: key count: found 1099511627776, expected at most 5 (entries of 8 "
                        + "bytes or more in 45 bytes left)"),
                sentence("huge tensor count", "model.gguf: at byte 8: tensor count: found 1099511627776, expected at most 1 (entries "
                        + "of 24 bytes or more in 45 bytes left)"),
                sentence("huge string length", "model.gguf: at byte 24: key #0: name length: found 4611686018427387904, expected at "
                        + "most 3 (bytes left)"),
                sentence("huge array length", "model.gguf: at byte 86: key a: array count: found 1099511627776, expected at most 0 "
                        + "(elements of 1 byte in 0 bytes left)"),
                sentence("arrays nested 100 000 deep", "model.gguf: at byte 37: key a: element type: found 9 (array), expected 0 to "
                        + "8 or 10 to 12, as there are no arrays of arrays"),
                sentence("unknown value type", "model.gguf: at byte 33: key a: value type: found 99, expected 0 to 12"),
                sentence("2^32 - 1 dimensions", "model.gguf: at byte 78: tensor t: dimension count: found 4294967295, expected at most 4"),
                sentence("element count overflows", "model.gguf: at byte 82: tensor t: dimensions: found 8589934592 x 8589934592, "
                        + "expected a product below 2^63"),
                sentence("offset past the end", "model.gguf: at byte 94: tensor t: offset: found 1125899906842624, expected 0 (the "
                        + "padded sizes of the tensors before)"),
                sentence("unknown tensor type", "model.gguf: at byte 90: tensor t: type: found 142, expected 0 to 42"),
                sentence("duplicate tensor name", "model.gguf: at byte 102: tensor t: name: found a second time, expected each "
                        + "tensor once (the first is at byte 69)"),
                sentence("duplicate key", "model.gguf: at byte 69: key general.architecture: name: found a second time, expected "
                        + "each key once (the first is at byte 24)"),
                sentence("alignment 0", "model.gguf: at byte 98: key general.alignment: value: found 0, expected a power of two"),
                sentence("two tensors on the same bytes", "model.gguf: at byte 127: tensor b: offset: found 0, expected 128 (the "
                        + "padded sizes of the tensors before)"),
                sentence("row no multiple of the block", "model.gguf: at byte 82: tensor t: dimensions: found a row of 33, expected "
                        + "a multiple of 32, the block of Q4_0"),
                sentence("data truncated", "model.gguf: at byte 128: tensor t: data: found 4194304 bytes that begin here, expected "
                        + "them to end by byte 358, the end of the file"),
                sentence("another magic", "model.gguf: at byte 0: magic: found 47 47 4D 4C, expected 47 47 55 46 (GGUF)"),
                sentence("magic backwards", "model.gguf: at byte 0: magic: found 46 55 47 47, expected 47 47 55 46 (GGUF)"),
                sentence("zeros alone", "model.gguf: at byte 0: magic: found 00 00 00 00, expected 47 47 55 46 (GGUF)"),
                sentence("truncated in the magic", "model.gguf: at byte 0: magic: found end of file after 2 bytes, expected 4 bytes"),
                sentence("truncated in the version", "model.gguf: at byte 4: version: found end of file after 2 bytes, expected 4 bytes"),
                sentence("version 0", "model.gguf: at byte 4: version: found 0, expected 2 or 3"),
                sentence("version 1", "model.gguf: at byte 4: version: found 1 (the first, with counts of 32 bits, which ggml no "
                        + "longer reads), supported: 2 or 3"),
                sentence("version 4", "model.gguf: at byte 4: version: found 4, supported: 2 or 3"),
                sentence("version 4, big-endian", "model.gguf: at byte 4: version: found 4, supported: 2 or 3"),
                sentence("version 65 536, or 256 in the other order", "model.gguf: at byte 4: version: found 256, supported: 2 or 3"),
                sentence("version 2^32 - 1", "model.gguf: at byte 4: version: found 4294967295, supported: 2 or 3"),
                sentence("big-endian version before little-endian counts", "model.gguf: at byte 8: tensor count: found "
                        + "72057594037927936, expected at most 1 (entries of 24 bytes or more in 45 bytes left)"),
                sentence("truncated in the tensor count", "model.gguf: at byte 8: tensor count: found end of file after 4 bytes, "
                        + "expected 8 bytes"),
                sentence("truncated in the key count", "model.gguf: at byte 16: key count: found end of file after 4 bytes, expected "
                        + "8 bytes"),
                sentence("negative tensor count", "model.gguf: at byte 8: tensor count: found -1, expected 0 or more"),
                sentence("negative key count", "model.gguf: at byte 16: key count: found -9223372036854775808, expected 0 or more"),
                sentence("more tensors than bytes", "model.gguf: at byte 8: tensor count: found 2, expected at most 1 (entries of 24 "
                        + "bytes or more in 45 bytes left)"),
                sentence("more keys than bytes beside the tensors", "model.gguf: at byte 16: key count: found 3, expected at most 2 "
                        + "(entries of 8 bytes or more in 21 bytes left)"),
                sentence("one key too many", "model.gguf: at byte 69: key #1: name length: found end of file, expected 8 bytes"),
                sentence("truncated in the length of a key", "model.gguf: at byte 69: key #1: name length: found end of file after 4 "
                        + "bytes, expected 8 bytes"),
                sentence("truncated in a key", "model.gguf: at byte 69: key #1: name length: found 10, expected at most 3 (bytes left)"),
                sentence("truncated in a value type", "model.gguf: at byte 78: key a: value type: found end of file after 2 bytes, "
                        + "expected 4 bytes"),
                sentence("truncated before a value", "model.gguf: at byte 82: key a: value: found end of file, expected 1 byte"),
                sentence("truncated in a u32", "model.gguf: at byte 82: key a: value: found end of file after 2 bytes, expected 4 bytes"),
                sentence("truncated in a u64", "model.gguf: at byte 82: key a: value: found end of file after 4 bytes, expected 8 bytes"),
                sentence("truncated in the length of a string", "model.gguf: at byte 82: key a: value length: found end of file "
                        + "after 4 bytes, expected 8 bytes"),
                sentence("truncated in a string", "model.gguf: at byte 82: key a: value length: found 4, expected at most 3 (bytes left)"),
                sentence("truncated in an element type", "model.gguf: at byte 82: key a: element type: found end of file after 2 "
                        + "bytes, expected 4 bytes"),
                sentence("truncated in an array count", "model.gguf: at byte 86: key a: array count: found end of file after 4 "
                        + "bytes, expected 8 bytes"),
                sentence("truncated in an array of numbers", "model.gguf: at byte 86: key a: array count: found 4, expected at most "
                        + "3 (elements of 4 bytes in 15 bytes left)"),
                sentence("truncated in an array of strings", "model.gguf: at byte 105: key a: length of element 1: found 5, expected "
                        + "at most 2 (bytes left)"),
                sentence("truncated before the last string of an array", "model.gguf: at byte 110: key a: length of element 1: found "
                        + "end of file, expected 8 bytes"),
                sentence("empty key", "model.gguf: at byte 69: key #1: name length: found 0, expected at least 1"),
                sentence("key that is no UTF-8", "model.gguf: at byte 77: key #1: name: found bytes that are no UTF-8, expected "
                        + "UTF-8 text"),
                sentence("key with an overlong slash", "model.gguf: at byte 77: key #1: name: found bytes that are no UTF-8, "
                        + "expected UTF-8 text"),
                sentence("string that is no UTF-8", "model.gguf: at byte 90: key a: value: found bytes that are no UTF-8, expected "
                        + "UTF-8 text"),
                sentence("string length 2^64 - 1", "model.gguf: at byte 82: key a: value length: found 18446744073709551615, "
                        + "expected at most 8 (bytes left)"),
                sentence("array count 2^64 - 1", "model.gguf: at byte 86: key a: array count: found 18446744073709551615, expected "
                        + "at most 8 (elements of 1 byte in 8 bytes left)"),
                sentence("array count whose bytes overflow", "model.gguf: at byte 86: key a: array count: found 2305843009213693952, "
                        + "expected at most 8 (elements of 8 bytes in 64 bytes left)"),
                sentence("element length 2^63", "model.gguf: at byte 94: key a: length of element 0: found 9223372036854775808, "
                        + "expected at most 8 (bytes left)"),
                sentence("value type -1", "model.gguf: at byte 78: key a: value type: found -1, expected 0 to 12"),
                sentence("value type 13", "model.gguf: at byte 78: key a: value type: found 13, expected 0 to 12"),
                sentence("element type 13", "model.gguf: at byte 82: key a: element type: found 13, expected 0 to 8 or 10 to 12"),
                sentence("empty array of arrays", "model.gguf: at byte 82: key a: element type: found 9 (array), expected 0 to 8 or "
                        + "10 to 12, as there are no arrays of arrays"),
                sentence("duplicate key of another type", "model.gguf: at byte 86: key a: name: found a second time, expected each "
                        + "key once (the first is at byte 69)"),
                sentence("key that would paint the terminal", "model.gguf: at byte 82: key \\u001b[31m: value type: found 99, "
                        + "expected 0 to 12"),
                sentence("alignment 24", "model.gguf: at byte 98: key general.alignment: value: found 24, expected a power of two"),
                sentence("alignment 2^32 - 1", "model.gguf: at byte 98: key general.alignment: value: found 4294967295, expected a "
                        + "power of two"),
                sentence("alignment as u64", "model.gguf: at byte 94: key general.alignment: value type: found u64, expected u32"),
                sentence("alignment as i32", "model.gguf: at byte 94: key general.alignment: value type: found i32, expected u32"),
                sentence("alignment as a string", "model.gguf: at byte 94: key general.alignment: value type: found string, expected u32"),
                sentence("alignment as an array", "model.gguf: at byte 94: key general.alignment: value type: found array, expected u32"),
                sentence("alignment beyond the file", "model.gguf: at byte 2147483648: tensor t: data: found 128 bytes that begin "
                        + "here, expected them to end by byte 391, the end of the file"),
                sentence("offsets for another alignment", "model.gguf: at byte 160: tensor b: offset: found 32, expected 64 (the "
                        + "padded sizes of the tensors before)"),
                sentence("no tensor entry", "model.gguf: at byte 69: tensor #0: name length: found end of file, expected 8 bytes"),
                sentence("truncated in the length of a name", "model.gguf: at byte 69: tensor #0: name length: found end of file "
                        + "after 4 bytes, expected 8 bytes"),
                sentence("truncated in a name", "model.gguf: at byte 69: tensor #0: name length: found 5, expected at most 2 (bytes "
                        + "left)"),
                sentence("truncated in a dimension count", "model.gguf: at byte 78: tensor t: dimension count: found end of file "
                        + "after 2 bytes, expected 4 bytes"),
                sentence("truncated in the dimensions", "model.gguf: at byte 90: tensor t: dimensions: found end of file after 4 "
                        + "bytes, expected 8 bytes"),
                sentence("truncated in a tensor type", "model.gguf: at byte 90: tensor t: type: found end of file after 2 bytes, "
                        + "expected 4 bytes"),
                sentence("truncated in an offset", "model.gguf: at byte 94: tensor t: offset: found end of file after 4 bytes, "
                        + "expected 8 bytes"),
                sentence("file shorter than the begin of its data", "model.gguf: at byte 128: tensor t: data: found 0 bytes that "
                        + "begin here, expected them to end by byte 102, the end of the file"),
                sentence("no data", "model.gguf: at byte 128: tensor t: data: found 128 bytes that begin here, expected them to end "
                        + "by byte 128, the end of the file"),
                sentence("last byte of the data missing", "model.gguf: at byte 128: tensor t: data: found 128 bytes that begin here, "
                        + "expected them to end by byte 255, the end of the file"),
                sentence("second tensor missing", "model.gguf: at byte 192: tensor b: data: found 32 bytes that begin here, expected "
                        + "them to end by byte 192, the end of the file"),
                sentence("name of 64 bytes", "model.gguf: at byte 69: tensor #0: name length: found 64, expected at most 63"),
                sentence("name that is no UTF-8", "model.gguf: at byte 77: tensor #0: name: found bytes that are no UTF-8, expected "
                        + "UTF-8 text"),
                sentence("duplicate empty names", "model.gguf: at byte 101: tensor #1: name: found a second time, expected each "
                        + "tensor once (the first is at byte 69)"),
                sentence("5 dimensions", "model.gguf: at byte 78: tensor t: dimension count: found 5, expected at most 4"),
                sentence("negative dimension", "model.gguf: at byte 90: tensor t: dimension 1: found -1, expected 0 or more"),
                sentence("element count of 2^63", "model.gguf: at byte 82: tensor t: dimensions: found 4294967296 x 2147483648, "
                        + "expected a product below 2^63"),
                sentence("byte count overflows", "model.gguf: at byte 82: tensor t: dimensions: found 2147483648 x 2147483648 of "
                        + "F64, expected a size below 2^63 bytes"),
                sentence("sum of sizes overflows", "model.gguf: at byte 102: tensor b: data: found 4611686018427387904 bytes from "
                        + "byte 4611686018427387904 of the data, expected an end below 2^63"),
                sentence("removed tensor type 4", "model.gguf: at byte 90: tensor t: type: found 4 (Q4_2, which ggml has removed), "
                        + "supported: types that ggml has"),
                sentence("removed tensor type 5", "model.gguf: at byte 90: tensor t: type: found 5 (Q4_3, which ggml has removed), "
                        + "supported: types that ggml has"),
                sentence("removed tensor type 31", "model.gguf: at byte 90: tensor t: type: found 31 (Q4_0_4_4, which ggml has "
                        + "removed), supported: types that ggml has"),
                sentence("removed tensor type 32", "model.gguf: at byte 90: tensor t: type: found 32 (Q4_0_4_8, which ggml has "
                        + "removed), supported: types that ggml has"),
                sentence("removed tensor type 33", "model.gguf: at byte 90: tensor t: type: found 33 (Q4_0_8_8, which ggml has "
                        + "removed), supported: types that ggml has"),
                sentence("removed tensor type 36", "model.gguf: at byte 90: tensor t: type: found 36 (IQ4_NL_4_4, which ggml has "
                        + "removed), supported: types that ggml has"),
                sentence("removed tensor type 37", "model.gguf: at byte 90: tensor t: type: found 37 (IQ4_NL_4_8, which ggml has "
                        + "removed), supported: types that ggml has"),
                sentence("removed tensor type 38", "model.gguf: at byte 90: tensor t: type: found 38 (IQ4_NL_8_8, which ggml has "
                        + "removed), supported: types that ggml has"),
                sentence("tensor type -1", "model.gguf: at byte 90: tensor t: type: found -1, expected 0 to 42"),
                sentence("tensor type 43", "model.gguf: at byte 90: tensor t: type: found 43, expected 0 to 42"),
                sentence("row of a Q4_K tensor too short", "model.gguf: at byte 82: tensor t: dimensions: found a row of 128, "
                        + "expected a multiple of 256, the block of Q4_K"),
                sentence("scalar in blocks", "model.gguf: at byte 82: tensor t: dimensions: found a row of 1, expected a multiple of "
                        + "32, the block of Q8_0"),
                sentence("first offset not 0", "model.gguf: at byte 94: tensor t: offset: found 32, expected 0 (the padded sizes of "
                        + "the tensors before)"),
                sentence("gap between tensors", "model.gguf: at byte 127: tensor b: offset: found 160, expected 128 (the padded "
                        + "sizes of the tensors before)"),
                sentence("tensors that overlap", "model.gguf: at byte 127: tensor b: offset: found 96, expected 128 (the padded "
                        + "sizes of the tensors before)"),
                sentence("tensors out of order", "model.gguf: at byte 94: tensor a: offset: found 128, expected 0 (the padded sizes "
                        + "of the tensors before)"),
                sentence("offset without padding", "model.gguf: at byte 127: tensor b: offset: found 12, expected 32 (the padded "
                        + "sizes of the tensors before)"),
                sentence("offset 2^64 - 1", "model.gguf: at byte 94: tensor t: offset: found 18446744073709551615, expected 0 (the "
                        + "padded sizes of the tensors before)"),
                sentence("key of 65 536 bytes", "model.gguf: at byte 69: key #1: name length: found 65536, expected at most 65535 "
                        + "(Limits.nameBytes)"),
                sentence("400 001 tensors", "model.gguf: at byte 8: tensor count: found 400001, expected at most 400000 (Limits.tensors)"),
                sentence("100 001 keys", "model.gguf: at byte 16: key count: found 100001, expected at most 100000 (Limits.keys)"),
                sentence("shard missing", "set-00002-of-00002.gguf: shard 2 of 2: found no such file, expected all shards beside "
                        + "set-00001-of-00002.gguf"),
                sentence("first shard missing", "set-00001-of-00002.gguf: shard 1 of 2: found no such file, expected all shards "
                        + "beside set-00002-of-00002.gguf"),
                sentence("wrong split.no", "set-00002-of-00002.gguf: at byte 44: key split.no: value: found 0, expected 1 (the "
                        + "file's name less 1)"),
                sentence("shards with their names exchanged", "set-00001-of-00002.gguf: at byte 44: key split.no: value: found 1, "
                        + "expected 0 (the file's name less 1)"),
                sentence("tensor in two shards", "set-00002-of-00002.gguf: at byte 106: tensor a: name: found a second time, "
                        + "expected each tensor once (the first is in set-00001-of-00002.gguf)"),
                sentence("wrong split.tensors.count", "set-00001-of-00002.gguf: at byte 102: key split.tensors.count: value: found "
                        + "3, expected 2 (the tensors of all shards)"),
                sentence("shards that disagree on split.tensors.count", "set-00002-of-00002.gguf: at byte 102: key "
                        + "split.tensors.count: value: found 1, expected 2 (the tensors of all shards)"),
                sentence("shards that disagree on split.count", "set-00002-of-00002.gguf: at byte 69: key split.count: value: found "
                        + "3, expected 2 (as in the other shards)"),
                sentence("split.count other than the name's", "set-00001-of-00002.gguf: at byte 69: key split.count: value: found 3, "
                        + "expected 2 (the file's name)"),
                sentence("shard under another name", "model.gguf: at byte 69: key split.count: value: found 2, expected a file named "
                        + "PREFIX-NNNNN-of-NNNNN.gguf"),
                sentence("second shard truncated", "set-00002-of-00002.gguf: at byte 4: version: found end of file, expected 4 bytes"),
                sentence("second shard without split.no", "set-00002-of-00002.gguf: key split.no: found none, expected one in every "
                        + "shard"),
                sentence("second shard without keys", "set-00002-of-00002.gguf: key split.count: found none, expected one in every shard"),
                sentence("first shard without split.tensors.count", "set-00001-of-00002.gguf: key split.tensors.count: found none, "
                        + "expected one in every shard"),
                sentence("split.count as u32", "set-00001-of-00002.gguf: at byte 43: key split.count: value type: found u32, "
                        + "expected u16"));
    }

    private static Arguments sentence(String name, String words) {
        return Arguments.of(name, words);
    }
}
