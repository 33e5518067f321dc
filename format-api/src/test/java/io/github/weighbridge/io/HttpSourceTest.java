package io.github.weighbridge.io;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/// Files of a web server, and servers that misbehave.
class HttpSourceTest {
    private static final HttpAccess HASTY = HttpAccess.DEFAULT.withPatience(Duration.ofMillis(300));
    private static final byte[] FILE = new byte[3_000_000];

    static {
        new Random(1).nextBytes(FILE);
    }

    private static ByteSource open(WebServer server, String path) throws IOException {
        return HASTY.open(server.address(path)).open();
    }

    private static void assertBytes(ByteSource source, long offset, int length) throws IOException {
        assertThat(source.readBytes(offset, length)).isEqualTo(Arrays.copyOfRange(FILE, (int) offset, (int) offset + length));
    }

    @Test
    void rangesAreReadAndKept() throws IOException {
        try (WebServer server = new WebServer((request, out) -> WebServer.range(request, out, FILE, "ETag: \"a\""))) {
            ByteSource source = open(server, "/m/model.gguf");
            assertThat(source.length()).isEqualTo(FILE.length);
            assertThat(source.name()).isEqualTo(server.address("/m/model.gguf"));
            assertBytes(source, 0, 8);
            assertBytes(source, 60_000, 5_000);
            assertBytes(source, 10, 60_000);
            assertThat(server.requests).hasSize(1);
            assertBytes(source, FILE.length - 7, 7);
            assertBytes(source, 65_530, 100_000);
            assertThat(server.requests).hasSize(3);
            source.verifyUnchanged();
            assertThat(server.requests.getLast().headers()).containsEntry("range", "bytes=0-0").containsEntry("accept-encoding", "identity")
                    .doesNotContainKey("authorization");
        }
    }

    /// Reading on and on takes ever larger runs, and no more than half a MiB in vain.
    @Test
    void readingOnTakesFewRequests() throws IOException {
        try (WebServer server = new WebServer((request, out) -> WebServer.range(request, out, FILE))) {
            ByteSource source = open(server, "/model.gguf");
            int header = 2_000_000;
            for (int at = 0; at < header; at += 1000) {
                assertBytes(source, at, 1000);
            }
            assertThat(server.requests).hasSizeLessThan(12);
            long bytes = server.requests.stream().mapToLong(request -> Math.min(FILE.length, request.end()) - request.begin()).sum();
            assertThat(bytes).isBetween((long) header, header + (1L << 19));
        }
    }

    @Test
    void largeReadsGoIntoAnyMemory() throws IOException {
        try (WebServer server = new WebServer((request, out) -> WebServer.range(request, out, FILE)); Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(FILE.length - 1);
            open(server, "/model.gguf").read(1, target);
            assertThat(target.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(Arrays.copyOfRange(FILE, 1, FILE.length));
        }
    }

    @Test
    void aBrokenConnectionIsTakenUpWhereItBroke() throws IOException {
        int piece = 100_000;
        try (WebServer server = new WebServer((request, out) -> {
            int end = Math.min(FILE.length, request.end());
            WebServer.head(out, "206 Partial Content", "Content-Range: bytes " + request.begin() + "-" + (end - 1) + "/" + FILE.length,
                    "Content-Length: " + (end - request.begin()));
            out.write(FILE, request.begin(), Math.min(piece, end - request.begin()));
        })) {
            ByteSource source = open(server, "/model.gguf");
            assertBytes(source, 0, FILE.length);
            assertThat(server.requests.stream().skip(1).map(WebServer.Request::begin)).isSorted().doesNotHaveDuplicates();
            assertThat(server.requests).hasSize(1 + FILE.length / piece);
        }
    }

    @Test
    void aServerThatAlwaysBreaksIsGivenUp() throws IOException {
        try (WebServer server = new WebServer((request, out) -> {
            WebServer.head(out, "206 Partial Content", "Content-Range: bytes 0-65535/" + FILE.length, "Content-Length: 65536");
        })) {
            String address = server.address("/model.gguf");
            assertThatThrownBy(() -> open(server, "/model.gguf")).isInstanceOf(IOException.class)
                    .hasMessageStartingWith(address + ": the connection broke")
                    .hasMessageEndingWith("; given up after 5 attempts");
            assertThat(server.requests).hasSize(5);
        }
    }

    @Test
    void silenceEndsAnAttempt() throws IOException {
        try (WebServer server = new WebServer((request, out) -> {
            if (request.number() == 0) {
                Thread.sleep(2_000);
            } else if (request.number() == 1) {
                WebServer.head(out, "206 Partial Content", "Content-Range: bytes 0-65535/" + FILE.length, "Content-Length: 65536");
                out.write(FILE, 0, 10);
                out.flush();
                Thread.sleep(2_000);
            } else {
                WebServer.range(request, out, FILE);
            }
        })) {
            assertBytes(open(server, "/model.gguf"), 0, 20);
            assertThat(server.requests.getLast().begin()).isEqualTo(10);
        }
        try (WebServer server = new WebServer((_, _) -> Thread.sleep(5_000))) {
            assertThatThrownBy(() -> open(server, "/model.gguf"))
                    .hasMessage(server.address("/model.gguf") + ": nothing came for 300 ms; given up after 5 attempts");
        }
    }

    @Test
    void whatIsBusyIsAskedAgain() throws IOException {
        try (WebServer server = new WebServer((request, out) -> {
            if (request.number() < 2) {
                WebServer.head(out, request.number() == 0 ? "503 Service Unavailable" : "429 Too Many Requests", "Content-Length: 0");
            } else {
                WebServer.range(request, out, FILE);
            }
        })) {
            assertBytes(open(server, "/model.gguf"), 0, 20);
        }
        try (WebServer server = new WebServer((_, out) -> WebServer.head(out, "500 Oops", "Content-Length: 0"))) {
            assertThatThrownBy(() -> open(server, "/model.gguf"))
                    .hasMessage(server.address("/model.gguf") + ": the server answered 500; given up after 5 attempts");
        }
    }

    @Test
    void aServerWithoutRangesIsRefusedUnlessTheFileIsSmall() throws IOException {
        try (WebServer server = new WebServer((request, out) -> {
            WebServer.head(out, "200 OK", "Content-Length: " + (request.path().equals("/config.json") ? 1000 : 3_000_000));
            for (int at = 0; at < FILE.length; at += 1000) {
                out.write(FILE, at, 1000);
            }
        })) {
            assertThatThrownBy(() -> open(server, "/model.gguf")).isInstanceOf(IOException.class)
                    .hasMessage(server.address("/model.gguf")
                            + ": the server gives no ranges: asked for bytes 0-65535, it answered 200 with the "
                            + "whole file of 3000000 bytes; fetch the file first");
            ByteSource small = open(server, "/config.json");
            assertThat(small.length()).isEqualTo(1000);
            assertBytes(small, 10, 990);
        }
        try (WebServer server = new WebServer((_, out) -> WebServer.head(out, "200 OK", "Content-Type: text/html; charset=utf-8",
                "Content-Length: 0"))) {
            assertThatThrownBy(() -> open(server, "/blob/main/model.gguf")).hasMessageContaining("leads to a web page")
                    .hasMessageContaining("/resolve/");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "bytes 1-65535/3000000", "bytes 0-65536/3000000", "bytes 5-4/3000000", "bytes 0-65535/*", "bytes 0-65535/65535",
                "bytes 0-65535/99999999999999999999", "0-65535/3000000"})
    void aWrongContentRangeIsRefused(String range) throws IOException {
        try (WebServer server = new WebServer((_, out) -> {
            WebServer.head(out, "206 Partial Content", range.isEmpty() ? "X: y" : "Content-Range: " + range, "Content-Length: 65536");
            out.write(FILE, 0, 65536);
        })) {
            assertThatThrownBy(() -> open(server, "/model.gguf")).isInstanceOf(IOException.class)
                    .hasMessage(server.address("/model.gguf") + ": Content-Range: found " + (range.isEmpty() ? "none" : "\"" + range + "\"")
                            + ", expected \"bytes 0-65535/LENGTH\"");
            assertThat(server.requests).hasSize(1);
        }
    }

    @Test
    void moreThanWasAnnouncedIsRefused() throws IOException {
        try (WebServer server = new WebServer((request, out) -> {
            WebServer.head(out, "206 Partial Content", "Content-Range: bytes 0-9/10");
            out.write(FILE, 0, 1000);
        })) {
            assertThatThrownBy(() -> open(server, "/model.gguf")).hasMessageContaining("sent more than the 10 bytes that it announced");
        }
    }

    @ParameterizedTest
    @CsvSource({"ETag", "Last-Modified"})
    void aChangeMidWayIsNoticed(String header) throws IOException {
        try (WebServer server = new WebServer(
                (request, out) -> WebServer.range(request, out, FILE, header + ": " + (request.number() == 0 ? "one" : "two")))) {
            ByteSource source = open(server, "/model.gguf");
            assertThatThrownBy(() -> source.readBytes(1_000_000, 10)).isInstanceOf(IOException.class)
                    .hasMessage(server.address("/model.gguf")
                            + ": the file changed while it was read (3000000 bytes, tag one; now 3000000 bytes, "
                            + "tag two)");
            assertThatThrownBy(source::verifyUnchanged).hasMessageContaining("changed");
        }
        byte[] less = Arrays.copyOf(FILE, 2_000_000);
        try (WebServer server = new WebServer((request, out) -> WebServer.range(request, out, request.number() == 0 ? FILE : less))) {
            ByteSource source = open(server, "/model.gguf");
            assertThatThrownBy(() -> source.readBytes(1_000_000, 10)).hasMessageContaining("now 2000000 bytes");
        }
    }

    @Test
    void theTokenIsForTheHostThatWasNamed() throws IOException {
        try (WebServer other = new WebServer((request, out) -> WebServer.range(request, out, FILE));
                WebServer server = new WebServer((request, out) -> {
                    if (request.path().equals("/model.gguf")) {
                        WebServer.head(out, "302 Found", "Location: /moved.gguf", "Content-Length: 0");
                    } else {
                        WebServer.head(out, "307 Temporary Redirect", "Location: " + other.address("/blob?signature=secret"),
                                "Content-Length: 0");
                    }
                })) {
            ByteSource source = HASTY.withToken("hush").open(server.address("/model.gguf")).open();
            assertBytes(source, 1_000_000, 600_000);
            assertThat(server.requests).hasSize(2).allMatch(request -> "Bearer hush".equals(request.headers().get("authorization")));
            assertThat(other.requests).hasSize(2).noneMatch(request -> request.headers().containsKey("authorization"));
            assertThat(HASTY.withToken("hush").toString()).doesNotContain("hush");
            assertThatThrownBy(() -> HASTY.withToken("hu\nsh")).hasMessage("the token holds characters that no header can carry");
        }
    }

    /// Places that redirects lead to are good for a while: then the address is asked again.
    @Test
    void aRedirectThatExpiredIsFollowedAnew() throws IOException {
        try (WebServer server = new WebServer((request, out) -> {
            if (request.path().equals("/model.gguf")) {
                WebServer.head(out, "302 Found", "Location: /signed/" + request.number(), "Content-Length: 0");
            } else if (request.number() == 2) {
                WebServer.head(out, "403 Forbidden", "Content-Length: 0");
            } else {
                WebServer.range(request, out, FILE);
            }
        })) {
            ByteSource source = open(server, "/model.gguf");
            assertBytes(source, 1_000_000, 10);
            assertThat(server.requests.stream().map(WebServer.Request::path)).containsExactly("/model.gguf", "/signed/0", "/signed/0",
                    "/model.gguf", "/signed/3");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://", "http://[bad"})
    void redirectsLeadToNoUnsafePlace(String location) throws IOException {
        try (WebServer server = new WebServer((_, out) -> WebServer.head(out, "302 Found", "Location: " + location, "Content-Length: 0"))) {
            assertThatThrownBy(() -> open(server, "/model.gguf")).isInstanceOf(IOException.class)
                    .hasMessageStartingWith(server.address("/model.gguf") + ": a redirect leads to ");
            assertThat(server.requests).hasSize(1);
        }
    }

    @Test
    void redirectsInACircleEnd() throws IOException {
        try (WebServer server = new WebServer((_, out) -> WebServer.head(out, "301 Moved", "Location: /model.gguf", "Content-Length: 0"))) {
            assertThatThrownBy(() -> open(server, "/model.gguf")).hasMessage(server.address("/model.gguf") + ": more than 8 redirects");
            assertThat(server.requests).hasSize(9);
        }
    }

    @Test
    void whatIsRefusedSaysWhetherATokenWasShown() throws IOException {
        try (WebServer server = new WebServer((request, out) -> WebServer.head(out,
                request.path().equals("/none") ? "404 Not Found" : "401 Unauthorized", "Content-Length: 0"))) {
            assertThatThrownBy(() -> open(server, "/model.gguf"))
                    .hasMessage(
                            server.address("/model.gguf") + ": the server 127.0.0.1 refuses access (401), asked without a token (on the "
                                    + "command line, WEIGHBRIDGE_TOKEN holds one)");
            assertThatThrownBy(() -> HASTY.withToken("hush").open(server.address("/model.gguf")).open())
                    .hasMessageEndingWith("refuses access (401), with the token that was given").hasMessageNotContaining("hush");
            assertThatThrownBy(() -> open(server, "/none")).isInstanceOf(NoSuchFileException.class)
                    .hasMessage(server.address("/none") + ": no such file on the server (404)");
        }
    }

    @Test
    void noMoreIsAskedForThanIsAllowed() throws IOException {
        try (WebServer server = new WebServer((request, out) -> WebServer.range(request, out, FILE))) {
            ByteSource few = HASTY.withMost(1_000_000, 100).open(server.address("/model.gguf")).open();
            assertThatThrownBy(() -> few.readBytes(0, FILE.length)).hasMessageContaining("more than 1000000 bytes are needed");
            ByteSource rare = HASTY.withMost(1 << 30, 2).open(server.address("/model.gguf")).open();
            rare.readBytes(1_000_000, 1);
            assertThatThrownBy(() -> rare.readBytes(2_000_000, 1)).hasMessageContaining("more than 2 requests are needed");
        }
    }

    @Test
    void anEmptyFileIsEmpty() throws IOException {
        try (WebServer server = new WebServer(
                (_, out) -> WebServer.head(out, "416 Range Not Satisfiable", "Content-Range: bytes */0", "Content-Length: 0"))) {
            assertThat(open(server, "/model.gguf").length()).isZero();
        }
    }

    @Test
    void foldersAreAskedForTheUsualFiles() throws IOException {
        List<String> there = List.of("/r/config.json", "/r/model.safetensors.index.json", "/r/a%20b%2B.safetensors");
        WebServer.Handler handler = (WebServer.Request request, OutputStream out) -> {
            if (there.contains(request.path())) {
                WebServer.range(request, out, FILE);
            } else if (request.path().endsWith(".jinja")) {
                WebServer.head(out, "403 Forbidden", "Content-Length: 0");
            } else {
                WebServer.none(out);
            }
        };
        try (WebServer server = new WebServer(handler)) {
            for (String address : List.of("/r/", "/r/model.safetensors.index.json")) {
                Source source = HASTY.open(server.address(address));
                assertThat(source.file()).isEmpty();
                assertThat(source.tree().files()).containsExactly("config.json", "model.safetensors.index.json");
                int before = server.requests.size();
                assertThat(source.tree().has("config.json")).isTrue();
                assertThat(source.tree().has("tokenizer.json")).isFalse();
                assertThat(source.tree().has("../config.json")).isFalse();
                assertThat(source.tree().open("config.json").length()).isEqualTo(FILE.length);
                assertThat(server.requests).hasSize(before);
                assertThat(source.tree().open("a b+.safetensors").name()).isEqualTo(server.address("/r/a b+.safetensors"));
            }
            Source file = HASTY.open(server.address("/r/a%20b%2B.safetensors?download=true"));
            assertThat(file.file()).contains("a b+.safetensors");
            assertThat(file.name()).isEqualTo(server.address("/r/a%20b%2B.safetensors"));
            assertThatThrownBy(file::open).isInstanceOf(NoSuchFileException.class);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"http://example.org/x.gguf | plain http is for this machine alone: use https",
        "http://127.0.0.1.example.org/x | plain http is for this machine alone: use https",
        "https://user:pass@example.org/x | the address holds a user's name: a token is given apart from it",
        "https:///x | the address names no host", "https://example.org/a b | is no address: Illegal character in path at character 22",
        "https://example.org/%2e%2e | the address ends in no name of a file",
        "https://example.org/a%2fb | the address ends in no name of a file"})
    void addressesThatWillNotDo(String address, String message) {
        assertThatThrownBy(() -> HttpAccess.DEFAULT.open(address)).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @Test
    void whatIsAnAddress() {
        assertThat(HttpAccess.isAddress("HTTPS://example.org")).isTrue();
        assertThat(HttpAccess.isAddress("https:/x")).isFalse();
        assertThat(HttpAccess.isAddress("http.gguf")).isFalse();
        assertThat(HttpAccess.shown("https://example.org/x?signature=secret#y")).isEqualTo("https://example.org/x");
    }
}
