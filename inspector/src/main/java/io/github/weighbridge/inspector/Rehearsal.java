package io.github.weighbridge.inspector;

import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/// Does once what people do most, so that a virtual machine can note which classes that takes and which methods are busy. Run when the jar is packed.
/// Whatever is noted is loaded at every start, so it is not more than that.
final class Rehearsal {
    private static final String BUNDLE = "mobile.litertlm";

    private Rehearsal() {}

    /// Exit code 0 when all went well.
    ///
    /// @param arguments `inspect`, `work` or, before that one, `prepare`; and where `demo` was
    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[1]);
        String demo = folder.resolve("gemma-4-demo").toString();
        String gguf = folder.resolve("gemma-4-demo-Q8_0.gguf").toString();
        Path phone = folder.resolve("mobile");
        String mobile = phone.toString();
        List<List<String>> commands = switch (arguments[0]) {
            case "prepare" -> {
                Gemma4Fixture.write(phone, Gemma4Options.of(Gemma4Size.TINY).withNumbers(Gemma4Options.Numbers.MOBILE));
                yield List.of();
            }
            case "inspect" -> List.of(List.of("inspect", demo, "--json"), List.of("inspect", gguf, "--tensors"));
            case "work" -> List.of(List.of("plan", demo, "--to", "gguf", "--type", "Q4_0"),
                    List.of("plan", mobile, "--to", "litertlm", "--json"),
                    List.of("convert", demo, folder.resolve("q8_0.gguf").toString(), "--to", "gguf", "--type", "Q8_0"),
                    List.of("convert", demo, folder.resolve("q4_0.gguf").toString(), "--to", "gguf", "--type", "Q4_0"),
                    List.of("convert", demo, folder.resolve("q4_k_m.gguf").toString(), "--to", "gguf", "--type", "Q4_K_M"),
                    List.of("convert", mobile, folder.resolve("mobile.gguf").toString(), "--to", "gguf"),
                    List.of("convert", mobile, folder.resolve("mobile-ct").toString(), "--to", "compressed-tensors"),
                    List.of("convert", mobile, folder.resolve(BUNDLE).toString(), "--to", "litertlm"),
                    List.of("diff", mobile, mobile), List.of("verify", gguf, "--against", demo));
            default -> throw new IllegalArgumentException(arguments[0]);
        };
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        Session session = new Session(nowhere, System.err, Screen.ofProcess(), () -> false);
        int code = 0;
        for (List<String> command : commands) {
            code = Math.max(code, Main.run(command.toArray(String[]::new), session));
        }
        System.exit(code);
    }
}
