package io.github.weighbridge.audit;

import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Checkpoint.CheckpointFile;
import io.github.weighbridge.scan.ErrorSums;
import io.github.weighbridge.scan.Sweep;
import io.github.weighbridge.scan.SweepOptions;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/// Compares numbers of pairs of views, streamed: bytes where both sides hold the same encoding in the same order, numbers elsewhere and where
/// bytes differ.
final class Comparison {
    /// Numbers read in one go from each side.
    private static final int PART_ELEMENTS = 1 << 18;
    private static final long PART_BYTES = 1 << 20;

    /// What to compare.
    ///
    /// @param reference the numbers that ought to be
    /// @param value the numbers that are, of the same shape
    record Question(View reference, View value, ErrorSums.Bound bound) {}

    private final List<ByteSource> references;
    private final List<ByteSource> values;
    private final SweepOptions options;

    /// Compares views of two checkpoints.
    Comparison(Checkpoint reference, Checkpoint value, SweepOptions options) {
        this.references = reference.files().stream().map(CheckpointFile::source).toList();
        this.values = value.files().stream().map(CheckpointFile::source).toList();
        this.options = options;
    }

    /// The sums of each question, in order; empty where bytes differ that cannot be decoded. Numbers are compared in single precision, as all
    /// encodings of weights decode to.
    List<Optional<ErrorSums>> answer(List<Question> questions) throws IOException {
        List<Boolean> same = sameBytes(questions);
        List<Sweep.Task<Pairs, ErrorSums>> tasks = new ArrayList<>();
        for (int i = 0; i < questions.size(); i++) {
            Question question = questions.get(i);
            boolean measured = !same.get(i) && decodable(question.reference()) && decodable(question.value());
            tasks.add(new Sweep.Task<>(measured ? numbers(question) : List.of(), ErrorSums::and));
        }
        List<Optional<ErrorSums>> measured = Sweep.run(tasks, this::pairs, options);
        List<Optional<ErrorSums>> answers = new ArrayList<>();
        for (int i = 0; i < questions.size(); i++) {
            long count = questions.get(i).reference().shape().elements();
            answers.add(same.get(i) || count == 0 ? Optional.of(ErrorSums.equalPairs(count)) : measured.get(i));
        }
        return answers;
    }

    private Pairs pairs() {
        return new Pairs(new ViewReader(references), new ViewReader(values));
    }

    /// Readers and buffers of one thread.
    private record Pairs(ViewReader references, ViewReader values, float[][] numbers) implements Sweep.Context {
        Pairs(ViewReader references, ViewReader values) {
            this(references, values, new float[2][0]);
        }

        float[] room(int side, int count) {
            if (numbers[side].length < count) {
                numbers[side] = new float[count];
            }
            return numbers[side];
        }

        @Override
        public void close() {
            references.close();
            values.close();
        }
    }

    private static List<Sweep.Part<Pairs, ErrorSums>> numbers(Question question) {
        List<Sweep.Part<Pairs, ErrorSums>> parts = new ArrayList<>();
        for (Question piece : columnPieces(question)) {
            Shape shape = piece.reference().shape();
            long bytes = bytes(piece.reference()) + bytes(piece.value());
            for (Region region : regions(shape, piece.bound().group())) {
                parts.add(new Sweep.Part<>((long) ((double) bytes * region.elements() / shape.elements()), context -> {
                    int count = region.elements();
                    float[] reference = context.room(0, count);
                    float[] value = context.room(1, count);
                    context.references().read(piece.reference(), region, reference, 0);
                    context.values().read(piece.value(), region, value, 0);
                    return ErrorSums.of(reference, value, count, (int) region.columnCount(), piece.bound());
                }));
            }
        }
        return parts;
    }

    /// About how many bytes the numbers of a view take.
    private static long bytes(View view) {
        long elements = 0;
        long bytes = 0;
        for (StoredTensor tensor : View.stored(view)) {
            elements += tensor.shape().elements();
            bytes += tensor.bytes();
        }
        return elements == 0 ? 0 : (long) ((double) bytes * view.shape().elements() / elements);
    }

    /// Tables that are stored as several, side by side, are compared one by one, as their rows are then read in long runs.
    private static List<Question> columnPieces(Question question) {
        int last = question.reference().shape().rank() - 1;
        List<View> parts = List.of();
        for (View view : List.of(question.reference(), question.value())) {
            if (view instanceof View.Concat(int axis, List<View> of) && axis == last && of.size() > parts.size()) {
                parts = of;
            }
        }
        if (parts.isEmpty()) {
            return List.of(question);
        }
        List<Question> pieces = new ArrayList<>();
        long at = 0;
        for (View part : parts) {
            long end = at + part.shape().columns();
            pieces.add(new Question(View.slice(question.reference(), last, at, end), View.slice(question.value(), last, at, end),
                    question.bound()));
            at = end;
        }
        return pieces;
    }

    /// Some rows, or a part of a row that ends where groups do.
    private static List<Region> regions(Shape shape, int group) {
        List<Region> regions = new ArrayList<>();
        if (shape.elements() == 0) {
            return regions;
        }
        if (shape.columns() <= PART_ELEMENTS) {
            long rows = PART_ELEMENTS / shape.columns();
            for (long row = 0; row < shape.rows(); row += rows) {
                regions.add(Region.rows(shape, row, Math.min(shape.rows(), row + rows)));
            }
            return regions;
        }
        long step = group > 0 && group < PART_ELEMENTS ? PART_ELEMENTS / group * group : PART_ELEMENTS;
        for (long row = 0; row < shape.rows(); row++) {
            for (long column = 0; column < shape.columns(); column += step) {
                regions.add(new Region(row, row + 1, column, Math.min(shape.columns(), column + step)));
            }
        }
        return regions;
    }

    /// For each question, whether both sides are known to have the same bytes.
    private List<Boolean> sameBytes(List<Question> questions) throws IOException {
        List<Sweep.Task<Bytes, Boolean>> tasks = questions.stream()
                .map(question -> new Sweep.Task<Bytes, Boolean>(bytesOf(question), Boolean::logicalAnd)).toList();
        return Sweep.run(tasks, Bytes::new, options).stream().map(same -> same.orElse(false)).toList();
    }

    private List<Sweep.Part<Bytes, Boolean>> bytesOf(Question question) {
        if (!(question.reference() instanceof View.Stored(StoredTensor a)) || !(question.value() instanceof View.Stored(StoredTensor b))
                || !sameEncoding(a, b)) {
            return List.of();
        }
        AtomicBoolean differ = new AtomicBoolean();
        List<Sweep.Part<Bytes, Boolean>> parts = new ArrayList<>();
        for (int plane = 0; plane < a.planes().size(); plane++) {
            Span left = a.planes().get(plane);
            Span right = b.planes().get(plane);
            for (long at = 0; at < left.length(); at += PART_BYTES) {
                long from = at;
                long length = Math.min(PART_BYTES, left.length() - at);
                parts.add(new Sweep.Part<>(2 * length, context -> {
                    if (differ.get()) {
                        return false;
                    }
                    references.get(left.file()).read(left.offset() + from, context.left().asSlice(0, length));
                    values.get(right.file()).read(right.offset() + from, context.right().asSlice(0, length));
                    boolean same = context.left().asSlice(0, length).mismatch(context.right().asSlice(0, length)) < 0;
                    if (!same) {
                        differ.set(true);
                    }
                    return same;
                }));
            }
        }
        return parts;
    }

    /// Whether equal bytes are equal numbers.
    static boolean sameEncoding(StoredTensor a, StoredTensor b) {
        if (!a.shape().equals(b.shape())) {
            return false;
        }
        if (a.encoding() instanceof GridEncoding one && b.encoding() instanceof GridEncoding other) {
            return one.packing().equals(other.packing()) && one.grid(a.shape()).equals(other.grid(b.shape()));
        }
        return a.encoding().equals(b.encoding());
    }

    private static boolean decodable(View view) {
        return View.stored(view).stream().allMatch(tensor -> tensor.encoding().decoder().isPresent());
    }

    /// Two buffers of one thread.
    private static final class Bytes implements Sweep.Context {
        private final Arena arena;
        private final MemorySegment left;
        private final MemorySegment right;

        // The arena is closed with this object.
        @SuppressWarnings("MustBeClosedChecker")
        Bytes() {
            arena = Arena.ofConfined();
            left = arena.allocate(PART_BYTES, 64);
            right = arena.allocate(PART_BYTES, 64);
        }

        MemorySegment left() {
            return left;
        }

        MemorySegment right() {
            return right;
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
