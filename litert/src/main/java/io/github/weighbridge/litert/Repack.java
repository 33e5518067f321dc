package io.github.weighbridge.litert;

import io.github.weighbridge.litert.file.BundleHeader;
import io.github.weighbridge.litert.file.BundleLayout;
import io.github.weighbridge.litert.file.BundleSection;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.plan.Blob;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Job;
import io.github.weighbridge.plan.LayoutBuilder;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.Closeable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Writes a bundle again as it is: every section with its bytes, its kind and its items, known or not, behind a header that says the same. The uuid
/// and the time of making stay.
public final class Repack {
    private static final String REASON = "the section is copied";

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
        BundleHeader header = original(bundle).orElseThrow(() -> new IllegalArgumentException("not read from a bundle")).header();
        List<BundleSection> sections = header.sections();
        boolean padded = bundle.files().getFirst().source().length() % BundleLayout.BLOCK == 0;
        BundleLayout bundleLayout = BundleLayout.of(header.minor(), header.system(),
                sections.stream().map(section -> new BundleLayout.Planned(section.kind(), section.items(), section.length())).toList(),
                padded);
        LayoutBuilder layout = new LayoutBuilder();
        layout.beginFile(name, true);
        layout.rendered(Blob.of(bundleLayout.prefix()));
        for (int i = 0; i < sections.size(); i++) {
            layout.zeros(bundleLayout.header().sections().get(i).begin() - layout.position());
            layout.copied(0, sections.get(i).begin(), sections.get(i).length());
        }
        layout.zeros(bundleLayout.length() - layout.position());
        List<Job> jobs = new ArrayList<>();
        Map<String, Identity> identities = new HashMap<>();
        for (StoredTensor tensor : bundle.graph().stored()) {
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

    private static Span moved(Span span, List<BundleSection> from, List<BundleSection> to) {
        for (int i = 0; i < from.size(); i++) {
            if (span.offset() >= from.get(i).begin() && span.end() <= from.get(i).end()) {
                return new Span(0, span.offset() - from.get(i).begin() + to.get(i).begin(), span.length());
            }
        }
        throw new IllegalArgumentException(span + " lies in no section");
    }
}
