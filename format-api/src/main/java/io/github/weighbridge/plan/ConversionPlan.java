package io.github.weighbridge.plan;

import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Everything a conversion will write: files, places, lengths, and how each byte comes about. Immutable data; made from headers alone.
///
/// @param format word of the target format
/// @param formatVersion the version that will be written
/// @param folder whether the target is a folder; otherwise it is one file, or the set of files named after it
/// @param files the files, those with tensors first
/// @param jobs the tensors to make, in the order of their places
/// @param architecture what the result is
/// @param identities what each of its tensors is, by name
/// @param findings what the source's reader, the target and the policy noticed
/// @param cache how the result wants keys and values to be kept, where it says so
public record ConversionPlan(String format, Optional<String> formatVersion, boolean folder, List<OutputFile> files, List<Job> jobs,
        Architecture architecture, Map<String, Identity> identities, List<Finding> findings, Optional<CacheChoice> cache) {
    /// Copies the lists.
    public ConversionPlan {
        files = List.copyOf(files);
        jobs = List.copyOf(jobs);
        identities = Map.copyOf(identities);
        findings = List.copyOf(findings);
    }

    /// A plan for a result that says nothing of keys and values.
    public ConversionPlan(String format, Optional<String> formatVersion, boolean folder, List<OutputFile> files, List<Job> jobs,
            Architecture architecture, Map<String, Identity> identities, List<Finding> findings) {
        this(format, formatVersion, folder, files, jobs, architecture, identities, findings, Optional.empty());
    }

    /// A copy whose result wants keys and values to be kept otherwise.
    public ConversionPlan withCache(Optional<CacheChoice> choice) {
        return new ConversionPlan(format, formatVersion, folder, files, jobs, architecture, identities, findings, choice);
    }

    /// A copy with further findings.
    public ConversionPlan withFindings(List<Finding> more) {
        List<Finding> all = new ArrayList<>(findings);
        all.addAll(more);
        return new ConversionPlan(format, formatVersion, folder, files, jobs, architecture, identities, all, cache);
    }

    /// The tensors of the result.
    public List<StoredTensor> tensors() {
        return jobs.stream().map(Job::target).toList();
    }

    /// Length of all files together, documents included, in bytes: the space that the result needs.
    public long bytes() {
        return files.stream().mapToLong(OutputFile::length).sum();
    }
}
