package io.github.weighbridge.io;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/// How files on a web server are reached: who asks, how patiently, and for how much at most.
///
/// Immutable. Its text says whether there is a token, never which.
public final class HttpAccess {
    /// No token; half a minute of silence ends an attempt, five attempts in a row without progress end a read; any number of bytes.
    public static final HttpAccess DEFAULT = new HttpAccess("", Duration.ofSeconds(30), 5, Long.MAX_VALUE, Long.MAX_VALUE);

    private final String token;
    private final Duration patience;
    private final int attempts;
    private final long mostBytes;
    private final long mostRequests;

    private HttpAccess(String token, Duration patience, int attempts, long mostBytes, long mostRequests) {
        this.token = token;
        this.patience = patience;
        this.attempts = attempts;
        this.mostBytes = mostBytes;
        this.mostRequests = mostRequests;
    }

    /// A copy that shows a bearer token to the host of the address that is opened, over https or on this machine, and to no other.
    ///
    /// @param bearer the token; none when it is empty
    /// @throws IllegalArgumentException when no header could carry it; the message does not repeat it
    public HttpAccess withToken(String bearer) {
        if (!bearer.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new IllegalArgumentException("the token holds characters that no header can carry");
        }
        return new HttpAccess(bearer, patience, attempts, mostBytes, mostRequests);
    }

    /// A copy with another bound on the silence of a server.
    public HttpAccess withPatience(Duration silence) {
        if (silence.toMillis() < 1) {
            throw new IllegalArgumentException("patience " + silence);
        }
        return new HttpAccess(token, silence, attempts, mostBytes, mostRequests);
    }

    /// A copy that fails rather than receive more.
    ///
    /// @param bytes most bytes of content, over all files that are opened together
    /// @param requests most requests, redirects and repetitions included
    public HttpAccess withMost(long bytes, long requests) {
        if (bytes < 1 || requests < 1) {
            throw new IllegalArgumentException("at most " + bytes + " bytes and " + requests + " requests");
        }
        return new HttpAccess(token, patience, attempts, bytes, requests);
    }

    /// Whether a text is meant as an address of the web, rather than as a path.
    public static boolean isAddress(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        return lower.startsWith("https://") || lower.startsWith("http://");
    }

    /// The address without its query, which may hold a signature: the form in which it is shown.
    public static String shown(String address) {
        int end = address.length();
        for (char mark : new char[] {'?', '#'}) {
            int at = address.indexOf(mark);
            end = at < 0 ? end : Math.min(end, at);
        }
        return address.substring(0, end);
    }

    /// What an address names: a file, or a folder when it ends in `/` or is that of a safetensors index. Nothing is asked of the server yet.
    ///
    /// Files beside a file, and in a folder, are found by name; a server has no list of them. Addresses are of https; http is for this
    /// machine alone, so that neither weights nor tokens go over a wire in the clear.
    ///
    /// @throws IllegalArgumentException when it is no such address, or holds a user's name or password
    public Source open(String address) {
        URI uri = check(address);
        String path = uri.getRawPath() == null ? "" : uri.getRawPath();
        int slash = path.lastIndexOf('/');
        String last = HttpSourceTree.decoded(path.substring(slash + 1));
        boolean folder = last.isEmpty() || last.equals("model.safetensors.index.json");
        if (!folder && !SourceTree.isPlainName(last)) {
            throw new IllegalArgumentException("the address ends in no name of a file");
        }
        String shown = shown(address);
        String base = shown.substring(0, shown.lastIndexOf('/') + 1);
        if (path.isEmpty()) {
            base = shown + "/";
        }
        Optional<String> file = folder ? Optional.empty() : Optional.of(last);
        return new Source(shown, new HttpSourceTree(new HttpRanges(this, uri), uri, base, shown, file), file);
    }

    private static URI check(String address) {
        URI uri;
        try {
            uri = new URI(address);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("is no address: " + e.getReason() + " at character " + (e.getIndex() + 1), e);
        }
        if (uri.getHost() == null) {
            throw new IllegalArgumentException("the address names no host");
        }
        if (uri.getRawUserInfo() != null) {
            throw new IllegalArgumentException("the address holds a user's name: a token is given apart from it");
        }
        if (!isSafe(uri)) {
            throw new IllegalArgumentException("plain http is for this machine alone: use https");
        }
        return uri;
    }

    /// Whether what goes to an address can be read by nobody else.
    static boolean isSafe(URI uri) {
        return "https".equalsIgnoreCase(uri.getScheme()) || "http".equalsIgnoreCase(uri.getScheme()) && isLoopback(uri.getHost());
    }

    static boolean isLoopback(String host) {
        return host.equalsIgnoreCase("localhost") || host.equals("[::1]") || host.matches("127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");
    }

    String token() {
        return token;
    }

    Duration patience() {
        return patience;
    }

    int attempts() {
        return attempts;
    }

    long mostBytes() {
        return mostBytes;
    }

    long mostRequests() {
        return mostRequests;
    }

    @Override
    public String toString() {
        return "HttpAccess[" + (token.isEmpty() ? "no token" : "a token") + ", patience " + patience + "]";
    }
}
