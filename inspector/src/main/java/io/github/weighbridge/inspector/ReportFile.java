package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.io.HttpAccess;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A report that will be written at the end. Its place is taken before the work begins, so that hours of work do not end in a folder that
/// does not exist; until then what was there before stays.
final class ReportFile implements AutoCloseable {
    private final Path place;
    private final @Nullable Path draft;

    private ReportFile(Path place, @Nullable Path draft) {
        this.place = place;
        this.draft = draft;
    }

    /// Whether a file is one of some checkpoints, or a file in their folders that exists.
    static boolean isPartOf(String file, String... checkpoints) throws IOException {
        Path given = Path.of(file);
        Path place = given.toAbsolutePath().normalize();
        Path folder = place.getParent();
        for (String each : checkpoints) {
            if (HttpAccess.isAddress(each)) {
                continue;
            }
            Path checkpoint = Path.of(each);
            if (place.equals(checkpoint.toAbsolutePath().normalize()) || Files.exists(given) && Files.exists(checkpoint)
                    && (Files.isSameFile(given, checkpoint)
                            || folder != null && Files.isDirectory(checkpoint) && Files.isSameFile(folder, checkpoint))) {
                return true;
            }
        }
        return false;
    }

    /// A report at a path; none when the path is empty.
    static ReportFile of(String path) throws IOException {
        Path place = Path.of(path);
        if (path.isEmpty()) {
            return new ReportFile(place, null);
        }
        Path parent = place.toAbsolutePath().getParent();
        if (parent == null || Files.isDirectory(place)) {
            throw new IOException(path + ": is a folder, and the report is a file");
        }
        if (!Files.isDirectory(parent)) {
            throw new NoSuchFileException(path, null, "the folder it would be in does not exist");
        }
        Path draft = parent.resolve("." + place.getFileName() + ".partial-" + ProcessHandle.current().pid());
        Files.newByteChannel(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE).close();
        return new ReportFile(place, draft);
    }

    /// Writes the JSON report.
    void write(Audited audited) throws IOException {
        write(out -> AuditText.write(audited, AuditOptions.DEFAULT, out));
    }

    /// Writes a report.
    void write(Consumer<PrintStream> content) throws IOException {
        Path file = java.util.Objects.requireNonNull(draft);
        try (PrintStream out = new PrintStream(new BufferedOutputStream(Files.newOutputStream(file)), false, StandardCharsets.UTF_8)) {
            content.accept(out);
            if (out.checkError()) {
                throw new IOException(place + ": could not be written");
            }
        }
        Files.move(file, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() throws IOException {
        if (draft != null) {
            Files.deleteIfExists(draft);
        }
    }
}
