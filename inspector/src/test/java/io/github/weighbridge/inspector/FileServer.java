package io.github.weighbridge.inspector;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.SourceTree;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/// The JDK's web server before a folder of files, which counts what it gives.
final class FileServer implements Closeable {
    private static final int PIECE = 1 << 16;

    private final HttpServer server;
    private final SourceTree tree;
    private final Map<String, AtomicLong> served = new ConcurrentHashMap<>();
    final List<String> authorizations = new CopyOnWriteArrayList<>();
    volatile boolean ranges = true;

    FileServer(SourceTree tree) throws IOException {
        this.tree = tree;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
        server.createContext("/", this::serve);
        server.start();
    }

    String address(String path) {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/" + path;
    }

    /// Bytes of content that were given away, for each file.
    Map<String, Long> served() {
        Map<String, Long> result = new TreeMap<>();
        served.forEach((file, bytes) -> result.put(file, bytes.get()));
        return result;
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            String file = path.substring(path.lastIndexOf('/') + 1);
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            authorizations.add(authorization == null ? "" : authorization);
            ByteSource source;
            try {
                source = tree.open(file);
            } catch (NoSuchFileException | IllegalArgumentException e) {
                exchange.sendResponseHeaders(404, -1);
                return;
            }
            String range = exchange.getRequestHeaders().getFirst("Range");
            long begin = 0;
            long end = source.length();
            if (ranges && end == 0) {
                exchange.getResponseHeaders().set("Content-Range", "bytes */0");
                exchange.sendResponseHeaders(416, -1);
                return;
            }
            if (ranges && range != null) {
                String[] ends = range.substring("bytes=".length()).split("-", 2);
                begin = Long.parseLong(ends[0]);
                end = Math.min(end, Long.parseLong(ends[1]) + 1);
                exchange.getResponseHeaders().set("Content-Range", "bytes " + begin + "-" + (end - 1) + "/" + source.length());
            }
            exchange.getResponseHeaders().set("ETag", "\"" + file + "-1\"");
            exchange.sendResponseHeaders(ranges && range != null ? 206 : 200, end - begin);
            for (long at = begin; at < end; at += PIECE) {
                byte[] bytes = source.readBytes(at, (int) Math.min(PIECE, end - at));
                exchange.getResponseBody().write(bytes);
                served.computeIfAbsent(file, _ -> new AtomicLong()).addAndGet(bytes.length);
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
