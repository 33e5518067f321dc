import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/// What is done to the runnable jar when it is packed, so that it starts fast: `java PackJar.java JAR TIME`, the time being when the build began.
///
/// Classes of libraries that were compiled for a Java older than 6 are given the stack maps of newer ones: archives of class data take no others, and
/// the old way to verify them is slow. Then the command line is rehearsed, once for `inspect` and once for all else, and the class data and profiles of
/// both runs are kept beside the jar, with the `release` file of the Java they are good for. The jar's bytes follow from its contents alone.
final class PackJar {
    private static final int OLDEST = ClassFile.JAVA_6_VERSION;
    private static final int NEW = ClassFile.JAVA_8_VERSION;
    private static final String MAIN = "io.github.weighbridge.inspector.Main";
    private static final String REHEARSAL = "io.github.weighbridge.inspector.Rehearsal";
    /// As in `weighbridge`, the launcher: other flags would make the archives useless.
    private static final List<String> FLAGS = List.of("--enable-native-access=ALL-UNNAMED", "-Xlog:disable", "-XX:+UseSerialGC");
    private static final String QUICK = "-XX:TieredStopAtLevel=1";
    private static final String LATE = "--add-exports=java.base/jdk.internal.module=ALL-UNNAMED";

    public static void main(String[] arguments) throws Exception {
        Path jar = Path.of(arguments[0]);
        Path packed = jar.resolveSibling(jar.getFileName() + ".packed");
        boolean changed;
        try (ZipFile in = new ZipFile(jar.toFile()); OutputStream file = Files.newOutputStream(packed);
                ZipOutputStream out = new ZipOutputStream(file)) {
            changed = copy(in, out);
        }
        if (changed) {
            Files.move(packed, jar, StandardCopyOption.REPLACE_EXISTING);
        } else {
            Files.delete(packed);
        }
        // What is edited while the build runs is newer than the jar. The archive names this time, so it comes first.
        Files.setLastModifiedTime(jar, FileTime.from(Instant.parse(arguments[1])));
        rehearse(jar);
    }

    private static boolean copy(ZipFile in, ZipOutputStream out) throws IOException {
        boolean changed = false;
        ClassFile classes = ClassFile.of(ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
                ClassFile.ClassHierarchyResolverOption.of(ClassHierarchyResolver
                        .ofResourceParsing(type -> stream(in, type.descriptorString().replaceAll("^L|;$", "") + ".class"))
                        .orElse(ClassHierarchyResolver.defaultResolver()).cached()));
        for (ZipEntry entry : Collections.list(in.entries())) {
            byte[] bytes;
            try (InputStream content = in.getInputStream(entry)) {
                bytes = content.readAllBytes();
            }
            if (entry.getName().endsWith(".class") && ((bytes[6] & 0xFF) << 8 | bytes[7] & 0xFF) < OLDEST) {
                bytes = renewed(classes, bytes);
                changed = true;
            }
            ZipEntry copy = new ZipEntry(entry.getName());
            copy.setTimeLocal(entry.getTimeLocal());
            out.putNextEntry(copy);
            out.write(bytes);
            out.closeEntry();
        }
        return changed;
    }

    private static InputStream stream(ZipFile in, String name) {
        try {
            ZipEntry entry = in.getEntry(name);
            if (entry == null) {
                return ClassLoader.getSystemResourceAsStream(name);
            }
            try (InputStream content = in.getInputStream(entry)) {
                return new ByteArrayInputStream(content.readAllBytes());
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static byte[] renewed(ClassFile classes, byte[] bytes) {
        ClassModel model = classes.parse(bytes);
        ClassTransform version = (builder, element) -> {
            if (element instanceof ClassFileVersion) {
                builder.withVersion(NEW, 0);
            } else {
                builder.with(element);
            }
        };
        return classes.transformClass(model,
                version.andThen(ClassTransform.transformingMethodBodies((builder, element) -> builder.with(element))));
    }

    private static void rehearse(Path jar) throws IOException, InterruptedException {
        String name = jar.getFileName().toString().replaceFirst("\\.jar$", "");
        Path quick = jar.resolveSibling(name + ".aot");
        Path work = jar.resolveSibling(name + "-work.aot");
        Path release = jar.resolveSibling(name + ".release");
        for (Path old : List.of(quick, work, release)) {
            Files.deleteIfExists(old);
        }
        Path java = Path.of(System.getProperty("java.home"), "release");
        Path folder = Files.createTempDirectory("weighbridge-rehearsal-");
        try {
            run(jar, List.of(QUICK), MAIN, "demo", folder.toString());
            run(jar, List.of(QUICK, "-XX:AOTCacheOutput=" + quick), REHEARSAL, "inspect", folder.toString());
            if (Files.isReadable(java)) {
                run(jar, List.of(QUICK), REHEARSAL, "prepare", folder.toString());
                run(jar, List.of(LATE, "-XX:AOTCacheOutput=" + work), REHEARSAL, "work", folder.toString());
                Files.copy(java, release);
            }
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private static void run(Path jar, List<String> flags, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(FLAGS);
        command.addAll(flags);
        command.addAll(List.of("-cp", jar.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        // What is meant for the builder's own Java would make another archive than the launcher can use.
        builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
        Process process = builder.start();
        if (!process.waitFor(10, TimeUnit.MINUTES) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new IOException("failed: " + String.join(" ", command));
        }
    }
}
