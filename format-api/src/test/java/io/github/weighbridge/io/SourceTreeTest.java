package io.github.weighbridge.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SourceTreeTest {
    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "model-00001-of-00002.safetensors", "a", "..a", "a..", "größe", " "})
    void plainNamesArePlain(String name) {
        assertThat(SourceTree.isPlainName(name)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b", "/a", "../a", "a\\b", "..\\a", "C:", "C:a", "file:///etc", "a\0", "a\nb", "a\u007f",
        "a\u0085"})
    void namesThatCouldLeadOutsideAreNotPlainAndOpenNothing(String name) throws IOException {
        assertThat(SourceTree.isPlainName(name)).isFalse();
        for (SourceTree tree : List.of(SourceTree.of(folder), SourceTree.of("memory", Map.of(name, new byte[1])))) {
            assertThatThrownBy(() -> tree.open(name)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("not a plain file name: " + Text.printable(name));
        }
        assertThat(SourceTree.of(folder).has(name)).isFalse();
    }

    @Test
    void aNameMayHave255Characters() {
        assertThat(SourceTree.isPlainName("x".repeat(255))).isTrue();
        assertThat(SourceTree.isPlainName("x".repeat(256))).isFalse();
    }

    @Test
    void aFolderListsItsRegularFilesSorted() throws IOException {
        Files.createDirectory(folder.resolve("sub"));
        for (String name : List.of("b.json", "a.json", "c.safetensors")) {
            Files.writeString(folder.resolve(name), name);
        }
        SourceTree tree = SourceTree.of(folder);
        assertThat(tree.files()).containsExactly("a.json", "b.json", "c.safetensors");
        assertThat(tree.has("a.json")).isTrue();
        assertThat(tree.has("sub")).isFalse();
        assertThat(tree.has("d.json")).isFalse();
        try (ByteSource file = tree.open("b.json")) {
            assertThat(file.readBytes(0, 6)).asString().isEqualTo("b.json");
            assertThat(file.name()).isEqualTo(folder + "/b.json");
        }
        assertThatThrownBy(() -> tree.open("d.json")).isInstanceOf(NoSuchFileException.class).hasMessage(folder + "/d.json: no such file");
    }

    @Test
    void aMissingFolderIsAnIoException() {
        assertThatThrownBy(() -> SourceTree.of(folder.resolve("missing")).files()).isInstanceOf(IOException.class);
    }

    @Test
    void memoryBehavesLikeAFolder() throws IOException {
        SourceTree tree = SourceTree.of("memory", Map.of("b", new byte[] {2}, "a", new byte[] {1}));
        assertThat(tree.files()).containsExactly("a", "b");
        assertThat(tree.has("a")).isTrue();
        assertThat(tree.open("b").readBytes(0, 1)).containsExactly(2);
        assertThat(tree.open("b").name()).isEqualTo("memory/b");
        assertThatThrownBy(() -> tree.open("c")).isInstanceOf(NoSuchFileException.class).hasMessage("memory/c: no such file");
    }

    @Test
    void messagesNameAFileByTheFolderAsGiven() {
        assertThat(SourceTree.of("", Map.of()).pathOf("f")).isEqualTo("f");
        assertThat(SourceTree.of("x/", Map.of()).pathOf("f")).isEqualTo("x/f");
        assertThat(SourceTree.of("x", Map.of()).pathOf("f")).isEqualTo("x/f");
    }

    @Test
    void aSourceOfAFolderNamesNoFile() throws IOException {
        Source source = Source.of(folder);
        assertThat(source.name()).isEqualTo(folder.toString());
        assertThat(source.file()).isEmpty();
        assertThatThrownBy(source::open).isInstanceOf(NoSuchElementException.class);
    }

    @Test
    void aSourceOfAFileKnowsItsSiblings() throws IOException {
        Files.writeString(folder.resolve("model.gguf"), "model");
        Files.writeString(folder.resolve("other.gguf"), "other");
        Source source = Source.of(folder.resolve("model.gguf"));
        assertThat(source.file()).contains("model.gguf");
        assertThat(source.tree().files()).containsExactly("model.gguf", "other.gguf");
        try (ByteSource file = source.open()) {
            assertThat(file.name()).isEqualTo(folder.resolve("model.gguf").toString());
            assertThat(file.length()).isEqualTo(5);
        }
    }

    @Test
    void aSourceOfNothingIsRefused() {
        Path missing = folder.resolve("missing.gguf");
        assertThatThrownBy(() -> Source.of(missing)).isInstanceOf(NoSuchFileException.class)
                .hasMessage(missing + ": no such file or folder");
    }

    @Test
    void aRelativeFileWithoutAFolderKeepsItsShortName() throws IOException {
        Source source = Source.of(Path.of("pom.xml"));
        assertThat(source.name()).isEqualTo("pom.xml");
        try (ByteSource file = source.open()) {
            assertThat(file.name()).isEqualTo("pom.xml");
        }
        assertThat(source.tree().has("pom.xml")).isTrue();
    }
}
