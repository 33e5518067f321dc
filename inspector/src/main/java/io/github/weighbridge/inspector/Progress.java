package io.github.weighbridge.inspector;

import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Piece;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;

/// A bar on the terminal: bytes done and to do, speed, time left. Drawn at most ten times a second, gone at the end.
final class Progress implements LongConsumer, AutoCloseable {
    private static final long PAUSE_NANOS = 100_000_000;
    private static final int BAR = 24;
    /// Back to the beginning of the line, which is emptied.
    static final String CLEAR = "\r\u001b[K";

    private final boolean shown;
    private final PrintStream err;
    private final int width;
    private final long total;
    private final long begin = System.nanoTime();
    private final AtomicLong done = new AtomicLong();
    private final ReentrantLock drawing = new ReentrantLock();
    private long lastDrawn = begin;
    private boolean drawn;

    private Progress(boolean shown, PrintStream err, int width, long total) {
        this.shown = shown;
        this.err = err;
        this.width = width;
        this.total = total;
    }

    /// The progress of a plan.
    static Progress of(ConversionPlan plan, Session session) {
        long total = plan.files().stream().flatMap(file -> file.pieces().stream())
                .mapToLong(piece -> piece instanceof Piece.Padding ? 0 : piece.length()).sum();
        return of(total, session);
    }

    /// The progress of reading so many bytes.
    static Progress of(long total, Session session) {
        return new Progress(session.screen().progress(), session.err(), session.screen().width(), total);
    }

    @Override
    public void accept(long bytes) {
        long now = done.addAndGet(bytes);
        // Whoever comes while another draws goes on with its work.
        if (shown && drawing.tryLock()) {
            try {
                long time = System.nanoTime();
                if (time - lastDrawn >= PAUSE_NANOS) {
                    lastDrawn = time;
                    drawn = true;
                    err.print(CLEAR + Harmless.fit(line(now, total, (time - begin) / 1e9), width - 1));
                    err.flush();
                }
            } finally {
                drawing.unlock();
            }
        }
    }

    static String line(long done, long total, double seconds) {
        double part = total == 0 ? 1 : Math.min(1, (double) done / total);
        int full = (int) (part * BAR);
        double speed = done / Math.max(seconds, 1e-3);
        String line = String.format(Locale.ROOT, "[%s%s] %3d%%  %,d of %,d MB  %.0f MB/s", "=".repeat(full), " ".repeat(BAR - full),
                (int) (part * 100),
                done / 1_000_000, total / 1_000_000, speed / 1e6);
        // The first moments tell nothing about the rest.
        return seconds < 1 ? line : line + "  " + Numbers.duration(Math.max(0, total - done) / Math.max(speed, 1)) + " left";
    }

    @Override
    public void close() {
        drawing.lock();
        try {
            if (drawn) {
                err.print(CLEAR);
                err.flush();
            }
        } finally {
            drawing.unlock();
        }
    }
}
