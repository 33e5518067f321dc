package io.github.weighbridge.encoding;

/// A kernel's plain form and its best one, with identical bits, and the choice between them.
///
/// Vectorised code is slow, by factors of a thousand, until the just-in-time compiler has seen enough of it. A small checkpoint would be done
/// before that, so the plain form does the first [#WARM_UP] numbers of a process. Safe for use by many threads.
///
/// @param <K> the kernel's interface
public final class KernelChoice<K> {
    /// Numbers that the plain form does before the best form takes over: half a second of work, of the order that compiling takes.
    public static final long WARM_UP = 1L << 25;

    private final K plain;
    private final K best;
    // Written without a lock: a count that is lost moves the moment of change a little, and both forms give the same bits.
    private volatile long done;

    /// A choice between two forms, which may be the same.
    public KernelChoice(K plain, K best) {
        this.plain = plain;
        this.best = best;
    }

    /// The plain form.
    public K plain() {
        return plain;
    }

    /// The best form that this machine can run.
    public K best() {
        return best;
    }

    /// The form for a piece of work.
    ///
    /// @param count numbers in it
    public K forCount(long count) {
        long before = done;
        if (before >= WARM_UP || plain == best) {
            return best;
        }
        done = before + count;
        return plain;
    }
}
