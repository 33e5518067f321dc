package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.Audited;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
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

    void write(Audited audited) throws IOException {
        Path file = java.util.Objects.requireNonNull(draft);
        try (PrintStream out = new PrintStream(new BufferedOutputStream(Files.newOutputStream(file)), false, StandardCharsets.UTF_8)) {
            AuditText.write(audited, AuditOptions.DEFAULT, out);
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
