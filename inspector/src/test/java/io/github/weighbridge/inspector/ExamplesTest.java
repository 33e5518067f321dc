package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.TrainedCheckpoints;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/// Examples in README.md and in the Javadoc of the room `audit` compile, and those of the room run: on `source`, a checkpoint, and `output`, what
/// was made of it.
class ExamplesTest {
    private static final Pattern FENCED = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Path ROOT = Path.of(System.getProperty("weighbridge.root"));
    private static final Path ROOM = ROOT.resolve("format-api/src/main/java/io/github/weighbridge/audit");
    private static final List<String> ROOMS = List.of("audit", "convert", "io", "model", "plan", "policy", "scan", "spi");

    @TempDir Path folder;

    private static List<String> examples(String text) {
        return FENCED.matcher(text).results().map(match -> match.group(1)).toList();
    }

    private static List<String> examplesOfTheRoom() throws IOException {
        List<String> examples = new ArrayList<>();
        try (Stream<Path> files = Files.list(ROOM)) {
            for (Path file : files.sorted().toList()) {
                examples.addAll(examples(Files.readString(file).lines().map(line -> line.replaceFirst("^\\s*/// ?", ""))
                        .collect(Collectors.joining("\n", "", "\n"))));
            }
        }
        return examples;
    }

    /// Compiles a class with a method for each example.
    private Path compile(List<String> examples) throws IOException {
        StringBuilder text = new StringBuilder();
        ROOMS.forEach(room -> text.append("import io.github.weighbridge.").append(room).append(".*;\n"));
        text.append("import java.nio.file.Path;\nimport java.util.*;\npublic final class Examples {\n");
        for (int i = 0; i < examples.size(); i++) {
            text.append("public static void example").append(i).append("(Path source, Path output) throws Exception {\n")
                    .append(examples.get(i))
                    .append("}\n");
        }
        Path file = folder.resolve("Examples.java");
        Files.writeString(file, text.append("}\n"));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> problems = new DiagnosticCollector<>();
        String classPath = Stream.of("java.class.path", "jdk.module.path", "surefire.test.class.path").map(System::getProperty)
                .filter(path -> path != null && !path.isEmpty()).collect(Collectors.joining(File.pathSeparator));
        try (StandardJavaFileManager files = compiler.getStandardFileManager(problems, null, StandardCharsets.UTF_8)) {
            boolean compiled = compiler.getTask(null, files, problems,
                    List.of("-d", folder.toString(), "-proc:none", "--class-path", classPath), null, files.getJavaFileObjects(file)).call();
            assertThat(compiled).as(problems.getDiagnostics() + "\n" + text).isTrue();
        }
        return folder;
    }

    @Test
    void readmeCompiles() throws IOException {
        List<String> examples = examples(Files.readString(ROOT.resolve("README.md")));
        assertThat(examples).isNotEmpty();
        compile(examples);
    }

    @Test
    void examplesOfTheRoomRun() throws Exception {
        List<String> examples = examplesOfTheRoom();
        assertThat(examples).hasSizeGreaterThanOrEqualTo(5);
        Path source = folder.resolve("source");
        TrainedCheckpoints.unpack(source, TrainedCheckpoints.QAT_MOBILE);
        Path output = folder.resolve("output.gguf");
        assertThat(Cli.run("convert", source, output).err()).isEmpty();
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        try (URLClassLoader loader = new URLClassLoader(new URL[] {compile(examples).toUri().toURL()}, getClass().getClassLoader());
                PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8)) {
            System.setOut(out);
            Class<?> made = loader.loadClass("Examples");
            for (int i = 0; i < examples.size(); i++) {
                made.getMethod("example" + i, Path.class, Path.class).invoke(null, source, output);
            }
        } finally {
            System.setOut(before);
        }
        String text = printed.toString(StandardCharsets.UTF_8);
        assertThat(text).contains("weighs 3,572,696 bytes", "llama.cpp: 32,768 tokens in ", "text_decoder.", "true");
        Matcher sums = Pattern.compile("weighs ([0-9,]+) bytes").matcher(text);
        assertThat(sums.find()).isTrue();
        assertThat(Long.parseLong(sums.group(1).replace(",", ""))).isEqualTo(Files.size(source.resolve("model.safetensors")));
    }
}
