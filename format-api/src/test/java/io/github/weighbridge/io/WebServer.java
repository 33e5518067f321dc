package io.github.weighbridge.io;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/// A web server of this machine that does as a test says, down to the bytes of its answers. One connection serves one request.
final class WebServer implements Closeable {
    /// A request.
    ///
    /// @param number how many came before
    /// @param path path and query
    /// @param headers by name in lower case
    record Request(int number, String path, Map<String, String> headers) {
        /// First byte that is asked for.
        int begin() {
            return Integer.parseInt(headers.get("range").replaceAll("bytes=(\\d+)-.*", "$1"));
        }

        /// Byte after the last that is asked for.
        int end() {
            return Integer.parseInt(headers.get("range").replaceAll("bytes=\\d+-(\\d+)", "$1")) + 1;
        }
    }

    /// What the server does.
    interface Handler {
        void answer(Request request, OutputStream out) throws Exception;
    }

    private final ServerSocket socket;
    final List<Request> requests = new CopyOnWriteArrayList<>();

    WebServer(Handler handler) throws IOException {
        socket = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        Thread.ofVirtual().start(() -> {
            while (!socket.isClosed()) {
                try {
                    Socket accepted = socket.accept();
                    Thread.ofVirtual().start(() -> serve(accepted, handler));
                } catch (IOException e) {
                    return;
                }
            }
        });
    }

    private void serve(Socket accepted, Handler handler) {
        try (accepted;
                BufferedReader in = new BufferedReader(new InputStreamReader(accepted.getInputStream(), StandardCharsets.ISO_8859_1));
                OutputStream out = accepted.getOutputStream()) {
            String first = in.readLine();
            if (first == null) {
                return;
            }
            Map<String, String> headers = new TreeMap<>();
            for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                int colon = line.indexOf(':');
                headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
            }
            Request request;
            synchronized (this) {
                request = new Request(requests.size(), first.split(" ")[1], headers);
                requests.add(request);
            }
            handler.answer(request, out);
            out.flush();
        } catch (Exception e) {
            // Clients hang up when they have what they want.
        }
    }

    String address(String path) {
        return "http://127.0.0.1:" + socket.getLocalPort() + path;
    }

    static void head(OutputStream out, String status, String... headers) throws IOException {
        out.write(("HTTP/1.1 " + status + "\r\nConnection: close\r\n"
                + String.join("", java.util.Arrays.stream(headers).map(h -> h + "\r\n").toList())
                + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
    }

    /// Answers with the range that was asked for.
    static void range(Request request, OutputStream out, byte[] file, String... more) throws IOException {
        int end = Math.min(file.length, request.end());
        String[] headers = java.util.Arrays.copyOf(more, more.length + 2);
        headers[more.length] = "Content-Range: bytes " + request.begin() + "-" + (end - 1) + "/" + file.length;
        headers[more.length + 1] = "Content-Length: " + (end - request.begin());
        head(out, "206 Partial Content", headers);
        out.write(file, request.begin(), end - request.begin());
    }

    static void none(OutputStream out) throws IOException {
        head(out, "404 Not Found", "Content-Length: 0");
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
