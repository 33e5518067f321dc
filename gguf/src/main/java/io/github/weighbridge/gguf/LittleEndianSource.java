package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.io.ForwardingByteSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/// A big-endian file whose tensors read as if they had been stored little-endian; all else reads as it is. So they can be decoded, and copied
/// into files of the usual order.
///
/// Numbers of more than one byte are swapped: elements of plain types, and within blocks the scales and those fields that ggml reads as
/// words. The lattice types are left out: ggml reads the same bytes of theirs now as words and now one by one, so that a swapped file has no
/// one meaning.
final class LittleEndianSource extends ForwardingByteSource {
    /// Which bytes of a block to swap.
    ///
    /// @param bytes bytes of a block
    /// @param width width of the fields
    /// @param fields where they begin
    private record Swaps(int bytes, int width, int[] fields) {
        static Optional<Swaps> of(GgmlType type) {
            int[] fields = switch (type) {
                case F32, F16, BF16, F64, I16, I32, I64 -> new int[] {0};
                case I8, MXFP4, NVFP4 -> new int[0];
                case Q4_0, Q8_0, IQ4_NL, Q1_0, Q2_0 -> new int[] {0};
                case Q4_1, Q4_K, Q5_K -> new int[] {0, 2};
                case Q2_K -> new int[] {80, 82};
                case Q3_K -> new int[] {108};
                case Q6_K -> new int[] {208};
                case TQ1_0 -> new int[] {52};
                case TQ2_0 -> new int[] {64};
                // The scale, and the upper bits of the group scales.
                case IQ4_XS -> new int[] {0, 2};
                // A word of fifth bits follows the scale, or the scale and the minimum: four bytes.
                case Q5_0 -> new int[] {0, FIFTH_BITS | 2};
                case Q5_1 -> new int[] {0, 2, FIFTH_BITS | 4};
                case Q8_1, Q8_K, IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S -> null;
            };
            int width = switch (type) {
                case F32, I32 -> 4;
                case F64, I64 -> 8;
                default -> 2;
            };
            return fields == null ? Optional.empty() : Optional.of(new Swaps(type.blockBytes(), width, fields));
        }

        void apply(byte[] block, int at) {
            for (int field : fields) {
                boolean word = (field & FIFTH_BITS) != 0;
                int begin = at + (field & ~FIFTH_BITS);
                int size = word ? 4 : width;
                for (int i = 0; i < size / 2; i++) {
                    byte first = block[begin + i];
                    block[begin + i] = block[begin + size - 1 - i];
                    block[begin + size - 1 - i] = first;
                }
            }
        }
    }

    /// Marks a field of four bytes.
    private static final int FIFTH_BITS = 1 << 16;
    /// Bytes swapped at a time.
    private static final int STAGE = 16 << 10;

    private record Range(long end, Swaps swaps) {}

    private final NavigableMap<Long, Range> ranges = new TreeMap<>();

    LittleEndianSource(GgufFile file) {
        super(file.source());
        for (GgufTensorInfo tensor : file.tensors()) {
            Optional<Swaps> swaps = Swaps.of(tensor.type());
            if (swaps.isPresent() && swaps.get().fields.length > 0 && tensor.byteLength() > 0) {
                ranges.put(tensor.position(), new Range(tensor.position() + tensor.byteLength(), swaps.get()));
            }
        }
    }

    /// Whether tensors of a type can be read in the other order.
    static boolean understands(GgmlType type) {
        return Swaps.of(type).isPresent();
    }

    @Override
    public void read(long offset, MemorySegment target) throws IOException {
        super.read(offset, target);
        long end = offset + target.byteSize();
        Long first = ranges.floorKey(offset);
        for (Map.Entry<Long, Range> range : ranges.subMap(first == null ? offset : first, true, end, false).entrySet()) {
            long from = Math.max(offset, range.getKey());
            long to = Math.min(end, range.getValue().end);
            if (from < to) {
                swap(range.getKey(), range.getValue().swaps, from, to, offset, target);
            }
        }
    }

    /// Swaps the bytes from `from` to `to` of a tensor that begins at `begin`; they may begin and end within a block.
    private void swap(long begin, Swaps swaps, long from, long to, long offset, MemorySegment target) throws IOException {
        byte[] stage = new byte[(int) Math.min(Math.max(1, STAGE / swaps.bytes) * swaps.bytes, (to - from) / swaps.bytes * swaps.bytes
                + 2L * swaps.bytes)];
        for (long at = begin + (from - begin) / swaps.bytes * swaps.bytes; at < to;) {
            // The end of a tensor is the end of a block.
            long blocks = Math.min(stage.length / swaps.bytes, (to - at + swaps.bytes - 1) / swaps.bytes);
            int length = (int) blocks * swaps.bytes;
            MemorySegment bytes = MemorySegment.ofArray(stage).asSlice(0, length);
            if (at >= from && at + length <= to) {
                bytes.copyFrom(target.asSlice(at - offset, length));
            } else {
                super.read(at, bytes);
            }
            for (int block = 0; block < length; block += swaps.bytes) {
                swaps.apply(stage, block);
            }
            long copyFrom = Math.max(at, from);
            long copyTo = Math.min(at + length, to);
            MemorySegment.copy(stage, (int) (copyFrom - at), target, ValueLayout.JAVA_BYTE, copyFrom - offset, (int) (copyTo - copyFrom));
            at += length;
        }
    }
}
