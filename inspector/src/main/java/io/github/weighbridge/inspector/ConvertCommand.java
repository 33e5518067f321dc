package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.convert.Engine;
import io.github.weighbridge.convert.EngineOptions;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.OutputFile;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "convert", description = "Writes a checkpoint in another format. TARGET is there when all of it is written, or not at all.")
final class ConvertCommand implements Action {
    private static final int MOST_THREADS = 1024;

    @Mixin private SourceOptions source = new SourceOptions();

    @Parameters(index = "1", paramLabel = "TARGET", description = "The file or folder to make.") private String target = "";

    @Mixin private TargetOptions options = new TargetOptions();

    @Option(names = "--threads", paramLabel = "N",
            description = "Working threads; one for each processor if not given.") private int threads = EngineOptions.defaults().threads();

    @Option(names = "--force", description = "Replace TARGET if it exists.") private boolean force;

    @Option(names = "--report", paramLabel = "FILE", description = "Write the JSON report of the result to a file.") private String report =
            "";

    @Option(names = "--plan", paramLabel = "FILE",
            description = "Carry out a plan that \"plan --json\" wrote, or refuse: no other option of format or policy goes with it.") private String plan =
                    "";

    private String current = "";

    @Override
    public void declare(CommandSpec command) {
        options.declare(command);
    }

    @Override
    public Given given() {
        List<String> paths = new ArrayList<>(List.of(source.path(), target, report, plan));
        paths.addAll(options.inputs());
        return new Given(source.path(), current.isEmpty() ? source.path() : current, paths);
    }

    @Override
    public void run(Session session) throws UsageException, IOException, PolicyException {
        if (target.isEmpty()) {
            throw new UsageException("TARGET is empty");
        }
        Wish wish = plan.isEmpty() ? options.wish(target, source.path()) : options.wish(Path.of(plan), target);
        if (threads < 1 || threads > MOST_THREADS) {
            throw new UsageException("--threads \"" + threads + "\" is not from 1 to " + MOST_THREADS);
        }
        if (!report.isEmpty() && !wish.format().reads()) {
            throw new UsageException("--report needs a format that is also read, " + wish.format().name() + " is only written");
        }
        if (!report.isEmpty() && ReportFile.isPartOf(report, source.path(), target)) {
            throw new UsageException("--report \"" + report + "\" would take the place of SOURCE or TARGET, or of a part of them");
        }
        current = report;
        try (ReportFile file = ReportFile.of(report)) {
            current = source.path();
            try (Checkpoint checkpoint = source.open()) {
                ConversionPlan plan = wish.make(checkpoint).planned().plan();
                current = target;
                if (!report.isEmpty() && !plan.folder() && places(plan).anyMatch(Path.of(report).toAbsolutePath().normalize()::equals)) {
                    throw new UsageException("--report \"" + report + "\" would take the place of a file that is written");
                }
                convert(checkpoint, plan, file, session);
            }
        }
    }

    private void convert(Checkpoint checkpoint, ConversionPlan plan, ReportFile file, Session session) throws IOException, PolicyException {
        Path place = Path.of(target);
        if (plan.folder() && force) {
            refuseToReplaceOtherThings(place);
        }
        if (!plan.folder() && Files.exists(place) && !Files.isRegularFile(place) && !Files.isDirectory(place)) {
            throw new IOException(place + ": is no regular file, and is not replaced even with --force");
        }
        long begin = System.nanoTime();
        try (Progress progress = Progress.of(plan, session)) {
            Engine.run(plan, checkpoint, place, new EngineOptions(threads, force, progress, session.ending()));
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        if (!report.isEmpty()) {
            try {
                report(plan, file);
            } catch (IOException | RuntimeException e) {
                // Nothing stays at TARGET unless the whole run succeeded.
                remove(plan, place);
                throw e;
            }
        }
        session.out().println(summary(plan, seconds));
    }

    private String summary(ConversionPlan plan, double seconds) {
        String speed = String.format(Locale.ROOT, "%.1f MB/s", plan.bytes() / 1e6 / Math.max(seconds, 1e-3));
        String losses =
                plan.findings().stream().filter(finding -> finding.severity() != Finding.Severity.INFO).map(Finding::code).distinct()
                        .collect(Collectors.joining(", "));
        // A set of files may have none of the target's name.
        List<String> names = plan.files().stream().map(OutputFile::name).toList();
        Path first = Path.of(target).resolveSibling(names.getFirst());
        String what = plan.folder() || names.size() == 1 && first.equals(Path.of(target)) ? target
                : names.size() == 1 ? first.toString() : first + " and " + Numbers.count(names.size() - 1, "more file", "more files");
        return Harmless.line(what) + ": " + Numbers.grouped(plan.bytes()) + " bytes in " + Numbers.duration(seconds) + ", " + speed
                + (losses.isEmpty() ? "" : "; findings: " + Harmless.line(losses));
    }

    /// Opens what was written and holds it against the plan. Files that belong to no set, as an encoders' file beside a model, are checkpoints of
    /// their own.
    private void report(ConversionPlan plan, ReportFile file) throws IOException {
        Path place = Path.of(target);
        Set<String> unseen = new LinkedHashSet<>();
        plan.files().stream().filter(OutputFile::holdsTensors).forEach(output -> unseen.add(output.name()));
        Optional<Audited> all = Optional.empty();
        while (all.isEmpty() || !unseen.isEmpty() && !plan.folder()) {
            Path first = plan.folder() ? place : place.resolveSibling(unseen.iterator().next());
            try (Checkpoint written = SourceOptions.openFile(first, source.passUnknown())) {
                Audited one = Audited.of(written);
                one.files().forEach(seen -> unseen.remove(seen.name()));
                unseen.remove(String.valueOf(first.getFileName()));
                all = Optional.of(all.isEmpty() ? one : all.get().and(one));
            }
        }
        Audited result = all.get();
        difference(Audited.of(plan), result).ifPresent(difference -> {
            throw new IllegalStateException("what was written is not what was planned: " + difference);
        });
        // What the conversion lost is known only to the plan.
        List<Finding> findings = Stream.concat(plan.findings().stream(), result.findings().stream()).distinct().toList();
        current = report;
        file.write(result.with(result.tensors(), findings, false));
    }

    /// Where the files of a plan will be.
    private Stream<Path> places(ConversionPlan plan) {
        return plan.files().stream().map(file -> Path.of(target).resolveSibling(file.name()).toAbsolutePath().normalize());
    }

    private static Optional<String> difference(Audited plan, Audited result) {
        if (!plan.files().equals(result.files())) {
            return Optional.of("files " + result.files() + ", planned " + plan.files());
        }
        if (plan.tensors().size() != result.tensors().size()) {
            return Optional.of(result.tensors().size() + " tensors, planned " + plan.tensors().size());
        }
        Footprint planned = Footprint.of(plan);
        Footprint there = Footprint.of(result);
        return planned.equals(there) ? Optional.empty() : Optional.of(there + ", planned " + planned);
    }

    private static void remove(ConversionPlan plan, Path place) throws IOException {
        for (OutputFile file : plan.files()) {
            Files.deleteIfExists(plan.folder() ? place.resolve(file.name()) : place.resolveSibling(file.name()));
        }
        if (plan.folder()) {
            Files.deleteIfExists(place);
        }
    }

    /// A folder that is replaced is gone with all that is in it, so it must be a checkpoint's: files only, one of them with tensors.
    private static void refuseToReplaceOtherThings(Path place) throws IOException {
        if (!Files.isDirectory(place)) {
            return;
        }
        List<Path> entries;
        try (Stream<Path> list = Files.list(place)) {
            entries = list.toList();
        }
        boolean folders = entries.stream().anyMatch(Files::isDirectory);
        boolean tensors = entries.stream().anyMatch(entry -> entry.toString().endsWith(".safetensors"));
        if (folders || !entries.isEmpty() && !tensors) {
            throw new IOException(place + ": is a folder that holds other things than a checkpoint, and is not replaced even with --force");
        }
    }
}
