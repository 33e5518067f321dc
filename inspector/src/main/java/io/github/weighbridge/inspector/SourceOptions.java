package io.github.weighbridge.inspector;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.HttpAccess;
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
    /// The environment variable that holds a bearer token for the server of SOURCE.
    static final String TOKEN = "WEIGHBRIDGE_TOKEN";
    /// Far more than the headers of any checkpoint: a server that sends without end is left.
    private static final long MOST_HEADER_BYTES = 512L << 20;
    private static final long MOST_HEADER_REQUESTS = 20_000;

    @Parameters(index = "0", paramLabel = "SOURCE",
            description = "A checkpoint: a file or a folder, or its https address (a folder's ends in /).") private String source = "";

    @Option(names = "--pass-unknown",
            description = "Pass tensors through that the architecture has no place for.") private boolean passUnknown;

    /// The path as given; of an address, without its query, which may hold a signature.
    String path() {
        return HttpAccess.isAddress(source) ? HttpAccess.shown(source) : source;
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

    /// Opens it for its headers alone: over the web, no more is fetched than headers can need.
    Checkpoint openHeaders() throws UsageException, IOException {
        return HttpAccess.isAddress(source) ? open(remote(source, access().withMost(MOST_HEADER_BYTES, MOST_HEADER_REQUESTS)), passUnknown)
                : open();
    }

    /// Opens a checkpoint under the name that was given for it: a path, or an address.
    static Checkpoint open(String path, boolean passUnknown) throws UsageException, IOException {
        return open(HttpAccess.isAddress(path) ? remote(path, access()) : local(path), passUnknown);
    }

    /// Opens a file or folder of this machine.
    static Checkpoint openFile(Path path, boolean passUnknown) throws IOException {
        return open(local(path.toString()), passUnknown);
    }

    private static Checkpoint open(Source source, boolean passUnknown) throws IOException {
        return Formats.installed().open(source, ReadOptions.defaults().withPassUnknown(passUnknown));
    }

    private static HttpAccess access() throws UsageException {
        String token = System.getenv(TOKEN);
        try {
            return token == null ? HttpAccess.DEFAULT : HttpAccess.DEFAULT.withToken(token.strip());
        } catch (IllegalArgumentException e) {
            throw new UsageException(TOKEN + ": " + e.getMessage());
        }
    }

    private static Source remote(String address, HttpAccess access) throws UsageException {
        try {
            return access.open(address);
        } catch (IllegalArgumentException e) {
            throw new UsageException("\"" + HttpAccess.shown(address) + "\": " + e.getMessage());
        }
    }

    private static Source local(String path) throws IOException {
        Source found = Source.of(Path.of(path));
        SourceTree tree = found.file().isPresent() ? new Siblings(found.tree(), found.file().get(), Path.of(path)) : found.tree();
        return new Source(path, tree, found.file());
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
