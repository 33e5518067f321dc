package io.github.weighbridge.inspector;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// The checkpoint that a command reads.
final class SourceOptions {
    @Parameters(index = "0", paramLabel = "SOURCE", description = "A checkpoint: a file or a folder.") private String source = "";

    @Option(names = "--pass-unknown",
            description = "Pass tensors through that the architecture has no place for.") private boolean passUnknown;

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
        SourceTree tree = found.file().isPresent() ? new Siblings(found.tree(), found.file().get(), Path.of(path)) : found.tree();
        return Formats.installed().open(new Source(path, tree, found.file()), ReadOptions.defaults().withPassUnknown(passUnknown));
    }

    /// The folder of a file that the user named. That file may have any name; the rules for names are for those that are found in files.
    private record Siblings(SourceTree folder, String file, Path path) implements SourceTree {
        @Override
        public String name() {
            return folder.name();
        }

        @Override
        public List<String> files() throws IOException {
            return folder.files();
        }

        @Override
        public boolean has(String name) throws IOException {
            return name.equals(file) || folder.has(name);
        }

        @Override
        public ByteSource open(String name) throws IOException {
            return name.equals(file) ? ByteSource.of(path) : folder.open(name);
        }
    }
}
