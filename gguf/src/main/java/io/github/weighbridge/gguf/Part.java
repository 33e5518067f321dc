package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What goes into one file, or into one set of shards: its tensors and its keys.
interface Part {
    /// The tensors, in the order of the file.
    List<TargetTensor> tensors();

    /// What is lost or left out.
    List<Finding> findings();

    /// What the file says of how it came about, by key.
    Map<String, String> record();

    /// The encoding that a tensor has whatever the policy says.
    Optional<Choice> fixed(TargetTensor tensor);

    /// Whether a named type decides about a tensor that is not fixed; otherwise it keeps its numbers.
    boolean follows(GgufFileType type, TargetTensor tensor);

    /// Puts the keys.
    ///
    /// @param made what became of the tensors
    void keys(GgufHeader.Builder builder, Made made) throws PolicyException;

    /// What became of the tensors, as far as keys say so.
    ///
    /// @param fileType the `general.file_type` that describes them
    /// @param unchanged whether each has the encoding it had in the source, and no type was asked for
    record Made(long fileType, boolean unchanged) {}
}
