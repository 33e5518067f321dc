package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/// Codes that are there stay what they are in every type that holds them, asked for by name or not, and `verify` says so without a tolerance.
class CarriedTypesTest {
    @TempDir static Path folder;

    @BeforeAll
    static void makeSources() throws IOException {
        Path mobile = Files.createDirectory(folder.resolve("mobile"));
        TrainedCheckpoints.unpack(mobile, TrainedCheckpoints.QAT_MOBILE);
        Path trained = Files.createDirectory(folder.resolve("trained"));
        TrainedCheckpoints.unpack(trained, TrainedCheckpoints.QAT_Q4_0);
        made("convert", mobile, folder.resolve("mobile.litertlm"));
        made("convert", trained, folder.resolve("q4.gguf"), "--policy", "qat-q4_0");
        for (String scheme : List.of("W2A16", "W4A16/channel", "W8A16/channel")) {
            made("convert", trained, folder.resolve(scheme.replace('/', '-')), "--to", "compressed-tensors", "--type", scheme);
        }
    }

    private static void made(Object... arguments) {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.code()).as(result.err()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "mobile, litertlm, INT8, 0",
        "mobile.litertlm, litertlm, INT8, 0",
        "mobile.litertlm, litertlm, INT4/GROUP32, 1",
        "mobile, litertlm, INT4/GROUP32, 1",
        "q4.gguf, litertlm, INT4/GROUP32, 0",
        "q4.gguf, gguf, Q8_0, 0"})
    void aTypeThatHoldsTheCodesKeepsThem(String source, String format, String type, int rounded) throws IOException {
        Path from = folder.resolve(source);
        Path target = folder.resolve(source + "-" + type.replace('/', '-') + "." + format);
        made("convert", from, target, "--type", type);
        Cli.Result verified = Cli.run("verify", target, "--against", from, "--json");
        assertThat(verified.code()).as(verified.err()).isZero();
        List<Value> findings = Cli.run("plan", from, "--to", format, "--type", type, "--json").json().list("findings").orElseThrow();
        assertThat(findings).filteredOn(finding -> ((Value.Fields) finding).text("code").orElseThrow().equals("scales-rounded"))
                .hasSize(rounded);
    }

    /// Schemes allow scales below 0 and have none: their codes stay as narrow as they are.
    @ParameterizedTest
    @CsvSource({"W2A16, int2/channel", "W4A16-channel, int4/channel", "W8A16-channel, int8/channel"})
    void rowsOfCodesStayInTheirWidth(String source, String encoding) throws IOException {
        Path from = folder.resolve(source);
        Path target = folder.resolve(source + ".litertlm");
        made("convert", from, target);
        Cli.Result verified = Cli.run("verify", target, "--against", from, "--tolerance", "exact:1");
        assertThat(verified.code()).as(verified.err()).isZero();
        Set<String> encodings = Cli.run("inspect", target, "--json").json().list("tensors").orElseThrow().stream()
                .map(tensor -> ((Value.Fields) tensor).text("encoding").orElseThrow()).collect(Collectors.toSet());
        assertThat(encodings).contains(encoding).noneMatch(word -> word.startsWith("int") && word.charAt(3) != encoding.charAt(3));
    }

    /// Also of floats of 8 bits, two of whose codes are no number.
    @ParameterizedTest
    @ValueSource(strings = {"FP8", "FP8/block", "W8A8", "W4A16/group32/asym"})
    void schemesAreWithinTheirOwnBound(String type) {
        Path from = folder.resolve("trained");
        Path target = folder.resolve("bound-" + type.replace('/', '-'));
        made("convert", from, target, "--to", "compressed-tensors", "--type", type);
        made("verify", target, "--against", from);
    }

    /// A matrix without a number has no scales either.
    @Test
    void matricesOfNothingStayAsTheyAre() throws IOException {
        String header = "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[1,32],\"data_offsets\":[0,128]},"
                + "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[13,0],\"data_offsets\":[128,128]},"
                + "\"c.weight\":{\"dtype\":\"F32\",\"shape\":[0,32],\"data_offsets\":[128,128]}}";
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        Path from = folder.resolve("nothing.safetensors");
        Files.write(from, ByteBuffer.allocate(8 + text.length + 128).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).put(text).array());
        // A file of the same folder that has nothing to do with the model.
        Files.writeString(folder.resolve("private.json"), "{}");
        for (String type : List.of("W4A16", "W8A16/channel", "W8A8", "FP8")) {
            Path target = folder.resolve("nothing-" + type.replace('/', '-'));
            made("convert", from, target, "--to", "compressed-tensors", "--type", type);
            made("verify", target, "--against", from);
            assertThat(target.resolve("private.json")).doesNotExist();
        }
    }

    /// Rows longer than memory are weighed, looked at and copied; a scale for all of one is refused before anything is written.
    @Test
    void longRowsAreRefusedAtPlanning() throws IOException {
        long columns = (1L << 31) + 64;
        byte[] header = ("{\"a.weight\":{\"dtype\":\"F16\",\"shape\":[1," + columns + "],\"data_offsets\":[0," + 2 * columns + "]}}")
                .getBytes(StandardCharsets.UTF_8);
        Path from = folder.resolve("long.safetensors");
        try (FileChannel file =
                FileChannel.open(from, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            file.write(ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header).flip());
            file.write(ByteBuffer.allocate(1), 8 + header.length + 2 * columns - 1);
        }
        made("inspect", from, "--grid");
        made("plan", from, "--to", "compressed-tensors", "--type", "W4A16");
        for (String type : List.of("W8A16/channel", "FP8")) {
            Cli.Result result = Cli.run("plan", from, "--to", "compressed-tensors", "--type", type);
            assertThat(result.code()).as(result.err()).isEqualTo(4);
            assertThat(result.err()).contains("a.weight cannot be", "1 x " + columns + " numbers would have to be seen at once");
        }
        Files.delete(from);
    }

    /// A link that leads nowhere is not replaced unasked.
    @Test
    void aDanglingLinkIsSomethingThatExists() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link.gguf"), folder.resolve("nowhere.gguf"));
        Cli.Result result = Cli.run("convert", folder.resolve("q4.gguf"), link);
        assertThat(result.code()).isEqualTo(5);
        assertThat(result.err()).isEqualTo(link + ": already exists, and is replaced only with --force\n");
        assertThat(Files.isSymbolicLink(link)).isTrue();
    }
}
