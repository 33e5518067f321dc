package io.github.weighbridge.inspector;

import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// The checkpoint that a command reads.
final class SourceOptions {
    @Parameters(index = "0", paramLabel = "SOURCE", description = "A checkpoint: a file or a folder.")
    private String source = "";

    @Option(names = "--pass-unknown", description = "Pass tensors through that the architecture has no place for, instead of refusing them.")
    private boolean passUnknown;

    /// The path as given.
    String path() {
        return source;
    }

    boolean passUnknown() {
        return passUnknown;
    }

    Checkpoint open() throws UsageException, IOException {
        if (source.isEmpty()) {
            throw new UsageException("SOURCE is empty");
        }
        return open(source, passUnknown);
    }

    /// Opens a checkpoint under the name that was given for it.
    static Checkpoint open(String path, boolean passUnknown) throws IOException {
        Source found = Source.of(Path.of(path));
        return Formats.installed().open(new Source(path, found.tree(), found.file()), ReadOptions.defaults().withPassUnknown(passUnknown));
    }
}
