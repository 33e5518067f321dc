package io.github.weighbridge.inspector;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A Chromium without a window, steered by its DevTools protocol. Notes all that a page complains of, and all that it asks the network for.
final class Browser implements Closeable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long PATIENCE_SECONDS = 60;

    private final Process process;
    private final WebSocket socket;
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final Map<String, CompletableFuture<JsonNode>> events = new ConcurrentHashMap<>();
    private int next;
    private String session = "";
    final List<String> complaints = new CopyOnWriteArrayList<>();
    final List<String> requests = new CopyOnWriteArrayList<>();

    /// Where a Chromium is; empty when there is none.
    static Optional<Path> executable() {
        return Stream.of("chromium", "chromium-browser", "google-chrome")
                .flatMap(name -> Stream.of(System.getenv().getOrDefault("PATH", "").split(":")).map(folder -> Path.of(folder, name)))
                .filter(Files::isExecutable).findFirst();
    }

    Browser(Path executable, Path profile) throws Exception {
        process = new ProcessBuilder(executable.toString(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--user-data-dir=" + profile, "--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank")
                .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        Path port = profile.resolve("DevToolsActivePort");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!Files.exists(port) || Files.readAllLines(port).size() < 2) {
            if (!process.isAlive() || System.nanoTime() > end) {
                process.destroyForcibly();
                throw new IOException("Chromium does not start: " + (process.isAlive() ? "no answer" : "exit code " + process.exitValue()));
            }
            Thread.sleep(20);
        }
        List<String> lines = Files.readAllLines(port);
        socket = HttpClient.newHttpClient().newWebSocketBuilder()
                .buildAsync(URI.create("ws://127.0.0.1:" + lines.get(0) + lines.get(1)), new Listener())
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        String target = send("Target.createTarget", JSON.createObjectNode().put("url", "about:blank")).get("targetId").asText();
        session = send("Target.attachToTarget", JSON.createObjectNode().put("targetId", target).put("flatten", true)).get("sessionId")
                .asText();
        for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
            send(domain + ".enable", JSON.createObjectNode());
        }
    }

    /// Opens a page and waits until it is loaded.
    void open(Path page) throws Exception {
        CompletableFuture<JsonNode> loaded = new CompletableFuture<>();
        events.put("Page.loadEventFired", loaded);
        send("Page.navigate", JSON.createObjectNode().put("url", page.toUri().toString()));
        loaded.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /// What an expression is in the page.
    JsonNode evaluate(String expression) throws Exception {
        JsonNode result = send("Runtime.evaluate", JSON.createObjectNode().put("expression", expression).put("returnByValue", true));
        if (result.has("exceptionDetails")) {
            throw new AssertionError(expression + ": " + result.get("exceptionDetails"));
        }
        return result.at("/result/value");
    }

    /// Presses a key.
    void press(String key) throws Exception {
        ObjectNode event = JSON.createObjectNode().put("key", key).put("code", key).put("windowsVirtualKeyCode", switch (key) {
            case "Tab" -> 9;
            case "Enter" -> 13;
            case "ArrowLeft" -> 37;
            case "ArrowUp" -> 38;
            case "ArrowRight" -> 39;
            case "ArrowDown" -> 40;
            default -> throw new IllegalArgumentException(key);
        });
        send("Input.dispatchKeyEvent", event.deepCopy().put("type", "rawKeyDown"));
        if (key.equals("Enter")) {
            send("Input.dispatchKeyEvent", event.deepCopy().put("type", "char").put("text", "\r"));
        }
        send("Input.dispatchKeyEvent", event.deepCopy().put("type", "keyUp"));
    }

    /// Shows pages as to somebody who prefers dark or light colours.
    void prefer(String scheme) throws Exception {
        ObjectNode media = JSON.createObjectNode();
        media.putArray("features").addObject().put("name", "prefers-color-scheme").put("value", scheme);
        send("Emulation.setEmulatedMedia", media);
    }

    /// A picture of the page's beginning.
    byte[] picture(int width, int height) throws Exception {
        send("Emulation.setDeviceMetricsOverride",
                JSON.createObjectNode().put("width", width).put("height", height).put("deviceScaleFactor", 1)
                        .put("mobile", false));
        return Base64.getDecoder()
                .decode(send("Page.captureScreenshot", JSON.createObjectNode().put("format", "png")).get("data").asText());
    }

    private JsonNode send(String method, ObjectNode parameters) throws Exception {
        int id = ++next;
        ObjectNode message = JSON.createObjectNode().put("id", id).put("method", method).set("params", parameters);
        if (!session.isEmpty()) {
            message.put("sessionId", session);
        }
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        socket.sendText(message.toString(), true).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        JsonNode result = answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (result.has("error")) {
            throw new IOException(method + ": " + result.get("error"));
        }
        return result.get("result");
    }

    private void receive(JsonNode message) {
        if (message.has("id")) {
            Optional.ofNullable(answers.remove(message.get("id").asInt())).ifPresent(answer -> answer.complete(message));
            return;
        }
        String method = message.path("method").asText();
        switch (method) {
            case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled" ->
                    complaints.add(message.get("params").toString());
            case "Network.requestWillBeSent" -> requests.add(message.at("/params/request/url").asText());
            default -> Optional.ofNullable(events.remove(method)).ifPresent(event -> event.complete(message));
        }
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        try {
            process.waitFor(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                try {
                    receive(JSON.readTree(text.toString()));
                } catch (IOException e) {
                    complaints.add(e.toString());
                }
                text.setLength(0);
            }
            from.request(1);
            return CompletableFuture.completedStage(null);
        }
    }
}
