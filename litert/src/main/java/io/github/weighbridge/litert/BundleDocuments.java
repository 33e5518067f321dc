package io.github.weighbridge.litert;

import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.MetadataEntry;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.litert.file.CompressedTokenizer;
import io.github.weighbridge.litert.file.DocumentArchive;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.graph.AudioSpec;
import io.github.weighbridge.litert.graph.VisionSpec;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.spi.FittingDocuments;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.TargetRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a bundle holds beside models: metadata, the tokenizer, and the documents that make it a complete source for conversions.
///
/// @param parts the parts, in order
/// @param findings what documents do not say
record BundleDocuments(List<BundlePart> parts, List<Finding> findings) {
    private static final String CONFIG = "config.json";
    private static final String TOKENIZER_JSON = "tokenizer.json";
    private static final String SENTENCEPIECE = "tokenizer.model";
    private static final String METADATA_ENTRY = "METADATA";
    private static final String TOKENIZER_ENTRY = "TOKENIZER_MODEL";
    private static final String DOCUMENTS_ENTRY = "DOCUMENTS";

    /// Copies the lists.
    BundleDocuments {
        parts = List.copyOf(parts);
        findings = List.copyOf(findings);
    }

    static BundleDocuments of(Checkpoint source, BundleTensors bundle, LitertOptions options, BundleForm form, TargetRequest request)
            throws IOException, PolicyException {
        LlmMetadataBuilder.Result metadata = LlmMetadataBuilder.of(source, options.cacheLength(),
                VisionSpec.of(bundle.architecture(), options.imageTokens()).stream().findFirst(),
                AudioSpec.of(bundle.architecture()).isPresent(), request.limits());
        List<BundlePart> parts = new ArrayList<>();
        parts.add(BundlePart.rendered(SectionKind.LLM_METADATA, List.of(), METADATA_ENTRY, metadata.metadata().toByteArray()));
        String inSection = form.sentencePiece(source.documents().names()) ? SENTENCEPIECE : TOKENIZER_JSON;
        Optional<ByteSource> tokenizer = source.documents().get(inSection);
        if (tokenizer.isEmpty()) {
            throw new PolicyException(form.needsTokenizer());
        }
        byte[] bytes = bytes(tokenizer.get(), request);
        parts.add(inSection.equals(SENTENCEPIECE) ? BundlePart.rendered(SectionKind.SENTENCEPIECE, List.of(), TOKENIZER_ENTRY, bytes)
                : BundlePart.rendered(SectionKind.HUGGING_FACE_TOKENIZER, List.of(), TOKENIZER_ENTRY, CompressedTokenizer.write(bytes)));
        Map<String, byte[]> documents = new LinkedHashMap<>();
        documents.put(CONFIG, Json.prettyBytes(config(bundle, request)));
        FittingDocuments fitting = FittingDocuments.of(source, bundle.architecture(), request.limits());
        for (String name : fitting.names()) {
            if (!name.equals(CONFIG) && !name.equals(inSection)) {
                Optional<Value.Fields> changed = fitting.change(name);
                documents.put(name, changed.isPresent() ? Json.prettyBytes(changed.get())
                        : bytes(source.documents().get(name).orElseThrow(), request));
            }
        }
        if (form == BundleForm.TASK && !options.record().isEmpty()) {
            documents.put(Container.RECORD, Json.prettyBytes(record(options.record())));
        }
        parts.add(BundlePart.rendered(SectionKind.GENERIC, DocumentArchive.items(), DOCUMENTS_ENTRY, DocumentArchive.write(documents)));
        return new BundleDocuments(parts, metadata.findings());
    }

    private static Value.Fields record(Map<String, String> record) {
        Map<String, Value> fields = new LinkedHashMap<>();
        record.forEach((name, text) -> fields.put(name, Value.of(text)));
        return new Value.Fields(fields);
    }

    private static byte[] bytes(ByteSource document, TargetRequest request) throws IOException, PolicyException {
        if (document.length() > request.limits().documentBytes()) {
            throw new PolicyException(document.name() + " has " + document.length() + " bytes; documents up to "
                    + request.limits().documentBytes() + " (Limits.documentBytes) go into a bundle");
        }
        return document.readBytes(0, (int) document.length());
    }

    /// The configuration of what is written: without stripped parts, encoders that are left out, and the source's quantization.
    private static Value.Fields config(BundleTensors bundle, TargetRequest request) {
        Dialect dialect = request.families().byName(bundle.architecture().family()).flatMap(family -> family.dialect(Dialect.HUGGING_FACE))
                .orElseThrow();
        Map<String, Value> fields = new LinkedHashMap<>();
        for (MetadataEntry entry : dialect.metadata(bundle.architecture())) {
            fields.put(entry.name(), entry.value());
        }
        return new Value.Fields(fields);
    }
}
