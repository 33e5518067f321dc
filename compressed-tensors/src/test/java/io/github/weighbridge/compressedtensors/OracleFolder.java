package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// A second reader of folders of compressed-tensors, made from the description of the format alone: it shares nothing with the library but the
/// JSON parser. A number at a time, for small folders.
final class OracleFolder {
    /// An entry of a file.
    record Entry(String type, List<Long> shape, ByteBuffer bytes) {
        int count() {
            int product = 1;
            for (long side : shape) {
                product *= (int) side;
            }
            return product;
        }

        double number(int i) {
            return switch (type) {
                case "F32" -> bytes.getFloat(4 * i);
                case "F16" -> Float.float16ToFloat(bytes.getShort(2 * i));
                case "BF16" -> Float.intBitsToFloat(bytes.getShort(2 * i) << 16);
                case "I8" -> bytes.get(i);
                case "I64" -> bytes.getLong(8 * i);
                case "F8_E4M3" -> e4m3(bytes.get(i));
                default -> throw new IllegalArgumentException(type);
            };
        }
    }

    private static double e4m3(int bits) {
        int exponent = bits >> 3 & 15;
        double magnitude = exponent == 0 ? (bits & 7) / 512.0 : (8 + (bits & 7)) / 8.0 * Math.pow(2, exponent - 7);
        return bits < 0 ? -magnitude : magnitude;
    }

    /// A module's weight.
    ///
    /// @param steps distance of two codes at each number; the spacing of floats
    /// @param excess what rounding the scale can add to half a step: 0 but for the first and the last code, by which numbers may be cut off
    /// @param group columns that share a scale
    /// @param lowest lowest level
    /// @param highest highest level
    record Weight(int rows, int columns, float[] numbers, double[] steps, double[] excess, int group, int lowest, int highest) {}

    private static final double LARGEST_E4M3 = 448;

    final Map<String, Entry> entries = new HashMap<>();
    final Value.Fields config;

    OracleFolder(Path folder) throws IOException {
        List<Path> files = new ArrayList<>();
        try (var all = Files.list(folder)) {
            all.filter(file -> file.toString().endsWith(".safetensors")).sorted().forEach(files::add);
        }
        for (Path file : files) {
            ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            int length = (int) bytes.getLong(0);
            byte[] header = new byte[length];
            bytes.get(8, header);
            Value.Fields fields = Json.parseObject(ByteSource.of("header", new String(header, StandardCharsets.UTF_8).strip()
                    .getBytes(StandardCharsets.UTF_8)), Limits.DEFAULT);
            fields.fields().forEach((name, value) -> {
                if (!name.equals("__metadata__")) {
                    Value.Fields entry = (Value.Fields) value;
                    List<Long> shape = entry.list("shape").orElseThrow().stream().map(side -> ((Value.Whole) side).number()).toList();
                    List<Value> offsets = entry.list("data_offsets").orElseThrow();
                    int begin = (int) ((Value.Whole) offsets.get(0)).number();
                    int end = (int) ((Value.Whole) offsets.get(1)).number();
                    entries.put(name, new Entry(entry.text("dtype").orElseThrow(), shape,
                            bytes.slice(8 + length + begin, end - begin).order(ByteOrder.LITTLE_ENDIAN)));
                }
            });
        }
        config = Json.parseObject(ByteSource.of("config", Files.readAllBytes(folder.resolve("config.json"))), Limits.DEFAULT);
    }

    Value.Fields quantization() {
        return config.object("quantization_config").orElseThrow();
    }

    /// The modules that are quantised.
    List<String> modules() {
        return entries.keySet().stream().filter(name -> name.endsWith(".weight_scale"))
                .map(name -> name.substring(0, name.length() - ".weight_scale".length())).sorted().toList();
    }

    /// What the group says of a module's weights: exact names, then patterns, then classes.
    Value.Fields weights(String module) {
        Map<String, Value> groups = quantization().object("config_groups").orElseThrow().fields();
        for (int rank = 0; rank < 3; rank++) {
            for (Value value : groups.values()) {
                Value.Fields group = (Value.Fields) value;
                for (Value target : group.list("targets").orElseThrow()) {
                    String text = ((Value.Text) target).text();
                    boolean hit = switch (rank) {
                        case 0 -> text.equals(module);
                        case 1 -> text.startsWith("re:") && Pattern.compile(text.substring(3)).matcher(module).lookingAt();
                        default -> text.equals("Linear") && !module.contains("embed");
                    };
                    if (hit) {
                        return group.object("weights").orElseThrow();
                    }
                }
            }
        }
        throw new IllegalArgumentException("no group for " + module);
    }

    boolean ignored(String module) {
        return quantization().list("ignore").orElse(List.of()).stream().map(entry -> ((Value.Text) entry).text())
                .anyMatch(text -> text.equals(module)
                        || text.startsWith("re:") && Pattern.compile(text.substring(3)).matcher(module).lookingAt());
    }

    /// Bits `at` to `at + count - 1` of a stream of words, `stride` words apart.
    private static int bits(ByteBuffer words, long first, long stride, long at, int count) {
        long word = at / 32;
        long value = words.getInt((int) (4 * (first + word * stride))) & 0xffffffffL;
        if (at % 32 + count > 32) {
            value |= (long) words.getInt((int) (4 * (first + (word + 1) * stride))) << 32;
        }
        return (int) (value >>> at % 32 & (1 << count) - 1);
    }

    Weight weight(String module) {
        Value.Fields args = weights(module);
        int width = (int) (long) args.whole("num_bits").orElseThrow();
        Entry scale = entries.get(module + ".weight_scale");
        Entry packed = entries.get(module + ".weight_packed");
        Entry plain = entries.get(module + ".weight");
        Entry zero = entries.get(module + ".weight_zero_point");
        int rows;
        int columns;
        if (packed != null) {
            Entry shape = entries.get(module + ".weight_shape");
            rows = (int) shape.number(0);
            columns = (int) shape.number(1);
        } else {
            rows = (int) (long) plain.shape().get(0);
            columns = (int) (long) plain.shape().get(1);
        }
        int blockRows = 1;
        int groups = scale.count() == 1 ? 1 : (int) (long) scale.shape().get(1);
        int size = columns;
        switch (args.text("strategy").orElseThrow()) {
            case "tensor" -> blockRows = rows;
            case "group" -> size = (int) (long) args.whole("group_size").orElseThrow();
            case "block" -> {
                List<Value> block = args.list("block_structure").orElseThrow();
                blockRows = (int) ((Value.Whole) block.get(0)).number();
                size = (int) ((Value.Whole) block.get(1)).number();
            }
            default -> {
                // a row
            }
        }
        int rowWords = packed == null ? 0 : (int) (long) packed.shape().get(1);
        float[] numbers = new float[rows * columns];
        double[] steps = new double[rows * columns];
        double[] excess = new double[rows * columns];
        double error = switch (scale.type()) {
            case "BF16" -> 0x1p-8;
            case "F16" -> 0x1p-11;
            default -> 0x1p-24;
        };
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                int group = c / size;
                float s = (float) scale.number(r / blockRows * groups + group);
                float level;
                double step = 1;
                boolean end;
                // Steps from one end of the range to the other, or from its middle to an end.
                double range = ((1 << width) - 1) * (zero != null ? 1 : 0.5);
                if (packed != null) {
                    level = bits(packed.bytes(), (long) r * rowWords, 1, (long) c * width, width) - (1 << width - 1);
                    end = level == -(1 << width - 1) || level == (1 << width - 1) - 1;
                } else {
                    level = (float) plain.number(r * columns + c);
                    boolean whole = plain.type().equals("I8");
                    step = whole ? 1 : Math.max(1 / 512.0, Math.scalb(1.0, Math.getExponent(level) - 3));
                    range = whole ? range : LARGEST_E4M3;
                    end = whole ? level == -128 || level == 127 : Math.abs(level) == LARGEST_E4M3;
                }
                if (zero != null) {
                    level -= bits(zero.bytes(), group, groups, (long) r * width, width) - (1 << width - 1);
                }
                numbers[r * columns + c] = level * s;
                steps[r * columns + c] = Math.abs(step * s);
                excess[r * columns + c] = end ? range * error / (1 - error) * Math.abs(s) : 0;
            }
        }
        return new Weight(rows, columns, numbers, steps, excess, size, -(1 << width - 1), (1 << width - 1) - 1);
    }
}
