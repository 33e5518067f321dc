package io.github.weighbridge.inspector;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.assertj.core.api.Assertions.assertThat;

/// Texts that must come out as they are written down. With `-Dweighbridge.golden=write` they are written down as they come out, to be read
/// before they are committed.
final class Golden {
    private static final Path FOLDER =
            Path.of(System.getProperty("weighbridge.root"), "inspector/src/test/resources/io/github/weighbridge/inspector");

    private Golden() {}

    static void check(String file, String text) throws IOException {
        Path path = FOLDER.resolve(file);
        if ("write".equals(System.getProperty("weighbridge.golden"))) {
            Files.writeString(path, text);
        }
        assertThat(text).as(file).isEqualTo(Files.readString(path));
    }
}
