package io.github.weighbridge.gguf;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.gguf.encoding.GgmlEncodings;
import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.gguf.file.GgufFile;
import io.github.weighbridge.gguf.file.GgufHeader;
import io.github.weighbridge.gguf.file.GgufKey;
import io.github.weighbridge.gguf.file.GgufSplit;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.OutputRecord;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// What another GGUF file holds, tensor by tensor and key by key, whatever the architecture.
///
/// Keys follow llama-quantize: those of the source in its order, without the ones that describe shards; where encodings change,
/// `general.quantization_version` and `general.file_type` come after them, and last what is said of how the file came about. Data are always padded to 32 bytes, since llama.cpp's own tools write no
/// other alignment.
record CarriedPart(List<TargetTensor> tensors, List<Finding> findings, Collection<GgufKey> sourceKeys, Map<String, String> record)
        implements Part {
    private static final String IMPORTANCE = "quantize.imatrix.";
    private static final Set<String> SHARDS = Set.of(GgufSplit.NUMBER_KEY, GgufSplit.COUNT_KEY, GgufSplit.TENSORS_KEY);

    static CarriedPart of(Checkpoint source, TargetRequest request) throws IOException, PolicyException {
        Map<String, List<String>> weights = new HashMap<>();
        for (Weight weight : source.graph().weights()) {
            weight.stored().forEach(stored -> weights.computeIfAbsent(stored.name(), _ -> new ArrayList<>()).add(weight.key()));
        }
        List<TargetTensor> tensors = new ArrayList<>();
        for (StoredTensor stored : source.graph().stored()) {
            tensors.add(new TargetTensor(stored.name(), source.graph().identity(stored), View.of(stored),
                    weights.getOrDefault(stored.name(), List.of())));
        }
        GgufFile first = GgufFile.read(source.files().getFirst().source(), request.limits());
        List<Finding> findings = first.alignment() == GgufHeader.DEFAULT_ALIGNMENT ? List.of()
                : List.of(Finding.info("alignment-changed", "data were padded to " + first.alignment() + " bytes, and are now padded to "
                        + GgufHeader.DEFAULT_ALIGNMENT + ", which is what llama.cpp's tools write", List.of()));
        return new CarriedPart(List.copyOf(tensors), findings, first.keys().values(),
                OutputRecord.of(source, request, Stripping.of(source, request)));
    }

    /// The encoding in the source, where it is one that GGUF files have.
    static Optional<Encoding> own(TargetTensor tensor) {
        return tensor.view() instanceof View.Stored(StoredTensor stored)
                ? GgmlType.ofName(stored.encoding().name()).map(GgmlEncodings::of).filter(stored.encoding()::equals) : Optional.empty();
    }

    @Override
    public Optional<Choice> fixed(TargetTensor tensor) {
        return Untouched.fixed(tensor.name(), tensor.shape()) ? own(tensor).map(encoding -> new Choice(encoding, "keep",
                "llama-quantize leaves it as it is")) : Optional.empty();
    }

    @Override
    public boolean follows(GgufFileType type, TargetTensor tensor) {
        return !Untouched.byQuantize(tensor.name(), tensor.shape());
    }

    @Override
    public void keys(GgufHeader.Builder builder, Made made) {
        for (GgufKey key : sourceKeys) {
            boolean ours = key.name().equals(GeneralKeys.FILE_TYPE) || key.name().equals(GeneralKeys.QUANTIZATION_VERSION)
                    || key.name().startsWith(IMPORTANCE);
            boolean padding = key.name().equals(GgufHeader.ALIGNMENT_KEY)
                    && !(key.value() instanceof GgufValue.Whole(_, long number) && number == GgufHeader.DEFAULT_ALIGNMENT);
            if (!SHARDS.contains(key.name()) && !padding && (made.unchanged() || !ours)) {
                if (record.containsKey(key.name())) {
                    builder.put(key.name(), Objects.requireNonNull(record.get(key.name())));
                } else {
                    builder.put(key.name(), key.value());
                }
            }
        }
        if (!made.unchanged()) {
            builder.putU32(GeneralKeys.QUANTIZATION_VERSION, GeneralKeys.CURRENT_QUANTIZATION_VERSION);
            builder.putU32(GeneralKeys.FILE_TYPE, made.fileType());
        }
        Set<String> there = sourceKeys.stream().map(GgufKey::name).collect(Collectors.toSet());
        record.forEach((name, text) -> {
            if (!there.contains(name)) {
                builder.put(name, text);
            }
        });
    }
}
