package io.github.weighbridge.inspector;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// Does once what people do most, so that a virtual machine can note which classes that takes. Run when the jar is packed. Whatever is noted is loaded at
/// every start, so it is not more than that.
final class Rehearsal {
    private Rehearsal() {}

    /// Exit code 0 when all went well.
    ///
    /// @param arguments where `demo` was
    public static void main(String[] arguments) {
        String source = Path.of(arguments[0], "gemma-4-demo").toString();
        String result = Path.of(arguments[0], "gemma-4-demo-Q8_0.gguf").toString();
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        Session session = new Session(nowhere, nowhere, Screen.ofProcess(), () -> false);
        int code = Main.run(new String[] {"inspect", source, "--json"}, session);
        code += Main.run(new String[] {"inspect", result, "--tensors"}, session);
        System.exit(code);
    }
}
