package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.PackFormat;
import io.github.weighbridge.compressedtensors.encoding.PackedEncodings;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Grid.Granularity;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.GridPlanes.Zeros;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

import static io.github.weighbridge.fixtures.contract.CoveragePage.same;
import static io.github.weighbridge.fixtures.contract.CoveragePage.table;
import static org.assertj.core.api.Assertions.assertThat;

/// The tables of FORMAT_COVERAGE.md about this format, held against the code in both directions.
class CoverageTest {
    private static String row(String codes, GridEncoding encoding) {
        PackFormat format = Module.format(encoding, true);
        boolean encoded = encoding.encoder(EncoderInputs.PLAIN).isPresent();
        boolean exact = encoding.encoder(EncoderInputs.method("exact")).isPresent();
        boolean carried = encoding.codeWriter().isPresent();
        String written = (encoded ? "encoded" : "copied") + (exact ? ", trained grid found" : "") + (carried ? ", codes carried" : "");
        return "| " + codes + " | " + format + " | " + (encoding.decoder().isPresent() ? "decoded" : "weighed") + " | " + written + " |";
    }

    @Test
    void layouts() throws IOException {
        Granularity row = new Granularity.Row();
        Granularity group = new Granularity.Group(32);
        DenseType bf16 = DenseType.BF16;
        List<String> rows = List.of(
                row("integers of 1 to 8 bits, a scale for the tensor", PackedEncodings.packed(8, new Granularity.Tensor(), bf16)),
                row("integers of 1 to 8 bits, a scale for each row", PackedEncodings.packed(2, row, bf16)),
                row("integers of 1 to 8 bits, groups", PackedEncodings.packed(8, group, bf16)),
                row("integers of 4 bits, groups of 32", PackedEncodings.packed(4, group, bf16)),
                row("the same with zero points", PackedEncodings.packed(4, group, bf16, Zeros.PACKED, false, false)),
                row("3, 5, 6, 7 bits as before 0.18", PackedEncodings.packed(3, group, bf16, Zeros.NONE, true, false)),
                row("columns in another order (g_idx)", PackedEncodings.packed(4, group, bf16, Zeros.NONE, false, true)),
                row("integers, a byte each", PackedEncodings.bytes(8, row, bf16, Zeros.NONE)),
                row("integers, a byte each, zero points", PackedEncodings.bytes(8, row, bf16, Zeros.BYTES)),
                row("E4M3, a scale for the tensor", PackedEncodings.floats(new Granularity.Tensor(), bf16)),
                row("E4M3, a scale for each row", PackedEncodings.floats(row, bf16)),
                row("E4M3, blocks", PackedEncodings.floats(new Granularity.Block(128, 128), bf16)),
                row("NVFP4", PackedEncodings.nvfp4()), row("MXFP4", PackedEncodings.mxfp4()), row("MXFP8", PackedEncodings.mxfp8()));
        same("### Layouts of compressed-tensors", rows);
    }

    @Test
    void types() throws IOException {
        List<String> rows = WeightType.WORDS.stream().map(word -> {
            WeightType type = WeightType.of(word).orElseThrow();
            GridEncoding encoding = type.encoding(DenseType.BF16);
            return "| " + word + " | " + encoding.name() + " | " + Module.format(encoding, true) + " | "
                    + type.activations().name().toLowerCase(Locale.ROOT) + " |";
        }).toList();
        same("### Types of compressed-tensors", rows);
        assertThat(new CompressedTensorsFormat().types()).isEqualTo(WeightType.WORDS);
    }

    @Test
    void formats() throws IOException {
        List<String> named = java.util.Arrays.stream(PackFormat.values()).map(format -> "`" + format + "`").toList();
        String page = String.join("\n", table("### Formats of compressed-tensors"));
        assertThat(page.lines().map(line -> line.split("\\|")[1].strip()).toList()).isEqualTo(named);
    }
}
