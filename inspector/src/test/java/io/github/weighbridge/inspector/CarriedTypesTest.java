package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
