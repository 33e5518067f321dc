package io.github.weighbridge.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What one request brings: bytes of a range into memory of the asker's, after the answer's head has been held against what was asked for. A
/// body that nobody wants is not received.
final class HttpTransfer {
    static final int PARTIAL = 206;
    static final int WHOLE = 200;
    static final int NO_SUCH_RANGE = 416;
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})");
    private static final Pattern NO_BYTES = Pattern.compile("bytes \\*/(\\d{1,18})");
    /// A body of an error or a redirect up to this length costs less than a new connection.
    private static final long SHORT_BODY = 1 << 14;

    /// What an answer says of the whole file.
    ///
    /// @param length its length; -1 when it does not say
    /// @param tag its entity tag, or else the time of its last change; empty when it says neither
    record State(long length, String tag) {}

    private final String name;
    private final long offset;
    private final MemorySegment target;
    private final @Nullable State known;
    private final int mostWhole;
    private volatile long received;
    private volatile long expected = -1;
    private volatile @Nullable State state;
    private volatile @Nullable IOException failure;
    private volatile byte @Nullable [] whole;

    /// @param name of the file, for messages
    /// @param offset of the range, which is as long as the target
    /// @param known what the file was said to be before; null when this is the first time
    /// @param mostWhole longest file that is taken whole where no range of it is given
    HttpTransfer(String name, long offset, MemorySegment target, @Nullable State known, int mostWhole) {
        this.name = name;
        this.offset = offset;
        this.target = target;
        this.known = known;
        this.mostWhole = mostWhole;
    }

    /// The value of the request's `Range`.
    String range() {
        return "bytes=" + offset + "-" + (offset + target.byteSize() - 1);
    }

    /// Bytes that have come.
    long received() {
        return received;
    }

    /// Whether all that the answer announced has come.
    boolean isComplete() {
        return expected >= 0 && received == expected;
    }

    /// Bytes of the file that the answer announced; 0 when it was none with bytes.
    long announced() {
        return Math.max(0, expected);
    }

    /// What is wrong with the answer; null when nothing is.
    @Nullable IOException failure() {
        return failure;
    }

    /// What the answer said of the file; null when it was no answer with bytes.
    @Nullable State state() {
        return state;
    }

    /// The whole file, where the server gave it instead of a range.
    byte @Nullable [] whole() {
        return isComplete() ? whole : null;
    }

    /// Looks at the head of an answer and says what becomes of its body.
    BodySubscriber<Void> begin(ResponseInfo answer) {
        return switch (answer.statusCode()) {
            case PARTIAL -> partial(answer);
            case WHOLE -> all(answer);
            case NO_SUCH_RANGE -> {
                Matcher none = NO_BYTES.matcher(answer.headers().firstValue("Content-Range").orElse("").strip());
                if (none.matches()) {
                    agree(new State(Long.parseLong(none.group(1)), tag(answer)));
                }
                yield unwanted(answer);
            }
            default -> unwanted(answer);
        };
    }

    private BodySubscriber<Void> partial(ResponseInfo answer) {
        String said = answer.headers().firstValue("Content-Range").orElse("");
        Matcher matcher = CONTENT_RANGE.matcher(said.strip());
        long last = offset + target.byteSize() - 1;
        if (!matcher.matches()) {
            return refuse(answer,
                    "Content-Range: found " + (said.isEmpty() ? "none" : "\"" + said + "\"") + ", expected \"bytes " + offset + "-"
                            + last + "/LENGTH\"");
        }
        long begin = Long.parseLong(matcher.group(1));
        long end = Long.parseLong(matcher.group(2));
        long length = Long.parseLong(matcher.group(3));
        if (begin != offset || end < begin || end > last || end >= length) {
            return refuse(answer, "Content-Range: found \"" + said + "\", expected \"bytes " + offset + "-" + last + "/LENGTH\"");
        }
        if (!agree(new State(length, tag(answer)))) {
            return new Unwanted();
        }
        String encoding = answer.headers().firstValue("Content-Encoding").orElse("identity");
        if (!encoding.equalsIgnoreCase("identity")) {
            return refuse(answer, "Content-Encoding: found \"" + encoding + "\", expected identity");
        }
        expected = end - begin + 1;
        return new Sink(target.asSlice(0, expected));
    }

    private BodySubscriber<Void> all(ResponseInfo answer) {
        OptionalLong length = answer.headers().firstValueAsLong("Content-Length");
        String type = answer.headers().firstValue("Content-Type").orElse("");
        if (type.startsWith("text/html")) {
            return refuse(answer, "the address leads to a web page (" + type
                    + "), not to a file; on Hugging Face, files lie under /resolve/, not /blob/");
        }
        if (offset == 0 && known == null && length.isPresent() && length.getAsLong() <= mostWhole
                && answer.headers().firstValue("Content-Encoding").isEmpty()) {
            byte[] bytes = new byte[(int) length.getAsLong()];
            state = new State(bytes.length, tag(answer));
            expected = bytes.length;
            whole = bytes;
            return new Sink(MemorySegment.ofArray(bytes));
        }
        return refuse(answer, "the server gives no ranges: asked for " + range().replace('=', ' ') + ", it answered 200 with the whole file"
                + (length.isPresent() ? " of " + length.getAsLong() + " bytes" : "") + "; fetch the file first");
    }

    /// Whether the file is what it was; where it is not, that is the failure.
    private boolean agree(State now) {
        if (known != null && (known.length() != now.length() || !known.tag().equals(now.tag()))) {
            failure = new IOException(name + ": the file changed while it was read (" + known.length() + " bytes, tag "
                    + Text.printable(known.tag()) + "; now " + now.length() + " bytes, tag " + Text.printable(now.tag()) + ")");
            return false;
        }
        state = now;
        return true;
    }

    private static String tag(ResponseInfo answer) {
        return answer.headers().firstValue("ETag").or(() -> answer.headers().firstValue("Last-Modified")).orElse("");
    }

    private BodySubscriber<Void> refuse(ResponseInfo answer, String why) {
        failure = new IOException(name + ": " + Text.printable(why));
        return unwanted(answer);
    }

    private static BodySubscriber<Void> unwanted(ResponseInfo answer) {
        OptionalLong length = answer.headers().firstValueAsLong("Content-Length");
        return length.isPresent() && length.getAsLong() <= SHORT_BODY ? java.net.http.HttpResponse.BodySubscribers.replacing(null)
                : new Unwanted();
    }

    /// Copies what comes, and no more than was announced.
    private final class Sink implements BodySubscriber<Void> {
        private final CompletableFuture<Void> done = new CompletableFuture<>();
        private final MemorySegment to;
        private Flow.@Nullable Subscription subscription;

        Sink(MemorySegment to) {
            this.to = to;
        }

        @Override
        public CompletionStage<Void> getBody() {
            return done;
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription = given;
            given.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> buffers) {
            for (ByteBuffer buffer : buffers) {
                long count = Math.min(buffer.remaining(), to.byteSize() - received);
                MemorySegment.copy(MemorySegment.ofBuffer(buffer), 0, to, received, count);
                received += count;
                if (count < buffer.remaining()) {
                    failure = new IOException(name + ": the server sent more than the " + to.byteSize() + " bytes that it announced");
                    java.util.Objects.requireNonNull(subscription).cancel();
                    done.complete(null);
                    return;
                }
            }
        }

        @Override
        public void onError(Throwable cause) {
            done.completeExceptionally(cause);
        }

        @Override
        public void onComplete() {
            done.complete(null);
        }
    }

    /// Hangs up.
    private static final class Unwanted implements BodySubscriber<Void> {
        @Override
        public CompletionStage<Void> getBody() {
            return CompletableFuture.completedStage(null);
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.cancel();
        }

        @Override
        public void onNext(List<ByteBuffer> buffers) {}

        @Override
        public void onError(Throwable cause) {}

        @Override
        public void onComplete() {}
    }
}
