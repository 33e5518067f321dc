package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Gguf;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.malformed.MalformedCase;
import io.github.weighbridge.fixtures.malformed.MalformedGguf;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.safetensors.file.SafetensorsShards;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/// Checkpoints behind a web server are weighed without being fetched.
class RemoteTest {
    private static final long MIB = 1L << 20;

    @TempDir Path folder;

    private static Value report(String address) throws IOException {
        Cli.Result result = Cli.run("inspect", address, "--json");
        assertThat(result.err()).isEmpty();
        ReportCheck.inspect(result.json());
        return result.json();
    }

    @Test
    void aFolderOfFullSizeIsWeighedByItsHeader() throws IOException {
        Gemma4Options options = Gemma4Options.of(Gemma4Size.E2B);
        Path local = SparseCheckpoint.write(folder.resolve("gemma-4-E2B-it"), options);
        Value expected = Cli.run("inspect", local, "--json").json();
        long header = Gemma4Fixture.plan(options).files().getFirst().layout().prefix().length;
        for (String address : List.of("google/gemma-4-E2B-it/resolve/main/", "gemma-4-E2B-it/", "gemma-4-E2B-it/model.safetensors")) {
            try (FileServer server = new FileServer(Gemma4Fixture.virtual("virtual", options))) {
                Value.Fields report = (Value.Fields) report(server.address(address));
                assertThat(report.get("totals")).isEqualTo(((Value.Fields) expected).get("totals"));
                assertThat(report.get("tensors").equals(((Value.Fields) expected).get("tensors"))).isTrue();
                for (String field : address.endsWith("/") ? List.of("source", "architecture", "components", "layers", "memory", "findings")
                        : List.of("source")) {
                    assertThat(report.get(field).equals(((Value.Fields) expected).get(field))).as(field).isTrue();
                }
                assertThat(server.served().get("model.safetensors")).isBetween(header, header + MIB);
                assertThat(server.served().values().stream().mapToLong(Long::longValue).sum()).isLessThanOrEqualTo(header + MIB);
                assertThat(server.authorizations).containsOnly("");
            }
        }
    }

    @Test
    void shardsAreFoundByTheIndex() throws IOException {
        Gemma4Options options = Gemma4Options.of(Gemma4Size.B31).withShardBytes(5_000_000_000L);
        SafetensorsShards shards = Gemma4Fixture.plan(options);
        assertThat(shards.files()).hasSizeGreaterThan(10);
        try (FileServer server = new FileServer(Gemma4Fixture.virtual("virtual", options))) {
            Value.Fields report = (Value.Fields) report(server.address("model.safetensors.index.json"));
            assertThat(report.object("totals").orElseThrow().whole("tensors")).contains(1188L);
            for (SafetensorsShards.Planned shard : shards.files()) {
                long header = shard.layout().prefix().length;
                assertThat(server.served().get(shard.file())).isBetween(header, header + MIB);
            }
        }
    }

    /// Scores and types of tokens are passed over without being fetched, so that less than the header is read.
    @Test
    void aVocabularyIsPassedOverInFewRequests() throws IOException {
        Gemma4Gguf.Header header = Gemma4Gguf.header();
        try (FileServer server = new FileServer(new OneFile("gemma.gguf", header.bytes(), header.length()))) {
            Value.Fields report = (Value.Fields) report(server.address("gemma.gguf"));
            assertThat(report.object("architecture").orElseThrow().text("family")).contains("gemma4");
            assertThat(report.object("source").orElseThrow().whole("bytes")).contains(header.length());
            assertThat(server.served().get("gemma.gguf")).isLessThan(header.bytes().length);
            assertThat(server.authorizations).hasSizeLessThan(40);
        }
    }

    @Test
    void badFilesAreRefusedFromAfarAsFromNear() throws IOException {
        // The first 18 are those that other readers were tried with.
        for (MalformedCase malformed : MalformedGguf.cases().subList(0, 18)) {
            byte[] bytes = malformed.contents().get(malformed.opened().orElseThrow()).bytes();
            try (FileServer server = new FileServer(SourceTree.of("memory", Map.of(malformed.opened().get(), bytes)))) {
                String address = server.address(malformed.opened().get());
                Cli.Result result = Cli.run("inspect", address);
                assertThat(result.code()).as(malformed.name() + ": " + result.err()).isEqualTo(3);
                assertThat(result.err()).startsWith(address + ": ").contains(malformed.expected());
                assertThat(result.err().lines()).hasSize(1);
            }
        }
    }

    @Test
    void whatCannotBeReachedIsFiveAndWhatIsNoAddressTwo() throws IOException {
        try (FileServer server = new FileServer(Gemma4Fixture.virtual("virtual", Gemma4Options.of(Gemma4Size.E2B)))) {
            String none = server.address("none.gguf");
            assertLine(5, none + ": no such file on the server (404)\n", none);
            assertLine(5, none + ": no such file on the server (404)\n", none + "?signature=secret");
            server.ranges = false;
            String whole = server.address("model.safetensors");
            assertLine(5, whole + ": the server gives no ranges: asked for bytes 0-65535, it answered 200", whole);
            server.close();
            assertLine(5, none + ": no connection to 127.0.0.1:", none);
        }
        assertLine(2, "weighbridge inspect: \"http://example.org/x\": plain http is for this machine alone: use https\n",
                "http://example.org/x?signature=secret");
    }

    /// A process of its own, since only that has an environment.
    @Test
    void theTokenComesFromTheEnvironmentAndIsNotShown() throws Exception {
        Gemma4Options options = Gemma4Options.of(Gemma4Size.TINY);
        try (FileServer server = new FileServer(Gemma4Fixture.virtual("virtual", options))) {
            String said = inspect("hush-hush", server.address("tiny/"));
            assertThat(said).contains("family gemma4").doesNotContain("hush-hush");
            assertThat(server.authorizations).isNotEmpty().containsOnly("Bearer hush-hush");
            said = inspect("hush\u00e9hush", server.address("tiny/"));
            assertThat(said).contains("WEIGHBRIDGE_TOKEN: the token holds characters that no header can carry").doesNotContain("hush");
        }
    }

    private static String inspect(String token, String address) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1",
                        "-Xmx64m", "-cp", System.getProperty("java.class.path"), Main.class.getName(), "inspect", address, "--stacktrace")
                        .redirectErrorStream(true);
        builder.environment().put("WEIGHBRIDGE_TOKEN", token);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return said;
    }

    private static void assertLine(int code, String begin, String address) {
        Cli.Result result = Cli.run("inspect", address);
        assertThat(result.err()).startsWith(begin).doesNotContain("secret");
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.code()).isEqualTo(code);
    }

    /// A file that begins with bytes and is otherwise zero.
    private record OneFile(String file, byte[] begin, long length) implements SourceTree {
        @Override
        public String name() {
            return "made";
        }

        @Override
        public List<String> files() {
            return List.of(file);
        }

        @Override
        public ByteSource open(String name) throws IOException {
            if (!name.equals(file)) {
                throw new NoSuchFileException(name);
            }
            return new Sparse(begin, length);
        }
    }

    private record Sparse(byte[] begin, long length) implements ByteSource {
        @Override
        public String name() {
            return "sparse";
        }

        @Override
        public void read(long offset, MemorySegment target) {
            target.fill((byte) 0);
            if (offset < begin.length) {
                MemorySegment.copy(MemorySegment.ofArray(begin), offset, target, 0, Math.min(target.byteSize(), begin.length - offset));
            }
        }

        @Override
        public void close() {}
    }
}
