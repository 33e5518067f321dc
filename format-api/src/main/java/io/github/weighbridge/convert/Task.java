package io.github.weighbridge.convert;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.OutputFile;
import io.github.weighbridge.plan.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A unit of work that one thread does by itself. Tasks write disjoint ranges, so that their order does not matter.
sealed interface Task {
    /// Rendered bytes, or a part of a copy.
    record Bytes(int file, Piece piece, long begin, long end) implements Task {}

    /// A region of a job's tensor, all planes of it.
    record Weights(int job, Region region) implements Task {}

    /// Bytes of a copy that one task moves.
    long COPY_BYTES = 4L << 20;
    /// Numbers that one task encodes.
    long TASK_ELEMENTS = 1L << 20;

    /// Most numbers of rows that belong together: what each thread holds at once.
    long MOST_TOGETHER = 1L << 24;

    /// Why a job cannot be carried out in bounded memory; empty when it can.
    static Optional<String> tooLong(Job job) {
        Shape shape = job.target().shape();
        long rows = Math.min(shape.rows(), job.target().encoding().rowUnit(shape));
        boolean together = rows > 1 || wholeRows(job);
        return job.mode() == Job.Mode.COPY || !together || shape.columns() <= MOST_TOGETHER / Math.max(1, rows) ? Optional.empty()
                : Optional.of(job.target().name() + " cannot be " + job.target().encoding().name() + ": " + rows + " x " + shape.columns()
                        + " numbers would have to be seen at once, and no more than " + MOST_TOGETHER + " are");
    }

    /// All tasks of a plan, in the order of the files.
    static List<Task> of(ConversionPlan plan) {
        List<Task> tasks = new ArrayList<>();
        for (int f = 0; f < plan.files().size(); f++) {
            OutputFile file = plan.files().get(f);
            for (Piece piece : file.pieces()) {
                switch (piece) {
                    case Piece.Rendered _, Piece.Document _, Piece.Copy _ -> {
                        for (long at = 0; at < piece.length(); at += COPY_BYTES) {
                            tasks.add(new Bytes(f, piece, at, Math.min(piece.length(), at + COPY_BYTES)));
                        }
                    }
                    case Piece.PlaneOf plane -> {
                        if (plane.plane() == 0) {
                            addRegions(plan.jobs().get(plane.job()), plane.job(), tasks);
                        }
                    }
                    case Piece.Padding _, Piece.Late _ -> {
                        // A new file is zero where nothing is written. Sums come when all tasks are done.
                    }
                }
            }
        }
        return tasks;
    }

    private static void addRegions(Job job, int index, List<Task> tasks) {
        Shape shape = job.target().shape();
        if (shape.elements() == 0) {
            return;
        }
        for (Region region : regions(job, Region.all(shape), TASK_ELEMENTS)) {
            tasks.add(new Weights(index, region));
        }
    }

    /// A region of a job's tensor cut into pieces of about `most` elements that its encoding may process apart. With importance, and with scales
    /// for whole rows, recipes need to see whole rows.
    static List<Region> regions(Job job, Region whole, long most) {
        return regions(job.target().shape(), job.target().encoding(), whole, most, wholeRows(job));
    }

    private static boolean wholeRows(Job job) {
        return job.importance().isPresent()
                || job.mode() == Job.Mode.ENCODE && job.target().encoding().encodesWholeRows(job.target().shape());
    }

    /// A region cut into pieces of about `most` elements that an encoding may process apart.
    static List<Region> regions(Shape shape, Encoding encoding, Region whole, long most) {
        return regions(shape, encoding, whole, most, false);
    }

    private static List<Region> regions(Shape shape, Encoding encoding, Region whole, long most, boolean wholeRows) {
        List<Region> regions = new ArrayList<>();
        long columns = whole.columnCount();
        long unit = encoding.rowUnit(shape);
        if (columns * unit <= most || unit > 1 || wholeRows) {
            long rows = Math.max(1, most / Math.max(1, columns) / unit) * unit;
            for (long row = whole.rowBegin(); row < whole.rowEnd(); row += rows) {
                regions.add(new Region(row, Math.min(whole.rowEnd(), row + rows), whole.columnBegin(), whole.columnEnd()));
            }
            return regions;
        }
        long step = Math.max(1, most / encoding.columnUnit(shape)) * encoding.columnUnit(shape);
        for (long row = whole.rowBegin(); row < whole.rowEnd(); row++) {
            for (long column = whole.columnBegin(); column < whole.columnEnd(); column += step) {
                regions.add(new Region(row, row + 1, column, Math.min(whole.columnEnd(), column + step)));
            }
        }
        return regions;
    }
}
