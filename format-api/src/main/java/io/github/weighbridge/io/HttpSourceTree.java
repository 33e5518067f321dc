package io.github.weighbridge.io;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// A folder of a web server. Which of the files that a checkpoint may have are there is found out by asking for each; what was asked once is
/// remembered, and every file is opened once however often it is asked for.
final class HttpSourceTree implements SourceTree {
    private static final String INDEX = "model.safetensors.index.json";
    private static final String SINGLE = "model.safetensors";
    /// Companions of a checkpoint that its readers look at.
    private static final List<String> DOCUMENTS = List.of("config.json", "generation_config.json", "tokenizer.json",
            "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json", "chat_template.jinja", "preprocessor_config.json",
            "processor_config.json");

    private final HttpRanges ranges;
    private final URI address;
    private final String base;
    private final String shown;
    private final Optional<String> named;
    private final Map<String, HttpByteSource> open = new HashMap<>();
    private final Map<String, IOException> absent = new HashMap<>();
    private @Nullable List<String> files;

    /// @param address as given
    /// @param base the folder's address, as it is shown
    /// @param shown the address as it is shown
    /// @param named the file that it names
    HttpSourceTree(HttpRanges ranges, URI address, String base, String shown, Optional<String> named) {
        this.ranges = ranges;
        this.address = address;
        this.base = base;
        this.shown = shown;
        this.named = named;
    }

    @Override
    public String name() {
        return base;
    }

    /// The file that was named, and those of the usual files that are there. Shards are found by the index, or by the names of their siblings.
    @Override
    public synchronized List<String> files() throws IOException {
        if (files == null) {
            TreeSet<String> found = new TreeSet<>();
            List<String> asked = new ArrayList<>();
            if (named.isPresent()) {
                found.add(named.get());
            } else {
                asked.add(INDEX);
            }
            asked.addAll(DOCUMENTS);
            for (String name : asked) {
                if (has(name)) {
                    found.add(name);
                }
            }
            if (named.isEmpty() && !found.contains(INDEX) && has(SINGLE)) {
                found.add(SINGLE);
            }
            if (found.isEmpty() && absent.get(SINGLE) instanceof Refused refused) {
                throw refused;
            }
            files = List.copyOf(found);
        }
        return files;
    }

    /// A server that refuses to say whether a file is there, as stores do that may not be listed, is taken to have none.
    @Override
    public synchronized boolean has(String file) throws IOException {
        if (!SourceTree.isPlainName(file)) {
            return false;
        }
        try {
            find(file);
            return true;
        } catch (NoSuchFileException | Refused e) {
            return false;
        }
    }

    @Override
    public synchronized ByteSource open(String file) throws IOException {
        if (!SourceTree.isPlainName(file)) {
            throw new IllegalArgumentException("not a plain file name: " + Text.printable(file));
        }
        return find(file);
    }

    @Override
    public String pathOf(String file) {
        return named.filter(file::equals).map(_ -> shown).orElse(base + file);
    }

    private HttpByteSource find(String file) throws IOException {
        HttpByteSource source = open.get(file);
        if (source == null) {
            IOException failure = absent.get(file);
            if (failure != null) {
                throw failure;
            }
            try {
                source = HttpByteSource.open(ranges, addressOf(file), pathOf(file));
            } catch (NoSuchFileException | Refused e) {
                absent.put(file, e);
                throw e;
            }
            open.put(file, source);
        }
        return source;
    }

    /// The query of a named file goes with its siblings too: stores that want one want it everywhere.
    private URI addressOf(String file) {
        if (named.isPresent() && named.get().equals(file)) {
            return address;
        }
        String path = address.getRawPath() == null || address.getRawPath().isEmpty() ? "/" : address.getRawPath();
        String folder = path.substring(0, path.lastIndexOf('/') + 1);
        String query = address.getRawQuery() == null ? "" : "?" + address.getRawQuery();
        return URI.create(address.getScheme() + "://" + address.getRawAuthority() + folder
                + URLEncoder.encode(file, StandardCharsets.UTF_8).replace("+", "%20") + query);
    }

    static String decoded(String segment) {
        try {
            return URLDecoder.decode(segment.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("the address ends in no name of a file", e);
        }
    }

    /// The server does not let this asker see the file.
    static final class Refused extends FileNotFoundException {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message);
        }
    }
}
