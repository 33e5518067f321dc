package io.github.weighbridge.audit;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.OutputFile;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/// What an audit looks at: a checkpoint that exists, or one that a plan would write. Both are weighed by the same code, so that their numbers
/// agree.
///
/// @param format word of the format
/// @param formatVersion the version the files state
/// @param files name and length of the files with tensors, in order
/// @param architecture what the model is
/// @param tensors all stored tensors with what each is, in the order of the files
/// @param findings what was noticed
/// @param planned whether it is still to be written
/// @param overhead what the bytes hold that are not of tensors
/// @param cache how it wants keys and values to be kept, where it says so
public record Audited(String format, Optional<String> formatVersion, List<AuditedFile> files, Architecture architecture,
        List<AuditedTensor> tensors,
        List<Finding> findings, boolean planned, Overhead overhead, Optional<CacheChoice> cache) {
    /// A file.
    ///
    /// @param name plain name
    /// @param bytes its length
    public record AuditedFile(String name, long bytes) {}

    /// A stored tensor.
    ///
    /// @param tensor the tensor
    /// @param identity what it is
    public record AuditedTensor(StoredTensor tensor, Identity identity) {}

    /// Copies the lists.
    public Audited {
        files = List.copyOf(files);
        tensors = List.copyOf(tensors);
        findings = List.copyOf(findings);
    }

    /// Something of whose overhead nothing is told.
    public Audited(String format, Optional<String> formatVersion, List<AuditedFile> files, Architecture architecture,
            List<AuditedTensor> tensors, List<Finding> findings, boolean planned) {
        this(format, formatVersion, files, architecture, tensors, findings, planned,
                Overhead.untold(files.stream().mapToLong(AuditedFile::bytes).sum()
                        - tensors.stream().mapToLong(each -> each.tensor().bytes()).sum()),
                Optional.empty());
    }

    /// A copy with other tensors and findings, the overhead being the same.
    public Audited with(List<AuditedTensor> listed, List<Finding> noticed, boolean toBeWritten) {
        return new Audited(format, formatVersion, files, architecture, listed, noticed, toBeWritten, overhead, cache);
    }

    private static long[] tensorBytes(Collection<StoredTensor> tensors, int files) {
        long[] bytes = new long[files];
        tensors.forEach(tensor -> tensor.planes().forEach(plane -> bytes[plane.file()] += plane.length()));
        return bytes;
    }

    /// A checkpoint.
    public static Audited of(Checkpoint checkpoint) {
        return new Audited(checkpoint.format(), checkpoint.formatVersion(),
                checkpoint.files().stream().map(file -> new AuditedFile(file.name(), file.source().length())).toList(),
                checkpoint.architecture(),
                checkpoint.graph().stored().stream().map(tensor -> new AuditedTensor(tensor, checkpoint.graph().identity(tensor))).toList(),
                checkpoint.findings(), false,
                Overhead.of(checkpoint, tensorBytes(checkpoint.graph().stored(), checkpoint.files().size())), checkpoint.cache());
    }

    /// This and another checkpoint that was written with it, as one; what the model is, this one says.
    public Audited and(Audited other) {
        List<AuditedFile> bothFiles = new ArrayList<>(files);
        bothFiles.addAll(other.files);
        List<AuditedTensor> bothTensors = new ArrayList<>(tensors);
        for (AuditedTensor one : other.tensors) {
            StoredTensor tensor = one.tensor();
            List<Span> planes = tensor.planes().stream()
                    .map(span -> new Span(span.file() + files.size(), span.offset(), span.length())).toList();
            bothTensors.add(new AuditedTensor(new StoredTensor(tensor.name(), tensor.shape(), tensor.encoding(), planes), one.identity()));
        }
        List<Finding> bothFindings = new ArrayList<>(findings);
        bothFindings.addAll(other.findings);
        return new Audited(format, formatVersion, bothFiles, architecture, bothTensors, bothFindings, planned,
                overhead.and(other.overhead), cache);
    }

    /// What a plan would write.
    public static Audited of(ConversionPlan plan) {
        return new Audited(plan.format(), plan.formatVersion(),
                plan.files().stream().filter(OutputFile::holdsTensors).map(file -> new AuditedFile(file.name(), file.length())).toList(),
                plan.architecture(),
                plan.tensors().stream()
                        .map(tensor -> new AuditedTensor(tensor, plan.identities().getOrDefault(tensor.name(), Identity.NONE))).toList(),
                plan.findings(), true, Overhead.of(plan, tensorBytes(plan.tensors(), plan.files().size())), plan.cache());
    }

    /// Whether the token embedding is the output head as well: there is one, and no head of its own.
    public boolean tiedHead() {
        return has(Role.TOKEN_EMBEDDING) && !has(Role.OUTPUT_HEAD);
    }

    private boolean has(Role role) {
        return tensors.stream().anyMatch(each -> each.identity().role().equals(role));
    }

    /// Length of all files, in bytes.
    public long bytes() {
        return files.stream().mapToLong(AuditedFile::bytes).sum();
    }
}
