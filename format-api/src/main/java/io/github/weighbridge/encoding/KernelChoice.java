package io.github.weighbridge.encoding;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A kernel's plain form and its best one, with identical bits, and the choice between them.
///
/// Vectorised code is slow, by factors of a thousand, until the just-in-time compiler has compiled it, and what stands in for vectors until then is
/// compiled too, in vain. So the plain form does the first [#WARM_UP] numbers of a process: a small checkpoint is done before that. Where the virtual
/// machine was told to compile vectorised kernels at once ([Kernels#eager]) fewer numbers are plain, and after them the best form is shown
/// [#SLICES] small pieces, of which the compiler learns what it needs. Safe for use by many threads.
///
/// @param <K> the kernel's interface
public final class KernelChoice<K> {
    /// Numbers that the plain form does before the best form takes over: of the order of work that compiling takes.
    public static final long WARM_UP = Kernels.eager() ? 1L << 23 : 1L << 25;
    /// Small pieces that the best form does before whole ones.
    private static final int SLICES = Kernels.eager() ? 24 : 0;
    /// Numbers of a small piece.
    private static final int SLICE = 1 << 10;

    private final K plain;
    private final Supplier<? extends K> best;
    private final long warmUp;
    private final int introduction;
    private volatile @Nullable K made;
    // Written without a lock: a count that is lost moves the moment of change a little, and both forms give the same bits.
    private volatile long done;
    private volatile int slices;

    /// Work on some of the units that were handed to [#run].
    ///
    /// @param <K> the kernel's interface
    @FunctionalInterface
    public interface Work<K> {
        /// Does a part of the work.
        ///
        /// @param kernel what to do it with
        /// @param from index of the first unit
        /// @param count number of units
        void run(K kernel, int from, int count);
    }

    /// A choice between two forms, which may be the same.
    ///
    /// @param best makes the best form when it is needed first, or returns the plain one
    public KernelChoice(K plain, Supplier<? extends K> best) {
        this(plain, best, WARM_UP, SLICES);
    }

    /// With another schedule.
    ///
    /// @param warmUp numbers that the plain form does first
    /// @param introduction small pieces that the best form does next
    KernelChoice(K plain, Supplier<? extends K> best, long warmUp, int introduction) {
        this.plain = plain;
        this.best = best;
        this.warmUp = warmUp;
        this.introduction = introduction;
    }

    /// The plain form.
    public K plain() {
        return plain;
    }

    /// The best form that this machine can run.
    public K best() {
        K known = made;
        if (known == null) {
            synchronized (this) {
                known = made;
                if (known == null) {
                    known = best.get();
                    made = known;
                }
            }
        }
        return known;
    }

    /// The form for a piece of work that is a small one or calls the kernel many times.
    ///
    /// @param count numbers in it
    public K forCount(long count) {
        long before = done;
        if (before >= warmUp) {
            return best();
        }
        done = before + count;
        return plain;
    }

    /// Does a piece of work that may be cut between any two units, in one part or, while the best form is new, in several, from the first unit upward.
    ///
    /// @param units number of units, such as blocks
    /// @param numbers in one unit
    public void run(int units, int numbers, Work<K> work) {
        if (slices >= introduction || done < warmUp || plain == best()) {
            work.run(forCount((long) units * numbers), 0, units);
        } else {
            introduce(units, Math.max(1, SLICE / numbers), work);
        }
    }

    /// One thread at a time: others would only run what is not compiled yet.
    private synchronized void introduce(int units, int step, Work<K> work) {
        K kernel = best();
        int at = 0;
        for (; slices < introduction && at + step <= units; at += step) {
            work.run(kernel, at, step);
            slices++;
        }
        if (at < units) {
            work.run(slices < introduction ? plain : kernel, at, units - at);
        }
    }
}
