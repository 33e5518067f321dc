package io.github.weighbridge.spi;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.regex.Pattern;

/// All formats there are: built in, and added by plugins.
public final class Formats {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]+(-[a-z0-9]+)*");

    private static final class Holder {
        static final Formats INSTALLED = new Formats(
                ServiceLoader.load(Format.class, Format.class.getClassLoader()).stream().map(ServiceLoader.Provider::get).toList());
    }

    private final List<Format> formats;

    /// A set of formats.
    ///
    /// @throws IllegalArgumentException when two have one name, or a name is not of lower case letters, digits and hyphens
    public Formats(List<Format> formats) {
        List<Format> sorted = new ArrayList<>(formats);
        sorted.sort(java.util.Comparator.comparing(Format::name));
        for (int i = 0; i < sorted.size(); i++) {
            String name = sorted.get(i).name();
            if (!NAME.matcher(name).matches()) {
                throw new IllegalArgumentException("format name \"" + name + "\" of " + sorted.get(i).getClass().getName());
            }
            if (i > 0 && sorted.get(i - 1).name().equals(name)) {
                throw new IllegalArgumentException("two formats are named " + name + ": " + sorted.get(i - 1).getClass().getName() + " and "
                        + sorted.get(i).getClass().getName());
            }
        }
        this.formats = List.copyOf(sorted);
    }

    /// Those the service loader finds.
    public static Formats installed() {
        return Holder.INSTALLED;
    }

    /// All of them, sorted by name.
    public List<Format> all() {
        return formats;
    }

    /// The format of a name.
    public Optional<Format> byName(String name) {
        return formats.stream().filter(format -> format.name().equals(name)).findFirst();
    }

    /// Opens a checkpoint with the format that claims it.
    ///
    /// @throws CheckpointFormatException when no format claims it, two claim it equally, or the files are bad
    /// @throws IOException when it cannot be read
    public Checkpoint open(Source source, ReadOptions options) throws IOException {
        return claiming(source).open(source, options);
    }

    /// The format that claims a source.
    public Format claiming(Source source) throws IOException {
        Format.Claim best = Format.Claim.NO;
        List<Format> claimants = new ArrayList<>();
        for (Format format : formats) {
            Format.Claim claim = format.reads() ? format.probe(source) : Format.Claim.NO;
            if (claim == Format.Claim.NO || claim.compareTo(best) < 0) {
                continue;
            }
            if (claim.compareTo(best) > 0) {
                claimants.clear();
                best = claim;
            }
            claimants.add(format);
        }
        List<String> names = formats.stream().filter(Format::reads).map(Format::name).toList();
        if (claimants.isEmpty()) {
            throw CheckpointFormatException.unsupported(source.name(), -1, "checkpoint", "no known format", String.join(", ", names));
        }
        if (claimants.size() > 1) {
            throw CheckpointFormatException.malformed(source.name(), -1, "checkpoint",
                    "claims by " + String.join(" and ", claimants.stream().map(Format::name).toList()), "one format");
        }
        return claimants.getFirst();
    }
}
