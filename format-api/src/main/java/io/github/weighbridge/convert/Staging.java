package io.github.weighbridge.convert;

import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.OutputFile;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;

/// A folder beside the target in which a conversion writes. It becomes the target in one step when all is written; otherwise it goes away,
/// also when the process is told to end. A process that is killed leaves the staging folder, never a target.
final class Staging implements AutoCloseable {
    private final Path target;
    private final boolean force;
    private final Path folder;
    private final Thread hook;

    Staging(Path target, ConversionPlan plan, boolean force) throws IOException {
        this.target = target;
        this.force = force;
        Path absolute = target.toAbsolutePath();
        Path parent = absolute.getParent();
        Path name = absolute.getFileName();
        if (parent == null || name == null) {
            throw new IOException(target + ": is no place for a result");
        }
        if (!Files.isDirectory(parent)) {
            throw new NoSuchFileException(target.toString(), null,
                    "the folder " + (target.getParent() == null ? parent : target.getParent())
                            + " does not exist");
        }
        for (Path place : places(plan)) {
            if (Files.exists(place) && !force) {
                throw new FileAlreadyExistsException(place.toString(), null, "already exists, and is replaced only with --force");
            }
            if (Files.isDirectory(place) && !plan.folder()) {
                throw new FileAlreadyExistsException(place.toString(), null, "is a folder, and the result is a file");
            }
        }
        long free = Files.getFileStore(parent).getUsableSpace();
        if (free < plan.bytes()) {
            throw new IOException(target + ": the result needs " + plan.bytes() + " bytes, " + free + " are free");
        }
        this.folder = Files.createTempDirectory(parent, "." + name + ".partial-");
        this.hook = new Thread(() -> deleteQuietly(folder), "weighbridge-clean-up");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /// Where a file is written.
    Path file(OutputFile file) {
        return folder.resolve(file.name());
    }

    /// The places that the result will take.
    private List<Path> places(ConversionPlan plan) {
        if (plan.folder()) {
            return List.of(target);
        }
        return plan.files().stream().map(file -> target.resolveSibling(file.name())).toList();
    }

    /// Makes the written files the target. For a set of files the first, by which readers find the others, is moved last.
    void commit(ConversionPlan plan) throws IOException {
        if (plan.folder()) {
            // Readable like any folder the user makes; temporary folders are private.
            Path result = Files.createDirectory(folder.resolveSibling(folder.getFileName() + ".done"));
            try {
                for (OutputFile file : plan.files()) {
                    Files.move(file(file), result.resolve(file.name()), StandardCopyOption.ATOMIC_MOVE);
                }
                if (force && Files.exists(target)) {
                    Files.move(target, folder.resolve("replaced"), StandardCopyOption.ATOMIC_MOVE);
                }
                Files.move(result, target, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                Path replaced = folder.resolve("replaced");
                if (Files.exists(replaced) && !Files.exists(target)) {
                    Files.move(replaced, target, StandardCopyOption.ATOMIC_MOVE);
                }
                deleteQuietly(result);
                throw e;
            }
            return;
        }
        List<OutputFile> files = plan.files();
        for (int i = files.size() - 1; i >= 0; i--) {
            Path place = target.resolveSibling(files.get(i).name());
            Files.move(file(files.get(i)), place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    @Override
    public void close() {
        deleteQuietly(folder);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook runs already, and finds nothing left to do.
            return;
        }
    }

    private static void deleteQuietly(Path folder) {
        try {
            if (Files.exists(folder)) {
                Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                        Files.deleteIfExists(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path visited, @org.jspecify.annotations.Nullable IOException failure)
                            throws IOException {
                        Files.deleteIfExists(visited);
                        return FileVisitResult.CONTINUE;
                    }
                });
            }
        } catch (IOException e) {
            System.getLogger(Staging.class.getName()).log(System.Logger.Level.WARNING, "could not remove " + folder, e);
        }
    }
}
