package io.github.weighbridge.convert;

import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.OutputFile;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/// A folder beside the target in which a conversion writes. It becomes the target in one step when all is written; otherwise it goes away,
/// also when the process is told to end. A process that is killed leaves the staging folder, never a target.
final class Staging implements AutoCloseable {
    /// Where in the staging folder lies what the result takes the place of.
    private static final String REPLACED = ".replaced";

    private final Path target;
    private final boolean force;
    private final Path folder;
    private final Thread hook;
    private final Object moving = new Object();

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
            if (!force) {
                refuseToReplace(place);
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
        this.hook = new Thread(this::cleanUp, "weighbridge-clean-up");
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            deleteQuietly(folder);
            throw new IOException(target + ": not begun, since the process is ending", e);
        }
    }

    /// Also a link that leads nowhere is something of the user's.
    private static void refuseToReplace(Path place) throws FileAlreadyExistsException {
        if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileAlreadyExistsException(place.toString(), null, "already exists, and is replaced only with --force");
        }
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
        // A process that is told to end in the middle of this waits for the end of it.
        synchronized (moving) {
            move(plan);
        }
    }

    private void cleanUp() {
        synchronized (moving) {
            deleteQuietly(folder);
        }
    }

    private void move(ConversionPlan plan) throws IOException {
        if (plan.folder()) {
            // Readable like any folder the user makes; temporary folders are private.
            Path result = Files.createDirectory(folder.resolveSibling(folder.getFileName() + ".done"));
            try {
                for (OutputFile file : plan.files()) {
                    Files.move(file(file), result.resolve(file.name()), StandardCopyOption.ATOMIC_MOVE);
                }
                if (force && Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
                    Files.move(target, folder.resolve(REPLACED), StandardCopyOption.ATOMIC_MOVE);
                }
                Files.move(result, target, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                Path replaced = folder.resolve(REPLACED);
                if (Files.exists(replaced, LinkOption.NOFOLLOW_LINKS) && !Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
                    Files.move(replaced, target, StandardCopyOption.ATOMIC_MOVE);
                }
                deleteQuietly(result);
                throw e;
            }
            return;
        }
        commitFiles(plan);
    }

    /// Moves files to their places. What was there before is put aside first and comes back when one of the moves fails, so that there is
    /// either all of the result or none of it.
    private void commitFiles(ConversionPlan plan) throws IOException {
        List<OutputFile> files = plan.files();
        Path aside = folder.resolve(REPLACED);
        List<Path> replaced = new ArrayList<>();
        List<Path> placed = new ArrayList<>();
        try {
            if (force && files.size() > 1) {
                Files.createDirectory(aside);
                for (OutputFile file : files) {
                    Path place = target.resolveSibling(file.name());
                    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS) && !Files.isDirectory(place)) {
                        Files.move(place, aside.resolve(file.name()), StandardCopyOption.ATOMIC_MOVE);
                        replaced.add(place);
                    }
                }
            }
            for (int i = files.size() - 1; i >= 0; i--) {
                Path place = target.resolveSibling(files.get(i).name());
                if (!force) {
                    refuseToReplace(place);
                }
                Files.move(file(files.get(i)), place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                placed.add(place);
            }
        } catch (IOException | RuntimeException e) {
            for (Path place : placed) {
                attempt(() -> Files.deleteIfExists(place), e);
            }
            for (Path place : replaced) {
                attempt(() -> Files.move(aside.resolve(String.valueOf(place.getFileName())), place, StandardCopyOption.ATOMIC_MOVE), e);
            }
            throw e;
        }
    }

    /// A step back.
    private interface Step {
        Object take() throws IOException;
    }

    private static void attempt(Step step, Exception cause) {
        try {
            step.take();
        } catch (IOException e) {
            cause.addSuppressed(e);
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
