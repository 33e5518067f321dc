package io.github.weighbridge.scan;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// Finds out whether dense numbers lie on a grid, as those of checkpoints do that were trained for quantisation and stored "unquantized".
///
/// The grid named is that of the fewest bits, then that with the largest group; a symmetric one before a shifted one. A sample of rows, at
/// places that depend on the shape alone, decides which; [#detect] may then count in the whole tensor.
///
/// A claim needs nearly all blocks on the grid, and more: together they must be a surprise. Random BF16 numbers have 8 binary digits, so that
/// the larger ones of a block lie on a grid of 8 bits whatever they are; constants and blocks of few different numbers lie on grids of few
/// bits. For each block the probability is therefore estimated that random numbers of its type, at its magnitudes, would all be as near to
/// the levels, and numbers seen before are left out. Below one in 2^48 for the sample as a whole a grid is believed.
public final class GridDetector {
    private static final long[] GROUPS = {128, 64, 32, 16};
    private static final int MOST_BITS = 8;
    private static final double ENOUGH = 48;
    /// Share of exact blocks that a grid must have.
    private static final double SHARE = 0.9;
    /// How much of that share a grid may lack beside a more general one of as many bits.
    private static final double LEEWAY = 0.06;
    /// Bits that a number off the grid takes, when grids are weighed against each other.
    private static final int WHOLE = 16;
    /// Blocks of a sample that are looked at for one size of group.
    private static final int SAMPLED_BLOCKS = 384;
    private static final long SAMPLED_ELEMENTS = 1L << 14;
    private static final int LEAST_ROWS = 16;
    private static final int MOST_ROWS = 128;
    private static final long MOST_COLUMNS = 1L << 16;
    /// Numbers that a thread counts in one go.
    private static final long CHUNK = 1L << 20;

    private final View view;
    private final List<ByteSource> files;
    private final List<float[]> sample;
    private final Roundings type;
    private final int significant;

    private GridDetector(View view, List<ByteSource> files, List<float[]> sample, DenseType type) {
        this.view = view;
        this.files = files;
        this.sample = sample;
        this.type = Roundings.of(type, sample);
        this.significant = significant(sample);
    }

    /// Looks at all dense tensors of a checkpoint.
    ///
    /// @param full whether all numbers are read; otherwise a sample
    /// @param threads that read and count
    /// @return a finding or nothing for each stored tensor that is dense, by its name, in the order of the files
    public static Map<String, Optional<GridFinding>> detect(Checkpoint checkpoint, boolean full, int threads) throws IOException {
        List<ByteSource> files = checkpoint.files().stream().map(CheckpointFile::source).toList();
        Map<String, Optional<GridFinding>> findings = new LinkedHashMap<>();
        for (StoredTensor tensor : checkpoint.graph().stored()) {
            Optional<DenseType> dense = tensor.encoding().dense();
            if (dense.isPresent()) {
                findings.put(tensor.name(), detect(new View.Stored(tensor), dense.get(), files, full, threads));
            }
        }
        return findings;
    }

    /// Looks at one tensor.
    ///
    /// @param type of the numbers; others than F32, F16 and BF16 are never found to lie on a grid
    /// @param files the checkpoint's files, by index
    /// @param full whether all numbers are read to count the exact blocks; otherwise a sample
    /// @param threads that read and count
    public static Optional<GridFinding> detect(View view, DenseType type, List<ByteSource> files, boolean full, int threads)
            throws IOException {
        if (type != DenseType.F32 && type != DenseType.F16 && type != DenseType.BF16 || view.shape().elements() == 0) {
            return Optional.empty();
        }
        GridDetector detector = new GridDetector(view, files, sample(view, files), type);
        Optional<Candidate> candidate = detector.candidate();
        if (candidate.isEmpty()) {
            return Optional.empty();
        }
        Count count = full ? detector.countAll(candidate.get(), threads) : detector.countSample(candidate.get());
        return count.share() < SHARE ? Optional.empty() : Optional.of(count.finding(candidate.get()));
    }

    private static List<float[]> sample(View view, List<ByteSource> files) throws IOException {
        Shape shape = view.shape();
        long columns = Math.min(shape.columns(), MOST_COLUMNS);
        long rows = Math.min(shape.rows(), Math.clamp(SAMPLED_ELEMENTS / columns, LEAST_ROWS, MOST_ROWS));
        List<float[]> sample = new ArrayList<>();
        try (ViewReader reader = ViewReader.ofSamples(files)) {
            for (long i = 0; i < rows; i++) {
                long row = rows == 1 ? 0 : i * (shape.rows() - 1) / (rows - 1);
                float[] numbers = new float[(int) columns];
                reader.read(view, new Region(row, row + 1, 0, columns), numbers, 0);
                sample.add(numbers);
            }
        }
        return sample;
    }

    /// Binary digits that the numbers really have: no number has more.
    static int significant(List<float[]> sample) {
        int most = 1;
        for (float[] row : sample) {
            for (float value : row) {
                int fraction = Float.floatToRawIntBits(value) & 0x7fffff;
                most = Math.max(most, 24 - Math.min(23, Integer.numberOfTrailingZeros(fraction)));
            }
        }
        return most;
    }

    /// A grid to be counted.
    private record Candidate(int bits, long group, Grid.Zero zero) {
        boolean shifted() {
            return zero == Grid.Zero.MINIMUM;
        }
    }

    /// What a sample says of one size of group: for each block the bits it needs and its surprise.
    private static final class Profile {
        private final long group;
        private final List<int[]> needs = new ArrayList<>();
        private final List<Double> surprises = new ArrayList<>();
        private final List<Boolean> informative = new ArrayList<>();

        Profile(long group) {
            this.group = group;
        }

        /// Share of exact blocks if a grid is believed, else 0.
        double share(int kind, int bits) {
            int exact = 0;
            int telling = 0;
            int tellingExact = 0;
            double surprise = 0;
            for (int i = 0; i < needs.size(); i++) {
                boolean fits = needs.get(i)[kind] <= bits;
                exact += fits ? 1 : 0;
                if (informative.get(i)) {
                    telling++;
                    tellingExact += fits ? 1 : 0;
                    // Each level that could be tried made a fit more likely.
                    surprise += fits ? Math.max(0, surprises.get(i) - bits) : 0;
                }
            }
            return tellingExact >= SHARE * telling && exact >= SHARE * needs.size() && surprise >= ENOUGH ? (double) exact / needs.size()
                    : 0;
        }
    }

    private Optional<Candidate> candidate() {
        List<Long> groups = new ArrayList<>(List.of(view.shape().columns()));
        for (long group : GROUPS) {
            if (group < view.shape().columns()) {
                groups.add(group);
            }
        }
        List<Profile> unshifted = groups.stream().map(group -> profile(group, false)).toList();
        Optional<Candidate> found = fewest(unshifted, List.of(Grid.Zero.NONE, Grid.Zero.INTEGER));
        if (found.isPresent()) {
            return Optional.of(longest(found.get(), unshifted));
        }
        return fewest(groups.stream().map(group -> profile(group, true)).toList(), List.of(Grid.Zero.MINIMUM));
    }

    /// The fewest bits, then symmetric before shifted, then the largest group. Fewer bits must not cost so many exact blocks that more bits would
    /// describe the tensor in less space.
    private static Optional<Candidate> fewest(List<Profile> profiles, List<Grid.Zero> zeros) {
        int best = 0;
        double least = Double.POSITIVE_INFINITY;
        double most = 0;
        for (int bits = 2; bits <= MOST_BITS; bits++) {
            double share = 0;
            for (Profile profile : profiles) {
                for (int kind = 0; kind < zeros.size(); kind++) {
                    share = Math.max(share, profile.share(kind, bits));
                }
            }
            double size = share * bits + (1 - share) * WHOLE;
            if (share > 0 && size < least) {
                best = bits;
                least = size;
                most = share;
            }
        }
        for (int kind = 0; kind < zeros.size() && best > 0; kind++) {
            for (Profile profile : profiles) {
                if (profile.share(kind, best) >= Math.max(SHARE, most - LEEWAY)) {
                    return Optional.of(new Candidate(best, profile.group, zeros.get(kind)));
                }
            }
        }
        return Optional.empty();
    }

    /// Part of a group needs fewer bits than all of it when the group has outliers. Where most parts turn out to have the step of the whole, the
    /// whole is the group.
    private Candidate longest(Candidate found, List<Profile> profiles) {
        for (Profile profile : profiles) {
            if (profile.group <= found.group()) {
                break;
            }
            Optional<Candidate> wider = fewest(List.of(profile), List.of(Grid.Zero.NONE, Grid.Zero.INTEGER));
            if (wider.isPresent() && sameSteps(found, profile.group)) {
                return wider.get();
            }
        }
        return found;
    }

    private boolean sameSteps(Candidate found, long whole) {
        GridBlock outer = new GridBlock(type, significant);
        GridBlock inner = new GridBlock(type, significant);
        int parts = 0;
        int same = 0;
        for (int[] place : places(whole)) {
            float[] row = sample.get(place[0]);
            outer.load(row, place[1], place[2], false);
            if (!outer.fit(GridBlock.MOST_LEVELS)) {
                continue;
            }
            double step = outer.step();
            for (int at = place[1]; at < place[1] + place[2]; at += (int) found.group()) {
                inner.load(row, at, (int) Math.min(found.group(), place[1] + place[2] - at), false);
                if (inner.informative(false) && inner.fit(GridBlock.MOST_LEVELS)) {
                    parts++;
                    same += inner.returnedBy(step) ? 1 : 0;
                }
            }
        }
        return 2 * same > parts;
    }

    /// Row, first column and length of the blocks of the sample that are looked at.
    private List<int[]> places(long group) {
        int columns = sample.getFirst().length;
        int width = (int) Math.min(group, columns);
        int perRow = (columns - 1) / width + 1;
        long all = (long) perRow * sample.size();
        long count = Math.min(all, SAMPLED_BLOCKS);
        List<int[]> places = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            long block = count == 1 ? 0 : i * (all - 1) / (count - 1);
            int column = (int) (block % perRow) * width;
            places.add(new int[] {(int) (block / perRow), column, Math.min(width, columns - column)});
        }
        return places;
    }

    private Profile profile(long group, boolean shifted) {
        Profile profile = new Profile(group);
        GridBlock block = new GridBlock(type, significant);
        Set<Integer> seen = new HashSet<>();
        for (int[] place : places(group)) {
            block.load(sample.get(place[0]), place[1], place[2], shifted);
            boolean fits = block.finite() && (shifted ? block.fitShifted(GridBlock.MOST_LEVELS) : block.fit(GridBlock.MOST_LEVELS));
            profile.needs.add(!fits ? new int[] {Integer.MAX_VALUE, Integer.MAX_VALUE}
                    : shifted ? new int[] {block.bits(Grid.Zero.MINIMUM)}
                    : new int[] {block.bits(Grid.Zero.NONE), block.bits(Grid.Zero.INTEGER)});
            profile.surprises.add(fits ? block.surprise(seen, shifted) : 0);
            profile.informative.add(block.informative(shifted));
        }
        return profile;
    }

    /// Blocks counted so far.
    private static final class Count {
        private long blocks;
        private long exact;
        private double residual;
        private final Set<Roundings> scales = EnumSet.allOf(Roundings.class);
        private final long columns;

        Count(long columns) {
            this.columns = columns;
        }

        double share() {
            return blocks == 0 ? 0 : (double) exact / blocks;
        }

        void add(Count other) {
            blocks += other.blocks;
            exact += other.exact;
            residual = Math.max(residual, other.residual);
            scales.retainAll(other.scales);
        }

        GridFinding finding(Candidate candidate) {
            Set<DenseType> types = EnumSet.noneOf(DenseType.class);
            scales.forEach(scale -> types.add(DenseType.valueOf(scale.name())));
            return new GridFinding(candidate.bits, candidate.group, candidate.group == columns, candidate.zero, share(), residual, types);
        }
    }

    private void count(Candidate candidate, GridBlock block, float[] row, int from, int length, Count count) {
        int half = 1 << candidate.bits - 1;
        boolean symmetric = candidate.zero == Grid.Zero.NONE;
        int mostLevels = symmetric ? half : 2 * half - 1;
        for (int at = from; at < from + length; at += (int) Math.min(candidate.group, length)) {
            int width = (int) Math.min(candidate.group, from + length - at);
            block.load(row, at, width, candidate.shifted());
            boolean fits = block.finite() && (candidate.shifted() ? block.fitShifted(mostLevels) : block.fit(mostLevels))
                    && block.bits(candidate.zero) <= candidate.bits;
            count.blocks++;
            if (fits) {
                count.exact++;
                count.scales.removeIf(scale -> !block.holds(scale));
            } else {
                count.residual = Math.max(count.residual, Residuals.of(row, at, width, symmetric ? -half : -mostLevels,
                        symmetric ? half - 1 : mostLevels, candidate.shifted(), type));
            }
        }
    }

    private Count countSample(Candidate candidate) {
        Count count = new Count(view.shape().columns());
        GridBlock block = new GridBlock(type, significant);
        for (float[] row : sample) {
            count(candidate, block, row, 0, row.length, count);
        }
        return count;
    }

    private Count countAll(Candidate candidate, int threads) throws IOException {
        Shape shape = view.shape();
        long rows = Math.max(1, CHUNK / shape.columns());
        AtomicLong next = new AtomicLong();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Count total = new Count(shape.columns());
        Runnable work = () -> {
            Count own = new Count(shape.columns());
            GridBlock block = new GridBlock(type, significant);
            float[] numbers = new float[Math.toIntExact(Math.min(rows, shape.rows()) * shape.columns())];
            try (ViewReader reader = new ViewReader(files)) {
                for (long row = next.getAndAdd(rows); row < shape.rows() && failure.get() == null; row = next.getAndAdd(rows)) {
                    Region region = Region.rows(shape, row, Math.min(shape.rows(), row + rows));
                    reader.read(view, region, numbers, 0);
                    for (int i = 0; i < region.rowCount(); i++) {
                        int columns = (int) shape.columns();
                        count(candidate, block, numbers, i * columns, columns, own);
                    }
                }
            } catch (IOException | RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            }
            synchronized (total) {
                total.add(own);
            }
        };
        List<Thread> others = new ArrayList<>();
        for (int i = 1; i < threads; i++) {
            others.add(Thread.ofPlatform().name("weighbridge-grid-" + i).start(work));
        }
        work.run();
        for (Thread thread : others) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                failure.compareAndSet(null, new IOException("interrupted", e));
                Thread.currentThread().interrupt();
                break;
            }
        }
        switch (failure.get()) {
            case null -> {
                return total;
            }
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }
}
