package io.github.weighbridge.audit;

import io.github.weighbridge.encoding.Codes;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Sha256;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.scan.Sweep;
import io.github.weighbridge.scan.SweepOptions;
import io.github.weighbridge.scan.ValueSums;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/// What the numbers of a checkpoint are like, as far as that can be told without running the model: read once, streamed, on all cores. The
/// result does not depend on the number of threads.
///
/// ```java
/// try (Checkpoint checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
///     ValueReport.of(checkpoint, SweepOptions.defaults()).tensors()
///             .forEach((name, sums) -> System.out.println(name + " peaks at " + sums.peak() + ", " + sums.outliers() + " outliers"));
/// }
/// ```
///
/// @param tensors sums by name of the tensor, in the order of the files; tensors that cannot be decoded are not among them
/// @param duplicates names of tensors that have the same shape, encoding and bytes, each group once
public record ValueReport(Map<String, ValueSums> tensors, List<List<String>> duplicates) {
    private static final int PART_ELEMENTS = 1 << 18;
    private static final int PART_BYTES = 1 << 20;

    /// Copies the lists; the order of the map is kept.
    public ValueReport {
        tensors = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        duplicates = duplicates.stream().map(List::copyOf).toList();
    }

    /// Reads all tensors of a checkpoint.
    ///
    /// @throws IOException when a file cannot be read
    public static ValueReport of(Checkpoint checkpoint, SweepOptions options) throws IOException {
        List<ByteSource> files = checkpoint.files().stream().map(CheckpointFile::source).toList();
        List<StoredTensor> all = List.copyOf(checkpoint.graph().stored());
        List<StoredTensor> decodable = all.stream().filter(tensor -> tensor.encoding().decoder().isPresent()).toList();
        List<Sweep.Task<Reader, ValueSums>> tasks =
                decodable.stream().map(tensor -> new Sweep.Task<>(parts(tensor), ValueSums::and)).toList();
        List<Optional<ValueSums>> sums = Sweep.run(tasks, () -> new Reader(new ViewReader(files)), options);
        Map<String, ValueSums> byName = new LinkedHashMap<>();
        for (int i = 0; i < decodable.size(); i++) {
            byName.put(decodable.get(i).name(), sums.get(i).orElse(ValueSums.NONE));
        }
        return new ValueReport(byName, duplicates(all, files, options));
    }

    /// What of it a user should know.
    public List<Finding> findings() {
        List<Finding> findings = new ArrayList<>();
        add(findings, Finding.Severity.ERROR, "not-finite", "tensors hold numbers that are infinite or none",
                sums -> sums.nan() + sums.infinite() > 0);
        add(findings, Finding.Severity.WARNING, "beyond-half", "tensors hold numbers that pass the largest of half precision, 65504",
                sums -> sums.beyondHalf() > 0);
        add(findings, Finding.Severity.INFO, "zero-rows", "tensors have rows that are all 0",
                sums -> sums.zeroRows() > 0 && sums.rows() > 1);
        if (!duplicates.isEmpty()) {
            findings.add(Finding.info("duplicates", duplicates.size() + " groups of tensors have the same bytes",
                    duplicates.stream().flatMap(List::stream).toList()));
        }
        return findings;
    }

    private void add(List<Finding> findings, Finding.Severity severity, String code, String what, Predicate<ValueSums> which) {
        List<String> names = tensors.entrySet().stream().filter(each -> which.test(each.getValue())).map(Map.Entry::getKey).toList();
        if (!names.isEmpty()) {
            findings.add(new Finding(code, severity, names.size() + " " + what, names));
        }
    }

    /// A reader and buffers of one thread.
    private static final class Reader implements Sweep.Context {
        private final ViewReader views;
        private final Codes codes = new Codes();
        private float[] numbers = new float[0];

        Reader(ViewReader views) {
            this.views = views;
        }

        ValueSums measure(StoredTensor tensor, Region region) throws IOException {
            View view = View.of(tensor);
            int count = region.elements();
            if (numbers.length < count) {
                numbers = new float[count];
            }
            views.read(view, region, numbers, 0);
            ValueSums sums = ValueSums.of(numbers, count, (int) region.columnCount());
            Optional<Grid> grid = tensor.encoding().grid(tensor.shape());
            if (grid.isPresent() && tensor.encoding().codeReader().isPresent()
                    && grid.get().levels() instanceof Grid.Levels.Range levels) {
                views.readCodes(view, region, grid.get(), codes);
                return sums.with(ValueSums.CodeSums.of(codes, levels));
            }
            return sums;
        }

        @Override
        public void close() {
            views.close();
        }
    }

    private static List<Sweep.Part<Reader, ValueSums>> parts(StoredTensor tensor) {
        List<Sweep.Part<Reader, ValueSums>> parts = new ArrayList<>();
        Shape shape = tensor.shape();
        if (shape.elements() == 0) {
            return parts;
        }
        for (Region region : regions(shape, tensor.encoding())) {
            long bytes = (long) ((double) tensor.bytes() * region.elements() / shape.elements());
            parts.add(new Sweep.Part<>(bytes, reader -> reader.measure(tensor, region)));
        }
        return parts;
    }

    private static List<Region> regions(Shape shape, Encoding encoding) {
        List<Region> regions = new ArrayList<>();
        long unit = encoding.rowUnit(shape);
        if (shape.columns() <= PART_ELEMENTS || unit > 1) {
            long rows = Math.max(1, PART_ELEMENTS / shape.columns() / unit) * unit;
            for (long row = 0; row < shape.rows(); row += rows) {
                regions.add(Region.rows(shape, row, Math.min(shape.rows(), row + rows)));
            }
            return regions;
        }
        Optional<Grid> grid = encoding.grid(shape);
        long group = Math.max(encoding.columnUnit(shape), grid.map(g -> g.groupColumns(shape)).filter(g -> g < PART_ELEMENTS).orElse(1L));
        long step = Math.max(1, PART_ELEMENTS / group) * group;
        for (long row = 0; row < shape.rows(); row++) {
            for (long column = 0; column < shape.columns(); column += step) {
                regions.add(new Region(row, row + 1, column, Math.min(shape.columns(), column + step)));
            }
        }
        return regions;
    }

    /// Only tensors that could be equal are read for it.
    private static List<List<String>> duplicates(List<StoredTensor> tensors, List<ByteSource> files, SweepOptions options)
            throws IOException {
        Map<List<Object>, List<StoredTensor>> alike = new LinkedHashMap<>();
        for (StoredTensor tensor : tensors) {
            if (tensor.shape().elements() > 1) {
                alike.computeIfAbsent(List.of(tensor.shape(), tensor.encoding().name(), tensor.bytes()), _ -> new ArrayList<>())
                        .add(tensor);
            }
        }
        List<StoredTensor> candidates = alike.values().stream().filter(group -> group.size() > 1).flatMap(List::stream).toList();
        List<Sweep.Task<Digests, String>> tasks =
                candidates.stream().map(tensor -> new Sweep.Task<>(digests(tensor, files), String::concat)).toList();
        List<Optional<String>> digests = Sweep.run(tasks, Digests::new, options);
        Map<List<Object>, List<String>> same = new LinkedHashMap<>();
        for (int i = 0; i < candidates.size(); i++) {
            StoredTensor tensor = candidates.get(i);
            same.computeIfAbsent(List.of(tensor.shape(), tensor.encoding().name(), Digests.of(digests.get(i).orElse(""))),
                    _ -> new ArrayList<>()).add(tensor.name());
        }
        return same.values().stream().filter(group -> group.size() > 1).toList();
    }

    /// The digest of a tensor is that of the digests of its pieces, which threads make apart.
    private static List<Sweep.Part<Digests, String>> digests(StoredTensor tensor, List<ByteSource> files) {
        List<Sweep.Part<Digests, String>> parts = new ArrayList<>();
        for (Span span : tensor.planes()) {
            for (long at = 0; at < span.length(); at += PART_BYTES) {
                long from = span.offset() + at;
                int length = (int) Math.min(PART_BYTES, span.length() - at);
                parts.add(new Sweep.Part<>(length, context -> context.of(files.get(span.file()), from, length)));
            }
        }
        return parts;
    }

    private static final class Digests implements Sweep.Context {
        private final Arena arena;
        private final MemorySegment buffer;
        private final MessageDigest digest = Sha256.digest();

        // The arena is closed with this object.
        @SuppressWarnings("MustBeClosedChecker")
        Digests() {
            arena = Arena.ofConfined();
            buffer = arena.allocate(PART_BYTES, 64);
        }

        String of(ByteSource source, long offset, int length) throws IOException {
            source.read(offset, buffer.asSlice(0, length));
            digest.update(buffer.asSlice(0, length).asByteBuffer());
            return HexFormat.of().formatHex(digest.digest());
        }

        static String of(String digests) {
            return HexFormat.of().formatHex(Sha256.digest().digest(digests.getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
