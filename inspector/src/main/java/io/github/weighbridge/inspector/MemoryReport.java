package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Accounting;
import io.github.weighbridge.audit.Accounting.Reservation;
import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.ConversationMemory;
import io.github.weighbridge.audit.ConversationMemory.Fit;
import io.github.weighbridge.audit.KeyValueCache;
import io.github.weighbridge.model.CacheChoice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The memory of a conversation as text.
final class MemoryReport {
    private static final int INDENT = 2;
    private static final String SOME = "part of the resident";

    private final Report report;

    MemoryReport(Report report) {
        this.report = report;
    }

    void print(ConversationMemory memory, AuditOptions options) {
        report.section("Memory of a conversation");
        Table weights = new Table().word("").number("").number("").name("", 10, 1);
        row(weights, "resident", memory.residentBytes(), "weights that every token needs");
        row(weights, "streamable", memory.streamableBytes(), memory.streamableBytes() == 0 ? "no tables of which a token needs a row"
                : "per-layer embeddings: " + Numbers.grouped(memory.streamedPerToken()) + " bytes a token");
        if (memory.deadBytes() > 0) {
            row(weights, "  dead", memory.deadBytes(), SOME + ": no runtime uses them");
        }
        if (memory.encoderBytes() > 0) {
            row(weights, "  encoders", memory.encoderBytes(), SOME + ": images and sound");
        }
        if (memory.drafterBytes() > 0) {
            row(weights, "  drafter", memory.drafterBytes(), SOME);
        }
        memory.logitsBytes().ifPresent(bytes -> row(weights, "logits", bytes, "of one token, single precision"));
        memory.widestActivationBytes().ifPresent(bytes -> row(weights, "widest", bytes, "activation of one token, single precision"));
        report.body(weights);
        if (!memory.architecture().known()) {
            return;
        }
        List<Long> contexts = options.contextsFor(memory.architecture());
        List<KeyValueCache.Types> types = options.cachesFor(memory);
        memory.choice().ifPresent(choice -> own(choice));
        least(memory, contexts, types);
        reserved(memory, contexts, types);
        if (options.limit().isPresent()) {
            fits(options.fits(memory), options.limit().getAsLong());
        }
    }

    private static void row(Table table, String name, long bytes, String what) {
        table.row(name, Numbers.grouped(bytes), Numbers.size(bytes), what);
    }

    private void own(CacheChoice choice) {
        report.gap();
        report.paragraph(INDENT, INDENT,
                "The checkpoint wants the key/value cache in " + (choice.sliding().equals(choice.full()) ? choice.full()
                        : choice.sliding() + " in sliding layers and " + choice.full() + " in full ones") + " (" + choice.source() + ").");
    }

    private void least(ConversationMemory memory, List<Long> contexts, List<KeyValueCache.Types> types) {
        Table cache = new Table().number("context");
        types.forEach(type -> cache.number(type.word()).number("", 1));
        for (long context : contexts) {
            List<String> cells = new ArrayList<>(List.of(Numbers.grouped(context)));
            for (KeyValueCache.Types type : types) {
                long bytes = KeyValueCache.bytes(memory.architecture(), context, type);
                cells.add(Numbers.size(bytes));
                cells.add("(" + Numbers.grouped(bytes) + ")");
            }
            cache.row(cells.toArray(String[]::new));
        }
        report.gap();
        report.paragraph(INDENT, INDENT, "Key/value cache, the least that the architecture needs:");
        report.table(cache);
    }

    private void reserved(ConversationMemory memory, List<Long> contexts, List<KeyValueCache.Types> types) {
        Table table = new Table().number("context").word("type");
        List<Accounting> runtimes = List.of(Accounting.LLAMA_CPP, Accounting.LITERT_LM, Accounting.VLLM);
        runtimes.forEach(runtime -> table.number(runtime.word()));
        boolean any = false;
        for (KeyValueCache.Types type : types) {
            for (long context : contexts) {
                List<String> cells = new ArrayList<>(List.of(Numbers.grouped(context), type.word()));
                for (Accounting runtime : runtimes) {
                    Optional<Reservation> bytes = memory.reserved(context, type, runtime);
                    any |= bytes.isPresent();
                    cells.add(bytes.map(MemoryReport::range).orElse("unknown"));
                }
                table.row(cells.toArray(String[]::new));
            }
        }
        if (any) {
            report.gap();
            report.paragraph(INDENT, INDENT, "What runtimes set aside for it:");
            report.table(table);
        }
    }

    private static String range(Reservation bytes) {
        return bytes.least() == bytes.most() ? Numbers.size(bytes.least())
                : Numbers.size(bytes.least()) + " to " + Numbers.size(bytes.most());
    }

    private void fits(List<Fit> fits, long limit) {
        report.section("What fits into " + Numbers.grouped(limit) + " bytes (" + Numbers.size(limit) + ")");
        report.paragraph(INDENT, INDENT, "Weights without dead ones, cache, logits and the widest activation of one token; a runtime's own "
                + "buffers come on top, and are not known.");
        if (fits.isEmpty()) {
            report.paragraph(INDENT, INDENT, "unknown: the architecture does not say how long its cache is");
            return;
        }
        Table table = new Table().word("cache").name("counted by", 12).word("tables").number("longest context");
        for (Fit fit : fits) {
            table.row(fit.types().word(), fit.accounting().word(), fit.streamed() ? "streamed" : "in memory",
                    fit.context().isPresent() ? Numbers.grouped(fit.context().getAsLong()) : "none");
        }
        report.table(table);
    }
}
