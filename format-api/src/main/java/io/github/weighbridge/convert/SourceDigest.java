package io.github.weighbridge.convert;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.Sha256;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.view.Span;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What tells one source from another without reading its weights: the length of each file, and a digest of all its bytes that are no tensor's:
/// headers, metadata, padding; and the documents whole.
final class SourceDigest {
    private static final int BUFFER = 1 << 16;

    private SourceDigest() {}

    static Value.Fields of(Checkpoint source) throws IOException {
        List<List<Span>> spans = new ArrayList<>();
        source.files().forEach(_ -> spans.add(new ArrayList<>()));
        source.graph().stored().forEach(tensor -> tensor.planes().forEach(span -> {
            if (span.file() >= 0 && span.file() < spans.size()) {
                spans.get(span.file()).add(span);
            }
        }));
        List<Value> files = new ArrayList<>();
        for (int i = 0; i < source.files().size(); i++) {
            ByteSource bytes = source.files().get(i).source();
            files.add(entry(source.files().get(i).name(), bytes.length(), "header_sha256", gaps(bytes, spans.get(i))));
        }
        List<Value> documents = new ArrayList<>();
        for (String name : source.documents().names()) {
            ByteSource bytes = source.documents().get(name).orElseThrow();
            documents.add(entry(name, bytes.length(), "sha256", gaps(bytes, List.of())));
        }
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("format", Value.of(source.format()));
        fields.put("files", new Value.Items(files));
        fields.put("documents", new Value.Items(documents));
        return new Value.Fields(fields);
    }

    private static Value entry(String name, long bytes, String what, String digest) {
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("name", Value.of(name));
        fields.put("bytes", Value.of(bytes));
        fields.put(what, Value.of(digest));
        return new Value.Fields(fields);
    }

    private static String gaps(ByteSource source, List<Span> spans) throws IOException {
        List<Span> sorted = new ArrayList<>(spans);
        sorted.sort(Comparator.comparingLong(Span::offset));
        MessageDigest digest = Sha256.digest();
        long at = 0;
        for (Span span : sorted) {
            read(source, at, span.offset(), digest);
            at = Math.max(at, span.offset() + span.length());
        }
        read(source, at, source.length(), digest);
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void read(ByteSource source, long begin, long end, MessageDigest digest) throws IOException {
        byte[] buffer = new byte[(int) Math.max(0, Math.min(BUFFER, end - begin))];
        for (long at = begin; at < end; at += buffer.length) {
            int count = (int) Math.min(buffer.length, end - at);
            source.read(at, MemorySegment.ofArray(buffer).asSlice(0, count));
            digest.update(buffer, 0, count);
        }
    }
}
