package io.github.weighbridge.inspector;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/// Exit codes, and the one line that goes with each.
class ExitCodeTest {
    @TempDir Path folder;

    private Path toy;

    @BeforeEach
    void makeToy() throws IOException {
        toy = ToyFiles.small(folder.resolve("small.toy"));
    }

    static Stream<Arguments> wrongUsage() {
        return Stream.of(
                arguments(List.of(), "weighbridge: a command is missing: inspect, plan, convert, diff, verify, formats, policies, demo"),
                arguments(List.of("weigh"), "weighbridge: there is no command \"weigh\", only inspect, plan"),
                arguments(List.of("--wrong"), "weighbridge: Unknown option: '--wrong'"),
                arguments(List.of("inspect"), "weighbridge inspect: Missing required parameter: 'SOURCE'"),
                arguments(List.of("inspect", ""), "weighbridge inspect: SOURCE is empty"),
                arguments(List.of("inspect", "SOURCE", "--wrong"), "weighbridge inspect: Unknown option: '--wrong'"),
                arguments(List.of("inspect", "SOURCE", "more"), "weighbridge inspect: Unmatched argument at index 2: 'more'"),
                arguments(List.of("inspect", "SOURCE", "--json", "--json"),
                        "weighbridge inspect: option '--json' should be specified only once"),
                arguments(List.of("inspect", "SOURCE", "--html"), "weighbridge inspect: Missing required parameter for option '--html'"),
                arguments(List.of("inspect", "SOURCE", "--html", "SOURCE"), "weighbridge inspect: --html \""),
                arguments(List.of("inspect", "SOURCE", "--context", "many"),
                        "weighbridge inspect: --context \"many\" is no number of tokens"),
                arguments(List.of("inspect", "SOURCE", "--context", "4k,0"), "weighbridge inspect: --context \"0\" is no number of tokens"),
                arguments(List.of("inspect", "SOURCE", "--kv-cache", "f16,q5_1"),
                        "weighbridge inspect: --kv-cache \"q5_1\" is none of f16, q8_0"),
                arguments(List.of("plan", "SOURCE"), "weighbridge plan: --to FORMAT is missing"),
                arguments(List.of("plan", "SOURCE", "--to", "onnx"), "weighbridge plan: --to \"onnx\": there is no such format, only "),
                arguments(List.of("plan", "SOURCE", "--to", "toy", "--pure"), "weighbridge plan: --pure needs --type"),
                arguments(List.of("plan", "SOURCE", "--to", "toy", "--policy", "mine"),
                        "weighbridge plan: --policy \"mine\" is no file and no preset, only keep, bf16"),
                arguments(List.of("plan", "SOURCE", "--to", "toy", "--strip", "head"),
                        "weighbridge plan: --strip \"head\" is none of audio, mtp, ple"),
                arguments(List.of("plan", "SOURCE", "--to", "toy", "--tensor", "alpha"),
                        "weighbridge plan: --tensor \"alpha\" is not REGEX=TYPE"),
                arguments(List.of("plan", "SOURCE", "--to", "toy", "--tensor", "(=F16"),
                        "weighbridge plan: --tensor \"(=F16\": Unclosed group"),
                arguments(List.of("convert", "SOURCE", "", "--to", "toy"), "weighbridge convert: TARGET is empty"),
                arguments(List.of("verify", "SOURCE", "--against", "SOURCE", "--tolerance", "rmse:-1"),
                        "weighbridge verify: --tolerance \"rmse:-1\""),
                arguments(List.of("convert", "SOURCE"), "weighbridge convert: Missing required parameter: 'TARGET'"),
                arguments(List.of("convert", "SOURCE", "out.bin"), "weighbridge convert: --to FORMAT is missing, and TARGET does not end"),
                arguments(List.of("convert", "SOURCE", "out.toy", "--threads", "0"), "weighbridge convert: --threads \"0\" is not from 1"),
                arguments(List.of("convert", "SOURCE", "out.toy", "--threads", "x"),
                        "weighbridge convert: Invalid value for option '--threads'"),
                arguments(List.of("convert", "SOURCE", "out.toy", "--report", "SOURCE"), "weighbridge convert: --report \""),
                arguments(List.of("convert", "SOURCE", "out.toy", "--report", "./out.toy"),
                        "weighbridge convert: --report \"./out.toy\" would take"),
                arguments(List.of("convert", "SOURCE", "..", "--to", "toy"), "weighbridge convert: TARGET \"..\" names no file or folder"));
    }

    @ParameterizedTest
    @MethodSource
    void wrongUsage(List<String> arguments, String line) {
        Cli.Result result = Cli.run(arguments.stream().map(a -> a.equals("SOURCE") ? toy.toString() : a).toArray());
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.err()).startsWith(line);
    }

    @Test
    void aBadFileIsThree() throws IOException {
        Path cut = folder.resolve("cut.toy");
        byte[] bytes = Files.readAllBytes(toy);
        Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 1));
        assertLine(3, cut + ": at byte ", Cli.run("inspect", cut));
        assertLine(3, cut + ": at byte ", Cli.run("plan", cut, "--to", "toy"));
        assertLine(3, cut + ": at byte ", Cli.run("convert", cut, folder.resolve("out.toy")));
        Path text = Files.writeString(folder.resolve("text"), "no checkpoint");
        assertLine(3, text + ": checkpoint: found no known format, supported: ", Cli.run("inspect", text));
        Path empty = Files.createDirectory(folder.resolve("empty"));
        assertLine(3, empty + ": checkpoint: found no known format", Cli.run("inspect", empty));
        assertLine(3, empty + "/: checkpoint: found no known format", Cli.run("inspect", empty + "/"));
        assertLine(3, folder + "//empty: checkpoint: found no known format", Cli.run("inspect", folder + "//empty"));
    }

    @Test
    void aPolicyThatCannotBeMetIsFour() {
        Path target = folder.resolve("out.toy");
        assertLine(4, toy + ": --tensor \"nothing=F16\" matches no tensor", Cli.run("convert", toy, target, "--tensor", "nothing=F16"));
        assertLine(4, toy + ": --type NONE: toy has no such type", Cli.run("convert", toy, target, "--type", "NONE"));
        assertLine(4, toy + ": --strip vision: a toy (unknown) has no such part", Cli.run("convert", toy, target, "--strip", "vision"));
        assertThat(target).doesNotExist();
    }

    @Test
    void whatIsNotThereIsFive() {
        assertLine(5, folder + "/none.gguf: no such file or folder\n", Cli.run("inspect", folder + "/none.gguf"));
        assertLine(5, folder + "/none/: no such file or folder\n", Cli.run("inspect", folder + "/none/"));
        assertLine(5, "none.gguf: no such file or folder\n", Cli.run("inspect", "none.gguf"));
        Path target = folder.resolve("missing/out.toy");
        assertLine(5, target + ": the folder " + target.getParent() + " does not exist\n", Cli.run("convert", toy, target));
        Path report = folder.resolve("missing/report.json");
        assertLine(5, report + ": the folder it would be in does not exist\n",
                Cli.run("convert", toy, folder.resolve("out.toy"), "--report", report));
        assertThat(folder.resolve("out.toy")).doesNotExist();
    }

    @Test
    void whatMayNotBeReadOrWrittenIsFive() throws IOException {
        assumeTrue(!System.getProperty("user.name").equals("root"), "root may read and write everything");
        Files.setPosixFilePermissions(toy, PosixFilePermissions.fromString("---------"));
        assertLine(5, toy + ": permission denied\n", Cli.run("inspect", toy));
        Files.setPosixFilePermissions(toy, PosixFilePermissions.fromString("rw-------"));
        Path shut = Files.createDirectory(folder.resolve("shut"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("r-x------")));
        assertLine(5, shut + "/out.toy: permission denied", Cli.run("convert", toy, shut.resolve("out.toy")));
    }

    @Test
    void aTargetThatExistsIsFiveUnlessForced() throws IOException {
        Path target = Files.writeString(folder.resolve("out.toy"), "precious");
        assertLine(5, target + ": already exists, and is replaced only with --force\n", Cli.run("convert", toy, target));
        assertThat(target).hasContent("precious");
        assertThat(Cli.run("convert", toy, target, "--force").code()).isZero();
        assertThat(Cli.run("inspect", target).code()).isZero();
    }

    /// A user with all rights could replace devices.
    @Test
    void whatIsNoFileIsNotReplacedEvenIfForced() throws Exception {
        Path pipe = folder.resolve("pipe");
        assumeTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "there is no mkfifo");
        assertLine(5, pipe + ": is no regular file", Cli.run("convert", toy, pipe, "--to", "toy", "--force"));
        assertThat(Files.isRegularFile(pipe)).isFalse();
    }

    /// What else lies in a folder would be lost with it.
    @Test
    void aFolderOfOtherThingsIsNotReplacedEvenIfForced() throws IOException {
        Path target = Files.createDirectory(folder.resolve("home"));
        Path letter = Files.writeString(target.resolve("letter.txt"), "precious");
        assertLine(5, target + ": is a folder that holds other things", Cli.run("convert", toy, target, "--to", "safetensors", "--force"));
        Files.createDirectory(target.resolve("more"));
        Files.writeString(target.resolve("model.safetensors"), "x");
        assertLine(5, target + ": is a folder that holds other things", Cli.run("convert", toy, target, "--to", "safetensors", "--force"));
        assertThat(letter).hasContent("precious");
    }

    @Test
    void outputThatCannotBeWrittenIsFive() {
        PrintStream full = new PrintStream(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("No space left on device");
            }
        });
        java.io.ByteArrayOutputStream err = new java.io.ByteArrayOutputStream();
        int code = Main.run(new String[] {"inspect", toy.toString()}, full, new PrintStream(err, true, StandardCharsets.UTF_8));
        assertThat(code).isEqualTo(5);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEqualTo(toy + ": standard output: could not be written\n");
    }

    @Test
    void anythingElseIsADefectOfOurs() {
        Failure failure = Failure.of(new IllegalStateException("odd"), Given.source("a.gguf"), "weighbridge inspect");
        assertThat(failure.code()).isEqualTo(1);
        assertThat(failure.line()).isEqualTo(
                "a.gguf: a defect of ours, please report it with what --stacktrace shows: java.lang.IllegalStateException: odd");
        Failure memory = Failure.of(new OutOfMemoryError("Java heap space"), Given.source("a.gguf"), "weighbridge inspect");
        assertThat(memory.code()).isEqualTo(1);
        assertThat(memory.line()).startsWith("a.gguf: not enough memory (Java heap space); a larger heap");
        assertThat(Failure.of(new IllegalStateException("odd"), Given.NOTHING, "weighbridge formats").line())
                .startsWith("weighbridge formats: a defect");
    }

    @Test
    void stackTracesAreShownOnlyWhenAskedFor() {
        for (List<String> arguments : List.of(List.of("--stacktrace", "inspect", "none"), List.of("inspect", "none", "--stacktrace"))) {
            Cli.Result result = Cli.run(arguments.toArray());
            assertThat(result.code()).isEqualTo(5);
            assertThat(result.err()).startsWith("none: no such file or folder\n").contains("\tat io.github.weighbridge.");
        }
        assertThat(Cli.run("inspect", "--wrong", "--stacktrace").err()).contains("\tat ");
        assertThat(Cli.run("inspect", toy, "--stacktrace").code()).isZero();
    }

    @Test
    void helpAndVersionAreDone() {
        assertThat(Cli.run("--help")).extracting(Cli.Result::code, Cli.Result::err).containsExactly(0, "");
        assertThat(Cli.run("--help").out()).startsWith("Usage: weighbridge ").contains("inspect", "plan", "convert", "formats", "policies");
        for (String command : List.of("inspect", "plan", "convert", "formats", "policies")) {
            Cli.Result help = Cli.run(Screen.ofWidth(80), command, "--help");
            assertThat(help.code()).isZero();
            assertThat(help.out()).startsWith("Usage: weighbridge " + command);
            assertThat(help.lines()).allMatch(line -> line.length() <= 80);
        }
        assertThat(Cli.run("--version").out()).isEqualTo("weighbridge " + Main.version() + "\n");
    }

    private static void assertLine(int code, String begin, Cli.Result result) {
        assertThat(result.err()).startsWith(begin);
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.code()).isEqualTo(code);
        assertThat(result.out()).isEmpty();
    }
}
