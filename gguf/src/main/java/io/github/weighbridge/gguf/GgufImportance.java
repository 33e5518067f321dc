package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufTensorInfo;
import io.github.weighbridge.gguf.file.GgufValueType;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.plan.ImportanceMatrix;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Importance matrices in GGUF form, as `llama-imatrix` writes them.
///
/// A file has the keys `imatrix.datasets` (strings), `imatrix.chunk_count` and `imatrix.chunk_size` (u32), and for a tensor NAME of the model
/// `NAME.in_sum2`, the sums of the squares of what entered each column, and `NAME.counts`, how often: both F32, a row of sums and one count for
/// each matrix of the tensor. The weight of a column is its sum by its count; where a matrix was never used, all its columns weigh 1. Other
/// tensors, such as `NAME.in_sum`, say nothing about weights. (llama.cpp v0.5.0 `common/imatrix-loader.cpp`, `tools/quantize/quantize.cpp`.)
/// Files of the older form, which have no magic, are not read.
public final class GgufImportance {
    private static final String DATASETS = "imatrix.datasets";
    private static final String CHUNK_COUNT = "imatrix.chunk_count";
    private static final String CHUNK_SIZE = "imatrix.chunk_size";
    private static final String SUMS = ".in_sum2";
    private static final String COUNTS = ".counts";

    private GgufImportance() {}

    /// Reads a file.
    ///
    /// @param file the file; it may be closed afterwards
    /// @param name how files that are made with it call it
    /// @param limits hold for its header; [Limits#documentBytes] bounds its data
    /// @throws CheckpointFormatException when it is no importance matrix, or a sum or count is not what it must be
    /// @throws IOException when it cannot be read
    public static ImportanceMatrix read(ByteSource file, String name, Limits limits) throws IOException {
        if (!GgufFile.hasMagic(file)) {
            throw CheckpointFormatException.unsupported(file.name(), 0, "magic", "other bytes",
                    "importance matrices in GGUF form (47 47 55 46)");
        }
        GgufFile gguf = GgufFile.read(file, limits);
        if (gguf.byteOrder() == ByteOrder.BIG_ENDIAN) {
            throw CheckpointFormatException.unsupported(file.name(), 4, "byte order of an importance matrix", "big-endian",
                    "little-endian");
        }
        List<String> datasets = datasets(gguf);
        long chunks = u32(gguf, CHUNK_COUNT);
        u32(gguf, CHUNK_SIZE);
        if (file.length() > limits.documentBytes()) {
            throw CheckpointFormatException.limit(file.name(), -1, "length", file.length(), "at most " + limits.documentBytes()
                    + " (Limits.documentBytes)");
        }
        Map<String, float[]> entries = new LinkedHashMap<>();
        for (GgufTensorInfo sums : gguf.tensors()) {
            if (sums.name().endsWith(SUMS)) {
                String of = sums.name().substring(0, sums.name().length() - SUMS.length());
                GgufTensorInfo counts =
                        gguf.tensor(of + COUNTS).orElseThrow(() -> wrong(gguf, sums, "counts", "none", "a tensor " + of + COUNTS));
                entries.put(of, weights(gguf, sums, counts));
            } else
                if (sums.name().endsWith(COUNTS)
                        && gguf.tensor(sums.name().substring(0, sums.name().length() - COUNTS.length()) + SUMS).isEmpty()) {
                            throw wrong(gguf, sums, "sums", "none", "a tensor whose name ends in " + SUMS);
                        }
        }
        if (entries.isEmpty()) {
            throw CheckpointFormatException.malformed(file.name(), -1, "tensors", gguf.tensors().size() + ", none of which ends in " + SUMS,
                    "an importance matrix");
        }
        return new ImportanceMatrix(name, datasets, chunks, entries);
    }

    private static List<String> datasets(GgufFile gguf) throws IOException {
        GgufArray datasets = gguf.array(DATASETS).orElseThrow(() -> missing(gguf, DATASETS));
        if (datasets.elementType() != GgufValueType.STRING) {
            throw CheckpointFormatException.malformed(gguf.source().name(), datasets.offset(), "element type of key " + DATASETS,
                    datasets.elementType().word(), "string");
        }
        return datasets.strings();
    }

    private static long u32(GgufFile gguf, String key) throws IOException {
        return gguf.whole(key).orElseThrow(() -> missing(gguf, key));
    }

    private static CheckpointFormatException missing(GgufFile gguf, String key) {
        return CheckpointFormatException.malformed(gguf.source().name(), -1, "key " + key, "none", "one, as every importance matrix has");
    }

    private static CheckpointFormatException wrong(GgufFile gguf, GgufTensorInfo tensor, String what, Object found, String expected) {
        return CheckpointFormatException.malformed(gguf.source().name(), tensor.entryOffset(), "tensor " + tensor.name() + ": " + what,
                found,
                expected);
    }

    private static float[] weights(GgufFile gguf, GgufTensorInfo sums, GgufTensorInfo counts) throws IOException {
        float[] numbers = numbers(gguf, sums);
        float[] times = numbers(gguf, counts);
        if (times.length == 0 || numbers.length == 0 || numbers.length % times.length != 0) {
            throw wrong(gguf, sums, "elements", numbers.length, "a multiple of the " + times.length + " counts, and not none");
        }
        int columns = numbers.length / times.length;
        for (int matrix = 0; matrix < times.length; matrix++) {
            // C's lround, of numbers that a long holds exactly.
            float count = (float) Math.round((double) times[matrix]);
            for (int i = matrix * columns; i < (matrix + 1) * columns; i++) {
                float weight = count > 0 ? numbers[i] / count : 1;
                if (!(weight >= 0 && weight <= Float.MAX_VALUE)) {
                    throw CheckpointFormatException.malformed(gguf.source().name(), sums.position() + 4L * i, "tensor " + sums.name()
                            + ": element " + i, numbers[i] + " by a count of " + times[matrix], "a finite weight of 0 or more");
                }
                numbers[i] = weight;
            }
        }
        return numbers;
    }

    private static float[] numbers(GgufFile gguf, GgufTensorInfo tensor) throws IOException {
        if (tensor.type() != GgmlType.F32) {
            throw wrong(gguf, tensor, "type", tensor.type(), "F32");
        }
        if (tensor.byteLength() > Integer.MAX_VALUE - 8) {
            throw wrong(gguf, tensor, "data", tensor.byteLength() + " bytes", "less than 2 GiB");
        }
        float[] numbers = new float[(int) tensor.shape().elements()];
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) tensor.byteLength()]);
        gguf.data(tensor).read(0, bytes);
        MemorySegment.copy(bytes, ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0, numbers, 0, numbers.length);
        return numbers;
    }
}
