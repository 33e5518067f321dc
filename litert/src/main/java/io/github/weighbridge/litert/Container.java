package io.github.weighbridge.litert;

import com.google.protobuf.InvalidProtocolBufferException;
import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.SourceTree;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.DocumentArchive;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.file.StoredZip;
import io.github.weighbridge.litert.file.proto.LlmMetadata;
import io.github.weighbridge.litert.file.proto.LlmParameters;
import io.github.weighbridge.model.FileSection;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.view.Span;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What a `.litertlm`, a `.task` or a `.tflite` holds: models with their places, and documents.
///
/// @param version the version that the file states
/// @param models the models, in the order of the file
/// @param metadata what the runtime is told of the language model
/// @param documents what travels with the models, under the names of Hugging Face folders
/// @param findings what was noticed
/// @param header the header of a bundle
/// @param archive the directory of an archive
/// @param record what an archive says of how it came about, a JSON object
record Container(Optional<String> version, List<Part> models, Optional<LlmMetadata> metadata, Map<String, ByteSource> documents,
        List<Finding> findings, Optional<BundleHeader> header, Optional<StoredZip> archive, Optional<ByteSource> record) {
    private static final String TOKENIZER_JSON = "tokenizer.json";
    private static final String TOKENIZER_MODEL = "tokenizer.model";
    private static final String TEMPLATE = "chat_template.jinja";
    /// Real metadata has about 12 KB, most of it a template; a megabyte of messages takes some fifty in memory.
    private static final int MOST_METADATA = 1 << 20;
    static final String TASK_METADATA = "METADATA";
    static final String TASK_TOKENIZER = "TOKENIZER_MODEL";
    static final String TASK_DOCUMENTS = "DOCUMENTS";
    /// Among the documents of an archive, which has no metadata of its own: what it says of how it came about.
    static final String RECORD = "weighbridge.record.json";
    private static final String MODEL_PREFIX = "tf_lite_";

    /// A model.
    ///
    /// @param type which part of a language model it is, such as `tf_lite_prefill_decode`; empty for one that stands alone
    /// @param begin first byte in the file
    /// @param length number of bytes
    /// @param weights where its external constants lie: begin and length of a section
    record Part(String type, long begin, long length, Optional<Range> weights) {}

    /// Bytes of the file.
    record Range(long begin, long length) {}

    /// What the file holds that is not of tensors.
    ///
    /// @param tensors where they lie
    List<FileSection> areas(long length, List<Span> tensors) {
        if (header.isPresent()) {
            return Areas.of(header.get().end(), header.get().sections(), tensors);
        }
        return archive.isPresent() ? Areas.of(archive.get(), length, tensors) : Areas.of(length, tensors);
    }

    /// Copies the lists.
    Container {
        models = List.copyOf(models);
        findings = List.copyOf(findings);
    }

    /// A model that is a file of its own.
    static Container tflite(ByteSource file) {
        return new Container(Optional.of("3"), List.of(new Part("", 0, file.length(), Optional.empty())), Optional.empty(), Map.of(),
                List.of(),
                Optional.empty(), Optional.empty(), Optional.empty());
    }

    /// A bundle of sections.
    static Container bundle(ByteSource file, Limits limits) throws IOException {
        BundleHeader header = BundleHeader.read(file, limits);
        Map<String, Range> weights = new LinkedHashMap<>();
        for (BundleSection section : header.sections()) {
            if (section.kind().equals(SectionKind.TFLITE_WEIGHTS)) {
                weights.put(section.modelType(), new Range(section.begin(), section.length()));
            }
        }
        Builder builder = new Builder(file, limits);
        for (BundleSection section : header.sections()) {
            if (section.kind().equals(SectionKind.TFLITE_MODEL)) {
                builder.models.add(new Part(section.modelType(), section.begin(), section.length(),
                        Optional.ofNullable(weights.get(section.modelType()))));
            } else if (section.kind().equals(SectionKind.LLM_METADATA)) {
                builder.metadata(section.begin(), section.length());
            } else if (section.kind().equals(SectionKind.SENTENCEPIECE)) {
                builder.document(TOKENIZER_MODEL, section.begin(), section.length());
            } else if (section.kind().equals(SectionKind.HUGGING_FACE_TOKENIZER)) {
                builder.documents.putIfAbsent(TOKENIZER_JSON, new DecompressedTokenizer(file, section, limits));
            } else if (DocumentArchive.is(section)) {
                builder.archive(section.begin(), section.length());
            } else if (!section.kind().equals(SectionKind.TFLITE_WEIGHTS)) {
                builder.others.add(section.kind().word());
            }
        }
        return builder.build(Optional.of(header.version()), Optional.of(header), Optional.empty());
    }

    /// An archive of entries.
    static Container task(ByteSource file, Limits limits) throws IOException {
        StoredZip zip = StoredZip.read(file, limits);
        Builder builder = new Builder(file, limits);
        for (StoredZip.Entry entry : zip.entries()) {
            String name = entry.name().toLowerCase(Locale.ROOT);
            switch (entry.name()) {
                case TASK_METADATA -> builder.metadata(entry.begin(), entry.length());
                case TASK_TOKENIZER -> builder.document(TOKENIZER_MODEL, entry.begin(), entry.length());
                case TASK_DOCUMENTS -> builder.archive(entry.begin(), entry.length());
                default -> {
                    if (name.startsWith(MODEL_PREFIX)) {
                        builder.models.add(new Part(name, entry.begin(), entry.length(), Optional.empty()));
                    } else {
                        builder.others.add(entry.name());
                    }
                }
            }
        }
        return builder.build(Optional.empty(), Optional.empty(), Optional.of(zip));
    }

    private static final class Builder {
        private final ByteSource file;
        private final Limits limits;
        private final List<Part> models = new ArrayList<>();
        private final Map<String, ByteSource> documents = new LinkedHashMap<>();
        private final List<String> others = new ArrayList<>();
        private Optional<LlmMetadata> metadata = Optional.empty();
        private Optional<ByteSource> record = Optional.empty();

        Builder(ByteSource file, Limits limits) {
            this.file = file;
            this.limits = limits;
        }

        void document(String name, long begin, long length) {
            documents.putIfAbsent(name, ByteSource.slice(file, file.name() + " (" + name + ")", begin, length));
        }

        /// The documents of a checkpoint. Names that are no plain ones would become paths.
        void archive(long begin, long length) throws IOException {
            ByteSource slice = ByteSource.slice(file, file.name() + " (" + DocumentArchive.SECTION + ")", begin, length);
            for (StoredZip.Entry entry : StoredZip.read(slice, limits).entries()) {
                if (!SourceTree.isPlainName(entry.name())) {
                    throw CheckpointFormatException.malformed(file.name(), begin + entry.begin(), "name of a document",
                            "\"" + entry.name() + "\"", "a plain name");
                }
                if (entry.name().equals(RECORD)) {
                    record = Optional.of(ByteSource.slice(file, file.name() + " (" + RECORD + ")", begin + entry.begin(), entry.length()));
                } else {
                    document(entry.name(), begin + entry.begin(), entry.length());
                }
            }
        }

        void metadata(long begin, long length) throws IOException {
            if (length > MOST_METADATA) {
                throw CheckpointFormatException.limit(file.name(), begin, "LlmMetadata", length + " bytes", "at most " + MOST_METADATA);
            }
            byte[] bytes = file.readBytes(begin, (int) length);
            try {
                if (isParameters(bytes)) {
                    LlmParameters.parseFrom(bytes);
                    others.add("LlmParameters");
                    return;
                }
                LlmMetadata message = LlmMetadata.parseFrom(bytes);
                metadata = Optional.of(message);
                if (message.hasJinjaPromptTemplate()) {
                    documents.putIfAbsent(TEMPLATE, ByteSource.of(file.name() + " (" + TEMPLATE + ")",
                            message.getJinjaPromptTemplate().getBytes(StandardCharsets.UTF_8)));
                }
            } catch (InvalidProtocolBufferException e) {
                throw CheckpointFormatException.malformed(file.name(), begin, "LlmMetadata", "bytes that are no such message", "one");
            }
        }

        /// MediaPipe's message has a number in field 2 and text in field 5, LiteRT-LM's the other way round.
        private static boolean isParameters(byte[] bytes) throws InvalidProtocolBufferException {
            com.google.protobuf.UnknownFieldSet fields = com.google.protobuf.UnknownFieldSet.parseFrom(bytes);
            return !fields.getField(2).getVarintList().isEmpty() || !fields.getField(5).getLengthDelimitedList().isEmpty();
        }

        Container build(Optional<String> version, Optional<BundleHeader> header, Optional<StoredZip> archive) {
            List<Finding> findings = new ArrayList<>();
            if (!others.isEmpty()) {
                findings.add(Finding.info("sections-not-read",
                        others.size() + " sections hold nothing that is read: "
                                + String.join(", ", others.subList(0, Math.min(5, others.size()))),
                        List.of()));
            }
            // The archive's own template is the document itself, the metadata's a copy; documents are listed by name.
            return new Container(version, models, metadata, new java.util.TreeMap<>(documents), findings, header, archive,
                    record);
        }
    }
}
