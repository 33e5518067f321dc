package io.github.weighbridge.litert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleItem;
import io.github.weighbridge.litert.file.BundleLayout;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.litert.file.SectionKind;
import io.github.weighbridge.litert.file.proto.Gemma4;
import io.github.weighbridge.litert.file.proto.GenericModel;
import io.github.weighbridge.litert.file.proto.LlmMetadata;
import io.github.weighbridge.litert.file.proto.LlmModelType;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Writes a bundle again as it is: every section with its bytes, its kind and its items, known or not, behind a header that says the same. The uuid
/// and the time of making stay.
public final class Repack {
    private static final String REASON = "the section is copied";
    private static final int MOST_METADATA = 1 << 20;

    private Repack() {}

    /// What a checkpoint knows of the bundle that it was read from.
    ///
    /// @param header the bundle's header
    /// @param tensors number of tensors that were found in it
    record Original(BundleHeader header, int tensors) implements Closeable {
        /// There is nothing to close.
        @Override
        public void close() {}
    }

    private static Optional<Original> original(Checkpoint bundle) {
        return bundle.resources().stream().filter(Original.class::isInstance).map(Original.class::cast).findFirst();
    }

    /// Whether a checkpoint is a whole bundle that can be written again. A bundle with an empty section cannot: loaders refuse such.
    public static boolean isPossible(Checkpoint bundle) {
        return original(bundle).filter(original -> original.tensors() == bundle.graph().stored().size()
                && original.header().sections().stream().allMatch(section -> section.length() > 0)).isPresent();
    }

    /// Plans the copy.
    ///
    /// @param bundle a checkpoint of which it [is possible][#isPossible]
    /// @param name plain name of the file to write
    public static ConversionPlan plan(Checkpoint bundle, String name) {
        try {
            return plan(bundle, name, Set.of(), Map.of());
        } catch (IOException | PolicyException e) {
            throw new IllegalStateException("a copy reads and adds nothing", e);
        }
    }

    /// Plans a copy without the models of some parts: their sections go with their weights, and the runtime is no longer told of images or sound.
    ///
    /// @param bundle a checkpoint of which it [is possible][#isPossible]
    /// @param name plain name of the file to write
    /// @param parts `vision`, `audio`, `mtp`
    /// @param record what the bundle is to say of how it came about
    /// @throws PolicyException when the header has no room for the record
    /// @throws IOException when the metadata cannot be read or is bad
    static ConversionPlan plan(Checkpoint bundle, String name, Set<String> parts, Map<String, String> record)
            throws IOException, PolicyException {
        BundleHeader header = original(bundle).orElseThrow(() -> new IllegalArgumentException("not read from a bundle")).header();
        List<BundleSection> sections = header.sections().stream().filter(section -> parts.stream().noneMatch(part -> isOf(part, section)))
                .toList();
        boolean padded = bundle.files().getFirst().source().length() % BundleLayout.BLOCK == 0;
        Map<BundleSection, byte[]> told = new HashMap<>();
        for (BundleSection section : parts.isEmpty() ? List.<BundleSection>of() : sections) {
            if (section.kind().equals(SectionKind.LLM_METADATA)) {
                told.put(section, without(parts, bundle.files().getFirst().source(), section));
            }
        }
        List<BundleItem> system = new ArrayList<>(header.system());
        system.removeIf(item -> record.containsKey(item.key()));
        record.forEach((key, text) -> system.add(BundleItem.of(key, text)));
        BundleLayout bundleLayout;
        try {
            bundleLayout = BundleLayout.of(header.minor(), system, sections.stream().map(section -> new BundleLayout.Planned(section.kind(),
                    section.items(), told.containsKey(section) ? told.get(section).length : section.length())).toList(), padded);
        } catch (IllegalArgumentException e) {
            throw new PolicyException("the bundle cannot say what was taken out of it: " + e.getMessage());
        }
        LayoutBuilder layout = new LayoutBuilder();
        layout.beginFile(name, true);
        layout.rendered(Blob.of(bundleLayout.prefix()));
        for (int i = 0; i < sections.size(); i++) {
            layout.zeros(bundleLayout.header().sections().get(i).begin() - layout.position());
            byte[] changed = told.get(sections.get(i));
            if (changed != null) {
                layout.rendered(Blob.of(changed));
            } else {
                layout.copied(0, sections.get(i).begin(), sections.get(i).length());
            }
        }
        layout.zeros(bundleLayout.length() - layout.position());
        List<Job> jobs = new ArrayList<>();
        Map<String, Identity> identities = new HashMap<>();
        for (StoredTensor tensor : bundle.graph().stored()) {
            if (sections.stream().noneMatch(section -> holds(section, tensor.planes().getFirst()))) {
                continue;
            }
            List<Span> spans = tensor.planes().stream().map(span -> moved(span, sections, bundleLayout.header().sections())).toList();
            jobs.add(new Job(View.of(tensor), new StoredTensor(tensor.name(), tensor.shape(), tensor.encoding(), spans), "keep",
                    Job.Mode.COPY,
                    REASON));
            identities.put(tensor.name(), bundle.graph().identity(tensor));
        }
        layout.sections(Areas.of(bundleLayout.header().end(), bundleLayout.header().sections(),
                jobs.stream().flatMap(job -> job.target().planes().stream()).toList()));
        layout.endFile();
        return new ConversionPlan(LitertlmFormat.NAME, Optional.of(bundleLayout.header().version()), false, layout.files(), jobs,
                bundle.architecture(), identities, bundle.findings()).withCache(bundle.cache());
    }

    private static boolean holds(BundleSection section, Span span) {
        return span.offset() >= section.begin() && span.end() <= section.end();
    }

    /// Whether a section is a model of a part, or the weights of one.
    private static boolean isOf(String part, BundleSection section) {
        boolean model = section.kind().equals(SectionKind.TFLITE_MODEL) || section.kind().equals(SectionKind.TFLITE_WEIGHTS);
        return model && section.modelType().contains(part.equals("mtp") ? "mtp_" : part);
    }

    /// The metadata without what it says of images or sound; fields that are not known here stay.
    private static byte[] without(Set<String> parts, ByteSource file, BundleSection section) throws IOException {
        if (section.length() > MOST_METADATA) {
            throw CheckpointFormatException.limit(file.name(), section.begin(), "LlmMetadata", section.length() + " bytes",
                    "at most " + MOST_METADATA);
        }
        LlmMetadata.Builder metadata = LlmMetadata.parseFrom(file.readBytes(section.begin(), (int) section.length())).toBuilder();
        LlmModelType.Builder type = metadata.getLlmModelTypeBuilder();
        boolean images = parts.contains("vision");
        boolean sound = parts.contains("audio");
        if (type.hasGemma4()) {
            Gemma4.Builder gemma = type.getGemma4Builder();
            if (images) {
                gemma.clearStartOfImageToken().clearEndOfImageToken().clearPatchWidth().clearPatchHeight().clearMaxNumPatches()
                        .clearPoolingKernelSize();
            }
            if (sound) {
                gemma.clearStartOfAudioToken().clearEndOfAudioToken();
            }
        }
        if (type.hasGenericModel()) {
            GenericModel.Builder generic = type.getGenericModelBuilder();
            if (images) {
                generic.setImageEnabled(false);
            }
            if (sound) {
                generic.setAudioEnabled(false);
            }
        }
        return metadata.build().toByteArray();
    }

    private static Span moved(Span span, List<BundleSection> from, List<BundleSection> to) {
        for (int i = 0; i < from.size(); i++) {
            if (holds(from.get(i), span)) {
                return new Span(0, span.offset() - from.get(i).begin() + to.get(i).begin(), span.length());
            }
        }
        throw new IllegalArgumentException(span + " lies in no section");
    }
}
