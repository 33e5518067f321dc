package io.github.weighbridge.inspector;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Value;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/// Runs the command line in this process.
final class Cli {
    private Cli() {}

    /// What a run left behind.
    record Result(int code, String out, String err) {
        List<String> lines() {
            return out.lines().toList();
        }

        Value.Fields json() throws IOException {
            Limits limits = new Limits(1 << 30, 1 << 20, 1 << 20, 1 << 20, 1 << 30, 1 << 30, 1 << 30, 64, 16);
            return Json.parseObject(ByteSource.of("report", out.getBytes(StandardCharsets.UTF_8)), limits);
        }
    }

    static Result run(Object... arguments) {
        return run(Screen.PLAIN, arguments);
    }

    static Result run(Screen screen, Object... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Session session = new Session(new PrintStream(out, false, StandardCharsets.UTF_8),
                new PrintStream(err, false, StandardCharsets.UTF_8), screen,
                () -> false);
        int code = Main.run(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new), session);
        return new Result(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
