package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.encoding.SmallFloats;
import io.github.weighbridge.fixtures.SharedData;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.safetensors.file.SafetensorsEntry;
import io.github.weighbridge.safetensors.file.SafetensorsLayout;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// `inspect --grid`, as scripts see it.
class GridCommandTest {
    private static final int ROWS = 48;
    private static final int COLUMNS = 512;

    @TempDir Path folder;

    private static List<Value.Fields> tensors(Path source, boolean full) throws IOException {
        Cli.Result result =
                full ? Cli.run("inspect", source, "--grid", "--full", "--json") : Cli.run("inspect", source, "--grid", "--json");
        assertThat(result.err()).isEmpty();
        ReportCheck.inspect(result.json(), source);
        return ReportCheck.list(result.json(), "tensors");
    }

    private static Optional<Value.Fields> grid(Value.Fields tensor) {
        assertThat(tensor.fields()).as("dense tensors have a grid or null").containsKey("grid");
        return tensor.object("grid");
    }

    /// The grid named is the fewest bits, then the largest group.
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void plantedGridsAreNamed(boolean full) throws IOException {
        Path source = folder.resolve("planted.safetensors");
        plant(source);
        for (Value.Fields tensor : tensors(source, full)) {
            String name = tensor.text("name").orElseThrow();
            if (name.equals("random")) {
                assertThat(grid(tensor)).isEmpty();
                continue;
            }
            Value.Fields grid = grid(tensor).orElseThrow(() -> new AssertionError(name));
            int group = Integer.parseInt(name.substring(name.indexOf('g') + 1));
            assertThat(grid.whole("bits")).as(name).contains(Long.parseLong(name.substring(1, 2)));
            assertThat(grid.whole("group")).as(name).contains((long) group);
            assertThat(grid.flag("symmetric")).as(name).contains(true);
            assertThat(number(grid, "exact_blocks")).as(name).isEqualTo(1);
            assertThat(number(grid, "max_residual")).as(name).isZero();
            List<String> keepers = grid.list("kept_by").orElseThrow().stream().map(word -> ((Value.Text) word).text()).toList();
            boolean eight = name.startsWith("b8");
            assertThat(keepers).as(name).contains("gguf:Q8_0");
            assertThat(keepers.contains("gguf:Q4_0")).as(name).isEqualTo(!eight);
            // The same levels in the same groups, and wider ones in finer.
            String own = "compressed-tensors:int" + name.charAt(1) + "/" + (group == COLUMNS ? "channel" : "group" + group);
            assertThat(keepers).as(name).contains(own, "compressed-tensors:int8/group32");
            assertThat(keepers.contains("compressed-tensors:int2/group32")).as(name).isEqualTo(name.startsWith("b2"));
        }
        Cli.Result text = Cli.run(Screen.ofWidth(120), "inspect", source, "--grid");
        assertThat(text.out()).contains("int4/group32", "int8/channel", "gguf:Q4_0", "none");
    }

    private static double number(Value.Fields fields, String name) {
        return switch (fields.get(name).orElseThrow()) {
            case Value.Whole(long whole) -> whole;
            case Value.Real(double real) -> real;
            case Value.Text _, Value.Flag _, Value.Nothing _, Value.Items _, Value.Fields _ -> Double.NaN;
        };
    }

    /// BF16 products of levels and halves of few digits, in all widths and groups; at 8 bits in single precision, as BF16 has but 8 digits.
    private static void plant(Path file) throws IOException {
        List<SafetensorsLayout.Tensor> planned = new ArrayList<>();
        for (int bits : new int[] {2, 3, 4, 8}) {
            for (int group : new int[] {32, 64, 128, COLUMNS}) {
                planned.add(new SafetensorsLayout.Tensor("b" + bits + "g" + group, bits == 8 ? SafetensorsType.F32 : SafetensorsType.BF16,
                        Shape.of(ROWS, COLUMNS)));
            }
        }
        planned.add(new SafetensorsLayout.Tensor("random", SafetensorsType.BF16, Shape.of(ROWS, COLUMNS)));
        SafetensorsLayout layout = SafetensorsLayout.of(planned, Map.of());
        Random random = new Random(17);
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(layout.prefix());
            for (SafetensorsEntry entry : layout.entries()) {
                ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(entry.length())).order(ByteOrder.LITTLE_ENDIAN);
                boolean planted = !entry.name().equals("random");
                int bits = planted ? entry.name().charAt(1) - '0' : 0;
                int group = planted ? Integer.parseInt(entry.name().substring(3)) : 1;
                float step = 0;
                for (int i = 0; i < ROWS * COLUMNS; i++) {
                    if (i % group == 0) {
                        step = Float.float16ToFloat(Float.floatToFloat16((float) (0.01 * Math.exp(random.nextGaussian() * 0.3))));
                    }
                    float value = planted ? step * (random.nextInt(1 << bits) - (1 << bits - 1)) : (float) random.nextGaussian() * 0.02f;
                    if (entry.type() == SafetensorsType.F32) {
                        bytes.putFloat(value);
                    } else {
                        bytes.putShort(SmallFloats.toBf16(value));
                    }
                }
                out.write(bytes.array());
            }
        }
    }

    @Test
    void theTrainedCheckpointsAreNamedTensorByTensor() throws IOException {
        Path qat = folder.resolve("qat");
        TrainedCheckpoints.unpack(qat, TrainedCheckpoints.QAT_Q4_0);
        int on = 0;
        for (Value.Fields tensor : tensors(qat, false)) {
            boolean trained = tensor.list("shape").orElseThrow().size() == 2
                    && !tensor.text("role").orElseThrow().equals("per_layer_model_projection");
            Optional<Value.Fields> grid = grid(tensor);
            assertThat(grid.isPresent()).as(tensor.text("name").orElseThrow()).isEqualTo(trained);
            if (trained) {
                on++;
                assertThat(grid.get().whole("bits")).contains(4L);
                assertThat(grid.get().whole("group")).contains(32L);
                assertThat(grid.get().list("kept_by").orElseThrow()).contains(Value.of("gguf:Q4_0"),
                        Value.of("compressed-tensors:int4/group32"));
            }
        }
        assertThat(on).isEqualTo(66);
        Path mobile = folder.resolve("mobile");
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        for (Value.Fields tensor : tensors(mobile, false)) {
            boolean coded = tensor.text("encoding").orElseThrow().startsWith("int");
            assertThat(tensor.fields().containsKey("grid")).as("codes say themselves where they lie").isEqualTo(!coded);
            assertThat(tensor.object("grid")).as(tensor.text("name").orElseThrow()).isEmpty();
        }
        Optional<Path> base = SharedData.find("tiny-gemma4/base");
        assumeTrue(base.isPresent(), "../shared/data is not there");
        assertThat(tensors(base.get(), true)).allSatisfy(tensor -> assertThat(grid(tensor)).isEmpty());
    }

    @Test
    void allWeightsAreReadOnlyForAGrid() throws IOException {
        Path source = folder.resolve("planted.safetensors");
        plant(source);
        Cli.Result wrong = Cli.run("inspect", source, "--full");
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err()).contains("--full", "--grid");
        assertThat(ReportCheck.list(Cli.run("inspect", source, "--json").json(), "tensors"))
                .allSatisfy(tensor -> assertThat(tensor.fields()).as("none was looked for").doesNotContainKey("grid"));
    }
}
