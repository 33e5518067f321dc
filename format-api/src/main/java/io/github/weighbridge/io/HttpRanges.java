package io.github.weighbridge.io;

import io.github.weighbridge.io.HttpSourceTree.Refused;
import io.github.weighbridge.io.HttpTransfer.State;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.MemorySegment;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/// Asks a web server for ranges of files: follows redirects itself, so that a token goes to no other host; goes on where a connection broke;
/// keeps blocks that were read. Safe for use by many threads.
final class HttpRanges {
    private static final int MOST_HOPS = 8;
    /// First bytes that are asked for: enough for most headers of small files, little beside any large one.
    private static final int FIRST_BYTES = 4 * HttpByteSource.BLOCK;
    /// Longest file that is taken whole from a server that gives no ranges of it.
    private static final int MOST_WHOLE = 1 << 20;
    private static final long CACHE_BYTES = 8 << 20;
    /// An attempt that brought so much was no failure.
    private static final long PROGRESS = 1 << 16;
    /// Most bytes of one request.
    private static final int MOST_AT_ONCE = 1 << 22;
    /// Slowest delivery that is waited for, in bytes a second.
    private static final long SLOWEST = 4096;
    private static final long LONGEST_PAUSE_MILLIS = 10_000;

    /// A file that is there.
    ///
    /// @param address where it was asked for
    /// @param name its name in messages
    /// @param state its length and tag
    /// @param whole its bytes, where the server gives them all or nothing
    record Remote(URI address, String name, State state, byte @Nullable [] whole) {
        long length() {
            return state.length();
        }
    }

    private record BlockKey(URI address, long number) {}

    /// Nothing came, or nothing more: asking again may help.
    private static final class Dropped extends IOException {
        private static final long serialVersionUID = 1L;
        private final long pauseMillis;

        Dropped(String message, long pauseMillis) {
            super(message);
            this.pauseMillis = pauseMillis;
        }
    }

    private final HttpAccess access;
    private final URI origin;
    private final HttpClient client;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong requests = new AtomicLong();
    /// Where redirects led for an address; such places may be good for a while only.
    private final Map<URI, URI> moved = new ConcurrentHashMap<>();
    private final LinkedHashMap<BlockKey, byte[]> blocks = new LinkedHashMap<>(64, 0.75f, true);
    private long blockBytes;

    HttpRanges(HttpAccess access, URI origin) {
        this.access = access;
        this.origin = origin;
        this.client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).connectTimeout(access.patience())
                .version("http".equalsIgnoreCase(origin.getScheme()) ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2).build();
    }

    synchronized byte @Nullable [] cached(Remote remote, long number) {
        return blocks.get(new BlockKey(remote.address, number));
    }

    /// Keeps the blocks of a run, and gives the first.
    synchronized byte[] cache(Remote remote, long first, byte[] run) {
        byte[] result = run;
        for (int begin = 0; begin < run.length; begin += HttpByteSource.BLOCK) {
            byte[] block = Arrays.copyOfRange(run, begin, Math.min(run.length, begin + HttpByteSource.BLOCK));
            result = begin == 0 ? block : result;
            byte[] old = blocks.put(new BlockKey(remote.address, first + begin / HttpByteSource.BLOCK), block);
            blockBytes += block.length - (old == null ? 0 : old.length);
        }
        for (Iterator<byte[]> oldest = blocks.values().iterator(); blockBytes > CACHE_BYTES && oldest.hasNext();) {
            blockBytes -= oldest.next().length;
            oldest.remove();
        }
        return result;
    }

    /// Asks for the first bytes of a file, and keeps them.
    Remote open(URI address, String name) throws IOException {
        for (int failures = 0;;) {
            byte[] begin = new byte[FIRST_BYTES];
            HttpTransfer transfer = new HttpTransfer(name, 0, MemorySegment.ofArray(begin), null, MOST_WHOLE);
            Optional<Dropped> dropped = exchange(address, name, transfer);
            State state = transfer.state();
            byte[] whole = transfer.whole();
            if (whole != null) {
                return new Remote(address, name, new State(whole.length, state == null ? "" : state.tag()), whole);
            }
            if (state != null && (state.length() == 0 || transfer.received() > 0 && transfer.announced() <= FIRST_BYTES)) {
                Remote remote = new Remote(address, name, state, null);
                int have = (int) transfer.received();
                int wanted = (int) Math.min(FIRST_BYTES, state.length());
                read(remote, have, MemorySegment.ofArray(begin).asSlice(have, wanted - have));
                if (wanted > 0) {
                    cache(remote, 0, Arrays.copyOf(begin, wanted));
                }
                return remote;
            }
            failures = failed(name, failures, dropped, transfer);
        }
    }

    /// Reads a range that lies in the file.
    void read(Remote remote, long offset, MemorySegment target) throws IOException {
        int failures = 0;
        long done = 0;
        while (done < target.byteSize()) {
            // Memory of its own for every attempt: what arrives late must not land where others read, and only this thread may know the target.
            byte[] piece = new byte[(int) Math.min(MOST_AT_ONCE, target.byteSize() - done)];
            HttpTransfer transfer = new HttpTransfer(remote.name, offset + done, MemorySegment.ofArray(piece), remote.state, 0);
            Optional<Dropped> dropped = exchange(remote.address, remote.name, transfer);
            long received = transfer.received();
            MemorySegment.copy(MemorySegment.ofArray(piece), 0, target, done, received);
            done += received;
            if (dropped.isPresent() || received == 0) {
                failures = failed(remote.name, failures, dropped, transfer);
            }
        }
    }

    /// Counts a failure, and waits before the next attempt.
    private int failed(String name, int before, Optional<Dropped> dropped, HttpTransfer transfer) throws IOException {
        int failures = transfer.received() >= PROGRESS ? 1 : before + 1;
        if (failures >= access.attempts()) {
            throw new IOException(name + ": " + dropped.map(Throwable::getMessage).orElse("the server sent nothing") + "; given up after "
                    + failures + " attempts", dropped.orElse(null));
        }
        long pause = Math.max(dropped.map(d -> d.pauseMillis).orElse(0L), access.patience().toMillis() / 100 << failures);
        try {
            Thread.sleep(Math.min(pause, LONGEST_PAUSE_MILLIS));
        } catch (InterruptedException e) {
            throw interrupted(name, e);
        }
        return failures;
    }

    private static IOException interrupted(String name, InterruptedException cause) {
        Thread.currentThread().interrupt();
        IOException result = new InterruptedIOException(name + ": interrupted");
        result.initCause(cause);
        return result;
    }

    /// One request with its redirects.
    ///
    /// @return what broke, where asking again may help
    /// @throws IOException when it would not
    private Optional<Dropped> exchange(URI address, String name, HttpTransfer transfer) throws IOException {
        URI place = moved.getOrDefault(address, address);
        try {
            for (int hop = 0; hop <= MOST_HOPS; hop++) {
                HttpResponse<Void> answer = send(place, name, transfer);
                int status = answer.statusCode();
                IOException failure = transfer.failure();
                if (failure != null) {
                    throw failure;
                }
                switch (status) {
                    case HttpTransfer.PARTIAL, HttpTransfer.WHOLE -> {
                        return transfer.isComplete() ? Optional.empty() : Optional.of(new Dropped("the connection broke", 0));
                    }
                    case 301, 302, 303, 307, 308 -> {
                        place = redirected(name, place, answer.headers().firstValue("Location").orElse(""));
                        moved.put(address, place);
                    }
                    default -> {
                        if (status == HttpTransfer.NO_SUCH_RANGE && transfer.state() != null && transfer.state().length() == 0) {
                            return Optional.empty();
                        }
                        if (!place.equals(address) && status >= 400 && status < 500 && moved.remove(address) != null && hop == 0) {
                            // What a redirect led to was good for a while only.
                            place = address;
                        } else {
                            throw status(name, answer, place);
                        }
                    }
                }
            }
            throw new IOException(name + ": more than " + MOST_HOPS + " redirects");
        } catch (Dropped e) {
            return Optional.of(e);
        }
    }

    private URI redirected(String name, URI from, String location) throws IOException {
        URI to;
        try {
            to = from.resolve(location);
        } catch (IllegalArgumentException e) {
            throw new IOException(name + ": a redirect leads to no address: \"" + Text.printable(HttpAccess.shown(location)) + "\"", e);
        }
        boolean fromLoopback = HttpAccess.isLoopback(from.getHost());
        if (location.isEmpty() || to.getHost() == null || !HttpAccess.isSafe(to)
                || "http".equalsIgnoreCase(to.getScheme()) && !fromLoopback) {
            throw new IOException(
                    name + ": a redirect leads to \"" + Text.printable(HttpAccess.shown(location)) + "\", expected an address of "
                            + "https");
        }
        return to;
    }

    private boolean isOrigin(URI place) {
        return place.getScheme().equalsIgnoreCase(origin.getScheme()) && place.getHost().equalsIgnoreCase(origin.getHost())
                && port(place) == port(origin);
    }

    private static int port(URI uri) {
        return uri.getPort() >= 0 ? uri.getPort() : "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
    }

    private boolean isTold(URI place) {
        return !access.token().isEmpty() && isOrigin(place);
    }

    private IOException status(String name, HttpResponse<Void> answer, URI place) {
        int status = answer.statusCode();
        return switch (status) {
            case 404, 410 -> new NoSuchFileException(name, null, "no such file on the server (" + status + ")");
            case 401, 403 -> new Refused(name + ": the server " + place.getHost() + " refuses access (" + status + "), "
                    + (isTold(place) ? "with the token that was given"
                            : "asked without a token (on the command line, WEIGHBRIDGE_TOKEN holds one)"));
            case 408, 429, 500, 502, 503, 504 -> new Dropped("the server answered " + status, Math.min(LONGEST_PAUSE_MILLIS,
                    1000 * answer.headers().firstValue("Retry-After").filter(text -> text.matches("\\d{1,5}")).map(Long::parseLong)
                            .orElse(0L)));
            case HttpTransfer.NO_SUCH_RANGE -> new IOException(name + ": the server has no such range (416), the file is shorter now");
            default -> new IOException(name + ": the server answered " + status);
        };
    }

    private HttpResponse<Void> send(URI place, String name, HttpTransfer transfer) throws IOException {
        if (requests.incrementAndGet() > access.mostRequests()) {
            throw new IOException(name + ": more than " + access.mostRequests() + " requests are needed, the most that are allowed");
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(place).timeout(access.patience()).header("Range", transfer.range())
                .header("Accept-Encoding", "identity").header("User-Agent", "weighbridge");
        if (isTold(place)) {
            request.header("Authorization", "Bearer " + access.token());
        }
        CompletableFuture<HttpResponse<Void>> answer = client.sendAsync(request.build(), transfer::begin);
        try {
            HttpResponse<Void> response = await(answer, transfer);
            count(name, transfer);
            return response;
        } catch (InterruptedException e) {
            answer.cancel(true);
            throw interrupted(name, e);
        } catch (ExecutionException e) {
            count(name, transfer);
            throw broken(place, name, Objects.requireNonNullElse(e.getCause(), e));
        }
    }

    private void count(String name, HttpTransfer transfer) throws IOException {
        if (bytes.addAndGet(transfer.received()) > access.mostBytes()) {
            throw new IOException(name + ": more than " + access.mostBytes() + " bytes are needed, the most that are allowed");
        }
    }

    /// Waits for an answer as long as it goes on coming, and not too slowly.
    private HttpResponse<Void> await(CompletableFuture<HttpResponse<Void>> answer, HttpTransfer transfer)
            throws InterruptedException, ExecutionException, Dropped {
        long patience = access.patience().toMillis();
        long begin = System.nanoTime();
        long seen = -1;
        while (true) {
            try {
                return answer.get(patience, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                long received = transfer.received();
                long millis = (System.nanoTime() - begin) / 1_000_000;
                if (received == seen || received < (millis - patience) * SLOWEST / 1000) {
                    answer.cancel(true);
                    throw new Dropped(received == seen || received == 0 ? "nothing came for " + seconds(patience)
                            : "only " + received + " bytes came in " + seconds(millis), 0);
                }
                seen = received;
            }
        }
    }

    private static String seconds(long millis) {
        return millis % 1000 == 0 ? millis / 1000 + " s" : millis + " ms";
    }

    private IOException broken(URI place, String name, Throwable cause) {
        String host = place.getHost() + (place.getPort() < 0 ? "" : ":" + place.getPort());
        return switch (cause) {
            case HttpConnectTimeoutException e ->
                    new IOException(name + ": no connection to " + host + " within " + seconds(access.patience().toMillis()), e);
            case ConnectException e -> new IOException(name + ": no connection to " + host
                    + (e.getMessage() == null ? "" : " (" + Text.printable(e.getMessage()) + ")"), e);
            case SSLException e ->
                    new IOException(name + ": no safe connection to " + host + " (" + Text.printable(String.valueOf(e.getMessage()))
                            + ")", e);
            case java.net.http.HttpTimeoutException _ -> new Dropped("nothing came for " + seconds(access.patience().toMillis()), 0);
            case IOException e -> new Dropped("the connection broke (" + Text.printable(String.valueOf(e.getMessage())) + ")", 0);
            default -> new IOException(name + ": " + cause, cause);
        };
    }
}
